"""What keeps an accelerator waiting: counts on the simulated one, named; times on a GPU, compared fairly."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from grader.diagnosis import bench
from grader.diagnosis.evidence import Nearness, nearness
from grader.errors import CourseError, GuestLost
from grader.events import Job
from grader.grade import Grader
from grader.results import CheckResult, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.guest import sim
from grader.sandbox.remote import Remote
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission
from grader.suite import context, throughput
from grader.suite.expect import ComparisonFailed
from grader.suite.judge import with_evidence
from grader.suite.ours import OurGuest
from grader.suite.sketch import evidence_of
from grader.suite.throughput import expect_throughput, expect_traffic, traffic
from grader.suite.verdict import verdict_of

from .test_atlas import header
from .test_expect import a_check
from .tiny_course import SLUG, FakeSession, make_course

NAMES = ("to_device", "to_device_bytes", "to_host", "to_host_bytes", "synchronisations")
needs_sim = pytest.mark.skipif(bool(sim.missing()), reason="this torch has no simulated accelerator")


@contextlib.contextmanager
def on(device: str) -> Iterator[context.Check]:
    """Be inside a check on a device."""
    with a_check() as check:
        check.device = device
        yield check


def counted(to_device: int = 0, waits: int = 0, to_host: int = 0, to_device_bytes: int = 0) -> dict[str, int]:
    """Return counts as `traffic` leaves them."""
    return dict(zip(NAMES, (to_device, to_device_bytes, to_host, 0, waits), strict=True))


# --- counts: the rule -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "counts",
    [counted(), counted(32, 1), counted(36, 2, 2), counted(32, 1, 0, 1500)],
    ids=["nothing moved", "each batch once", "as much as is allowed", "a little more than the data"],
)
def test_what_an_epoch_needs_is_no_mistake(counts: dict[str, int]) -> None:
    """Two copies a batch, a few more in all, two readings at its end."""
    with on("sim") as check:
        expect_traffic(counts, batches=16, rows=128, data_bytes=1000)
    assert [one.actual for one in check.comparisons] == ["no more than needed"]


@pytest.mark.parametrize(
    ("counts", "fact", "said"),
    [
        (
            counted(32, 16),
            "waits in each batch",
            "epoch: the device was waited for 16 times in 16 batches: once per batch.",
        ),
        (counted(32, 17), "waits in each batch", "17 times in 16 batches: once per batch. "),
        (counted(32, 33), "waits in each batch", "33 times in 16 batches: 2 times per batch. "),
        (counted(32, 128), "waits in each batch", "128 times in 16 batches: 8 times per batch. "),
        (counted(32, 3), "waits too often", "3 times in 16 batches: 2 are enough. "),
        (
            counted(96 + 160, 1),
            "copies per row",
            "256 copies went to the device for 16 batches with 128 rows: rows",
        ),
        (counted(37), "copies per batch", "37 copies went to the device for 16 batches; 2 for each are enough."),
        (counted(32, 1, 0, 16_000), "bytes", "16 times as many bytes went to the device as the data have."),
        (
            counted(32, 1, 16),
            "reads in each batch",
            "16 copies came back from the device in 16 batches: once per batch.",
        ),
        (
            counted(128 + 16 + 4, 99),
            "copies per row",
            "148 copies went to the device for 16 batches with 128 rows: rows",
        ),
        (counted(16 * 12, 99), "copies per batch", "192 copies went to the device for 16 batches; 2 for each are"),
        (counted(32, -1), "unreadable", "the counts of copies and waits cannot be read."),
    ],
)
def test_a_mistake_is_named_with_its_numbers(counts: dict[str, int], fact: str, said: str) -> None:
    """The worst comes first: rows one by one, too many copies, too many bytes, waiting, results sent back."""
    with on("sim") as check, pytest.raises(ComparisonFailed) as failed:
        expect_traffic(counts, batches=16, rows=128, data_bytes=1000)
    assert said in failed.value.message
    assert failed.value.message.startswith("epoch: ")
    assert [(one.label, one.actual) for one in check.comparisons] == [("epoch", fact)]


def test_advice_says_what_to_do_instead() -> None:
    """Not only how often."""
    with (
        on("sim"),
        pytest.raises(ComparisonFailed, match="Add losses up on the device and read the sum once"),
    ):
        expect_traffic(counted(32, 16), batches=16)


def test_allowances_are_the_suites() -> None:
    """An epoch with three tensors a batch, or a loss scaler that waits in each step, is right where it has to be so."""
    with on("sim"):
        expect_traffic(counted(48, 1), batches=16, copies=3)
        expect_traffic(counted(42, 1), batches=16, once=10)
        expect_traffic(counted(32, 15), batches=16, waits=15)
        for allowed in ({"copies": 2}, {"once": 9}):
            with pytest.raises(ComparisonFailed, match="copies went to the device"):
                expect_traffic(counted(48 if "copies" in allowed else 42), batches=16, **allowed)


def test_two_loops_with_one_mistake_leave_the_same_evidence() -> None:
    """Whether they read one value in each step or two, once more at the end, or in epochs of other lengths."""

    def evidence(counts: dict[str, int], batches: int = 16) -> Any:
        with on("sim") as check, pytest.raises(ComparisonFailed, match="epoch"):
            expect_traffic(counts, batches=batches, rows=8 * batches)
        return evidence_of(check.comparisons[-1])

    waits = evidence(counted(32, 16))
    assert nearness(waits, evidence(counted(32, 33))) is Nearness.SAME
    assert nearness(waits, evidence(counted(12, 7, 6), batches=6)) is Nearness.SAME
    assert nearness(waits, evidence(counted(256, 16))) is Nearness.OTHER
    assert nearness(waits, evidence(counted(32, 200))) is Nearness.SAME
    assert nearness(waits, evidence(counted(32, 15))) is Nearness.OTHER
    assert nearness(waits, evidence(counted(32, 1, 16))) is Nearness.OTHER


@pytest.mark.parametrize(
    ("facts", "counts"),
    [({"batches": 4}, counted()), ({"batches": 9, "waits": 9}, counted()), ({"batches": 16, "rows": 36}, counted())],
)
def test_too_few_batches_could_tell_nothing(facts: dict[str, int], counts: dict[str, int]) -> None:
    """What each batch needs and what is allowed in all could not be told apart: the course's mistake."""
    with on("sim"), pytest.raises(CourseError, match="could not tell a right loop from a wrong one"):
        expect_traffic(counts, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_counts_of_another_device_are_the_courses_mistake(device: str) -> None:
    """On the CPU nothing moves and on CUDA nothing is counted: every loop would pass."""
    with on(device), pytest.raises(CourseError, match=rf'not on {device}\. Mark the check @devices\("sim"\)'):
        expect_traffic(counted(), batches=16)
    reader = SimpleNamespace(transfers=counted)
    with on(device), pytest.raises(CourseError, match=f"sim only, not on {device}"), traffic(reader):  # type: ignore[arg-type]
        raise AssertionError("the block must not run")


def test_counts_are_there_when_the_block_has_ended() -> None:
    """The difference of two readings; comparing inside the block is the course's mistake, not a pass."""
    readings = iter([counted(5, 1), counted(9, 3)])
    reader: Any = SimpleNamespace(transfers=lambda: next(readings))
    with on("sim"), traffic(reader) as counts, pytest.raises(CourseError, match="after that block has ended"):
        expect_traffic(counts, batches=16)
    assert counts == counted(4, 2)


def test_a_forged_answer_is_no_failure_of_ours() -> None:
    """A guest that says less than it should has counts that cannot be read, or none."""
    readings = iter([{"to_device": 7, "x": 1}, {}])
    reader: Any = SimpleNamespace(transfers=lambda: next(readings))
    with on("sim"), traffic(reader) as counts:
        pass
    with on("sim"), pytest.raises(ComparisonFailed, match="cannot be read"):
        expect_traffic(counts, batches=16)


# --- counts: in a real guest ----------------------------------------------------------------------------------------

EPOCH = """
import torch

def fit(batches, device):
    w = torch.zeros(3, 1, device=device, requires_grad=True)
    total = torch.zeros((), device=device)
    for x, t in batches:
        {move}
        loss = ((x @ w - t) ** 2).mean()
        (gradient,) = torch.autograd.grad(loss, [w])
        with torch.no_grad():
            w -= 0.1 * gradient
        {add}
    return float(total) / len(batches), w.detach().cpu()
"""
MOVES = "x, t = x.to(device), t.to(device)"
ROWS = "x, t = (torch.cat([row.to(device)[None] for row in part]) for part in (x, t))"
ADDS, WAITS, PRINTS = "total += loss.detach()", "total += loss.item()", "print(loss); total += loss.detach()"
SUITE = """
    import torch
    from grader.suite import *

    @devices("sim")
    @points(1)
    def test_values(submission, rng, device):
        '''The weights are right.'''
        batches = [(torch.randn(8, 3, generator=rng), torch.randn(8, 1, generator=rng)) for _ in range(6)]
        loss, w = expect_tuple(submission.fit(batches, device), 2, "loss, w")
        expect_equal(tuple(w.shape), (3, 1), label="shape of w")

    @devices("sim")
    @points(1)
    @needs("test_values")
    def test_traffic(submission, guest, rng, device):
        '''An epoch moves each batch once and waits at its end only.'''
        batches = [(torch.randn(8, 3, generator=rng), torch.randn(8, 1, generator=rng)) for _ in range(6)]
        with traffic(guest) as counts:
            submission.fit(batches, device)
        expect_traffic(counts, batches=6, rows=48)
"""
DEVICES = '[devices]\nrun = ["cpu", "sim"]\n[limits]\ncheck_wall_s = 60\nwall_s = 200\n'


def epoch(move: str = MOVES, add: str = ADDS) -> str:
    """Return a submission that trains so."""
    return EPOCH.format(move=move, add=add)


WRONG = {"waits-each-step": {"add": WAITS}, "moves-each-row": {"move": ROWS}}
PROBLEMS = [
    ({"add": WAITS}, "was waited for 8 times in 6 batches: once per batch", "waits-each-step"),
    ({"add": PRINTS}, "in 6 batches: ", "waits-each-step"),
    ({"add": f"{WAITS}; {WAITS}"}, "in 6 batches: 2 times per batch", "waits-each-step"),
    ({"move": ROWS}, "96 copies went to the device for 6 batches with 48 rows: rows were moved one", "moves-each-row"),
    (
        {"move": MOVES + "; kept = w.detach().cpu()"},
        "waited for 8 times in 6 batches: once per batch",
        "waits-each-step",
    ),
    ({"move": MOVES + "; k = torch.ones(()).to(device)"}, "18 copies went to the device for 6 batches; 2", None),
]


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[Grader]:
    """A grader for a course with an epoch on a device and two known wrong ones."""
    files = {f"solutions/{SLUG}/work.py": epoch()}
    for name, change in WRONG.items():
        path = f"solutions/{SLUG}/wrong/{name.replace('-', '_')}.py"
        files[path] = header(name, "keeps the device waiting.", "test_traffic") + epoch(**change)
    made = make_course(tmp_path_factory.mktemp("course"), SUITE, points=2, files=files, more=DEVICES)
    with Grader(made, Tier.NONE, zygote) as started:
        yield started


def told(grader: Grader, **change: str) -> CheckResult:
    """Judge an epoch, name its mistake, and return what came of the counts."""
    judgement = grader.judge(Submission("0" * 64, (SourceFile("work.py", epoch(**change)),)), seed=7)
    result = bench.named(grader, judgement)
    return next(check for check in result.checks if check.id == "test_traffic")


@needs_sim
def test_a_right_epoch_passes(grader: Grader) -> None:
    """Each batch moved once, one reading at the end, the weights fetched once."""
    assert told(grader).outcome is Outcome.PASSED


@needs_sim
@pytest.mark.parametrize(("change", "said", "name"), PROBLEMS)
def test_loops_that_keep_a_device_waiting_are_told_so_and_named(
    grader: Grader, change: dict[str, str], said: str, name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a GPU; whoever makes a known mistake in another way is recognised too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    check = told(grader, **change)
    assert check.outcome is Outcome.FAILED
    assert said in check.message
    assert (check.diagnosis.misconception if check.diagnosis else None) == name


# --- times ----------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that only what is timed moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.calls: list[str] = []
        monkeypatch.setattr(throughput, "_clock", lambda: self.now)

    def taking(self, name: str, *walls_s: float, value: Any = 0.5) -> Callable[[], Any]:
        """Return an epoch that takes so long each time; the last time over and over."""
        left = list(walls_s)

        def run() -> Any:
            self.calls.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]
            return value

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock of the test's own."""
    return Clock(monkeypatch)


def test_the_shortest_times_are_compared(clock: Clock) -> None:
    """What is slow once is no mistake, and the first run of each, which loads and compiles, does not count."""
    with on("cuda"):
        expect_throughput(clock.taking("s", 60.0, 9.0, 1.9, 7.0, 5.0, 4.0), clock.taking("o", 30.0, 3.0, 2.0, 1.0))


def test_a_slow_loop_is_told_how_many_times_as_long_it_took(clock: Clock) -> None:
    """Rounded up, without any time of ours; nothing of it is left for diagnosis."""
    with on("cuda") as check, pytest.raises(ComparisonFailed) as failed:
        expect_throughput(clock.taking("s", 9.0, 3.42), clock.taking("o", 9.0, 1.0), label="epoch")
    assert failed.value.message.startswith(
        "epoch: yours takes 3.5 times as long as ours on the same device; at most 2 times are allowed."
    )
    assert check.comparisons == []
    verdict = with_evidence(verdict_of(failed.value, None), check, failed.value)
    assert (verdict.outcome, verdict.comparison, verdict.evidence) == (Outcome.FAILED, "epoch", None)


@pytest.mark.parametrize(("at_most", "passes"), [(2.0, False), (3.5, True)])
def test_how_much_longer_it_may_take_is_the_suites(clock: Clock, at_most: float, passes: bool) -> None:
    """A limit that is met exactly is met."""
    within = contextlib.nullcontext() if passes else pytest.raises(ComparisonFailed, match=r"3\.5 times as long")
    with on("cuda"), within:
        expect_throughput(clock.taking("s", 3.5), clock.taking("o", 1.0), at_most)


def test_the_two_take_turns(clock: Clock) -> None:
    """Each goes first every other time, so that neither always has the warmer device; one untimed run before."""
    with on("cuda"):
        expect_throughput(clock.taking("s", 1.0), clock.taking("o", 1.0), rounds=3)
    assert "".join(clock.calls) == "os" + "os" + "so" + "os"


def test_a_few_milliseconds_are_held_against_nobody(clock: Clock) -> None:
    """An epoch that short is mostly the call itself."""
    with on("cuda"):
        expect_throughput(clock.taking("s", 0.0069), clock.taking("o", 0.001))
    with on("cuda"), pytest.raises(ComparisonFailed, match=r"7\.1 times as long"):
        expect_throughput(clock.taking("s", 0.0071), clock.taking("o", 0.001))


def test_there_are_as_many_rounds_as_the_time_allows(clock: Clock) -> None:
    """A slow student is told so and does not run into the check's limit; one round there always is."""
    with on("cuda") as check:
        check.deadline = clock.now + 17.0
        with pytest.raises(ComparisonFailed, match="4 times as long"):
            expect_throughput(clock.taking("s", 4.0), clock.taking("o", 1.0))
    assert clock.calls.count("s") == 3
    with on("cuda") as check:
        check.deadline = clock.now + 1.0
        with pytest.raises(ComparisonFailed, match="4 times as long"):
            expect_throughput(clock.taking("s", 4.0), clock.taking("o", 1.0))


def test_a_clock_that_stands_still_divides_nothing_by_zero(clock: Clock) -> None:
    """Ours took no time that could be measured."""
    with on("cuda"), pytest.raises(ComparisonFailed, match="∞ times as long"):
        expect_throughput(clock.taking("s", 1.0), clock.taking("o", 0.0))


def test_an_epoch_must_return_what_it_computed(clock: Clock) -> None:
    """Work that a GPU was only asked for takes no time; a value that came across says that it is done."""
    remote = object.__new__(Remote)
    for value in (None, remote):
        with on("cuda"), pytest.raises(ComparisonFailed, match="should return what it computed last"):
            expect_throughput(clock.taking("s", 1.0, value=value), clock.taking("o", 1.0))
        with on("cuda"), pytest.raises(CourseError, match="the reference's epoch must return a value"):
            expect_throughput(clock.taking("s", 1.0), clock.taking("o", 1.0, value=value))


@pytest.mark.parametrize("device", ["cpu", "sim"])
def test_times_of_another_device_are_the_courses_mistake(clock: Clock, device: str) -> None:
    """A processor is shared and `sim` is slow for reasons of its own: neither runs anything."""
    with on(device), pytest.raises(CourseError, match=rf'not on {device}\. Mark the check @devices\("cuda"\)'):
        expect_throughput(clock.taking("s", 1.0), clock.taking("o", 1.0))
    assert clock.calls == []


@pytest.mark.parametrize(("at_most", "rounds"), [(1.0, 5), (0.5, 5), (math.nan, 5), (2.0, 0)])
def test_limits_that_make_no_sense_are_the_courses_mistake(clock: Clock, at_most: float, rounds: int) -> None:
    """Right solutions differ by more than nothing."""
    with on("cuda"), pytest.raises(CourseError, match="at_most must be larger than 1 and rounds at least 1"):
        expect_throughput(clock.taking("s", 1.0), clock.taking("o", 1.0), at_most, rounds)


# --- our solution in a guest of its own -----------------------------------------------------------------------------

BOTH = """
    import torch
    from grader.suite import *

    @points(1)
    def test_both(submission, ours, guest):
        '''Both double, and neither knows of the other.'''
        expect_equal(submission.double(3), ours.solution.double(3), label="twice")
        expect_equal(submission.draw(), ours.solution.draw(), label="draws")
        expect_equal(submission.pid() == ours.solution.pid(), False, label="one process")

    @points(1)
    @limits(check_wall_s=1.5)
    def test_broken(submission, ours):
        '''What ours does is not the student's.'''
        submission.slow()
        ours.solution.broken()
"""
WORK = """
import os, time, torch

def double(x):
    return 2 * x

def draw():
    return torch.rand(()).item()

def pid():
    return os.getpid(), id(torch.ones(1)), open("/proc/self/stat").read()[:200]

def slow():
    pass

def broken():
    pass
"""


def both(root: Path, zygote: Zygote, ours: str, theirs: str = WORK) -> dict[str, CheckResult]:
    """Judge a submission beside our solution."""
    made = make_course(root, BOTH, points=2, files={f"solutions/{SLUG}/work.py": ours})
    with Grader(made, Tier.NONE, zygote) as grader:
        result = grader.grade(Submission("0" * 64, (SourceFile("work.py", theirs),)), seed=7)
    return {check.id: check for check in result.checks}


def test_our_solution_runs_beside_the_students(tmp_path: Path, zygote: Zygote) -> None:
    """In a process of its own, with the same draws; twice the same check gives twice the same."""
    found = both(tmp_path, zygote, WORK)
    assert {id: check.outcome for id, check in found.items()} == {
        "test_both": Outcome.PASSED,
        "test_broken": Outcome.PASSED,
    }
    wrong = both(tmp_path / "wrong", zygote, WORK, WORK.replace("2 * x", "3 * x"))
    assert (wrong["test_both"].outcome, wrong["test_both"].comparison) == (Outcome.FAILED, "twice")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("raise ValueError('ours')", "compared with, failed: ValueError: ours"),
        ("os._exit(3)", "compared with, failed: Your code ended Python itself"),
    ],
)
def test_what_ours_does_is_the_courses_mistake(tmp_path: Path, zygote: Zygote, broken: str, said: str) -> None:
    """An exception, or an end of Python: no student is judged by that."""
    with pytest.raises(CourseError, match=said):
        both(tmp_path, zygote, WORK.replace("def broken():\n    pass", f"def broken():\n    {broken}"))


def test_a_student_who_used_up_the_time_cannot_stop_the_course(tmp_path: Path, zygote: Zygote) -> None:
    """The limit is met while ours runs: it is a timeout of that check, not a broken course."""
    slow = WORK.replace("def slow():\n    pass", "def slow():\n    time.sleep(1)")
    ours = WORK.replace("def broken():\n    pass", "def broken():\n    time.sleep(30)")
    assert both(tmp_path, zygote, ours, slow)["test_broken"].outcome is Outcome.TIMEOUT


PEEKS = """
    from grader.suite import *

    @points(1)
    def test_peek(submission, ours):
        '''No other process can be looked into.'''
        number = ours.solution.pid()
        expect_equal(submission.peek(number), [], label="what could be read")
"""
PEEKING = """
import os

def pid():
    return os.getpid()

def peek(number):
    found, others = [], {number, os.getppid(), *range(max(2, os.getpid() - 50), os.getpid() + 50)} - {os.getpid(), 1}
    for other in sorted(others):
        for what in ("mem", "maps", "environ"):
            try:
                with open(f"/proc/{other}/{what}", "rb") as file:
                    if what == "mem" or file.read(1):
                        found.append(f"{other} {what}")
            except OSError:
                pass
    return found
"""


def test_the_students_guest_cannot_look_into_ours(tmp_path: Path, zygote: Zygote, tier: Tier) -> None:
    """It holds our solution: in every fenced tier its memory, mappings and environment are out of reach."""
    made = make_course(tmp_path, PEEKS, points=1, files={f"solutions/{SLUG}/work.py": PEEKING})
    with Grader(made, tier, zygote) as grader:
        (check,) = grader.grade(Submission("0" * 64, (SourceFile("work.py", PEEKING),)), seed=7).checks
    assert (check.outcome, check.message) == (Outcome.PASSED, "")


def test_a_solution_that_cannot_be_imported_is_the_courses_mistake(tmp_path: Path, zygote: Zygote) -> None:
    """Or is not there."""
    with pytest.raises(CourseError, match="compared with, failed: ZeroDivisionError"):
        both(tmp_path, zygote, "1 / 0\n")
    made = make_course(tmp_path / "none", BOTH, points=2)
    (made.solution_folder / "work.py").unlink()
    fake = FakeSession({})
    with a_check() as check, pytest.raises(CourseError, match=r"work\.py is missing, but a check uses the reference"):
        OurGuest(made, Job((), 7, "none"), lambda job: fake).begin(check)


def test_our_guest_is_started_once_and_begins_every_check(tmp_path: Path) -> None:
    """With the check's own seed and deadline; closing it twice does no harm."""
    made = make_course(tmp_path, public="def test_b():\n    '''B.'''\n")
    opened: list[Job] = []
    fake = FakeSession({})
    guest = OurGuest(made, Job((), 7, "none"), lambda job: opened.append(job) or fake)  # type: ignore[func-returns-value]
    with a_check() as check:
        assert guest.begin(check) is fake
        guest.begin(check)
        assert fake.seeds == [check.seed("guest")] * 2
    assert fake.is_ours
    assert [source.name for source in opened[0].sources] == ["work.py"]
    guest.close()
    guest.close()
    assert fake.calls == ["open", "begin", "begin", "close"]


def test_a_lost_guest_of_ours_at_its_import_is_the_courses_mistake(tmp_path: Path) -> None:
    """It is closed, and asked for anew next time."""
    made = make_course(tmp_path, public="def test_b():\n    '''B.'''\n")
    fake = FakeSession({}, fails_to_open=[GuestLost(Outcome.CRASHED, "it ended")])
    with a_check() as check, pytest.raises(CourseError, match="failed: it ended"):
        OurGuest(made, Job((), 7, "none"), lambda job: fake).begin(check)
    assert fake.calls == ["open", "close"]


def test_values_are_still_values() -> None:
    """A tensor that came across says that the device is done, as a number does."""
    assert throughput._came_across(torch.ones(2))
    assert throughput._came_across(0.0)
