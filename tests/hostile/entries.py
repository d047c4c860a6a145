"""The corpus on disk: one folder for each submission, with what must become of it in expect.toml.

    tests/hostile/GROUP/NAME/submission/…   the files as they are handed in
    tests/hostile/GROUP/NAME/expect.toml    see `Expect`
    tests/hostile/GROUP/NAME/build.py       optional: `build(folder)` adds what a repository cannot hold

Owns the format and the sentences for every mistake in it. Must not know how a submission is judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from grader.course import did_you_mean, read_toml
from grader.errors import CourseError
from grader.results import Outcome

from .catalogue import titles

HERE = Path(__file__).parent
COURSE = HERE / "course"
ANSWERS = HERE / "answers"
GROUPS = ("forging", "secrets", "persistence", "denial", "network", "protocol", "files", "semantics")
EVERY_CHECK = "*"

Layer = Literal[
    "intake", "process", "codec", "namespaces", "landlock", "seccomp", "limits", "cgroup", "user", "supervisor",
    "oracle", "profile", "evidence", "report",
]  # fmt: skip
TierName = Literal["namespaces", "landlock"]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
_ENTRY_FILES = {"expect.toml", "submission", "build.py"}


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must become of one submission.

    `outcomes` maps a check's id, or "*" for those that are not named, to its outcome or to the possible ones. Each of
    `says` is in the message of a check, each of `prints` in what is shown of standard output, each of `flags` in a
    flag. With `answers` work.py begins with answers of ours, right or wrong, which what follows may replace. The time
    is that of judging, with room for a busy machine: a bound, no measurement.
    `control` says where the same attack has to succeed: with a canary planted in its own process, or without a fence
    (never for one that would harm the machine).
    """

    what: _Text
    catalogue: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)]
    layer: Annotated[tuple[Layer, ...], msgspec.Meta(min_length=1)]
    outcomes: dict[str, Outcome | tuple[Outcome, ...]]
    score_at_most: Annotated[float, msgspec.Meta(ge=0)]
    wall_s_at_most: Annotated[float, msgspec.Meta(gt=0)]
    answers: Literal["", "right", "wrong"] = ""
    says: tuple[_Text, ...] = ()
    prints: tuple[_Text, ...] = ()
    flags: tuple[_Text, ...] = ()
    tiers: Annotated[tuple[TierName, ...], msgspec.Meta(min_length=1)] = ("namespaces", "landlock")
    control: Literal["", "planted", "unfenced"] = ""
    skip: str = ""

    def allowed(self, check: str) -> tuple[Outcome, ...]:
        """Return the outcomes that a check may have."""
        outcome = self.outcomes.get(check, self.outcomes.get(EVERY_CHECK, ()))
        return (outcome,) if isinstance(outcome, Outcome) else outcome


@dataclass(frozen=True)
class Entry:
    """One submission of the corpus."""

    folder: Path
    expect: Expect

    @property
    def name(self) -> str:
        """Its group and name."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def files(self) -> Path:
        """What is handed in, but for what `build.py` adds."""
        return self.folder / "submission"


def load_entries(root: Path = HERE) -> list[Entry]:
    """Return every entry of the corpus, by group and name.

    Raises:
        CourseError: one is not as it must be; the message names the file and the mistake.
    """
    checks = known_checks()
    folders = [path for group in GROUPS for path in sorted((root / group).glob("*/")) if path.name != "__pycache__"]
    return [load_entry(folder, root, checks) for folder in folders]


def load_entry(folder: Path, root: Path = HERE, checks: frozenset[str] | None = None) -> Entry:
    """Return one entry; see `load_entries`."""
    expect = read_toml(folder / "expect.toml", Expect, root)
    entry = Entry(folder, expect)
    problem = _problem(entry, known_checks() if checks is None else checks)
    if problem:
        raise CourseError(f"tests/hostile/{entry.name}: {problem}")
    return entry


@cache
def known_checks() -> frozenset[str]:
    """Return the ids of the target's checks, read from its suites without running them."""
    suites = [*COURSE.glob("exercises/*/test_public.py"), *COURSE.glob("tests/hidden/*/test_*.py")]
    return frozenset(name for suite in suites for name in _DEFINED.findall(suite.read_text()))


def _problem(entry: Entry, checks: frozenset[str]) -> str:
    """Return the first mistake that types cannot tell."""
    expect, known = entry.expect, titles()
    for id in expect.catalogue:
        if id not in known:
            return f"catalogue: there is no {id}.{did_you_mean(id, list(known))}"
    for check in expect.outcomes:
        if check not in checks | {EVERY_CHECK}:
            return f"outcomes: the target has no check {check}.{did_you_mean(check, sorted(checks))}"
    if unsaid := [check for check in sorted(checks) if not expect.allowed(check)]:
        return f'outcomes: say what becomes of {unsaid[0]}, or of every other check with "{EVERY_CHECK}".'
    is_fine = all(expect.allowed(check) == (Outcome.PASSED,) for check in checks)
    if not is_fine and not expect.says:
        return "says: some check does not pass, so write what the student must read."
    if len(set(expect.catalogue)) != len(expect.catalogue):
        return "catalogue: an id stands there twice."
    return _problem_of_files(entry)


def _problem_of_files(entry: Entry) -> str:
    if stray := sorted({path.name for path in entry.folder.iterdir()} - _ENTRY_FILES - {"__pycache__"}):
        return f"{stray[0]} is no part of an entry; what is handed in belongs into submission/."
    if not entry.files.is_dir() or not any(entry.files.iterdir()):
        return "submission/ is missing or empty; a submission that build.py makes needs at least a file beside."
    return ""
