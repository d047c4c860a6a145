"""A small course that is judged while its own parts are killed, and what may have become of a result.

Owns who can be killed, when, and the claim: every check has the outcome that it has undisturbed, or is open for a
reason of ours; nothing is settled that is not right. Must not know how moments are chosen.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil
from msgspec.structs import replace

from grader.course import Exercise
from grader.errors import InfrastructureError
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier, sweep
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission
from tests.grader.tiny_course import make_course

from .census import Census

Role = Literal["zygote", "keeper", "guest", "worker", "judge"]
ROLES: tuple[Role, ...] = ("zygote", "keeper", "guest", "worker", "judge")
When = Callable[[int, bool], None]
"""Called at every event of a judgement: the number of the check, and whether it begins."""

_HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    @points(2)
    @needs("test_double")
    def test_draw(submission, rng):
        '''Doubles what was drawn, with its gradient.'''
        for _ in range(30):
            x = torch.randn(3, 2, generator=rng, dtype=torch.float64, requires_grad=True)
            y = submission.double(x)
            expect_close(y, 2 * x, label="twice")
            y.sum().backward()
            expect_close(x.grad, 2 * torch.ones_like(x), label="gradient")

    @points(3)
    @pytest.mark.parametrize("n", range(3))
    def test_work(submission, n):
        '''Works for a while.'''
        expect_equal(submission.work(200_000 * (n + 1)), 200_000 * (n + 1))

    @points(1)
    def test_last(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
""".replace("import torch\n", "import pytest\n    import torch\n", 1)
_LIMITS = "[limits]\ncheck_wall_s = 20\nwall_s = 120\n"
_WORK = "\ndef work(n):\n    count = 0\n    while count < n: count += 1\n    return count\n"
SUBMISSIONS = {
    "right": "def double(x):\n    return 2 * x\n" + _WORK,
    "wrong": "def double(x):\n    return x + 1\n" + _WORK.replace("n:", "n + 1:"),
    "ends": "import os\n" + "def double(x):\n    return 2 * x\n\ndef work(n):\n    os._exit(3)\n",
    "raises": "def double(x):\n    raise ValueError(x)\n" + _WORK,
}
_SWEEPS, _SETTLE_S = 10, 0.5
# What says that we owe an answer, and nothing of the submission.
_OPEN = (Outcome.ERROR, Outcome.NOT_RUN)


@dataclass
class Scene:
    """One exercise on one tier: the grader at work, and what each submission gets undisturbed."""

    exercise: Exercise
    tier: Tier
    grader: Grader | None = None
    zygote: Zygote | None = None
    census: Census | None = None

    expected: dict[str, ExerciseResult] = field(default_factory=dict)

    def judge(self, name: str, when: When = lambda index, begins: None) -> ExerciseResult:
        """Judge a submission, with a new grader if there is none.

        Raises:
            InfrastructureError: something of ours is gone.
        """
        grader = self._ready()
        submission = Submission("0" * 64, (SourceFile("work.py", SUBMISSIONS[name]),))
        places = {planned.id: place for place, planned in enumerate(grader.plan)}
        result = grader.grade(
            submission,
            on_begin=lambda planned: when(places[planned.id], True),
            on_check=lambda check: when(places[check.id], False),
        )
        return replace(result, checks=[replace(check, wall_s=0.0) for check in result.checks])

    def _ready(self) -> Grader:
        if self.zygote is None:
            self.zygote = Zygote.start()
            self.zygote.wait_until_ready()
        if self.grader is None:
            grader = Grader(self.exercise, self.tier, self.zygote)
            self.grader = grader.__enter__()
        return self.grader

    def processes(self) -> dict[Role, int]:
        """Return who is there to be killed now, by role."""
        assert self.zygote is not None
        assert self.zygote.pid is not None
        found: dict[Role, int] = {"zygote": self.zygote.pid}
        with contextlib.suppress(psutil.NoSuchProcess):  # somebody ends while we look
            for keeper in psutil.Process(self.zygote.pid).children():
                for kept in keeper.children():
                    if kept.name() == "grader worker":
                        found["worker"] = kept.pid
                        for judge in kept.children():
                            found["judge"] = judge.pid
                    else:
                        found["keeper"], found["guest"] = keeper.pid, kept.pid
        return found

    def kill(self, role: Role) -> bool:
        """Kill somebody; return whether there was anybody."""
        pid = self.processes().get(role)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def disturbed(self, name: str, when: When, end: Callable[[], None] = lambda: None) -> list[str]:
        """Judge a submission while something happens, then again; return everything that is not as it must be.

        Args:
            end: Called between the two: from then on nothing may happen any more.
        """
        try:
            result = self.judge(name, when)
        except InfrastructureError:
            problems, is_open = [], True
        else:
            problems, is_open = wrong(self.expected[name], result), not result.complete
        finally:
            end()
        if is_open:
            self._give_up_grader()
        again = wrong(self.expected[name], self._judged_again(name), may_be_open=False)
        return problems + [f"judged again: {problem}" for problem in again]

    def _judged_again(self, name: str) -> ExerciseResult:
        """Judge undisturbed, as a class run does: once more with another zygote if this one proves to have ended."""
        with contextlib.suppress(InfrastructureError):
            result = self.judge(name)
            if result.complete:
                return result
        self.give_up()
        return self.judge(name)

    def give_up(self) -> None:
        """Let go of everything; what has lost its parent is ended all the same."""
        self._give_up_grader()
        if self.zygote is not None:
            self.zygote.close()
        self.zygote = None

    def _give_up_grader(self) -> None:
        if self.grader is not None:
            self.grader.close()
        self.grader = None

    def debris(self) -> list[str]:
        """End everything, clear away as the next grader does when it starts, and return what is left."""
        assert self.census is not None
        self.give_up()
        return left_behind(self.census)


@contextlib.contextmanager
def set_up(tier: Tier) -> Iterator[Scene]:
    """Make a scene, and end it."""
    census = Census({})
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        scene = Scene(make_course(Path(folder), _HIDDEN, points=7, more=_LIMITS), tier, census=census)
        try:
            scene.expected = {name: scene.judge(name) for name in SUBMISSIONS}
            yield scene
        finally:
            scene.give_up()


def left_behind(census: Census) -> list[str]:
    """Clear away as the next grader does when it starts, and return what is left."""
    for _ in range(_SWEEPS):  # the group of a guest that is still dying is busy
        sweep()
        if not (left := census.debris(settle_s=_SETTLE_S)):
            break
    return left


def wrong(before: ExerciseResult, after: ExerciseResult, may_be_open: bool = True) -> list[str]:
    """Return how a result differs from what it has to be, but for checks that are open."""
    opened = {check.id for check in after.checks if may_be_open and check.outcome in _OPEN}
    problems = []
    for was, now in zip(before.checks, after.checks, strict=True):
        waits = now.outcome is Outcome.BLOCKED and any(str(now.blocked_by).startswith(id) for id in opened)
        if now != was and now.id not in opened and not waits:
            problems.append(f"{now.id} was {was.outcome}, is {now.outcome}: {now.message}")
    if after.score > before.score:
        problems.append(f"{after.score:g} points instead of {before.score:g}")
    if opened and after.complete:
        problems.append("checks are open and the result is called complete")
    return problems
