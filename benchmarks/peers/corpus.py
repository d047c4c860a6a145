"""What is handed in: a class for speed, attacks for cheating, the known mistakes of exercise 1 for feedback."""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.peers.contenders import Handin
from benchmarks.peers.contenders.base import FILE, ROOT, SLUG
from grader.diagnosis.misconception import read_misconception

SOLUTIONS = ROOT / "solutions" / SLUG
_HERE = Path(__file__).parent
_SHARES = {"reference": 25, "equivalent": 20, "wrong": 45, "stub": 10}  # of a hundred, as in benchmarks/classroom.py


@dataclass(frozen=True)
class Attack:
    """A hostile submission: what it does, the entries of tests/hostile it is made after, and what it is built on."""

    name: str
    title: str
    corpus: tuple[str, ...]
    base: tuple[str, ...]
    beside: tuple[str, ...]
    text: str

    @property
    def is_forging(self) -> bool:
        """Whether every answer is wrong, so that any point is a forged one; otherwise one function misbehaves."""
        return "wrong" in self.base

    def handin(self) -> Handin:
        """Return what is handed in."""
        parts = {"wrong": "spoiled.py", "forger": "forger.py"}
        extra = [(_HERE / "bases" / parts[name]).read_text() for name in self.base if name in parts]
        beside = {name: (_HERE / "attacks" / "beside" / name).read_text() for name in self.beside}
        return Handin(self.name, beside | {FILE: "\n\n".join([reference(), *extra, self.text])})


def reference() -> str:
    """Return our solution of exercise 1."""
    return (SOLUTIONS / FILE).read_text()


@cache
def attacks() -> tuple[Attack, ...]:
    """Return the controls and every attack, forging ones first."""
    right = Attack("right", "none: a right answer", (), ("right",), (), "")
    wrong = Attack("wrong", "none: every answer is wrong", (), ("wrong",), (), "")
    found = [_attack(path) for path in sorted(_HERE.glob("attacks/*.py"))]
    return (right, wrong, *sorted(found, key=lambda one: (not one.is_forging, one.name)))


def _attack(path: Path) -> Attack:
    text = path.read_text()
    title, _, rest = (ast.get_docstring(ast.parse(text)) or "").partition("\n")
    fields = {name: tuple(value.split(", ")) for name, value in re.findall(r"(?m)^(\w+): (.+)$", rest)}
    return Attack(path.stem, title, fields["Corpus"], fields["Base"], fields.get("Beside", ()), text)


def zoo(kind: str) -> dict[str, str]:
    """Return the known mistakes (`wrong`) or the right answers written differently (`equivalent`), by name."""
    return {path.stem: path.read_text() for path in sorted((SOLUTIONS / kind).glob("*.py"))}


def statements() -> dict[str, str]:
    """Return by the name of each known mistake the sentence that calls it by its name."""
    return {path.stem: read_misconception(path).statement for path in sorted((SOLUTIONS / "wrong").glob("*.py"))}


def made_class(students: int) -> list[Handin]:
    """Return what a class of this size hands in; a larger one begins with the smaller; no two files are equal."""
    draw = random.Random(1)
    kinds = [kind for kind, share in _SHARES.items() for _ in range(share)]
    texts = {kind: list(zoo(kind).values()) for kind in ("equivalent", "wrong")}
    texts["reference"] = [reference()]
    texts["stub"] = [(ROOT / "exercises" / SLUG / FILE).read_text()]
    found = []
    for number in range(students):
        id, text = f"student-{number:03d}", draw.choice(texts[draw.choice(kinds)])
        found.append(Handin(id, {FILE: f"{text}\n# {id}\n"}))
    return found
