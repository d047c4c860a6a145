"""The language of what a student reads: puts translated sentences in the place of the constants in `messages`.

Owns which languages there are; the sentences come from gettext's catalogues in `translations/`, which `make messages`
keeps. A process speaks one language at a time, and so does what it forks; a sentence without a translation (those that
only instructors and suite authors read) stays English. Invariant: whoever says a sentence looks it up as
`messages.NAME` when it is said.
"""

from __future__ import annotations

import contextlib
import gettext
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from grader import messages
from grader.errors import CourseError

ENGLISH = "en"
LANGUAGES = (ENGLISH, "zh_CN")
# Which variables of a user's environment are asked, in this order: gettext's own, after one that is about grader alone.
VARIABLES = ("GRADER_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

_FOLDER = Path(__file__).parent / "translations"
_ORIGINAL = {name: text for name, text in vars(messages).items() if name.isupper()}
_current = ENGLISH
_TWIN = re.compile(rf"({'|'.join(LANGUAGES)}): *(\S.*)")
_SPOKEN = {"en": ENGLISH, "zh": "zh_CN"}  # whatever the country
_OTHER_SCRIPT = {"tw", "hk", "mo", "hant"}  # Chinese, but in characters that a zh_CN catalogue does not have


def use(language: str) -> None:
    """Let every sentence from now on be in this language.

    Raises:
        CourseError: there is no such language; the command line offers only those there are.
    """
    global _current
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise CourseError(messages.LANGUAGE_UNKNOWN.format(language=language, languages=known))
    replace(_ORIGINAL | translations(language))
    _current = language


def replace(sentences: Mapping[str, str]) -> None:
    """Let these sentences, given by the name of their constant, replace what stands there."""
    for name, text in sentences.items():
        setattr(messages, name, text)


def current() -> str:
    """Return the language in use."""
    return _current


@contextlib.contextmanager
def spoken(language: str) -> Iterator[None]:
    """Let every sentence be in this language for a while, for a text that is in several of them."""
    before = _current
    use(language)
    try:
        yield
    finally:
        use(before)


def twin(said: object, key: str) -> Any:
    """Return what an author wrote under `key` in the language in use (`key_zh_CN`, say), or else `key` itself."""
    return getattr(said, f"{key}_{_current}", None) or getattr(said, key)


def titles(docstring: str) -> tuple[str, dict[str, str]]:
    """Return what a student reads of a check: its first line, and by language what follows `zh_CN:` or the like."""
    first, *others = docstring.strip().splitlines() or [""]
    twins = (_TWIN.fullmatch(line.strip()) for line in others)
    return first.strip(), {twin[1]: twin[2] for twin in twins if twin}


def asked_for_by(environment: Mapping[str, str]) -> str | None:
    """Return the language that a user's environment asks for, or None where it asks for none that there is.

    As with gettext, the first variable that is set decides, also where it names no language (LC_ALL=C), and may list
    several languages with colons between.
    """
    said = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    return next(filter(None, map(_named, said.split(":"))), None)


def _named(locale: str) -> str | None:
    """Return the language of a locale's name, such as `zh_CN.UTF-8`, if there is that."""
    spoken, *rest = re.split(r"[.@]", locale)[0].lower().replace("-", "_").split("_")
    return None if _OTHER_SCRIPT & {*rest} else _SPOKEN.get(spoken)


@cache
def translations(language: str) -> dict[str, str]:
    """Return the translated sentences by the name of their constant."""
    if language == ENGLISH:
        return {}
    catalogue = gettext.translation("grader", _FOLDER, [language])
    said = {name: catalogue.pgettext(name, text) for name, text in _ORIGINAL.items()}
    return {name: text for name, text in said.items() if text != _ORIGINAL[name]}
