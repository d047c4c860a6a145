"""Networks: training by autograd, gradients of parameters, predictions."""

import math

import pytest
import torch

from grader.suite import expect_close, expect_equal, expect_stages, needs, points

from .oracles import (
    PROBE,
    C,
    D,
    H,
    N,
    derivatives,
    draw_net,
    draw_regression,
    net,
    normal,
    plain,
    trained,
)

# A network of exercise 1's kind, small enough for 500 steps to take no longer than all other checks together.
BATCH, FEATURES, HIDDEN, OUTPUTS, LR, STEPS = 16, 40, 12, 3, 1e-4, 500


@pytest.fixture
def probe(guest):
    """The probe module on the student's side."""
    return guest.load(PROBE)


def expect_parameter_gradients(received, x, state, upstream):
    """Compare with the gradients of the sum of upstream times output, all parameters by name."""
    names = list(state)
    wanted = derivatives(lambda *w: (net(x, dict(zip(names, w, strict=True))) * upstream).sum(), list(state.values()))
    expect_stages(received, dict(zip(names, wanted, strict=True)))


@points(1)
def test_a_step_of_training_is_that_of_exercise_1(submission, rng):
    """Two steps of training are those done by hand.

    zh_CN: 训练的两步与手算的两步相同。
    """
    arguments = draw_regression(rng)
    expect_stages(submission.train_regression(*arguments, 1e-3, 2), trained(*arguments, 1e-3, 2))


@points(2)
@needs("test_a_step_of_training_is_that_of_exercise_1")
def test_training_follows_the_path_by_hand(submission, rng):
    """500 steps of training follow the path of exercise 1.

    zh_CN: 500 步训练走的是练习 1 的那条路。
    """
    shapes = ((BATCH, FEATURES), (BATCH, OUTPUTS), (FEATURES, HIDDEN), (HIDDEN, OUTPUTS))
    arguments = [normal(rng, *shape) for shape in shapes]
    received = submission.train_regression(*arguments, LR, STEPS)
    # The largest loss is the first, so each loss is compared to 1e-8 of the first.
    expect_stages(received, trained(*arguments, LR, STEPS), rtol=1e-8)


@points(1)
@needs("test_a_step_of_training_is_that_of_exercise_1")
def test_training_hands_out_plain_numbers(submission, rng):
    """Neither losses nor weights come back with a graph.

    zh_CN: 返回的损失和权重都不带计算图。
    """
    received = submission.train_regression(*draw_regression(rng), 1e-3, 3)
    for name in ("losses", "w1", "w2"):
        plain(received[name], name)


@points(1)
@needs("test_a_step_of_training_is_that_of_exercise_1")
def test_training_starts_from_copies(submission, guest, rng):
    """The weights that training starts from stay what they were.

    zh_CN: 训练开始时给的权重保持原样。
    """
    x, t, w1, w2 = draw_regression(rng)
    theirs = {"w1": guest.tensor(w1), "w2": guest.tensor(w2, requires_grad=True)}
    received = submission.train_regression(x, t, *theirs.values(), 1e-3, 3)
    expect_stages(received, trained(x, t, w1, w2, 1e-3, 3))
    for name, value in {"w1": w1, "w2": w2}.items():
        expect_close(guest.read(theirs[name]), value, label=f"{name} after the call")
        expect_equal(theirs[name].get("requires_grad"), name == "w2", label=f"whether {name} requires a gradient")
        expect_equal(theirs[name].get("grad"), None, label=f".grad of {name} after the call")


@points(1)
def test_at_exactly_zero_any_slope_of_relu_is_right(submission, rng):
    """Where w1 = 0 all of ReLU's slopes from 0 to 1 are accepted.

    zh_CN: w1 = 0 处，ReLU 的斜率从 0 到 1 都算对。
    """
    x, t, _, w2 = draw_regression(rng)
    w1, lr = torch.zeros(D, H, dtype=torch.float64), 1e-2
    received = submission.train_regression(x, t, w1, w2, lr, 1)
    # h = 0, so y = 0: w2 gets no gradient, and w1 what comes back times the slope. relu has 0 there, clamp 1, max ½.
    whole = lr * 2 * x.T @ (t @ w2.T)
    mine = received["w1"] if isinstance(received, dict) else None
    share = float((mine * whole).sum() / (whole * whole).sum()) if getattr(mine, "shape", None) == w1.shape else 0.0
    slope = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    expect_stages(received, {"losses": (t * t).sum()[None], "w1": slope * whole, "w2": w2})


@points(1)
def test_gradients_of_parameters_for_a_given_upstream(submission, probe, rng):
    """parameter_gradients gives what upstream sends back.

    zh_CN: parameter_gradients 给出上游梯度传回来的结果。
    """
    state, x, upstream = draw_net(rng), normal(rng, N, D), normal(rng, N, C)
    expect_parameter_gradients(submission.parameter_gradients(probe.make_net(state), x, upstream), x, state, upstream)


@points(1)
@needs("test_gradients_of_parameters_for_a_given_upstream")
def test_old_gradients_of_a_network_do_not_count(submission, probe, rng):
    """Called again on another batch, only that batch counts.

    zh_CN: 换一个批次再调用，只算那个批次。
    """
    state = draw_net(rng)
    theirs = probe.make_net(state)
    for _ in range(2):
        x, upstream = normal(rng, N, D), normal(rng, N, C)
        expect_parameter_gradients(submission.parameter_gradients(theirs, x, upstream), x, state, upstream)


@points(1)
def test_a_prediction_has_no_dropout(submission, probe, rng):
    """predict switches dropout off.

    zh_CN: predict 关闭 dropout。
    """
    state, x = draw_net(rng), normal(rng, N, D)
    expect_close(submission.predict(probe.make_net(state, 0.5), x), net(x, state), label="prediction")


@points(1)
def test_a_prediction_has_no_graph(submission, probe, rng):
    """predict records nothing, whatever mode the network is in.

    zh_CN: 无论网络处于什么模式，predict 都不记录任何东西。
    """
    state, x = draw_net(rng), normal(rng, N, D)
    prediction = submission.predict(probe.make_net(state), x)
    expect_close(prediction, net(x, state), label="prediction")
    plain(prediction, "the prediction")


@points(1)
@needs("test_a_prediction_has_no_dropout")
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_a_network_is_in_the_same_mode_after_a_prediction(submission, probe, rng, training):
    """predict puts the network back into the mode it was in.

    zh_CN: predict 之后网络回到原来的模式。
    """
    state, x = draw_net(rng), normal(rng, N, D)
    theirs = probe.make_net(state, 0.5)
    theirs.train(training)
    expect_close(submission.predict(theirs, x), net(x, state), label="prediction")
    expect_equal(theirs.get("training"), training, label="whether the network is in training mode after the call")
