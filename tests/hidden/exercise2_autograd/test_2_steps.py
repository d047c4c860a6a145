"""Gradients add up: reading them, accumulating on purpose, stepping in place."""

import pytest

from grader.suite import expect_close, expect_equal, expect_tuple, needs, points

from .oracles import PROBE, C, D, H, derivatives, normal
from .probe import loss_of_first, loss_of_two, regression

LR = 0.25


@pytest.fixture
def probe(guest):
    """The probe module on the student's side."""
    return guest.load(PROBE)


@pytest.fixture
def weights(rng):
    """Two weights of different shapes."""
    return normal(rng, D, H), normal(rng, H, C)


@pytest.fixture
def params(guest, weights):
    """The same two on the student's side, as leaves."""
    return [guest.tensor(w, requires_grad=True) for w in weights]


def expect_two(received, expected, what=""):
    """Compare two gradients."""
    pair = expect_tuple(received, 2, f"gradients{what}")
    for name, mine, theirs in zip(("w1", "w2"), pair, expected, strict=True):
        expect_close(mine, theirs, label=f"gradient of {name}{what}")


def expect_filled(params, expected):
    """Compare what two parameters hold in `.grad`."""
    for name, mine in zip(("w1", "w2"), params, strict=True):
        expect_equal(mine.get("grad") is None, False, label=f"whether .grad of {name} is empty")
    expect_two([w.get("grad") for w in params], expected, " in .grad")


def draw_batches(rng):
    """Three batches of 2, 4 and 5 rows."""
    return [(normal(rng, rows, D), normal(rng, rows, C)) for rows in (2, 4, 5)]


def over_all(batches, weights):
    """Return the mean loss over all rows of all batches, and its gradients."""
    rows = sum(len(x) for x, _ in batches)

    def loss(*params):
        return sum(regression(x, t, *params) * (len(x) / rows) for x, t in batches)

    return float(loss(*weights)), derivatives(loss, weights)


@points(1)
def test_gradients_of_a_loss(submission, probe, params, weights):
    """fresh_gradients gives one gradient per parameter, in order.

    zh_CN: fresh_gradients 按顺序给每个参数一个梯度。
    """
    received = submission.fresh_gradients(probe.loss_of_two, params)
    expect_two(received, derivatives(loss_of_two, weights))


@points(1)
def test_a_second_call_gives_the_same_gradients(submission, probe, params, weights, rng):
    """Old gradients do not count: neither others' nor one's own.

    zh_CN: 旧的梯度不算：别人的不算，自己的也不算。
    """
    probe.set_gradients(params, [normal(rng, *w.shape) for w in weights])
    expected = derivatives(loss_of_two, weights)
    for what in ("", " (second call)"):
        expect_two(submission.fresh_gradients(probe.loss_of_two, params), expected, what)


@points(1)
def test_an_unused_parameter_has_the_gradient_zero(submission, probe, params, weights):
    """A parameter that the loss does not depend on gets zeros.

    zh_CN: 损失不依赖的参数得到的梯度是 0。
    """
    received = submission.fresh_gradients(probe.loss_of_first, params)
    expect_two(received, derivatives(loss_of_first, weights))


@points(1)
@needs("test_gradients_of_a_loss")
def test_returned_gradients_stay_as_they_are(submission, probe, params, weights):
    """A later call or backward changes nothing returned before.

    zh_CN: 之后的调用或 backward 不改变先前返回的梯度。
    """
    kept = probe.Kept(submission.fresh_gradients, probe.loss_of_two, params)
    expected = derivatives(loss_of_two, weights)
    probe.backward(probe.loss_of_two, params)
    expect_two(kept.get("value"), expected, " after another backward")
    submission.fresh_gradients(probe.loss_of_first, params)
    expect_two(kept.get("value"), expected, " after another call")


@points(2)
def test_batches_accumulate_to_the_whole(submission, guest, probe, params, weights, rng):
    """accumulate fills .grad as one batch of all rows would.

    zh_CN: accumulate 填入的 .grad 与整批所有行一次算出的相同。
    """
    batches = draw_batches(rng)
    loss, expected = over_all(batches, weights)
    expect_close(submission.accumulate(probe.regression, params, batches), loss, label="loss")
    expect_filled(params, expected)


@points(1)
def test_accumulating_begins_with_nothing(submission, probe, params, weights, rng):
    """What stood in .grad before accumulate does not count.

    zh_CN: accumulate 之前 .grad 里的东西不算。
    """
    batches = draw_batches(rng)
    probe.set_gradients(params, [normal(rng, *w.shape) for w in weights])
    submission.accumulate(probe.regression, params, batches)
    expect_filled(params, over_all(batches, weights)[1])


@points(1)
@needs("test_batches_accumulate_to_the_whole")
def test_only_one_graph_exists_at_a_time(submission, probe, params, rng):
    """accumulate keeps no graph of the batches before.

    zh_CN: accumulate 不保留之前批次的计算图。
    """
    loss_of = probe.Watched()
    batches = [(normal(rng, 2, D), normal(rng, 2, C)) for _ in range(6)]
    submission.accumulate(loss_of, params, batches)
    # The name of the last loss still holds its graph while the next one is made; a third would be kept.
    expect_equal(loss_of.get("peak") <= 2, True, label="whether the graphs of earlier batches were let go")


@points(1)
def test_a_step_changes_the_parameters_themselves(submission, guest, probe, params, weights, rng):
    """sgd_step moves each parameter in place, downhill.

    zh_CN: sgd_step 就地移动每个参数，朝下坡走。
    """
    gradients = [normal(rng, *w.shape) for w in weights]
    probe.set_gradients(params, gradients)
    submission.sgd_step(params, LR)
    for name, mine, w, gradient in zip(("w1", "w2"), params, weights, gradients, strict=True):
        expect_close(guest.read(mine), w - LR * gradient, label=f"{name} after the step")


@points(1)
@needs("test_a_step_changes_the_parameters_themselves")
def test_after_a_step_a_leaf_is_still_a_leaf(submission, probe, params, weights):
    """After the step both require a gradient, and are leaves.

    zh_CN: 走一步之后两者仍需要梯度，仍是叶子。
    """
    probe.backward(probe.loss_of_two, params)
    submission.sgd_step(params, LR)
    for name, mine in zip(("w1", "w2"), params, strict=True):
        expect_equal(mine.get("requires_grad"), True, label=f"whether {name} requires a gradient after the step")
        expect_equal(mine.get("is_leaf"), True, label=f"whether {name} is a leaf after the step")


@points(1)
@needs("test_after_a_step_a_leaf_is_still_a_leaf")
def test_a_step_clears_the_gradients(submission, guest, probe, params, weights):
    """The first backward after a step finds nothing to add to.

    zh_CN: 走一步之后，第一次 backward 没有旧值可以累加。
    """
    probe.backward(probe.loss_of_two, params)
    submission.sgd_step(params, LR)
    moved = [w - LR * gradient for w, gradient in zip(weights, derivatives(loss_of_two, weights), strict=True)]
    probe.backward(probe.loss_of_two, params)
    expected = derivatives(loss_of_two, [guest.read(w) for w in params])
    expect_filled(params, expected)
    for name, mine, w in zip(("w1", "w2"), params, moved, strict=True):
        expect_close(guest.read(mine), w, label=f"{name} after the step")


@points(1)
def test_a_parameter_without_a_gradient_stays(submission, guest, probe, params, weights, rng):
    """A parameter whose .grad is None is left out of the step.

    zh_CN: .grad 为 None 的参数不参与这一步。
    """
    gradient = normal(rng, H, C)
    probe.set_gradients(params[1:], [gradient])
    submission.sgd_step(params, LR)
    expect_close(guest.read(params[0]), weights[0], label="w1, which has no gradient, after the step")
    expect_close(guest.read(params[1]), weights[1] - LR * gradient, label="w2 after the step")
