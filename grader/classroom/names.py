"""Names as keys: which spellings mean the same person, folder or file.

Owns normalising, and the suffixes that browsers and people add to a file's name. Nothing here resembles: two names are
the same key or they are not.
"""

from __future__ import annotations

import re
import unicodedata

_STRIPPED = re.compile(r"[.'’`´\"&<>|:\\/]")  # what learning platforms take out of a name to make a file of it
_NOT_A_WORD = re.compile(r"[\W_]+")
_ADDED = re.compile(
    r"(?:-\d{1,3}|[ _]?\(\d{1,3}\)|[ _.-]+(?:v|version)[ _]?\d{1,3}|[ _-]+(?:final|copy|kopie|copia|副本))$",
    re.IGNORECASE,
)


def key(text: str) -> str:
    """Return what two spellings of one name have in common: NFC, no case, single spaces."""
    return " ".join(folded(text).split())


def folded(text: str) -> str:
    """Return a text in NFC without case: what systems that tell neither apart take for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def name_keys(name: str) -> frozenset[str]:
    """Return the keys of a person's name: as written, "Last, First" turned, and with any word first.

    Platforms show names in either order, and where a family name of several words begins nobody can tell.
    """
    last, comma, first = name.partition(",")
    words = key(_STRIPPED.sub("", f"{first} {last}" if comma else name).replace("_", " ")).split()
    return frozenset(" ".join(words[turn:] + words[:turn]) for turn in range(len(words)))


def compact(name: str) -> str:
    """Return a name's letters and digits only, which is how Canvas writes "Last, First" into a file's name."""
    return _NOT_A_WORD.sub("", key(name))


def folder_key(text: str) -> str:
    """Return the key of a folder that may name an exercise: `Exercise 3`, `exercise_3` and `exercise3` are one."""
    return re.sub(r"[\s_-]+", "", key(text))


def bare(stem: str) -> str:
    """Return a file's name without what browsers, platforms and people append: "-1", " (2)", "_v2 final"."""
    while (shorter := _ADDED.sub("", stem)) not in ("", stem):
        stem = shorter
    return stem


def without_additions(stem: str) -> str:
    """Return the key of a file's bare name."""
    return key(bare(stem))


def stem_and_type(name: str) -> tuple[str, str]:
    """Split `Backprop.py.txt` into `Backprop` and `.py`; a `.txt` behind the type is what Windows hides."""
    for ending in (".py", ".ipynb", ".zip"):
        for hidden in (ending, ending + ".txt"):
            if name.lower().endswith(hidden):
                return name[: -len(hidden)], ending
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending.lower()) if stem else (name, "")


def printable(raw: str) -> str:
    """Return a name with whatever cannot be shown written out: bytes that are no text, control characters."""
    text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
