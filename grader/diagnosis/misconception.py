"""The header of a wrong answer: which idea is behind it, and what to say to a student who has it.

Owns the format of `solutions/<slug>/wrong/*.py` docstrings. Reads the file, never runs it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from grader import messages
from grader.errors import CourseError

HINTS = ("H0", "H1", "H2")
LANGUAGES = ("zh_CN",)
_HAN = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
_FIRST = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*): (\S.*)")
_KEYS = ("Fails", "part_of", *HINTS, *LANGUAGES, *(f"{hint}_{language}" for hint in HINTS for language in LANGUAGES))
_KEY = re.compile(rf"({'|'.join(_KEYS)}):\s*(.*)")


@dataclass(frozen=True)
class Misconception:
    """What a wrong answer teaches: the mistake as a statement, then what was seen, a question, and the concept."""

    id: str
    statement: str
    hints: tuple[str, ...]
    fails: tuple[str, ...]
    part_of: tuple[str, ...] = ()
    translations: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def keyword(self) -> str:
        """The checks that it fails as an expression for -k: their functions, which may mean a few others besides."""
        return " or ".join(dict.fromkeys(check.partition("[")[0] for check in self.fails))

    def said_in(self, language: str) -> tuple[str, tuple[str, ...]]:
        """Return statement and hints in a language, in English where there is no translation."""
        if language not in self.translations:
            return self.statement, self.hints
        statement, *hints = self.translations[language]
        return statement, tuple(hints)


def read_misconception(path: Path) -> Misconception:
    """Read the header of a wrong answer.

    Raises:
        CourseError: it is missing or incomplete; the message names the file and what it lacks.
    """
    return parse_header(_docstring(path), path.name)


def parse_header(text: str, file: str) -> Misconception:
    """Read a header as DESIGN section 6 has it: `id: statement`, then one key per line; indented lines go on.

    Another language may be left out, as a whole.

    Raises:
        CourseError: as `read_misconception`.
    """
    lines = text.strip().splitlines()
    first = _FIRST.fullmatch(" ".join(lines[0].split())) if lines else None
    if first is None:
        raise CourseError(messages.HEADER_WITHOUT_NAME.format(file=file))
    said = _keys(lines[1:], file)
    twins = {language: (language, *(f"{hint}_{language}" for hint in HINTS)) for language in LANGUAGES}
    begun = {language: keys for language, keys in twins.items() if any(key in said for key in keys)}
    wanted = ("Fails", *HINTS, *(key for keys in begun.values() for key in keys))
    missing = [key for key in _KEYS if key in wanted and key not in said]
    if missing:
        raise CourseError(messages.HEADER_LACKS.format(file=file, keys=", ".join(missing)))
    translations = {language: tuple(said[key] for key in keys) for language, keys in begun.items()}
    hints = tuple(said[hint] for hint in HINTS)
    return Misconception(
        first[1], first[2], hints, _names(said["Fails"]), _names(said.get("part_of", "")), translations
    )


def _keys(lines: list[str], file: str) -> dict[str, str]:
    said: dict[str, str] = {}
    key = ""
    for line in filter(None, (line.strip() for line in lines)):
        if match := _KEY.fullmatch(line):
            key = match[1]
            said[key] = match[2]
        elif key:
            # Chinese has no blank where a line happens to end.
            blank = "" if _HAN.match(said[key][-1:]) and _HAN.match(line) else " "
            said[key] = f"{said[key]}{blank}{line}".strip()
        else:
            raise CourseError(messages.HEADER_STRAY_LINE.format(file=file, line=line))
    return {key: value for key, value in said.items() if value}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def _docstring(path: Path) -> str:
    try:
        return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise CourseError(messages.HEADER_UNREADABLE.format(file=path.name, problem=error)) from error
