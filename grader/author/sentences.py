"""What of `grader/messages` is to be translated, read from its source: the extraction method that Babel is given.

Owns which sections students read: all but those whose heading says `(read by …)` and the help texts. Runs nothing of
what it reads and needs no Babel; pyproject.toml names it under `[tool.babel]`, `make messages` uses it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

_HEADING = re.compile(r"# --- (.*?) -+$")
_LEFT_IN_ENGLISH = re.compile(r"help texts|.*\(read by ")


@dataclass(frozen=True)
class Sentence:
    """One constant: where it stands, under which heading, and what it says."""

    name: str
    text: str
    line: int
    section: str

    @property
    def is_for_students(self) -> bool:
        """Whether it is to be translated."""
        return _LEFT_IN_ENGLISH.match(self.section) is None


def sentences(source: str) -> list[Sentence]:
    """Return the constants of one module of messages, in order.

    Raises:
        ValueError: a constant is no plain text, or stands under no heading.
    """
    headings = {
        number: match[1] for number, line in enumerate(source.splitlines(), 1) if (match := _HEADING.match(line))
    }
    return [
        Sentence(name.id, ast.literal_eval(node.value), node.lineno, _section(headings, node.lineno, name.id))
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        for name in node.targets
        if isinstance(name, ast.Name) and name.id.isupper()
    ]


def extract(
    fileobj: BinaryIO, keywords: Sequence[str], comment_tags: Sequence[str], options: Mapping[str, object]
) -> Iterator[tuple[int, str, tuple[str, str], list[str]]]:
    """Yield what Babel asks of an extraction method: line, function, arguments and comments of each sentence.

    A sentence comes as if it were an argument of `pgettext`, with the constant's name as its context: two equal English
    sentences may be two in another language.
    """
    for sentence in sentences(fileobj.read().decode("utf-8")):
        if sentence.is_for_students:
            yield sentence.line, "pgettext", (sentence.name, sentence.text), [sentence.section]


def _section(headings: Mapping[int, str], line: int, name: str) -> str:
    above = [number for number in headings if number < line]
    if not above:
        raise ValueError(f"line {line}: {name} stands under no heading `# --- who and what ---`")
    return headings[max(above)]
