"""One submission of the corpus on trial: honest, hostile, honest on one warm grader, and everything that is asserted.

What is not as it must be is a `Finding`; the test of the corpus wants none, `python -m tests.hostile` counts them by
kind. An honest submission was judged before: by the bench, or at the end of the trial before this one.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.score import score

from .bench import Bench, Judged
from .canaries import SUCCEEDED, leaks
from .entries import Entry, Expect

Kind = Literal["score raised", "secret read", "debris", "wrong outcome", "too slow"]
KINDS: tuple[Kind, ...] = ("score raised", "secret read", "debris", "wrong outcome", "too slow")


class Finding(NamedTuple):
    """One thing that is not as it must be."""

    kind: Kind
    text: str


class Trial(NamedTuple):
    """What came of one submission, and what is not as it must be."""

    judged: Judged
    findings: list[Finding]


class Trials:
    """Trials at one tier on one warm bench; after one that found something the next gets a fresh bench."""

    def __init__(self, tier: Tier) -> None:
        self._tier = tier
        self._bench: Bench | None = None

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def hold(self, entry: Entry) -> Trial:
        """Put an entry on trial."""
        bench = self.bench()
        try:
            trial = on_trial(bench, entry)
        except BaseException:
            self._end()
            raise
        if trial.findings:
            self._end()
        return trial

    def bench(self) -> Bench:
        """Return the warm bench, after starting it if there is none."""
        if self._bench is None:
            self._bench = Bench(self._tier)
            self._bench.start()
        return self._bench

    def _end(self) -> None:
        if self._bench is not None:
            self._bench.close()
            self._bench = None


def on_trial(bench: Bench, entry: Entry) -> Trial:
    """Judge a submission and an honest one after it."""
    folder = bench.hand_in(entry)
    judged = bench.judge(folder)
    findings = verdicts(judged, entry.expect, bench.canaries)
    findings += [Finding("debris", left) for left in bench.census.debris()]
    honest = bench.judge(bench.exercise.solution_folder)
    return Trial(judged, findings + neighbours_verdict(honest.without_times, bench.honest.without_times))


def verdicts(judged: Judged, expect: Expect, canaries: dict[str, str]) -> list[Finding]:
    """Return how a result differs from what is expected of it, and what it gives away."""
    return [
        *_score(judged, expect),
        *_secrets(judged, canaries),
        *_outcomes(judged.result, expect),
        *_texts(judged, expect),
        *_time(judged, expect),
    ]


def neighbours_verdict(honest: ExerciseResult, before: ExerciseResult) -> list[Finding]:
    """Return what has changed for an honest submission that is judged after."""
    if honest == before:
        return []
    pairs = zip(before.checks, honest.checks, strict=True)
    changed = [f"{was.id} was {was.outcome}, is {now.outcome}: {now.message}" for was, now in pairs if was != now]
    return [Finding("wrong outcome", f"an honest submission after it: {'; '.join(changed) or 'its result'}")]


def _score(judged: Judged, expect: Expect) -> list[Finding]:
    result = judged.result
    if result.score > expect.score_at_most or score(result.checks) != result.score:
        return [Finding("score raised", f"{result.score:g} points, at most {expect.score_at_most:g} are deserved")]
    return []


def _secrets(judged: Judged, canaries: dict[str, str]) -> list[Finding]:
    findings = [
        Finding("secret read", f"the canary of {place} came out") for place in leaks(judged.left_the_guest, canaries)
    ]
    said = [line for line in judged.shown.splitlines() if SUCCEEDED in line]
    return findings + [Finding("secret read", f"it says: {line}") for line in said]


def _outcomes(result: ExerciseResult, expect: Expect) -> list[Finding]:
    return [
        Finding("wrong outcome", f"{check.id} is {check.outcome}, not {' or '.join(allowed)}: {check.message}")
        for check in result.checks
        if check.outcome not in (allowed := expect.allowed(check.id))
    ]


def _texts(judged: Judged, expect: Expect) -> list[Finding]:
    checks = judged.result.checks
    findings = [
        Finding("wrong outcome", f"{check.id} is {check.outcome} and says nothing")
        for check in checks
        if check.outcome is not Outcome.PASSED and not check.message
    ]
    messages = "\n".join(check.message for check in checks)
    flags = "\n".join(f"{flag.file}: {flag.message}" for flag in judged.result.flags)
    wanted = {"no check says": (expect.says, messages), "it did not print": (expect.prints, judged.printed),
              "no flag says": (expect.flags, flags)}  # fmt: skip
    for problem, (fragments, text) in wanted.items():
        findings += [
            Finding("wrong outcome", f"{problem} {fragment!r}; but {text[:2000]!r}")
            for fragment in fragments
            if fragment not in text
        ]
    return findings


def _time(judged: Judged, expect: Expect) -> list[Finding]:
    if judged.wall_s <= expect.wall_s_at_most:
        return []
    return [Finding("too slow", f"judged in {judged.wall_s:.1f} s, at most {expect.wall_s_at_most:g} s are allowed")]
