"""The student's files and the student's exceptions, inside the guest.

Owns compiling and importing the submission and turning what it raises into plain text. Invariant: nothing here can be
made to fail by an exception whose `__str__` raises, is endless or lies; the text is cut, frames are the student's own.
"""

from __future__ import annotations

import difflib
import dis
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import types
from collections.abc import Sequence
from typing import Any

from grader import messages
from grader.results import Outcome
from grader.sandbox.guest.policy import ForbiddenUse

MAX_TEXT = 16 * 1024
MAX_FRAMES = 50
_MEMORY_TEXTS = (
    *("can't allocate memory", "not enough memory", "out of memory", "cannot allocate memory", "std::bad_alloc"),
    "status_alloc_failed",  # cuBLAS and cuDNN
)


class MissingName(AttributeError):
    """A suite asked for a name that the student's file does not define."""


class Submission(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The student's files as importable modules, found before anything on disk but after what is imported already.

    `builtins` are what they find as `__builtins__` if the exercise forbids something.
    """

    def __init__(self, sources: Sequence[tuple[str, str]], builtins: dict[str, Any] | None = None) -> None:
        self._builtins = builtins
        self.texts = {name.removesuffix(".py"): (name, text) for name, text in sources}
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer the import system for the names of the student's files only."""
        if fullname not in self.texts:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=self.texts[fullname][0])

    def exec_module(self, module: types.ModuleType) -> None:
        """Run one of the student's files: the only place where student code is compiled."""
        file, text = self.texts[module.__name__]
        module.__file__ = file
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        if self._builtins is not None:
            module.__dict__["__builtins__"] = self._builtins
        exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)

    def load(self, stem: str) -> types.ModuleType:
        """Import one of the student's files; again is the same module."""
        # A module of ours or of Python's may have the name already; the student's own file is what is meant here.
        present = sys.modules.get(stem)
        if present is not None and getattr(present, "__loader__", None) is not self:
            del sys.modules[stem]
        return importlib.import_module(stem)


def resolve(base: object, path: str) -> Any:
    """Follow a dotted path of attribute names from an object; an empty one is the object itself.

    Raises:
        MissingName: with near names, if one does not exist.
    """
    value = base
    for name in path.split(".") if path else ():
        try:
            value = getattr(value, name)
        except AttributeError as error:
            # Python fills in object and name of whatever comes out of a property, so those alone do not tell.
            if error.obj is not value or error.name != name or _is_defined(value, name):
                raise  # the student's own property or __getattr__ failed
            raise MissingName(_missing_text(value, name)) from None
    return value


def _is_defined(owner: object, name: str) -> bool:
    return any(name in vars(kind) for kind in type(owner).__mro__)


def _missing_text(owner: object, name: str) -> str:
    names = [other for other in dir(owner) if not other.startswith("__")]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6) or [
        other for other in names if other.lower() == name.lower()
    ]
    where = getattr(owner, "__file__", None) if isinstance(owner, types.ModuleType) else type(owner).__qualname__
    text = messages.NAME_MISSING.format(where=where, name=name)
    return text + (messages.NEAR_NAME.format(name=near[0]) if near else "")


def describe(error: BaseException, files: frozenset[str]) -> dict[str, object]:
    """Return an exception as plain values: type, classes, text, the student's frames, how it counts."""
    try:
        return _facts_of(error, files)
    except BaseException as second:  # a class can be made so that even its name or its traceback raises
        text = messages.TEXT_UNREADABLE.format(type_name=_name_of(type(second)))
        return {"type_name": "Exception", "mro": [], "text": text, "frames": [], "outcome": Outcome.RAISED.value}


def _facts_of(error: BaseException, files: frozenset[str]) -> dict[str, object]:
    frames = _student_frames(error, files)
    text = _text_of(error)
    return {
        "type_name": _name_of(type(error)),
        "mro": [_name_of(kind) for kind in type(error).__mro__[:20]],
        "text": text,
        "frames": [list(frame) for frame in frames[: MAX_FRAMES // 2] + frames[MAX_FRAMES // 2 :][-MAX_FRAMES // 2 :]],
        "outcome": _outcome_of(error, text, files).value,
    }


def _name_of(kind: type) -> str:
    """Return the name of a class, whatever its metaclass says."""
    return str.__getitem__(type.__dict__["__name__"].__get__(kind), slice(200))


def _text_of(error: BaseException) -> str:
    try:
        # str's own slicing: a subclass of str may bring another one.
        return str.__getitem__(str(error), slice(MAX_TEXT))
    except BaseException as second:  # the student's __str__ may raise anything at all
        return messages.TEXT_UNREADABLE.format(type_name=_name_of(type(second)))


def _student_frames(error: BaseException, files: frozenset[str]) -> list[tuple[str, int, str]]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename in files:
            frames.append((code.co_filename, trace.tb_lineno or 0, code.co_qualname[:200]))
        trace = trace.tb_next
    return frames


def _outcome_of(error: BaseException, text: str, files: frozenset[str]) -> Outcome:
    if isinstance(error, ForbiddenUse):
        return Outcome.FORBIDDEN
    if isinstance(error, NotImplementedError) and _raised_by_student(error, files):
        return Outcome.TODO
    if isinstance(error, MemoryError):
        return Outcome.MEMORY
    if isinstance(error, RuntimeError) and any(phrase in text.lower() for phrase in _MEMORY_TEXTS):
        return Outcome.MEMORY
    return Outcome.RAISED


def _raised_by_student(error: BaseException, files: frozenset[str]) -> bool:
    """Whether the innermost frame is the student's and stands at a `raise`: torch raises NotImplementedError too."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code.co_filename not in files or trace.tb_lasti < 0:
        return False
    return dis.opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"
