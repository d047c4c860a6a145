"""Judging on cuda as far as it can be tried without a GPU; at the end, skipped with their reason, what needs one."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from grader import doctor, messages
from grader.diagnosis.evidence import UNNAMED_DEVICES
from grader.diagnosis.naming import record_of
from grader.errors import GuestLost, InfrastructureError, StudentRaised
from grader.events import Began, Ended, Job, PlannedCheck, Preparing
from grader.grade import Grader
from grader.limits import Limits
from grader.merge import merge
from grader.results import CheckResult, Diagnosis, ExerciseResult, Outcome
from grader.sandbox import rehearsal
from grader.sandbox.fence import Gpu, Lack, Tier, find_gpus, gpu_lack
from grader.sandbox.gpu_lock import try_to_hold
from grader.sandbox.guest import cuda
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.inprocess import InProcessGuests
from grader.sandbox.spawn import Zygote
from grader.suite import collect as collecting
from grader.suite import context, judge, present, worker
from grader.suite.choose import to_judge
from grader.suite.collect import CollectedSuite
from grader.suite.expect import CUDA_TOLERANCES, TOLERANCES, ComparisonFailed, expect_close
from grader.suite.plan import make_plan
from grader.suite.training import expect_trajectory
from grader.suite.verdict import verdict_of
from grader.unjudged import unjudged

from .conftest import OpenSession
from .test_merge import entry, result
from .test_plan import check as suite_check
from .test_sim_grading import begin_on, outcomes_of, submission
from .tiny_course import SLUG, FakeSession, judge_events, make_course

GPU = Gpu(0, ("/dev/full",))
SUITE = """
from grader.suite import *

@points(1)
def test_double(submission):
    '''double gives twice x.'''
    expect_equal(submission.double(2), 4)
"""
DEVICES = '[devices]\nrun = ["cpu", "cuda"]\n'
here = gpu_lack()
needs_cuda = pytest.mark.skipif(here is not None or torch.version.cuda is None, reason="no CUDA device")


# --- presence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lack", "build", "said", "absent"),
    [
        (Lack.NO_NODES, None, "", "no-nodes"),
        (Lack.CLOSED_NODES, "12.9", "", "closed-nodes"),
        (None, None, "", "no-build"),
        (None, "12.9", "", None),
        (None, "12.9", "RuntimeError: no", "RuntimeError: no"),
    ],
)
def test_cuda_is_there_if_nodes_torch_and_a_guest_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lack: Lack | None, build: str | None, said: str, absent: str | None
) -> None:
    """In this order; the guest is asked last, and only for an exercise that lists cuda."""
    monkeypatch.setattr(present, "gpu_lack", lambda: lack)
    monkeypatch.setattr(present, "find_gpus", lambda: (GPU,))
    monkeypatch.setattr("grader.sandbox.gpu_lock.FOLDER", str(tmp_path))
    monkeypatch.setattr(torch.version, "cuda", build)
    asked: list[Gpu] = []

    def rehearse(gpu: Gpu) -> str:
        asked.append(gpu)
        assert try_to_hold([gpu]) is None  # nobody else is given it meanwhile
        return said

    assert present.absent_devices(["cpu", "cuda"], rehearse).get("cuda") == absent
    assert asked == ([GPU] if lack is None and build else [])
    assert (present.absent_devices(["cpu"], rehearse).get("cuda") is None) == (lack is None and build is not None)
    assert len(asked) <= 1


def test_a_gpu_at_work_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where another submission is being judged on it, nothing has to be tried."""
    monkeypatch.setattr(present, "gpu_lack", lambda: None)
    monkeypatch.setattr(present, "find_gpus", lambda: (GPU,))
    monkeypatch.setattr("grader.sandbox.gpu_lock.FOLDER", str(tmp_path))
    monkeypatch.setattr(torch.version, "cuda", "12.9")
    held = try_to_hold([GPU])
    assert held is not None
    with held:
        assert "cuda" not in present.absent_devices(["cuda"], lambda gpu: "must not be asked")


@pytest.mark.parametrize(("absent", "pending"), [({}, False), ({"cuda": "no-build"}, True)])
def test_the_plan_waits_for_cuda_only_where_it_is_absent(tmp_path: Path, absent: dict[str, str], pending: bool) -> None:
    """The line of the plan is the same; whether it waits, and why, differs."""
    exercise = make_course(tmp_path, points=1, more=DEVICES)
    cpu, on_cuda = (step.planned for step in make_plan([suite_check("a", 1, devices=None)], exercise, absent))
    assert (cpu.pending, on_cuda.device, on_cuda.pending) == (False, "cuda", pending)
    assert on_cuda.lacks == absent.get("cuda", "")


def test_nothing_that_guests_are_forked_from_has_touched_cuda(zygote: Zygote) -> None:
    """A fork of a process that has called CUDA cannot use it: no node is open there after all the imports."""
    folder = Path(f"/proc/{zygote.pid}/fd")
    opened = [str(link.readlink()) for link in folder.iterdir()]
    assert opened
    assert not [path for path in opened if path.startswith(("/dev/nvidia", "/dev/dxg"))]


# --- a guest of cuda --------------------------------------------------------------------------------------------------


def test_a_guest_without_cuda_says_so(zygote: Zygote, strongest: Tier) -> None:
    """The production path up to the first CUDA call: a node is bound, the guest is asked, torch's reason comes back."""
    if torch.version.cuda is not None:
        pytest.skip("this torch is built with CUDA")
    problem = rehearsal.what_cuda_lacks(zygote, strongest, GPU)
    assert problem == "no isolated Python with a device cuda: AssertionError: Torch not compiled with CUDA enabled"
    assert rehearsal.problem_with_cuda(zygote, strongest, GPU) == problem


@pytest.fixture
def settings() -> Iterator[None]:
    """Put back what `compute_alike` changes in this process."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    names = ("allow_tf32", "allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction")
    kept = [(matmul, name) for name in names] + [(cudnn, name) for name in ("allow_tf32", "benchmark", "deterministic")]
    before = [(where, name, getattr(where, name)) for where, name in kept]
    with warnings.catch_warnings():
        yield
    torch.use_deterministic_algorithms(False)
    for where, name, value in before:
        setattr(where, name, value)


def test_numbers_are_exact_and_repeatable(settings: None) -> None:
    """No TF32 by older names and newer, no search for the fastest kernel; what has no such way only warns, unheard."""
    cuda.compute_alike()
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    assert [matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark] == [False] * 3
    assert "tf32" not in (matmul.fp32_precision, cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision)
    reduced = [matmul.allow_fp16_reduced_precision_reduction, matmul.allow_bf16_reduced_precision_reduction]
    assert reduced == [False] * 2
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        cuda.compute_alike()
        warnings.warn("cumsum does not have a deterministic implementation, but you set", stacklevel=1)
        warnings.warn("something else", stacklevel=1)
    assert [str(one.message) for one in heard] == ["something else"]


def test_the_warm_up_knows_right_numbers_from_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """On any device: products, a convolution and their gradient."""
    cuda.warm_up(torch.device("cpu"))
    monkeypatch.setattr(nn.functional, "conv1d", lambda x, kernel: 2 * x)
    with pytest.raises(cuda.CudaUnusable, match="CUDA computes something wrong"):
        cuda.warm_up(torch.device("cpu"))


@pytest.mark.parametrize(("total", "fraction"), [(16 << 30, 0.25), (2 << 30, 1.0)])
def test_the_cap_is_a_share_of_the_gpu(monkeypatch: pytest.MonkeyPatch, total: int, fraction: float) -> None:
    """So that one exercise asks for the same on every GPU; a small one is not asked for more than it has."""
    seen: list[tuple[float, int]] = []
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *given: seen.append(given))
    cuda.cap_memory(4 << 30, total)
    assert seen == [(fraction, 0)]


class FakeCuda:
    """torch.cuda, as far as a guest uses it: notes what it is asked, and is broken if it is told so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.broken = False
        monkeypatch.setattr(cuda, "_installed", [])
        monkeypatch.setattr(cuda, "compute_alike", lambda: self.said.append("compute alike"))
        monkeypatch.setattr(cuda, "cap_memory", lambda limit, total: self.said.append(f"cap {limit} of {total}"))
        monkeypatch.setattr(cuda, "warm_up", lambda device: self.said.append(f"warm up {device}"))
        properties = SimpleNamespace(total_memory=1 << 40)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: properties)
        monkeypatch.setattr(torch.cuda, "manual_seed", lambda seed: self.said.append(f"seed {seed}"))
        monkeypatch.setattr(torch.cuda, "synchronize", self.synchronize)
        for name in cuda.VARIABLES:
            monkeypatch.delenv(name, raising=False)

    def synchronize(self) -> None:
        """Wait, or fail as CUDA does for ever after an error."""
        self.said.append("wait")
        if self.broken:
            raise RuntimeError("CUDA error: device-side assert triggered")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """CUDA in this process, where the guests of these tests live."""
    return FakeCuda(monkeypatch)


@pytest.fixture
def in_process(fake: FakeCuda) -> Iterator[Session]:
    """A session whose guests live in this process."""
    text = "def double(x): return 2 * x\n"
    limits = Limits(check_wall_s=30.0, gpu_memory_bytes=123)
    with Session(InProcessGuests(), GuestSpec(Tier.NONE, limits, (Source("student.py", text),), gpu=GPU)) as session:
        yield session


def test_cuda_is_started_before_anything_of_the_students_is_read(in_process: Session, fake: FakeCuda) -> None:
    """Numbers first, then the cap, then the warm-up; cuBLAS finds its variable; later calls are waited for."""
    in_process.open(1, device="cuda")
    assert fake.said == ["compute alike", f"cap 123 of {1 << 40}", "warm up cuda:0", "wait"]
    begin_on(in_process, "cuda")
    fake.said.clear()
    assert in_process.submission.double(2) == 4
    assert fake.said == ["wait"]
    begin_on(in_process, "cuda")
    assert fake.said == ["wait", "wait", "seed 1"]


def test_the_libraries_find_their_variables_when_they_start(fake: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """cuBLAS and cuDNN read them once."""
    seen: list[str | None] = []
    monkeypatch.setattr(cuda, "warm_up", lambda device: seen.extend(os.environ.get(name) for name in cuda.VARIABLES))
    cuda.install(1)
    cuda.install(1)
    assert seen == [":4096:8", "0"]


def test_a_guest_whose_cuda_broke_is_replaced_before_the_next_check(in_process: Session, fake: FakeCuda) -> None:
    """After an assert in a kernel every call of that process fails: it costs the check it happened in and no other."""
    in_process.open(1, device="cuda")
    begin_on(in_process, "cuda")
    fake.broken = True
    with pytest.raises(Exception, match="device-side assert"):
        in_process.submission.double(2)
    fake.broken = False
    in_process.prepare("cuda")
    assert in_process.guests_started == 1  # it was waited for, and is well
    begin_on(in_process, "cuda")
    original = fake.synchronize

    def broken_once() -> None:
        torch.cuda.synchronize = original  # type: ignore[assignment]
        raise RuntimeError("CUDA error: device-side assert triggered")

    torch.cuda.synchronize = broken_once  # type: ignore[assignment]
    in_process.prepare("cuda")
    assert in_process.guests_started == 2
    begin_on(in_process, "cuda")
    assert in_process.submission.double(2) == 4
    assert in_process.guests_started == 2


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.7 GiB",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_a_full_gpu_is_the_outcome_memory(open_session: OpenSession, text: str) -> None:
    """With a sentence of its own, whichever library says it; the machine's own memory has another one."""
    session = open_session(f"def fill():\n    raise RuntimeError({text!r})\ndef hoard():\n    raise MemoryError\n")
    said = {}
    for name in ("fill", "hoard"):
        with pytest.raises(StudentRaised, match=r"memory|ALLOC|MemoryError") as caught:
            getattr(session.submission, name)()
        said[name] = verdict_of(caught.value, None)
    assert {verdict.outcome for verdict in said.values()} == {Outcome.MEMORY}
    assert said["fill"].message == messages.OUT_OF_GPU_MEMORY
    assert said["hoard"].message == messages.OUT_OF_MEMORY


# --- starting one is no part of a check -------------------------------------------------------------------------------

STUDENT = "import os\nloads = len(os.environ)\ndef pid():\n    return os.getpid()\n"


def test_a_prepared_guest_reads_the_files_in_the_check(open_session: OpenSession) -> None:
    """Tried on sim: it starts once, before the check; another one takes its place when it is lost."""
    session = open_session(STUDENT + "def end():\n    os._exit(3)\n")
    session.prepare("sim")
    assert session.guests_started == 2
    session.prepare("sim")
    assert session.guests_started == 2
    begin_on(session, "sim")
    first = session.submission.pid()
    begin_on(session, "cpu")
    assert session.submission.pid() != first or session.spec.tier is Tier.NAMESPACES
    session.prepare("sim")
    begin_on(session, "sim")
    assert (session.submission.pid(), session.guests_started) == (first, 2)
    with pytest.raises(GuestLost, match="exit status 3"):
        session.submission.end()
    session.prepare("sim")
    assert session.guests_started == 3
    begin_on(session, "sim")
    session.submission.pid()
    assert session.guests_started == 3


def test_a_prepared_guest_can_be_opened(open_session: OpenSession) -> None:
    """The first device of a submission may be one that takes long; an import that fails is told then."""
    session = open_session("def f(): return 1\n", opened_too=False)
    session.prepare("sim")
    session.open(1, device="sim")
    begin_on(session, "sim")
    assert (session.submission.f(), session.guests_started) == (1, 1)
    broken = open_session("raise ValueError('no')\n", opened_too=False)
    broken.prepare("sim")
    with pytest.raises(Exception, match="no"):
        broken.open(1, device="sim")


def test_a_device_that_cannot_be_had_is_ours(open_session: OpenSession) -> None:
    """Said by prepare, every time."""
    session = open_session(STUDENT)
    for _ in range(2):
        with pytest.raises(InfrastructureError, match="with a device abacus"):
            session.prepare("abacus")


def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: FakeSession) -> list[object]:
    """Judge on cpu and cuda with a stand-in for both, and return what the judge said."""
    monkeypatch.setattr(collecting, "absent_devices", dict)
    exercise = make_course(tmp_path, hidden=SUITE, points=1, more=DEVICES)
    return list(judge_events(exercise, tmp_path / "private", session))


def test_a_judge_prepares_before_the_check_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so first, as the worker would take the silence for a judge that is stuck; cpu needs no preparing."""
    session = FakeSession({"double": lambda x: 2 * x})
    events = judged(tmp_path, monkeypatch, session)
    kinds = [type(event) for event in events if isinstance(event, Preparing | Began | Ended)]
    assert kinds == [Began, Ended, Preparing, Began, Ended]
    assert session.calls == ["open", "begin", "end", "prepare cuda", "begin", "end"]
    assert [event.result.outcome for event in events if isinstance(event, Ended)] == [Outcome.PASSED] * 2


def test_the_time_it_takes_is_not_the_submissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the check's nor that of the whole submission: the deadline moves by what preparing took."""
    now = [1000.0]
    monkeypatch.setattr(judge, "time", SimpleNamespace(monotonic=lambda: now[0], perf_counter=time.perf_counter))
    session = FakeSession({"double": lambda x: 2 * x})
    session.prepare = lambda device: now.__setitem__(0, now[0] + 500.0)  # type: ignore[method-assign]
    line = SimpleNamespace(send=lambda event: None)
    progress = judge.Progress((), 1060.0)
    one = judge.Judge(SimpleNamespace(files=SimpleNamespace(exercise=None)), Job((), 7, "none"), progress, None, line)  # type: ignore[arg-type]
    one._prepare(session, "cpu")
    assert (now[0], progress.deadline) == (1000.0, 1060.0)
    one._prepare(session, "cuda")
    assert (now[0], progress.deadline) == (1500.0, 1560.0)


def test_a_gpu_that_fails_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried three times, then a person; checks on the CPU are judged as ever."""
    session = FakeSession({"double": lambda x: 2 * x})
    tries = []

    def fail(device: str) -> None:
        tries.append(device)
        raise InfrastructureError("the GPU fell off the bus")

    session.prepare = fail  # type: ignore[method-assign]
    outcomes = [event.result.outcome for event in judged(tmp_path, monkeypatch, session) if isinstance(event, Ended)]
    assert outcomes == [Outcome.PASSED, Outcome.ERROR]
    assert tries == ["cuda"] * judge.ATTEMPTS


# --- one submission on a GPU ------------------------------------------------------------------------------------------


class Caller:
    """Whoever started a worker: hears what it says."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def send(self, event: object) -> None:
        """Hear one event."""
        self.heard.append(event)


def supervisor(tmp_path: Path, devices: tuple[str, ...]) -> worker.Supervisor:
    """A supervisor of a job whose checks are judged on these devices."""
    exercise = make_course(tmp_path, points=1, more='[devices]\nrun = ["cpu", "cuda"]\n')
    steps = make_plan([suite_check("a", 1, devices=devices)], exercise, {})
    suite = CollectedSuite(SimpleNamespace(exercise=exercise), [], steps)  # type: ignore[arg-type]
    one = worker.Supervisor(suite, Caller(), None, Job((), 7, "none"))  # type: ignore[arg-type]
    one.progress.todo = to_judge(steps, range(len(steps)), None)
    return one


def test_a_submission_holds_its_gpu_and_waits_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is told that it waits, and gets the GPU when the first is done; on the CPU nothing is held."""
    monkeypatch.setattr(present, "find_gpus", lambda: (GPU,))
    monkeypatch.setattr("grader.sandbox.gpu_lock.FOLDER", str(tmp_path))
    first, second, plain = (supervisor(tmp_path, (device,)) for device in ("cuda", "cuda", "cpu"))
    with plain._gpu() as nothing, first._gpu() as held:
        assert (nothing, first.caller.heard) == (None, [])  # type: ignore[attr-defined]
        assert held is not None
        monkeypatch.setattr(second, "_pause", lambda wait_s: held.release())
        with second._gpu() as next_one:
            assert next_one is not None
            assert second.caller.heard == [Preparing("cuda", busy=True)]  # type: ignore[attr-defined]


# --- comparing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def on() -> Iterator[Callable[[str], None]]:
    """Begin a check on a device."""

    def begin(device: str) -> None:
        context.begin(context.Check("test_a", device, 7, FakeSession({}), lambda: None))  # type: ignore[arg-type,return-value]

    yield begin
    context.end()


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_tolerances_on_cuda_are_wider_by_dtype(on: Callable[[str], None], dtype: torch.dtype) -> None:
    """In the check of the plan's device, whatever device the student's side names; float64 is as strict as ever."""
    rtol, _ = CUDA_TOLERANCES.get(dtype, TOLERANCES[dtype])
    ones = torch.ones(4, dtype=torch.complex128 if dtype.is_complex else torch.float64)
    within, beyond = ((ones * (1 + factor * rtol)).to(dtype) for factor in (0.8, 1.5))
    on("cuda")
    expect_close(within, ones.to(dtype))
    with pytest.raises(ComparisonFailed, match=f"further off than {rtol:.0e}"):
        expect_close(beyond, ones.to(dtype))
    on("cpu")
    if dtype in CUDA_TOLERANCES:
        within._guest_device = "cuda:0"  # type: ignore[attr-defined]
        with pytest.raises(ComparisonFailed, match=f"further off than {TOLERANCES[dtype][0]:.0e}"):
            expect_close(within, ones.to(dtype))


def test_an_authors_own_tolerance_holds_everywhere(on: Callable[[str], None]) -> None:
    """Who writes a number means it."""
    on("cuda")
    with pytest.raises(ComparisonFailed, match="further off than 1e-06"):
        expect_close(torch.ones(2) * (1 + 1e-4), torch.ones(2), rtol=1e-6)


def test_trajectories_on_cuda_may_drift_further(on: Callable[[str], None]) -> None:
    """Float64, one part in a million there and in a hundred millions elsewhere; an author's own number holds."""
    drifted, expected = {"loss": [1.0, 0.5 * (1 + 1e-7)]}, {"loss": [1.0, 0.5]}
    on("cuda")
    expect_trajectory(drifted, expected)
    with pytest.raises(ComparisonFailed, match="loss after step 2"):
        expect_trajectory(drifted, expected, rtol=1e-8)
    with pytest.raises(ComparisonFailed, match="loss after step 2"):
        expect_trajectory({"loss": [1.0, 0.5 * (1 + 1e-5)]}, expected)
    on("cpu")
    with pytest.raises(ComparisonFailed, match="loss after step 2"):
        expect_trajectory(drifted, expected)


# --- names ------------------------------------------------------------------------------------------------------------


def test_what_fails_on_cuda_alone_does_not_count_for_names() -> None:
    """The atlas was made without it, so outcomes there must not make a mistake look like another one."""
    outcomes = {
        "a": {"cpu": Outcome.PASSED, "cuda": Outcome.FAILED},
        "b": {"cpu": Outcome.FAILED},
        "c": {"cuda": Outcome.RAISED},
    }
    checks = [
        unjudged(PlannedCheck(id, id, "hidden", device, 1.0), outcome)
        for id, entries in outcomes.items()
        for device, outcome in entries.items()
    ]
    record = record_of(SimpleNamespace(result=SimpleNamespace(checks=checks), evidence={}))  # type: ignore[arg-type]
    assert record.outcomes == {"a": Outcome.PASSED, "b": Outcome.FAILED}
    assert UNNAMED_DEVICES == ("cuda",)


def test_a_merge_gives_cuda_the_name_that_cpu_has() -> None:
    """Judged on cuda alone here, on the CPU before: the failure gets the diagnosis; what passed or waits does not."""
    name = Diagnosis("relu-mask-missing", "…", "…")
    here = result(
        entry("a", Outcome.PENDING),
        entry("a", Outcome.FAILED, "cuda"),
        entry("b", Outcome.PENDING),
        entry("b", Outcome.PASSED, "cuda"),
    )
    before = result(entry("a", Outcome.FAILED), entry("b", Outcome.FAILED))
    for check in before.checks:
        check.diagnosis = name
    merged = {(check.id, check.device): check.diagnosis for check in merge(here, before).checks}
    assert merged == {("a", "cpu"): name, ("a", "cuda"): name, ("b", "cpu"): name, ("b", "cuda"): None}


# --- commands ---------------------------------------------------------------------------------------------------------

GRADER = [sys.executable, "-m", "grader"]
RIGHT = "def double(x):\n    return 2 * x\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A course whose one exercise is judged on cpu and cuda, and a right answer."""
    make_course(tmp_path, hidden=SUITE, points=1, more=DEVICES)
    (tmp_path / "right.py").write_text("def double(x):\n    return 2 * x\n")
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run grader there."""
    return subprocess.run([*GRADER, *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(here is None, reason="there is a CUDA device")
def test_asking_for_cuda_where_there_is_none_is_an_error_that_says_why(folder: Path) -> None:
    """Whoever asked for it must not take silence for a pass; without --device its checks wait, with the reason."""
    done = command(folder, "check", "1", "--submission", "right.py", "--device", "cuda")
    assert (done.returncode, done.stdout.count("passed")) == (4, 0)
    assert "Nothing can be judged on cuda here. There is no NVIDIA GPU here" in done.stderr.replace("\n", " ")
    plain = command(folder, "check", "1", "--submission", "right.py")
    assert plain.returncode == 0
    said = " ".join(plain.stdout.split())
    assert "not judged this time: 1 (on cuda). There is no NVIDIA GPU here" in said
    chinese = command(folder, "check", "1", "--submission", "right.py", "--lang", "zh_CN")
    assert "这里没有 NVIDIA GPU" in chinese.stdout.replace("\n", "")


def test_what_cuda_judged_is_filled_in_and_the_rest_is_not_judged_again(tmp_path: Path) -> None:
    """As `check --device cuda --merge cpu.json` does it: cuda alone is judged, the others are the earlier ones."""
    exercise = make_course(tmp_path, hidden=SUITE, points=1, more=DEVICES)
    with Grader(exercise) as grader:
        began: list[str] = []
        before = grader.grade(submission(RIGHT), on_begin=lambda c: began.append(c.device))
        assert began == ["cpu"]
        there = grader.grade(
            submission(RIGHT),
            devices=["cuda"],
            on_begin=lambda c: began.append(c.device),
        )
        assert began == ["cpu"] or find_gpus()
    assert outcomes_of(there)["test_double on cpu"] == "pending"
    checks = [_judged_there(check) for check in there.checks]
    on_gpu = ExerciseResult.from_json(json.dumps({**json.loads(there.to_json()), "checks": checks}).encode())
    both = merge(on_gpu, before)
    assert outcomes_of(both) == {"test_double on cpu": "passed", "test_double on cuda": "passed"}
    assert (both.score, both.complete) == (1.0, True)
    again = merge(before, on_gpu)
    assert outcomes_of(again) == outcomes_of(both)
    assert both.checks[0].wall_s == before.checks[0].wall_s  # the very entry of the earlier run


def _judged_there(check: CheckResult) -> dict[str, Any]:
    """Return an entry as a machine with a GPU would have written it."""
    plain: dict[str, Any] = json.loads(json.dumps({name: getattr(check, name) for name in check.__struct_fields__}))
    return (
        {**plain, "outcome": "passed", "points": check.max_points, "message": ""} if check.device == "cuda" else plain
    )


def test_a_plain_pytest_says_why_not(tmp_path: Path) -> None:
    """The plugin for authors names what is missing too."""
    if here is None:
        pytest.skip("there is a CUDA device")
    ini = "[pytest]\naddopts = -p grader.pytest_plugin --import-mode=importlib -p no:cacheprovider --strict-markers\n"
    exercise = make_course(tmp_path, hidden=SUITE, points=1, more=DEVICES, files={"pytest.ini": ini})
    arguments = [sys.executable, "-m", "pytest", "-q", f"tests/hidden/{SLUG}", "--device=cuda"]
    done = subprocess.run(arguments, cwd=exercise.course.root, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 4
    assert "Nothing can be judged on cuda here. There is no NVIDIA GPU here" in done.stdout + done.stderr


# --- the doctor -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lack", "has_cuda", "problem", "good", "text"),
    [
        (Lack.NO_NODES, False, "", False, "cuda is not used here. There is no NVIDIA GPU here"),
        (Lack.CLOSED_NODES, True, "", False, "readable and writable for every user"),
        (None, False, "", False, "torch 2.13.0 is a build for the CPU"),
        (None, True, "", True, "cuda, /dev/full: trains as the CPU does"),
        (None, True, "its {losses} differ.", False, "cuda, /dev/full: its {losses} differ."),
    ],
)
def test_the_doctor_says_whether_cuda_would_be_used(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    lack: Lack | None,
    has_cuda: bool,
    problem: str,
    good: bool,
    text: str,
) -> None:
    """A machine without a GPU lacks nothing; one whose GPU does not work has a problem."""
    monkeypatch.setattr("grader.sandbox.gpu_lock.FOLDER", str(tmp_path))
    monkeypatch.setattr(doctor, "gpu_lack", lambda: lack)
    monkeypatch.setattr(doctor, "find_gpus", lambda: (GPU,))
    monkeypatch.setattr(doctor, "_ask_torch", lambda: doctor._Torch("2.13.0", [], has_cuda))
    monkeypatch.setattr(rehearsal, "problem_with_cuda", lambda zygote, tier, gpu: problem)
    found = doctor._cuda(None, Tier.NONE)  # type: ignore[arg-type]
    assert (found.good, text in found.text, "docs/gpu.md" in found.advice) == (good, True, not good)
    assert bool(doctor.problems([found], True, None, [])) == bool(problem)


def test_the_doctor_disturbs_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where submissions are being judged on every GPU it says so and tries nothing."""
    monkeypatch.setattr("grader.sandbox.gpu_lock.FOLDER", str(tmp_path))
    monkeypatch.setattr(doctor, "gpu_lack", lambda: None)
    monkeypatch.setattr(doctor, "find_gpus", lambda: (GPU,))
    monkeypatch.setattr(doctor, "_ask_torch", lambda: doctor._Torch("2.13.0", [], True))
    with try_to_hold([GPU]):  # type: ignore[union-attr]
        assert doctor._cuda(None, Tier.NONE).text == messages.DOCTOR_CUDA_BUSY  # type: ignore[arg-type]


# --- what needs hardware ----------------------------------------------------------------------------------------------

ON_A_GPU = """
import os
import torch

def double(x):
    return 2 * x

def sees():
    return torch.cuda.device_count(), torch.cuda.is_available(), os.listdir("/dev")

def product(a, b):
    return a @ b

def fill():
    return torch.zeros(1 << 40, dtype=torch.uint8, device="cuda")

def assert_in_a_kernel():
    return torch.ones(3, device="cuda")[torch.tensor([7], device="cuda")].tolist()

def hang():
    x = torch.ones(2048, 2048, device="cuda")
    while True:
        x = x @ x
"""


@pytest.fixture
def on_gpu(zygote: Zygote, strongest: Tier) -> Iterator[Session]:
    """A session with a GPU that nobody else has."""
    held = try_to_hold(find_gpus())
    if held is None:
        pytest.skip("every GPU is in use")
    spec = GuestSpec(strongest, Limits(check_wall_s=60.0), (Source("student.py", ON_A_GPU),), gpu=held.gpu)
    with held, Session(zygote, spec) as session:
        session.prepare("cuda")
        session.open(1, device="cuda")
        begin_on(session, "cuda")
        yield session


@needs_cuda
def test_gpu_the_rehearsal_holds(zygote: Zygote, strongest: Tier) -> None:
    """Training in a fenced guest gives the CPU's losses."""
    with try_to_hold(find_gpus()) as held:  # type: ignore[union-attr]
        assert rehearsal.problem_with_cuda(zygote, strongest, held.gpu) == ""


@needs_cuda
def test_gpu_a_guest_sees_one_gpu_and_others_none(on_gpu: Session) -> None:
    """One device, one numbered node; a guest of the CPU beside it sees no GPU at all."""
    count, available, nodes = on_gpu.submission.sees()
    assert (count, available) == (1, True)
    if on_gpu.spec.tier is Tier.NAMESPACES:
        assert len([node for node in nodes if re.fullmatch(r"nvidia\d+", node)]) == 1
    begin_on(on_gpu, "cpu")
    assert on_gpu.submission.sees()[:2] == (0, False)


@needs_cuda
def test_gpu_products_agree_with_the_cpu(on_gpu: Session) -> None:
    """float32 without TF32: within a tenth of the tolerance."""
    draws = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=draws) for _ in range(2))
    there = on_gpu.submission.product(on_gpu.guest.place(a, "cuda"), on_gpu.guest.place(b, "cuda"))
    wanted = a.double() @ b.double()
    assert float((there - wanted).abs().max() / wanted.abs().max()) < CUDA_TOLERANCES[torch.float32][0] / 10


@needs_cuda
def test_gpu_memory_and_broken_kernels_cost_their_own_check(on_gpu: Session) -> None:
    """Out of memory, an assert in a kernel, a loop that never ends: the next check has a guest that works."""
    for name, said in (("fill", "out of memory"), ("assert_in_a_kernel", "device-side assert")):
        with pytest.raises(Exception, match=said):
            getattr(on_gpu.submission, name)()
        on_gpu.prepare("cuda")
        begin_on(on_gpu, "cuda")
        assert on_gpu.submission.double(on_gpu.guest.place(torch.ones(2), "cuda")).tolist() == [2.0, 2.0]
    on_gpu.begin_check(1, time.monotonic() + 3.0, "cuda")
    with pytest.raises(GuestLost, match="did not finish"):
        on_gpu.submission.hang()
    on_gpu.prepare("cuda")
    begin_on(on_gpu, "cuda")
    assert math.isclose(on_gpu.submission.double(1.5), 3.0)


@needs_cuda
def test_gpu_a_course_is_judged_there(tmp_path: Path) -> None:
    """From the grader down: both devices in one run, then cuda alone."""
    exercise = make_course(tmp_path, hidden=SUITE, points=1, more=DEVICES)
    with Grader(exercise) as grader:
        both = grader.grade(submission(RIGHT))
        alone = grader.grade(submission(RIGHT), devices=["cuda"])
    assert outcomes_of(both) == {"test_double on cpu": "passed", "test_double on cuda": "passed"}
    assert outcomes_of(alone) == {"test_double on cpu": "pending", "test_double on cuda": "passed"}
