"""Traces of training loops: every legal order passes, and of a wrong one the first step that is not legal is told."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import pytest
import torch

from grader.suite.expect import ComparisonFailed
from grader.suite.patterns import Part, event, in_order, maybe, some, times
from grader.suite.recorder import MAX_EVENTS, Recorder
from grader.suite.training import evaluation_step, expect_trace, recorder, training_step

from .test_expect import a_check
from .training_loops import loop, whole

N, BATCHES = 8, 3
LAYERS = [["Linear", 3, 4], ["BatchNorm1d", 4], ["Tanh"], ["Linear", 4, 2]]

pytestmark = pytest.mark.usefixtures("one_thread")


def ran(text: str, epochs: int = 2, **optimizer: Any) -> Recorder:
    """Run a loop on recorded things, here, and return their recorder."""
    names: dict[str, Any] = {}
    exec(text, names)
    record: Recorder = recorder()
    generator = torch.Generator().manual_seed(1)
    x, t = (torch.randn(N, size, generator=generator, dtype=torch.float64) for size in (3, 2))
    model = record.model(LAYERS)
    made = record.optimizer(model, "SGD", **{"lr": 0.1, **optimizer})
    loader, loss = record.loader(x, t, BATCHES), record.loss("MSELoss")
    for _ in range(epochs):
        names["fit"](model, loader, made, loss)
    return record


def said(text: str, pattern: Part | None = None, epochs: int = 2) -> str:
    """Return what is said of a loop; nothing if it is legal."""
    pattern = times(BATCHES * epochs, training_step()) if pattern is None else pattern
    try:
        expect_trace(ran(text, epochs).events(), pattern)
    except ComparisonFailed as failed:
        return failed.message
    return ""


@pytest.mark.parametrize(
    "order", ["ZFBS", "FZBS", "FBSZ", "zFBS", "FBSz", "mFBS", "FmBS", "nFBS", "FnBS", "FBSn", "0FBS", "F0BS", "FBS0",
              "ZZFBS", "ZFZBS", "ZfBS", "ZFbS", "ZFAS", "FAS", "TZFBS", "TZFBSE", "ZFBCS", "ZFBSC"],
)  # fmt: skip
def test_every_legal_order_passes(order: str) -> None:
    """Whoever clears the gradients, how, and where between one step and the next backward; what is passed over too."""
    assert said(loop(order)) == ""


CLOSURE = """
def fit(model, loader, optimizer, loss_fn):
    model.train()
    for x, t in loader:
        def closure():
            optimizer.zero_grad()
            loss = loss_fn(model(x), t)
            {backward}
            return loss
        optimizer.step(closure)
"""
BY_HAND = "for p, g in zip(model.parameters(), torch.autograd.grad(loss, [*model.parameters()])): p.grad = g"


@pytest.mark.parametrize("backward", ["loss.backward()", BY_HAND], ids=["backward", "by hand"])
def test_a_closure_that_the_step_calls_is_seen(backward: str) -> None:
    """Forward and backward pass happen inside of the step, and come before it."""
    recorder = ran(whole(CLOSURE.format(backward=backward)))
    expect_trace(recorder.events(), times(6, training_step()))
    assert "update" not in [kind for kind, _ in recorder.events()]


@pytest.mark.parametrize("order", ["ZFBCS", "FBCSZ", "ZFBvS", "ZFBcS"])
def test_clipping_is_seen_however_it_is_written(order: str) -> None:
    """By norm, by value or by hand, between backward and step."""
    assert said(loop(order), times(2 * BATCHES, training_step(clip=True))) == ""


WRONG = {
    "FBS": "loop: in batch 2, the gradient of batch 1 was still there when backward was called: "
    "zero_grad is missing before it.",
    "ZFBZS": "loop: in batch 1, zero_grad came between backward and step, so step had no gradient to use.",
    "ZFBzS": "loop: in batch 1, zero_grad came between backward and step, so step had no gradient to use.",
    "ZFBnS": "loop: in batch 1, zero_grad came between backward and step, so step had no gradient to use.",
    "ZFB0S": "loop: in batch 1, zero_grad came between backward and step, so step had no gradient to use.",
    "ZFB": "loop: in batch 1, after backward came forward: step is missing in between.",
    "ZFSB": "loop: in batch 1, after forward came step: backward is missing in between.",
    "ZSFB": "loop: the first thing was step; forward should have come.",
    "ZFS": "loop: in batch 1, after forward came step: backward is missing in between.",
    "ZF": "loop: in batch 1, after forward came forward again; backward should have come.",
    "ZFBFB": "loop: in batch 1, after backward came forward: step is missing in between.",
    "ZFBSS": "loop: in batch 1, after step came step again; forward should have come.",
    "EZFBS": "loop: in batch 1, the model was in evaluation mode; "
    "switch back with model.train() before training on.",
}  # fmt: skip


@pytest.mark.parametrize("order", WRONG)
def test_the_first_step_that_is_not_legal_is_told(order: str) -> None:
    """In the student's words: in which batch, after what, and what is missing."""
    assert said(loop(order)) == WRONG[order]


def test_two_backward_passes_in_a_row_miss_a_step() -> None:
    """With forward left out of the pattern, after backward comes backward again."""
    pattern = times(BATCHES, in_order(event("backward", holds=0), "step"))
    assert said(loop("ZFB"), pattern) == (
        "loop: in batch 1, after backward came backward again: step is missing in between."
    )


def test_a_gradient_cleared_once_per_epoch_is_seen_in_the_second_batch() -> None:
    """F2: the first batch is as it should be; in epoch 2 nothing of epoch 1 is there."""
    text = """
        def fit(model, loader, optimizer, loss_fn):
            optimizer.zero_grad()
            for x, t in loader:
                loss_fn(model(x), t).backward()
                optimizer.step()
    """
    assert "in batch 2, the gradient of batch 1 was still there" in said(whole(text))
    pattern = in_order(times(BATCHES, in_order("forward", "backward", "step")), training_step())
    assert said(whole(text), in_order(pattern, times(2, in_order("forward", "backward", "step")))) == ""


def test_what_was_still_there_is_named_with_its_epoch() -> None:
    """Full batches: the gradient of the only batch of the epoch before."""
    events = ran(loop("FBS")).events()
    first = next(place for place, one in enumerate(events) if one[0] == "step")
    with pytest.raises(ComparisonFailed, match="in batch 3, the gradient of batch 2 was still there"):
        expect_trace([*events[: first + 1], ["zero_grad", {"clear": True}], *events[first + 1 :]], in_order(
            times(6, training_step())))  # fmt: skip
    later = ran(loop("FBS"), epochs=1)
    pattern = in_order(*[in_order("forward", event("backward", holds=k), "step") for k in range(3)], training_step())
    both = [*later.events(), *_renumbered(later.events())]
    with pytest.raises(ComparisonFailed, match=r"in epoch 2, batch 1, the gradient of batch 1 of epoch 1, batch 2 of"):
        expect_trace(both, in_order(pattern, times(2, "forward")))


def _renumbered(events: list[list[Any]]) -> list[list[Any]]:
    return [[kind, {**facts, **({"epoch": 2} if "epoch" in facts else {})}] for kind, facts in events]


def test_clipping_belongs_between_backward_and_step() -> None:
    """F12: before backward there is nothing to clip, or the gradient of the batch before."""
    pattern = times(2 * BATCHES, training_step(clip=True))
    assert said(loop("ZFCBS"), pattern) == "loop: in batch 1, after backward came step: clip is missing in between."
    assert said(loop("ZFBS"), pattern) == "loop: in batch 1, after backward came step: clip is missing in between."
    assert said(loop("FzCBS"), pattern).endswith("clip is missing in between.")


ACCUMULATE = """
    def fit(model, loader, optimizer, loss_fn):
        optimizer.zero_grad()
        for place, (x, t) in enumerate(loader):
            (loss_fn(model(x), t) / 3).backward()
            if {condition}:
                optimizer.step()
                optimizer.zero_grad()
"""


def test_gradients_of_several_batches_add_up() -> None:
    """Accumulation: one step after three batches; stepping or clearing earlier is told."""
    pattern = times(2, training_step(accumulate=3))
    assert said(whole(ACCUMULATE.format(condition="(place + 1) % 3 == 0")), pattern) == ""
    early = said(whole(ACCUMULATE.format(condition="(place + 1) % 2 == 0")), pattern)
    assert early.startswith("loop: in batch 2, after backward came step; forward should have come.")
    cleared = ACCUMULATE.format(condition="(place + 1) % 3 == 0").replace("(loss_fn", "optimizer.zero_grad(); (loss_fn")
    assert "gradients of the batches before were cleared" in said(whole(cleared), pattern)


def test_a_step_tells_how_many_gradients_it_used() -> None:
    """Where batches may vary, the count is the fact."""
    pattern = some(in_order(some("backward"), event("step", holds=3)))
    early = said(whole(ACCUMULATE.format(condition="(place + 1) % 2 == 0")), pattern)
    assert early == "loop: in batch 2, step used the gradients of 2 batches; 3 should add up first."
    late = said(whole(ACCUMULATE.format(condition="True")), some(in_order(some("backward"), event("step", holds=0))))
    assert late == "loop: in batch 1, step used the gradients of 1 batches; it should use those of 0."


def test_an_optimiser_that_holds_other_tensors_moves_nothing() -> None:
    """F5: a step on a copy leaves the model's own parameters as they were, and clears nothing of it."""
    text = """
        def fit(model, loader, optimizer, loss_fn):
            twin = copy.deepcopy(model)
            optimizer.param_groups[0]["params"] = list(twin.parameters())
            for x, t in loader:
                optimizer.zero_grad()
                loss_fn(model(x), t).backward()
                optimizer.step()
    """
    assert said(whole(text), some(in_order("forward", "backward", event("step", moved=True)))) == (
        "loop: in batch 1, step changed none of the model's parameters. Which tensors does the optimiser hold?"
    )
    fresh = some(in_order("forward", event("backward", holds=0), "step"))
    assert "in batch 2, the gradient of batch 1 was still there" in said(whole(text), fresh)
    strict = some(in_order(event("zero_grad", clear=True), "forward", "backward", "step"))
    assert "in batch 2, after zero_grad the model's gradients were still there" in said(whole(text), strict)


EVALUATE = """
    def fit(model, loader, optimizer, loss_fn):
        {first}
        with {how}:
            for x, t in loader:
                loss_fn(model(x), t)
        {last}
"""


@pytest.mark.parametrize("how", ["torch.no_grad()", "torch.inference_mode()", "torch.set_grad_enabled(False)"])
def test_evaluation_is_without_gradients_and_in_evaluation_mode(how: str) -> None:
    """Each way to switch recording off passes."""
    text = EVALUATE.format(first="model.eval()", how=how, last="model.train()")
    assert said(whole(text), times(2 * BATCHES, evaluation_step())) == ""


def test_evaluation_in_the_wrong_way_is_told() -> None:
    """F8, F10: training mode while evaluating, and gradients that nobody needs."""
    pattern = times(2 * BATCHES, evaluation_step())
    trained = EVALUATE.format(first="pass", how="torch.no_grad()", last="pass")
    assert "in batch 1, the model was in training mode; switch with model.eval()" in said(whole(trained), pattern)
    recorded = EVALUATE.format(first="model.eval()", how="torch.enable_grad()", last="pass")
    assert "in batch 1, gradients were recorded although nothing is learned here" in said(whole(recorded), pattern)


def test_a_mode_that_is_not_restored_is_told_where_training_goes_on() -> None:
    """F9: the second epoch trains in evaluation mode."""
    assert "in epoch 2, batch 1, the model was in evaluation mode" in said(
        loop("ZFBS")
        .replace("    return total", "    model.eval()\n    return total")
        .replace("    model.train()\n", "")
    )


def test_batches_are_known_by_what_is_in_them() -> None:
    """F17: only the first batch, in another order, or rows that the loader did not give."""
    pattern = in_order(*(event("forward", data="train", batch=batch) for batch in (1, 2, 3)))

    def given(batches: str) -> str:
        text = f"""
            def fit(model, loader, optimizer, loss_fn):
                for x, t in {batches}:
                    model(x.float().double().reshape(len(x), -1))
        """
        return said(whole(text), pattern, epochs=1)

    assert given("loader") == ""
    assert (
        given("[next(iter(loader))]") == "loop: in batch 1, nothing more came after forward; forward should have come."
    )
    assert given("list(loader)[::-1]") == "loop: in batch 3, forward was of batch 3; batch 1 was due."
    assert given("[(x / 2, t) for x, t in loader]").startswith(
        "loop: in batch 3, forward was of rows that are no batch"
    )
    assert (
        given("[(x, t) for x, t in loader for _ in range(2)]")
        == "loop: in batch 1, forward was of batch 1; batch 2 was due."
    )


def test_batches_are_known_by_what_was_in_them_when_it_happened() -> None:
    """Whatever becomes of a batch after the model has seen it, or of what the loader gave after it was copied."""
    text = """
        def fit(model, loader, optimizer, loss_fn):
            for x, t in loader:
                kept = x.clone()
                x.zero_()
                model(kept)
                kept.zero_()
    """
    assert said(whole(text), in_order(*(event("forward", batch=batch) for batch in (1, 2, 3))), epochs=1) == ""


def test_making_a_model_leaves_the_draws_alone() -> None:
    """Its weights come from the recorder's seed, not from what student code draws from."""
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    recorder().model(LAYERS)
    assert torch.equal(torch.rand(2), expected)


def test_data_sets_are_told_apart() -> None:
    """F20: what was trained on is known by its rows."""
    record = recorder()
    generator = torch.Generator().manual_seed(1)
    x, t = torch.randn(8, 3, generator=generator), torch.zeros(8, 1)
    model = record.model([["Linear", 3, 1]], dtype="float32")
    train, val = record.loader(x[:5], t[:5], 5), record.loader(x[5:], t[5:], 3, name="val")
    for loader in (train, val):
        for x, _ in loader:
            model(x)
    with pytest.raises(ComparisonFailed, match="given a batch of the val data; one of the train data was due"):
        expect_trace(record.events(), some(event("forward", data="train")))
    rows = [facts["rows"] for kind, facts in record.events() if kind == "forward"]
    assert rows == [[0, 1, 2, 3, 4], [0, 1, 2]]


def test_schedulers_and_learning_rates_are_seen() -> None:
    """F11: once per epoch, after the steps; per batch, the rate is not the one that was due."""

    def run(per_batch: bool) -> Recorder:
        record: Recorder = recorder()
        x, t = torch.randn(6, 3, dtype=torch.float64), torch.zeros(6, 2, dtype=torch.float64)
        model, loss = record.model([["Linear", 3, 2]]), record.loss("MSELoss")
        optimizer = record.optimizer(model, "SGD", lr=0.1)
        scheduler, loader = record.scheduler(optimizer, "StepLR", 1, gamma=0.5), record.loader(x, t, 3)
        for _ in range(2):
            for x, t in loader:
                optimizer.zero_grad()
                loss(model(x), t).backward()
                optimizer.step()
                if per_batch:
                    scheduler.step()
            if not per_batch:
                scheduler.step()
        return record

    def epoch(lr: float) -> Part:
        return in_order(times(2, event("step", lr=[lr])), event("scheduler", lr=[lr / 2]))

    expect_trace(run(False).events(), in_order(epoch(0.1), epoch(0.05)))
    with pytest.raises(
        ComparisonFailed, match=r"in batch 1, after step came scheduler\.step: step is missing in between"
    ):
        expect_trace(run(True).events(), in_order(epoch(0.1), epoch(0.05)))
    with pytest.raises(ComparisonFailed, match="in batch 2, the learning rate of step was not the one that was due"):
        expect_trace(run(True).events(), some(event("step", lr=[0.1])))


def test_an_optimiser_that_is_built_again_is_seen() -> None:
    """F6: the loop may build one, not one for each epoch."""
    record: Recorder = recorder()
    model, make = record.model([["Linear", 3, 2]]), record.optimizers("Adam", lr=0.1)
    for _ in range(2):
        optimizer = make(model.parameters())
        model(torch.ones(2, 3, dtype=torch.float64)).sum().backward()
        optimizer.step()
    with pytest.raises(ComparisonFailed, match="after step came a new optimiser; step should have come"):
        expect_trace(record.events(), in_order("optimizer", some("step")))


def test_changes_by_hand_are_seen() -> None:
    """Parameters that are moved without the optimiser are an event of their own."""
    assert "after backward came a change of the parameters by hand" in said(
        loop("ZFBuS"), some(in_order("backward", maybe("nothing"), "step", maybe("update")))
    )
    assert said(loop("ZFBu"), times(2 * BATCHES, in_order("forward", "backward", "update"))) == ""


def test_saving_and_restoring_are_seen() -> None:
    """state_dict and load_state_dict of model and optimiser, with whose they are."""
    text = """
        def fit(model, loader, optimizer, loss_fn):
            best = copy.deepcopy(model.state_dict())
            model.load_state_dict(best)
            optimizer.load_state_dict(optimizer.state_dict())
    """
    events = [[kind, facts.get("whose")] for kind, facts in ran(whole(text), epochs=1).events()][-4:]
    assert events == [
        ["state_dict", "Sequential"],
        ["load_state_dict", "Sequential"],
        ["state_dict", "SGD"],
        ["load_state_dict", "SGD"],
    ]


def test_nothing_and_far_too_much_are_told() -> None:
    """A loop that does not touch what it is given, and one that never seems to end."""
    nothing = whole("def fit(*given):\n    pass\n")
    assert said(nothing) == (
        "loop: nothing was recorded. Does your code call the model, loss and optimiser that it is given?"
    )
    endless = "for _ in range(3000): model.zero_grad()"
    events = ran(whole(f"def fit(model, *given):\n    {endless}\n"), epochs=1).events()
    assert len(events) == MAX_EVENTS + 1
    with pytest.raises(ComparisonFailed, match=r"more than 2,000 events were recorded"):
        expect_trace(events, some("zero_grad"))


@pytest.mark.parametrize(
    "forged", [None, 3, "forward", [3], [["forward"]], [["forward", None]], [[1, {}]], [["f", {}, 1]]]
)
def test_a_trace_that_cannot_be_read_fails(forged: Any) -> None:
    """Whatever comes instead of events is a failed comparison, with a sentence, and is recorded as it came."""
    with a_check() as check, pytest.raises(ComparisonFailed, match="loop: what was recorded cannot be read"):
        expect_trace(forged, "forward")
    assert [made.actual for made in check.comparisons] == [forged]


@pytest.mark.parametrize(
    "facts", [{}, {"holds": "x"}, {"device": 3}, {"batch": [1]}, {3: 4}, {"clear": "yes"}, {"batch": "x" * 9}]
)
def test_forged_facts_never_break_the_judge(facts: dict[Any, Any]) -> None:
    """Facts of any type and missing ones are differences like others."""
    kinds = ["zero_grad", "forward", "backward", "step", "backward", "step"]
    with pytest.raises(ComparisonFailed, match="loop: "):
        expect_trace([[kind, facts] for kind in kinds], times(2, training_step(device="cpu", batch=1)))


@pytest.mark.parametrize(
    "value", [torch.ones(2), {"a": 1}, "x" * 101, ["x"], [[1]], (1,), object()], ids=lambda one: type(one).__name__
)
def test_facts_that_are_no_plain_values_are_refused(value: Any) -> None:
    """What stays on the student's side, tensors and endless text are neither compared nor shown."""
    with pytest.raises(ComparisonFailed, match="loop: what was recorded cannot be read"):
        expect_trace([["zero_grad", {"clear": value}]], "zero_grad")


def recorded(text: str, pattern: Part) -> str:
    """Return what a loop leaves for diagnosis."""
    with a_check() as check, contextlib.suppress(ComparisonFailed):
        expect_trace(ran(text).events(), pattern)
    (made,) = check.comparisons
    assert isinstance(made.actual, str)
    return made.actual


def test_what_is_recorded_is_the_same_for_the_same_mistake() -> None:
    """A missing step is one mistake wherever zero_grad stands; other mistakes leave other events."""
    pattern = times(2 * BATCHES, training_step())
    missing = {recorded(loop(order), pattern) for order in ("ZFB", "FZB", "mFB", "ZfB")}
    assert len(missing) == 1
    assert len({recorded(loop(order), pattern) for order in WRONG}) == len(WRONG) - 3  # one mistake in four ways
    assert recorded(loop("ZFBS"), pattern) == recorded(loop("FBSZ"), pattern)


def test_recording_changes_no_number() -> None:
    """Losses and parameters are the same bits without a recorder."""
    names: dict[str, Any] = {}
    exec(loop("ZFBCS"), names)
    record = ran(loop("ZFBCS"), momentum=0.9)
    generator = torch.Generator().manual_seed(1)
    x, t = (torch.randn(N, size, generator=generator, dtype=torch.float64) for size in (3, 2))
    plain = torch.nn.Sequential(*[getattr(torch.nn, name)(*given) for name, *given in LAYERS]).double()
    plain.load_state_dict({key: value.clone() for key, value in ran(loop("F")).model(LAYERS).state_dict().items()})
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, t), batch_size=BATCHES)
    for _ in range(2):
        names["fit"](plain, loader, optimizer, torch.nn.MSELoss())
    last = record.trajectory()["parameters"][-1]
    assert all(torch.equal(value, last[name]) for name, value in plain.named_parameters())


def test_what_is_watched_is_still_what_it_was() -> None:
    """Classes, copies, slices and saved files are as without a recorder."""
    record: Recorder = recorder()
    model = record.model(LAYERS)
    optimizer = record.optimizer(model, "SGD", lr=0.1)
    assert isinstance(model, torch.nn.Sequential)
    assert isinstance(optimizer, torch.optim.SGD)
    assert type(torch.nn.Sequential(*model)) is torch.nn.Sequential
    assert type(copy.deepcopy(model)) is torch.nn.Sequential
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    assert type(torch.load(file, weights_only=False)) is torch.nn.Sequential
    assert list(model.state_dict()) == list(torch.nn.Sequential(*model).state_dict())
    before = len(record.events())
    model[:2](torch.ones(2, 3, dtype=torch.float64))
    assert len(record.events()) == before


def test_a_recorder_here_and_there_draw_alike() -> None:
    """Two recorders of one check have the same weights and the same order of batches; another check has others."""
    with a_check():
        one, two = recorder(), recorder()
    other = recorder()
    x = torch.arange(10, dtype=torch.float64)[:, None]
    weights = [record.model([["Linear", 2, 3]])[0].weight for record in (one, two, other)]
    orders = [
        [batch.flatten().tolist() for batch, _ in record.loader(x, x, 4, shuffle=True)] for record in (one, two, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert orders[0] == orders[1] != orders[2]
