"""Whose row is this? Rows of a platform's file and students of the class brought together without guessing. Pure.

Owns what counts as the same name. Knows no format: a format says which cells identify somebody, the surest first.
Invariant: a row is one student's only if nothing in it speaks for another one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.classroom.handin import Student

NAME = "name"
Index = Mapping[str, frozenset[str]]
"""Ids of the students whom a text, made comparable by `same`, could mean."""


@dataclass(frozen=True)
class Row:
    """A row of a platform's file: where it is, what to call it, and its cells that identify, the surest first.

    `clues` are pairs of a kind of clue, which has an index of its own, and a cell's text.
    """

    number: int
    called: str
    clues: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Matched:
    """Students' ids by number of the row; rows that fit several students, with these; rows that fit nobody."""

    students: Mapping[int, str]
    ambiguous: tuple[tuple[Row, tuple[str, ...]], ...]
    unknown: tuple[Row, ...]


def match(rows: Sequence[Row], indexes: Mapping[str, Index]) -> Matched:
    """Return which row is whose.

    Two rows of one student are both ambiguous, unless all but one of them have nothing but the name to say for it: then
    they are namesakes'.
    """
    fitting = [(row, *_fitting(row, indexes)) for row in rows]
    claims: dict[str, list[bool]] = {}
    for _, ids, by_name in fitting:
        for id in ids if len(ids) == 1 else ():
            claims.setdefault(id, []).append(by_name)

    def is_sure(ids: frozenset[str], by_name: bool) -> bool:
        own = claims[next(iter(ids))] if len(ids) == 1 else []
        return len(own) == 1 or (bool(own) and not by_name and own.count(False) == 1)

    sure = {row.number: next(iter(ids)) for row, ids, by_name in fitting if is_sure(ids, by_name)}
    ambiguous = tuple((row, tuple(sorted(ids))) for row, ids, _ in fitting if ids and row.number not in sure)
    return Matched(sure, ambiguous, tuple(row for row, ids, _ in fitting if not ids))


def index_of(pairs: Iterable[tuple[str, str]]) -> Index:
    """Return an index from pairs of a text and a student's id; empty texts mean nobody."""
    found: dict[str, set[str]] = {}
    for text, id in pairs:
        if text.strip():
            found.setdefault(same(text), set()).add(id)
    return {text: frozenset(ids) for text, ids in found.items()}


def identifiers(students: Iterable[Student]) -> Index:
    """Return the index of ids, e-mail addresses and further keys."""
    return index_of((text, one.id) for one in students for text in (one.id, one.email, *one.keys))


def names(students: Iterable[Student]) -> Index:
    """Return the index of names, which several students may share."""
    return index_of((first_name_first(one.name), one.id) for one in students)


def same(text: str) -> str:
    """Return a text as it is compared: case and width of letters and blanks do not matter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def first_name_first(name: str) -> str:
    """Return "Ada Adams" for "Adams, Ada"."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and "," not in first else name


def _fitting(row: Row, indexes: Mapping[str, Index]) -> tuple[frozenset[str], bool]:
    """Return the ids that the surest clue names, and whether it is only a name. If another clue names others, all."""
    chosen: frozenset[str] = frozenset()
    by_name = False
    for kind, text in row.clues:
        comparable = same(first_name_first(text) if kind == NAME else text)
        found = indexes.get(kind, {}).get(comparable, frozenset()) if comparable else frozenset()
        if not chosen:
            chosen, by_name = found, kind == NAME
        elif found and not chosen & found:
            return chosen | found, by_name
    return chosen, by_name
