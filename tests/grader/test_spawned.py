"""Judging where nothing can be forked, as on macOS and Windows: forced here, on Linux, by the launcher."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from grader import doctor, patience, workers
from grader.course import Exercise
from grader.events import Began, Ended, Finished, Job, Ready, SourceText, Stop
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.sandbox.spawned import Spawner
from grader.submission import SourceFile, Submission, read_submission
from grader.ticket import CalledOff, Ticket
from grader.workers import SpawnedWorker

from .tiny_course import make_course

WAIT_S = 60.0
NO_POSIX = Path(__file__).parent / "without_posix.py"
HERE = (sys.executable, "-P", "-s")


# --- both ways come to the same -----------------------------------------------------------------------------------


def without_times(result: ExerciseResult) -> str:
    """Return a result as text, but for how long things took."""
    checks = [msgspec.structs.replace(check, wall_s=0.0) for check in result.checks]
    return msgspec.structs.replace(result, checks=checks).to_json().decode()


class BothWays:
    """What judges the same exercise by a fork and by new processes."""

    def __init__(self, exercise: Exercise, zygote: Zygote, spawner: Spawner) -> None:
        self.forked, self.anew = Grader(exercise, Tier.NONE, zygote), Grader(exercise, Tier.NONE, spawner)

    def __enter__(self) -> BothWays:
        self.forked.__enter__()
        self.anew.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.forked.close()
        self.anew.close()

    def outcomes(self, submission: Submission) -> list[Outcome]:
        """Judge both ways, require the same result to the letter, and return its outcomes."""
        forked, anew = self.forked.grade(submission), self.anew.grade(submission)
        assert without_times(anew) == without_times(forked)
        return [check.outcome for check in anew.checks]

    @property
    def process(self) -> int:
        """The new process that judges."""
        assert isinstance(self.anew._line, SpawnedWorker)
        return self.anew._line._child.process.pid


def test_a_known_mistake_of_exercise1_is_judged_alike(exercise1: Exercise, zygote: Zygote) -> None:
    """A wrong answer to a whole exercise comes to the same by a fork and by new processes, feedback included."""
    wrong = read_submission(exercise1, exercise1.solution_folder / "wrong" / "bias_forgotten.py")
    with BothWays(exercise1, zygote, Spawner()) as both:
        assert {Outcome.PASSED, Outcome.FAILED} <= set(both.outcomes(wrong))


HIDDEN = '''
    import os
    import torch
    from grader.suite import *

    @points(1)
    def test_doubles(submission, rng):
        """Doubles."""
        x = torch.randn(3, generator=rng, requires_grad=True)
        y = submission.double(x)
        if float(y[0] / x[0]) > 2.5:
            os._exit(9)
        y.sum().backward()
        expect_close(x.grad, torch.full((3,), 2.0))

    @points(1)
    @limits(check_wall_s=600)
    def test_one(submission):
        """Gives one."""
        expect_equal(submission.one(), 1)

    @points(1)
    def test_two(submission):
        """Gives two."""
        expect_equal(submission.two(), 2)

    @points(1)
    def test_three(submission):
        """Gives three."""
        expect_equal(submission.three(), 3)
'''
TIGHT = "[limits]\ncheck_wall_s = 2.0\n"


def submitted(
    double: str = "2 * x", one: str = "return 1", two: str = "return 2", three: str = "return 3"
) -> Submission:
    """Return a submission for the tiny exercise, right but for what is given."""
    functions = {"one": one, "two": two, "three": three}
    rest = "".join(f"def {name}():\n    {body}\n" for name, body in functions.items())
    text = f"import os\nprint('imported')\ndef double(x):\n    return {double}\n{rest}"
    return Submission("0", (SourceFile("work.py", text),))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[BothWays]:
    """What judges a tiny exercise both ways; the new processes find none of what only POSIX has."""
    exercise = make_course(tmp_path_factory.mktemp("course"), HIDDEN, points=4, more=TIGHT)
    with BothWays(exercise, zygote, Spawner((*HERE, str(NO_POSIX)))) as both:
        yield both


def test_whatever_ends_a_check_ends_it_alike(tiny: BothWays) -> None:
    """A right function, an exit, a loop, a stub: outcome, sentence, lines, output are the same, also without POSIX."""
    exits, loops = "print('so far', flush=True); os._exit(3)", "while True: pass"
    mixed = submitted(one=exits, two=loops, three="raise NotImplementedError('three')")
    expected = [Outcome.PASSED, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.TODO]
    assert tiny.outcomes(mixed) == expected


def test_what_is_called_off_leaves_a_warm_worker(tiny: BothWays) -> None:
    """In the middle of a loop the guest ends, and its check without an outcome; the worker judges what comes next."""
    ticket, ended, process = Ticket(), list[str](), tiny.process
    with pytest.raises(CalledOff, match=r"^$"):
        tiny.anew.judge(
            submitted(one="while True: pass"),
            on_begin=lambda check: ticket.call_off() if check.id == "test_one" else None,
            on_check=lambda check: ended.append(check.id), ticket=ticket,
        )  # fmt: skip
    assert ended == ["test_doubles"]
    assert tiny.outcomes(submitted("(")) == 4 * [Outcome.REJECTED]
    assert tiny.process == process


def test_a_worker_that_is_lost_costs_its_check_alone(tiny: BothWays) -> None:
    """A suite that ends its process is our fault in this check; another worker is started and judges the rest."""
    process = tiny.process
    assert tiny.outcomes(submitted("3 * x")) == [Outcome.ERROR, *3 * [Outcome.PASSED]]
    assert tiny.process != process


def test_every_module_of_a_student_can_be_imported_without_posix() -> None:
    """Where there is no fcntl, resource or pwd, no fork, no poll and no signal but those of Windows."""
    done = subprocess.run(
        [*HERE, str(NO_POSIX), "--import-all"], capture_output=True, text=True, timeout=10 * WAIT_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


# --- workers ------------------------------------------------------------------------------------------------------

# A worker without torch: it says that it has begun its first check and not another word, whoever calls that off, unless
# that check has an outcome already or nothing is to be judged.
DEAF = """
import time
from grader.sandbox.loopback import call_back, obey
from grader.events import Began, Finished, Line, PlannedCheck, Ready
(sock, lifeline), told = call_back(2)
obey(lifeline, {}, lambda: None)
line = Line(sock)
line.send(Ready(tuple(PlannedCheck(name, name, "hidden", "cpu", 1.0) for name in "ab"), "", ""))
while (job := line.receive_job()) is not None:
    if job.sources and not job.outcomes:
        line.send(Began(0, time.monotonic()))
        time.sleep(600)
    line.send(Finished())
"""
TO_JUDGE = Job((SourceText("work.py", ""),), 0, "none")


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[SpawnedWorker]:
    """A worker that was given a job, has begun the first of its two checks, and is stuck in it."""
    place = workers.Place(make_course(tmp_path), Tier.NONE, tmp_path, tmp_path / "log")
    worker = workers.start_worker(Spawner((sys.executable, "-c", DEAF)), place)
    assert isinstance(worker, SpawnedWorker)
    try:
        assert isinstance(worker.receive(time.monotonic() + WAIT_S), Ready)
        worker.send(TO_JUDGE)
        yield worker
    finally:
        worker.end(0)


def test_a_worker_that_is_stuck_is_replaced(deaf: SpawnedWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its check is our fault, and another worker is told what is known and given the rest."""
    monkeypatch.setattr(patience, "GRACE_S", 0.05)
    stuck = deaf._child
    began, ended, last = deaf.receive(), deaf.receive(), deaf.receive()
    assert isinstance(began, Began)
    assert isinstance(ended, Ended)
    assert (ended.index, ended.result.outcome, last) == (0, Outcome.ERROR, Finished())
    assert stuck.ending() is not None
    assert deaf._child.ending() is None


def test_a_worker_that_does_not_stop_is_given_up(deaf: SpawnedWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called off has ended without an outcome, and the next job gets another worker."""
    monkeypatch.setattr(workers, "_STOP_S", 0.05)
    stuck = deaf._child
    assert isinstance(deaf.receive(), Began)
    deaf.send(Stop())
    assert deaf.receive() == Finished()
    assert stuck.ending() is not None
    deaf.send(Stop())  # too late, and no matter
    deaf.send(Job((), 0, "none"))
    assert deaf.receive() == Finished()
    assert deaf._child is not stuck


# --- what is said of it -------------------------------------------------------------------------------------------


def test_linux_forks_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice is the system's, and no variable of the environment changes it."""
    assert workers.can_fork()
    for platform in ("darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        assert isinstance(workers.start_launcher(), Spawner)


def test_the_doctor_says_which_launcher_it_is_and_what_follows() -> None:
    """That own code runs unfenced, that memory is not limited, and where this has not been run."""
    assert "a copy of a warm Python" in " ".join(doctor.how_started())
    said = " ".join(doctor.how_started(Spawner()))
    for words in ("one more is kept ready", "unfenced", "memory is not", "not been run on macOS or Windows"):
        assert words in said
