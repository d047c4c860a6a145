"""What may be told of words that student code chose in a hidden check: nothing that it could put an input into.

An exception's type and text, a type's name, a key and a function's name are values that code chose while it had the
hidden inputs, so one hand-in could read them out for the next. Told is what stands in the files already, on the line
that raised, or in a form that Python and torch use. Owns this choice; what is recorded for diagnosis stays as it was.
"""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec

from grader import messages
from grader.course import Exercise
from grader.errors import StudentRaised
from grader.events import SourceText
from grader.results import Frame
from grader.suite.library_texts import FORMS

KEPT_BACK = "…"
_LINES = 4  # of a statement that raises: where it begins, and what follows
_TEXT_CHARS = 600
_MAX_TOLD = 24
_SMALL_DIGITS = 4
_LARGE = re.compile(r"\d{6,}")
_ARRAY = re.compile(r"[\w.]+ \([^()]{1,40}, \d{1,2} dims\)")  # as `wire` calls one that it does not carry
_WORD = re.compile(r"\w+")
_NAME = re.compile(r"<?\w+>?(?:(?:\.|::)<?\w+>?){0,6}")
_SIZES = r"\d{1,5}(?:(?:, ?| x |x)\d{1,5}){0,7}"
_DTYPES = (
    r"(?:torch\.|c10::)?(?:u?int(?:8|16|32|64)?|float(?:16|32|64)?|bfloat16|double|half|bool|byte|char|short"
    r"|long(?: int)?|complex(?:64|128)?)"
)
_SLOTS = {
    "n": r"-?\d{1,5}",
    "shape": rf"(?:torch\.Size\()?[\[(]?(?:{_SIZES})?,?[\])]?\)?",
    "dtype": rf"(?i:{_DTYPES})",
    "device": r"(?:cpu|cuda|sim|mps|meta)(?::\d)?",
    "name": r"([A-Za-z_<][\w.:<>]{0,80}?)",
    "method": r"wrapper_(?:SIM|CUDA)_{1,2}(\w{1,40})",
    "operator": r"[-+*/%@<>=&|^!~]{1,3}(?: or [*]{2}|=)?(?: or pow\(\))?",
}
_OF_THE_SYSTEM = re.compile(r"\[Errno (\d{1,3})\] ([A-Za-z' ]+)")
_OF_A_FILE = re.compile(r" ?\((\w+\.py), line (\d{1,5})\)$")  # as Python ends the text of a SyntaxError
_WORDS_OF_PYTHON = (
    *("JSONDecodeError", "UnpicklingError", "OperationalError", "URLError", "gaierror", "error", "MissingName"),
    *("Skipped", "XFailed", "SkipTest", "Exit"),
    *(
        "NoneType",
        "dims",
        "generator",
        "coroutine",
        "function",
        "builtin_function_or_method",
        "method",
        "module",
        "tensor",
        "array",
    ),
    *(
        "self",
        "other",
        "input",
        "weight",
        "bias",
        "target",
        "index",
        "source",
        "mat",
        "mat1",
        "mat2",
        "batch1",
        "batch2",
    ),
    *("locals", "lambda", "listcomp", "genexpr", "dictcomp", "setcomp", "running_mean", "running_var"),
)


class Discretion:
    """What may be told of one submission; `sources` are its files, `given` are words that every student has."""

    def __init__(
        self, sources: Mapping[str, str], given: frozenset[str] = frozenset(), sentences: Iterable[str] = ()
    ) -> None:
        self._lines = {name: text.split("\n") for name, text in sources.items()}
        self._words = given.union(*map(_WORD.findall, (*sources, *sources.values())))
        self._sentences = tuple(sentences)

    def name(self, name: str) -> str:
        """Return a name of the student's, or "…" where it stands nowhere."""
        if _ARRAY.fullmatch(name):
            return self.key(name)
        return name if self._stands_somewhere(name) else KEPT_BACK

    def names(self, names: Iterable[str]) -> list[str]:
        """Return names of the student's; those that stand nowhere are told as one."""
        return list(dict.fromkeys(map(self.name, names)))

    def key(self, key: object) -> str:
        """Return a key, a shape or the name of a type: of its words those that stand somewhere, and no large number."""
        return _WORD.sub(lambda word: word[0] if self._is_told(word[0]) else KEPT_BACK, str(key))

    def sizes(self, sizes: str) -> str:
        """Return a shape without sizes that no exercise has: a tensor of no values can have any."""
        return _LARGE.sub(KEPT_BACK, sizes)

    def frames(self, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """Return where it was entered and where it ended: a long way can be chosen too, and a function's name."""
        told = frames if len(frames) < 3 else (frames[0], frames[-1])
        return tuple(msgspec.structs.replace(frame, function=self.key(frame.function)) for frame in told)

    def raised(self, raised: StudentRaised) -> StudentRaised:
        """Return the exception as it may be told."""
        kinds = (raised.type_name, *raised.mro)
        kind = next((kind for kind in kinds if self._stands_somewhere(kind)), "Exception")
        frames = self.frames(raised.frames)
        return StudentRaised(kind, raised.mro, self._text(raised), frames, raised.outcome)

    def _text(self, raised: StudentRaised) -> str:
        text = raised.text.strip()[:_TEXT_CHARS]
        if not text:
            return ""
        lines = self._raising(raised.frames)
        if text in "\n".join(lines) or self._is_of_a_library(text):
            return raised.text
        if found := _OF_THE_SYSTEM.match(text):
            code = int(found[1])
            return f"[Errno {code}] {os.strerror(code)}"
        if sentence := next((one for one in self._sentences if text.endswith(one)), ""):
            return self._forbidden(text, sentence)
        told = _masked(text, {word for line in lines for word in _WORD.findall(line)})
        return told + self._place(text) or messages.TEXT_KEPT_BACK

    def _place(self, text: str) -> str:
        """Return the line that Python could not read, where a text ends with one of the student's files."""
        found = _OF_A_FILE.search(text)
        is_line = found is not None and 1 <= int(found[2]) <= len(self._lines.get(found[1], ()))
        return found[0] if found is not None and is_line else ""

    def _forbidden(self, text: str, sentence: str) -> str:
        found = _pattern(messages.FORBIDDEN.replace("{sentence}", sentence)).fullmatch(text)
        return text if found is not None and self._stands_somewhere(found[1]) else sentence

    def _raising(self, frames: tuple[Frame, ...]) -> list[str]:
        if not frames:
            return []
        start = max(0, frames[-1].line - 1)
        return self._lines.get(frames[-1].file, [])[start : start + _LINES]

    def _is_of_a_library(self, text: str) -> bool:
        forms = (*_library_forms(), *_own_forms())
        found = next((found for form in forms if (found := form.fullmatch(text))), None)
        return found is not None and all(map(self._stands_somewhere, found.groups()))

    def _stands_somewhere(self, name: str) -> bool:
        return bool(_NAME.fullmatch(name)) and all(map(self._is_told, _WORD.findall(name)))

    def _is_told(self, word: str) -> bool:
        return word in self._words or word in _library_names() or (word.isdecimal() and len(word) <= _SMALL_DIGITS)


def discretion_of(exercise: Exercise, sources: Iterable[SourceText]) -> Discretion:
    """Return what may be told of words that this submission chooses in a hidden check."""
    texts = {source.name: source.text for source in sources}
    rules = exercise.policy.translated().rules
    return Discretion(texts, _given_words(exercise.stub_folder), [rule.sentence for rule in rules])


def warm_up(exercise: Exercise) -> None:
    """Do once what is the same for every submission, so that the fork for each finds it done."""
    _given_words(exercise.stub_folder)
    _library_forms()
    _library_names()


@cache
def _given_words(folder: Path) -> frozenset[str]:
    """Return the words of what every student is given: stub and text of an exercise."""
    paths = [*folder.glob("*.py"), *folder.glob("README*.md")]
    return frozenset(word for path in paths for word in _WORD.findall(path.read_text("utf-8", "replace")))


def _masked(text: str, known: set[str]) -> str:
    """Return the words of a text that are known, with one mark for all that lies between; nothing if none is."""
    told: list[str] = []
    for word in _WORD.findall(text):
        if word in known:
            told.append(word)
        elif not told or told[-1] != KEPT_BACK:
            told.append(KEPT_BACK)
    return " ".join(told[:_MAX_TOLD]) if {*told} - {KEPT_BACK} else ""


@cache
def _library_forms() -> tuple[re.Pattern[str], ...]:
    return tuple(map(_pattern, FORMS))


def _own_forms() -> Iterator[re.Pattern[str]]:
    """Return the forms of the sentences that are said inside a guest, in the language that is spoken now."""
    sentences = (
        messages.NAME_MISSING,
        messages.NAME_MISSING + messages.NEAR_NAME,
        messages.TEXT_UNREADABLE,
        messages.SIM_LAYOUT,
        messages.SIM_RESIZE,
        messages.SIM_NAME,
        messages.SIM_OPERATION,
    )
    return map(_pattern, sentences)


def _pattern(form: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", form)
    slots = {word: _SLOTS.get(word, _SLOTS["name"]) for word in pieces[1::2]}
    return re.compile("".join(slots[piece] if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)))


@cache
def _library_names() -> frozenset[str]:
    """Return the names that Python, torch and numpy have, which code can choose among and not invent."""
    import numpy
    import torch

    places = (
        builtins, str, list, dict, tuple, int, float, set, torch, torch.Tensor, torch.nn, torch.nn.Module,
        torch.nn.functional, torch.nn.init, torch.optim, torch.autograd, torch.linalg, torch.utils, torch.utils.data,
        torch.optim.lr_scheduler, torch.cuda, numpy, numpy.ndarray, numpy.linalg,
    )  # fmt: skip
    names = {name for place in places for name in dir(place)}
    return frozenset({*names, *_WORDS_OF_PYTHON})
