"""Judging on several devices: each has a guest of its own, results say where, and no other process knows of `sim`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from grader import messages
from grader.course import Exercise
from grader.diagnosis.naming import record_of
from grader.errors import CourseError, GuestLost, InfrastructureError
from grader.events import PlannedCheck
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.sandbox import rehearsal
from grader.sandbox.fence import Tier
from grader.sandbox.guest import sim
from grader.sandbox.host import Session
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission
from grader.suite.collect import CollectedSuite
from grader.suite.expect import device_of
from grader.unjudged import devices_used, not_judged, unjudged

from .conftest import OpenSession, begin
from .tiny_course import SLUG, collect, make_course

STUDENT = """
import os
import torch
from torch import nn

imported = []

def double(x):
    return 2 * x

def sees():
    storage = torch.UntypedStorage.__new__ is torch._C.StorageBase.__new__
    return (hasattr(torch, "sim"), torch.accelerator.is_available(), torch.Generator is torch._C.Generator,
            storage, torch._C._get_privateuse1_backend_name())

def on_sim():
    return torch.ones(1, device="sim").tolist()

def slope_on_sim():
    x = torch.tensor([1.0, 2.0], device="sim", requires_grad=True)
    x.square().sum().backward()
    return x.grad.tolist()

def end():
    os._exit(3)

def pid():
    return os.getpid(), id(imported)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))

    def forward(self, x):
        return (self.w * x).sin() * x.sum()
"""
PLAIN = (False, False, True, True, "privateuseone")


@pytest.fixture
def session(open_session: OpenSession) -> Session:
    """A session whose check is judged on the CPU so far."""
    return open_session(STUDENT)


def begin_on(session: Session, device: str) -> None:
    """Begin a check on a device."""
    session.begin_check(1, time.monotonic() + session.spec.limits.check_wall_s, device)


# --- guests ---------------------------------------------------------------------------------------------------------


def test_the_accelerator_changes_its_own_guest_only(session: Session) -> None:
    """CPU guests before and after, a fresh one besides, and this process: none has heard of it."""
    assert session.submission.sees() == PLAIN
    begin_on(session, "sim")
    assert session.submission.sees() == (True, True, False, False, "sim")
    assert session.submission.on_sim() == [1.0]
    begin(session)
    assert session.submission.sees() == PLAIN
    with pytest.raises(GuestLost, match="exit status 3"):
        session.submission.end()
    begin(session)
    assert session.submission.sees() == PLAIN
    assert torch._C._get_privateuse1_backend_name() == "privateuseone"
    assert not hasattr(torch, "sim")


def test_each_device_keeps_its_guest(session: Session) -> None:
    """Going back and forth starts nothing anew; one that is lost is replaced, and the other one lives on."""
    begin_on(session, "sim")
    first = session.submission.pid()
    begin(session)
    session.submission.double(torch.ones(2))
    begin_on(session, "sim")
    assert session.submission.pid() == first
    assert session.guests_started == 2
    with pytest.raises(GuestLost, match="exit status 3"):
        session.submission.end()
    begin(session)
    session.submission.double(torch.ones(2))
    assert session.guests_started == 2
    begin_on(session, "sim")
    assert session.submission.on_sim() == [1.0]
    assert session.guests_started == 3


def test_starting_a_device_is_no_part_of_the_check(open_session: OpenSession) -> None:
    """A deadline that has passed before the guest was asked is the student's timeout, and no mistake of ours."""
    session = open_session(STUDENT)
    session.begin_check(1, time.monotonic() - 1, "sim")
    with pytest.raises(GuestLost, match="did not finish") as lost:
        session.submission.on_sim()
    assert lost.value.outcome is Outcome.TIMEOUT


def test_it_works_behind_every_fence(open_session: OpenSession, tier: Tier) -> None:
    """Backward starts a thread there, which every tier allows."""
    session = open_session(STUDENT, at=tier)
    begin_on(session, "sim")
    assert session.submission.slope_on_sim() == [2.0, 4.0]


def test_results_say_where_they_were(session: Session) -> None:
    """Values come as CPU tensors; where they were is in the frame."""
    begin_on(session, "sim")
    y = session.submission.double(session.guest.place(torch.ones(3), "sim"))
    assert (device_of(y), y.device.type, y.tolist()) == ("sim", "cpu", [2.0, 2.0, 2.0])
    assert device_of(session.submission.double(torch.ones(3))) == "cpu"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.bool, torch.int64, torch.complex64])
def test_every_dtype_crosses(session: Session, dtype: torch.dtype) -> None:
    """To the accelerator and back, also of no elements and not contiguous."""
    begin_on(session, "sim")
    x = torch.tensor([[0, 1, 2], [3, 0, 5]]).to(dtype)
    assert torch.equal(session.guest.read(session.guest.place(x, "sim")), x)
    assert session.guest.read(session.guest.place(x[:0], "sim")).shape == (0, 3)
    assert torch.equal(session.guest.place(x, "sim").get("T"), x.T)


def test_gradients_cross_from_the_accelerator(session: Session) -> None:
    """Backward here fills .grad there; gradients of first and second order are those of the CPU."""
    begin_on(session, "sim")
    net = session.submission.Net()
    net.to("sim")
    values = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    there = session.guest.tensor(values, requires_grad=True, device="sim")
    out = net(there)
    out.square().sum().backward()
    w = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    x = values.clone().requires_grad_()
    ((w * x).sin() * x.sum()).square().sum().backward()
    assert torch.allclose(net.gradients()["w"], w.grad)  # type: ignore[arg-type]
    assert device_of(net.gradients()["w"]) == "sim"
    assert torch.allclose(there.get("grad"), x.grad)  # type: ignore[arg-type]
    upstream = torch.ones(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda given: _vjp(net, there, given), (upstream,))


def _vjp(net: Callable[..., Tensor], there: object, upstream: Tensor) -> Tensor:
    parameter = net.parameters()["w"]  # type: ignore[attr-defined]
    (gradient,) = torch.autograd.grad(net(there), [parameter], upstream, create_graph=True)
    return gradient


def test_a_tensor_can_be_placed_only_where_the_check_is_judged(session: Session) -> None:
    """Asking for another device is the suite's mistake, and the student is not blamed for it."""
    with pytest.raises(CourseError, match="judged on cpu, and there is no device sim there"):
        session.guest.place(torch.ones(2), "sim")
    begin_on(session, "sim")
    with pytest.raises(CourseError, match="judged on sim, and there is no device cuda there"):
        session.guest.tensor(torch.ones(2), device="cuda")
    assert session.guest.read(session.guest.place(torch.ones(2), "cpu")).tolist() == [1.0, 1.0]


def test_a_guest_without_a_device_moves_nothing(session: Session) -> None:
    """On the CPU all counts are 0."""
    session.submission.double(torch.ones(3))
    assert set(session.guest.transfers().values()) == {0}


def test_a_guest_that_cannot_become_one_of_the_device_is_ours(session: Session) -> None:
    """Every try says so, and a check on the CPU is judged as ever."""
    for _ in range(2):
        begin_on(session, "abacus")
        with pytest.raises(InfrastructureError, match="with a device abacus"):
            session.submission.double(torch.ones(2))
    begin(session)
    assert session.submission.double(torch.ones(2)).tolist() == [2.0, 2.0]


# --- results ----------------------------------------------------------------------------------------------------------

SUITE = """
import torch
from grader.suite import device_of, devices, expect_close, expect_equal, needs, once, points

@points(2)
def test_double(submission, guest, device):
    '''double gives twice x, where x is.'''
    y = submission.double(guest.place(torch.ones(3), device))
    expect_close(y, 2 * torch.ones(3), label="y", device=device)

@points(1)
@needs("test_double")
def test_again(submission, guest, device):
    '''double can be called again.'''
    shared = once("y", lambda: submission.double(guest.place(torch.ones(2), device)))
    expect_equal((shared.tolist(), device_of(shared)), ([2.0, 2.0], device), label="y")

@points(1)
@devices("sim")
def test_waits_are_few(submission, guest, device):
    '''double does not wait for the device.'''
    submission.double(guest.place(torch.ones(3), device))
    expect_equal(guest.transfers()["synchronisations"], 0, label="waits")
"""
DEVICES = '[devices]\nrun = ["cpu", "sim", "cuda"]\n[limits]\ncheck_wall_s = 60\nwall_s = 200\n'
RIGHT = "def double(x):\n    return 2 * x\n"
STAYS_BEHIND = "import torch\ndef double(x):\n    return x + torch.ones(len(x))\n"
WAITS = "def double(x):\n    x.sum().item()\n    return 2 * x\n"
LEAVES = "def double(x):\n    return (2 * x).cpu()\n"
BREAKS_AT_IMPORT = "import torch\nif hasattr(torch, 'sim'):\n    raise ValueError('no')\n" + RIGHT


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    """An exercise that is judged on three devices, of which one is never here."""
    return make_course(tmp_path, hidden=SUITE, points=4, more=DEVICES)


def outcomes_of(result: ExerciseResult) -> dict[str, str]:
    """Return the outcomes by check and device."""
    return {f"{check.id} on {check.device}": check.outcome.value for check in result.checks}


def submission(text: str) -> Submission:
    """Return a submission of this one file."""
    return Submission("0" * 64, (SourceFile("work.py", text),))


def test_checks_are_judged_on_every_device_that_is_here(exercise: Exercise) -> None:
    """The reference earns everything on cpu and sim; cuda waits, and the result names the devices that were used."""
    with Grader(exercise) as grader:
        right = grader.grade(submission(RIGHT))
        behind = grader.judge(submission(STAYS_BEHIND))
        assert outcomes_of(right) == {
            "test_double on cpu": "passed", "test_double on sim": "passed", "test_double on cuda": "pending",
            "test_again on cpu": "passed", "test_again on sim": "passed", "test_again on cuda": "pending",
            "test_waits_are_few on sim": "passed",
        }  # fmt: skip
        assert (right.score, right.max_score, right.complete) == (4.0, 4.0, True)
        assert right.environment.devices == ["cpu", "sim"]
        wrong = outcomes_of(behind.result)
        assert (wrong["test_double on cpu"], wrong["test_double on sim"]) == ("passed", "raised")
        assert (wrong["test_again on cpu"], wrong["test_again on sim"]) == ("passed", "blocked")
        assert behind.result.score == 0.0
        [on_sim] = [c for c in behind.result.checks if c.id == "test_double" and c.device == "sim"]
        assert "found at least two devices, sim:0 and cpu!" in on_sim.message
        assert behind.evidence["test_double"].raised is not None
        assert outcomes_of(grader.grade(submission(WAITS)))["test_waits_are_few on sim"] == "failed"
        assert outcomes_of(grader.grade(submission(LEAVES)))["test_double on sim"] == "failed"
        only = grader.grade(submission(RIGHT), devices=("sim",))
        assert only.environment.devices == ["sim"]
        assert {o for place, o in outcomes_of(only).items() if place.endswith("cpu")} == {"pending"}
        at_import = outcomes_of(grader.grade(submission(BREAKS_AT_IMPORT)))
        assert (at_import["test_double on cpu"], at_import["test_double on sim"]) == ("passed", "raised")


def test_a_torch_without_it_leaves_checks_pending_and_says_why() -> None:
    """One sentence in the entry, with the version and the name; points are not lost."""
    planned = PlannedCheck("test_a", "A.", "hidden", "sim", 1.0, pending=True, lacks="torch._C._no_such")
    entry = not_judged(planned, None, "2.9.0")
    assert (entry.outcome, entry.points) == (Outcome.PENDING, 0.0)
    assert entry.message == messages.SIM_MISSING.format(version="2.9.0", name="torch._C._no_such")
    assert not_judged(PlannedCheck("b", "B.", "hidden", "cuda", 1.0, pending=True), None, "2.13").message == ""
    plan = [planned, PlannedCheck("a", "A.", "hidden", "cpu", 1.0)]
    assert (devices_used(plan, None), devices_used(plan, ("sim",))) == (["cpu"], [])


def test_of_several_devices_the_one_that_failed_is_diagnosed() -> None:
    """A check that passed on the CPU and failed on the accelerator counts as failed where mistakes are named."""
    outcomes = {
        "a": [("cpu", Outcome.PASSED), ("sim", Outcome.FAILED), ("cuda", Outcome.PENDING)],
        "b": [("cpu", Outcome.PASSED), ("sim", Outcome.BLOCKED)],
        "c": [("cpu", Outcome.RAISED), ("sim", Outcome.FAILED)],
        "d": [("cpu", Outcome.PENDING), ("sim", Outcome.PASSED)],
    }
    checks = [
        unjudged(PlannedCheck(id, id, "hidden", device, 1.0), outcome)
        for id, entries in outcomes.items()
        for device, outcome in entries
    ]
    record = record_of(SimpleNamespace(result=SimpleNamespace(checks=checks), evidence={}))  # type: ignore[arg-type]
    assert {id: outcome.value for id, outcome in record.outcomes.items()} == {
        "a": "failed", "b": "blocked", "c": "raised", "d": "passed",
    }  # fmt: skip


def test_the_value_that_names_a_mistake_is_of_the_same_device_in_any_order(exercise: Exercise) -> None:
    """What fails on both devices with different values is known by the first device's, also when judged last."""
    differs = submission("def double(x):\n    return x * (3 if x.device.type == 'cpu' else 5)\n")
    with Grader(exercise, Tier.NONE) as grader:
        forwards, backwards = (grader.judge(differs, backwards=order) for order in (False, True))
    assert [check.outcome for check in forwards.result.checks[:2]] == [Outcome.FAILED] * 2
    assert forwards.evidence == backwards.evidence


def test_the_plan_knows_what_torch_lacks(exercise: Exercise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that is collected with such a torch has its checks on sim pending, with the name."""
    monkeypatch.setattr(sim, "_NEEDED", ("torch._C._no_such",))
    seen: list[CollectedSuite] = []
    collect(exercise, tmp_path / "private", seen.append)
    planned = {(step.planned.id, step.planned.device): step.planned for step in seen[0].steps}
    assert planned["test_double", "sim"].lacks == "torch._C._no_such"
    assert planned["test_double", "sim"].pending
    assert not planned["test_double", "cpu"].pending


# --- the doctor -------------------------------------------------------------------------------------------------------


def test_the_doctor_trains_on_it(zygote: Zygote, strongest: Tier) -> None:
    """In a real guest, and the losses are those of the CPU."""
    assert rehearsal.problem_with_sim(zygote, strongest) == ""


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (
            "def losses(device): return [1.0 if device == 'cpu' else 2.0]\ndef mixed(device): return True",
            "its losses [2.0",
        ),
        ("def losses(device): return [1.0]\ndef mixed(device): return False", "it adds tensors of two devices"),
        ("def losses(device): raise ValueError('no way')", "ValueError: no way"),
        ("import os\ndef losses(device): os._exit(1)", "Your code ended Python itself"),
    ],
)
def test_the_doctor_says_what_does_not_work(
    zygote: Zygote, strongest: Tier, monkeypatch: pytest.MonkeyPatch, program: str, problem: str
) -> None:
    """Other losses, devices that mix, an exception, a crash: each is part of a sentence."""
    monkeypatch.setattr(rehearsal, "_PROGRAM", program)
    assert problem in rehearsal.problem_with_sim(zygote, strongest)


# --- for authors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--device", "sim"), 1, "RuntimeError: Expected all tensors to be on the same device"),
        ((), 0, "2 of 2 checks passed."),
    ],
)
def test_debugging_is_on_one_device(
    exercise: Exercise, tmp_path: Path, more: tuple[str, ...], code: int, said: str
) -> None:
    """On the CPU unless another device is named; then the process itself becomes one that has it."""
    file = tmp_path / "mine.py"
    file.write_text(STAYS_BEHIND)
    command = [sys.executable, "-P", "-m", "grader.suite.debug", str(exercise.course.root), SLUG]
    done = subprocess.run(
        [*command, "--submission", str(file), *more], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout


def test_a_plain_pytest_judges_on_one_device(tmp_path: Path) -> None:
    """Checks of other devices are left out, and the fixture says which it is."""
    ini = "[pytest]\naddopts = -p grader.pytest_plugin --import-mode=importlib -p no:cacheprovider --strict-markers\n"
    exercise = make_course(tmp_path, hidden=SUITE, points=4, more=DEVICES, files={"pytest.ini": ini})
    command = [sys.executable, "-m", "pytest", "-q", f"tests/hidden/{SLUG}"]

    def run(*more: str) -> tuple[int, str]:
        done = subprocess.run(
            [*command, *more], cwd=exercise.course.root, capture_output=True, text=True, check=False, timeout=300
        )
        return done.returncode, done.stdout + done.stderr

    assert "2 passed, 1 deselected" in run()[1]
    assert "3 passed" in run("--device=sim")[1]
    code, said = run("--device=cuda")
    assert (code, "Nothing can be judged on cuda here." in said) == (4, True)
