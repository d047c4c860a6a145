"""Recorded loops in a real guest: what is recorded there, its numbers beside the reference's, and what is named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.diagnosis import bench
from grader.errors import StudentRaised
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.guest import sim
from grader.sandbox.host import Session
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission
from grader.suite.expect import ComparisonFailed
from grader.suite.patterns import times
from grader.suite.training import expect_trace, expect_trajectory, recorder, training_step

from .conftest import OpenSession
from .test_atlas import header
from .test_expect import a_check
from .tiny_course import SLUG, make_course
from .training_loops import loop, whole

STEPS = 6

pytestmark = pytest.mark.usefixtures("one_thread")


def run(record: Any, fit: Any, epochs: int = 2) -> Any:
    """Run a loop, here or there, on the same things."""
    generator = torch.Generator().manual_seed(1)
    x, t = (torch.randn(8, size, generator=generator, dtype=torch.float64) for size in (3, 2))
    model = record.model([["Linear", 3, 4], ["BatchNorm1d", 4], ["Dropout", 0.3], ["Linear", 4, 2]])
    optimizer, loss = record.optimizer(model, "SGD", lr=0.1, momentum=0.9), record.loss("MSELoss")
    loader = record.loader(x, t, 3, shuffle=True)
    record.seed(5)
    for _ in range(epochs):
        fit(model, loader, optimizer, loss)
    return record


def here(text: str) -> Any:
    """Run a loop on our side."""
    names: dict[str, Any] = {}
    exec(text, names)
    return run(recorder(), names["fit"])


def there(session: Session) -> Any:
    """Run the student's loop."""
    return run(recorder(session.guest), session.submission.fit)


@pytest.mark.parametrize("order", ["ZFBS", "FBSZ", "FnBS"])
def test_a_right_loop_is_right_there_too(open_session: OpenSession, order: str) -> None:
    """Events and numbers of the student's loop are those of ours, written in another order."""
    theirs = there(open_session(loop(order)))
    expect_trace(theirs.events(), times(STEPS, training_step(device="cpu")))
    expect_trajectory(theirs.trajectory(), here(loop("ZFBS")).trajectory())


def test_a_wrong_loop_is_told_by_events_and_by_numbers(open_session: OpenSession) -> None:
    """Without zero_grad the second step is the first that is off; the one before it is right."""
    theirs = there(open_session(loop("FBS")))
    with pytest.raises(ComparisonFailed, match="in batch 2, the gradient of batch 1 was still there"):
        expect_trace(theirs.events(), times(STEPS, training_step()))
    with pytest.raises(
        ComparisonFailed, match=r"training: parameters 0\.weight after step 2: .* The step before it is right"
    ):
        expect_trajectory(theirs.trajectory(), here(loop("ZFBS")).trajectory())


ON_DEVICE = """
    def fit(model, loader, optimizer, loss_fn):
        model.to("sim").train()
        for x, t in loader:
            x, t = x.to("sim"), t{move}
            optimizer.zero_grad()
            loss_fn(model(x), t).backward()
            optimizer.step()
"""


def on_sim(session: Session) -> Session:
    """Begin a check on the simulated accelerator."""
    session.begin_check(1, time.monotonic() + session.spec.limits.check_wall_s, "sim")
    return session


@pytest.mark.skipif(bool(sim.missing()), reason="this torch has no simulated accelerator")
def test_a_loop_on_the_simulated_accelerator_is_recorded_there(open_session: OpenSession) -> None:
    """Events tell the device, numbers are the CPU's, and noting them moves nothing: each batch, model and loss once."""
    session = on_sim(open_session(whole(ON_DEVICE.format(move=".to('sim')"))))
    theirs = there(session)
    assert session.guest.transfers()["to_host"] == 0
    expect_trace(theirs.events(), times(STEPS, training_step(device="sim")))
    expect_trajectory(theirs.trajectory(), here(loop("ZFBS")).trajectory())
    with pytest.raises(ComparisonFailed, match="in batch 1, the model was given data on sim; it should be on cuda"):
        expect_trace(theirs.events(), times(STEPS, training_step(device="cuda")))


@pytest.mark.skipif(bool(sim.missing()), reason="this torch has no simulated accelerator")
def test_a_batch_that_was_not_moved_raises_there(open_session: OpenSession) -> None:
    """As on CUDA: targets on the CPU, outputs on the accelerator."""
    with pytest.raises(StudentRaised, match="Expected all tensors to be on the same device"):
        there(on_sim(open_session(whole(ON_DEVICE.format(move="")))))


FORGED = """
    def fit(model, loader, optimizer, loss_fn):
        record = type(model)._recorder
        record._events.clear()
        for batch in (1, 2, 3):
            place = {"data": "train", "epoch": 1, "batch": batch}
            record._events.append(("forward", {"training": True, "grad": True, "rows": [batch], **place}))
            record._events.append(("backward", {"of": [len(record._events) - 1]}))
            record._events.append(("step", {"lr": [0.1], "moved": True}))
            record._events.append(("zero_grad", {"clear": True}))
"""


def test_a_forged_trace_gains_nothing(open_session: OpenSession) -> None:
    """Events that were made up pass, and the numbers of training that did not happen do not."""
    theirs = run(recorder((session := open_session(whole(FORGED))).guest), session.submission.fit, epochs=1)
    expect_trace(theirs.events(), times(3, training_step()))
    with pytest.raises(ComparisonFailed, match="training: steps: 0 steps were recorded, 6 should have been"):
        expect_trajectory(theirs.trajectory(), here(loop("ZFBS")).trajectory())


def test_fewer_steps_are_told(open_session: OpenSession) -> None:
    """Those that were done are right, and it is said."""
    text = loop("ZFBS").replace("for x, t in loader", "for x, t in list(loader)[:2]")
    with pytest.raises(
        ComparisonFailed, match=r"steps: 2 steps were recorded, 3 should have been\. Those that were are"
    ):
        expect_trajectory(
            run(recorder((session := open_session(text)).guest), session.submission.fit, epochs=1).trajectory(),
            {name: column[:3] for name, column in here(loop("ZFBS")).trajectory().items()},
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loss": "x"}, "what was recorded cannot be read"),
        ({"loss": None}, "what was recorded cannot be read"),
        ({"parameters": [{}] * 6}, r"training: parameters 0\.weight after step 1: nothing was recorded"),
        ({"parameters": [3] * 6}, r"training: parameters 0\.weight after step 1: nothing was recorded"),
        ({"lr": [[0.2]] + [[0.1]] * 5}, "training: lr after step 1: the value is wrong"),
        ({"lr": [["x"]] * 6}, "training: lr after step 1: expected a tensor, got list"),
        ({"loss": [3] * 6}, "training: loss after step 1: expected a tensor, got int"),
    ],
    ids=str,
)  # fmt: skip
def test_forged_numbers_never_break_the_judge(change: dict[str, Any], said: str) -> None:
    """Whatever comes instead of a trajectory is a failed comparison with a sentence."""
    ours = here(loop("ZFBS")).trajectory()
    with a_check() as check, pytest.raises(ComparisonFailed, match=said):
        expect_trajectory({**ours, **change}, ours)
    assert check.comparisons
    with pytest.raises(ComparisonFailed, match="what was recorded cannot be read"):
        expect_trajectory(None, ours)


def test_what_the_expected_trajectory_lacks_is_not_compared() -> None:
    """A suite that lets students choose their own loss leaves the losses out."""
    ours, own = here(loop("ZFBS")).trajectory(), here(loop("ZfBS")).trajectory()
    assert own["loss"] == [None] * STEPS
    with pytest.raises(ComparisonFailed, match="training: loss after step 1: nothing was recorded"):
        expect_trajectory(own, ours)
    del ours["loss"]
    expect_trajectory(own, ours)


SUITE = '''
    import torch
    from grader.suite import expect_trace, expect_trajectory, needs, points, recorder, times, training_step

    def run(record, fit):
        x = torch.arange(24, dtype=torch.float64).reshape(8, 3) / 24
        t = x.flip(1)[:, :2] ** 2
        model = record.model([["Linear", 3, 4], ["Tanh"], ["Linear", 4, 2]])
        fit(model, record.loader(x, t, 3), record.optimizer(model, "SGD", lr=0.5), record.loss("MSELoss"))
        return record

    @points(1)
    def test_order(submission, guest):
        """Each batch is one step."""
        expect_trace(run(recorder(guest), submission.fit).events(), times(3, training_step()))

    @points(1)
    def test_numbers(submission, guest, reference):
        """The parameters after each step are right."""
        theirs, ours = run(recorder(guest), submission.fit), run(recorder(), reference.fit)
        expect_trajectory(theirs.trajectory(), ours.trajectory())
'''
FAILS = "test_order, test_numbers"


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[Grader]:
    """A grader for a course with a training loop and three known wrong ones."""
    wrong = {"no-step": "ZFB", "no-zero-grad": "FBS", "erased": "ZFBZS"}
    root = tmp_path_factory.mktemp("course")
    files = {f"solutions/{SLUG}/work.py": loop("ZFBS")}
    for name, order in wrong.items():
        path = f"solutions/{SLUG}/wrong/{name.replace('-', '_')}.py"
        files[path] = header(name, f"does {order}.", FAILS) + loop(order)
    with Grader(make_course(root, SUITE, points=2, files=files), Tier.NONE, zygote) as started:
        yield started


def judged(grader: Grader, order: str) -> ExerciseResult:
    """Judge a loop and name its mistakes."""
    submission = Submission("", (SourceFile("work.py", loop(order)),))
    return bench.named(grader, grader.judge(submission))


@pytest.fixture
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("_cache")
def test_the_atlas_names_wrong_loops_however_they_are_written(grader: Grader) -> None:
    """The mistake decides, not where zero_grad stands nor how it is called."""
    expected = {"FZB": "no-step", "mFB": "no-step", "FbS": "no-zero-grad", "FBnS": "erased", "ZFBzS": "erased"}
    named = {}
    for order in expected:
        checks = judged(grader, order).checks
        assert {check.outcome for check in checks} == {Outcome.FAILED}, order
        named[order] = {check.diagnosis.misconception if check.diagnosis else None for check in checks}
    assert named == {order: {name} for order, name in expected.items()}


@pytest.mark.usefixtures("_cache")
def test_right_and_unknown_loops_are_named_nothing(grader: Grader) -> None:
    """The reference passes; a mistake nobody wrote down has no name."""
    assert {check.outcome for check in judged(grader, "FBSZ").checks} == {Outcome.PASSED}
    unknown = judged(grader, "ZFBSS").checks
    assert [(check.outcome, check.diagnosis) for check in unknown] == [(Outcome.FAILED, None)] * 2
