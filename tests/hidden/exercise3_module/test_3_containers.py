"""Networks whose layers are known only when they are made: Mlp and Chain; then what holds for all networks."""

import pytest
import torch
from torch.nn import functional

from grader.suite import expect_close, expect_equal, expect_shapes, needs, points

from .draws import expect_share
from .oracles import (
    CHAIN_VALUES,
    DIGIT_NET_VALUES,
    LENET_VALUES,
    MLP,
    MLP_VALUES,
    MY_LINEAR_VALUES,
    NETS,
    RUNNING_NORM_VALUES,
    SMALL_NET_VALUES,
    C,
    D,
    H,
    N,
    dense,
    expect_all_gradients,
    expect_any_axes,
    expect_any_batch,
    expect_hooks_run,
    expect_values,
    layer,
    loaded,
    mlp,
    mlp_shapes,
    normal,
    probe_of,
)

# --- Mlp ----------------------------------------------------------------------------------------------------------


@points(3)
def test_mlp_has_relu_between_its_layers_and_none_after(submission, reference, rng):
    """Mlp is linear, ReLU, linear, …, linear; it returns logits.

    zh_CN: Mlp 是线性、ReLU、线性……线性；它返回 logits。
    """
    expect_values(MLP, submission, reference, rng)


def expect_sizes(submission, rng, *sizes):
    """Compare layers and values of an Mlp of these sizes."""
    shapes = mlp_shapes(*sizes)
    net, weights = loaded(submission.Mlp(list(sizes)), "Mlp", shapes, rng)
    expect_shapes(net.parameters(), shapes, label="Mlp.parameters()")
    x = normal(rng, N, sizes[0])
    expect_close(net(x), mlp(x, weights), label="Mlp(x)")


@points(1)
@needs(MLP_VALUES)
def test_layers_of_equal_width_are_layers_of_their_own(submission, rng):
    """Mlp: hidden layers of equal width are not the same layer.

    zh_CN: Mlp：宽度相同的隐藏层不是同一个层。
    """
    expect_sizes(submission, rng, D, H, H, H, C)


@points(1)
@needs(MLP_VALUES)
def test_an_mlp_may_have_a_single_layer(submission, rng):
    """Mlp of two sizes is one linear layer and nothing else.

    zh_CN: 两个尺寸的 Mlp 只是一个线性层，别无其他。
    """
    expect_sizes(submission, rng, D, C)


@points(1)
@needs(MLP_VALUES)
def test_mlp_takes_any_batch(submission, rng):
    """Mlp takes one example or five, and keeps the axis.

    zh_CN: Mlp 接受一个或五个样本，并保留批次轴。
    """
    expect_any_batch(MLP, submission, rng)


@points(1)
@needs(MLP_VALUES)
def test_mlp_maps_the_last_axis(submission, rng):
    """Mlp: the features lie along the last axis of any number.

    zh_CN: Mlp：轴有多少都行，特征沿最后一个轴。
    """
    expect_any_axes(MLP, submission, rng)


@points(1)
@needs(MLP_VALUES)
def test_gradients_reach_every_layer_of_mlp(submission, rng):
    """Mlp: every parameter and x get their gradients.

    zh_CN: Mlp：每个参数和 x 都得到各自的梯度。
    """
    expect_all_gradients(MLP, submission, rng)


@points(1)
@needs(MLP_VALUES)
def test_mlp_calls_its_layers(submission, guest, rng):
    """Mlp calls its layers, so that hooks on them run.

    zh_CN: Mlp 调用它的各层，因此层上的钩子会运行。
    """
    expect_hooks_run(MLP, submission, guest, rng)


DROPPED, ROWS, WIDTH = 0.25, 64, 50


def open_mlp(submission, rng):
    """Return an Mlp with dropout that puts out its hidden layer, all of it open; an input; the layer before dropout."""
    net = submission.Mlp([D, WIDTH, WIDTH], dropout=DROPPED)
    expect_shapes(net.state_dict(), mlp_shapes(D, WIDTH, WIDTH), label="Mlp with dropout")
    first = {"layers.0.weight": normal(rng, WIDTH, D).abs() + 0.1, "layers.0.bias": normal(rng, WIDTH).abs()}
    net.call("load_state_dict", first | {"layers.1.weight": torch.eye(WIDTH), "layers.1.bias": torch.zeros(WIDTH)})
    x = normal(rng, ROWS, D).abs() + 0.1
    return net, x, dense(x, first, "layers.0")


@points(2)
@needs(MLP_VALUES)
def test_dropout_rests_in_evaluation(submission, rng):
    """In evaluation dropout lets everything pass unchanged.

    zh_CN: 评估时 dropout 让一切原样通过。
    """
    net, x, hidden = open_mlp(submission, rng)
    expect_close(net.eval()(x), hidden, label="Mlp(x) in evaluation")


@points(2)
@needs(MLP_VALUES)
def test_dropout_in_training_drops_a_share_and_scales_the_rest(submission, rng):
    """In training a share p becomes 0, the rest is x / (1 − p).

    zh_CN: 训练时比例为 p 的数变成 0，其余是 x / (1 − p)。

    The share is further off than is allowed with a probability of at most 3e-8.
    """
    net, x, hidden = open_mlp(submission, rng)
    received = net(x)
    expect_close(received, torch.where(received == 0, 0.0, hidden / (1 - DROPPED)), label="Mlp(x) in training")
    expect_share(received == 0, DROPPED, "share of zeros")


# --- Chain --------------------------------------------------------------------------------------------------------


@pytest.fixture
def steps(guest, rng):
    """Modules for a Chain, whose names are not in alphabetical order, and their weights."""
    made, weights = {}, {}
    for name, pair in (("second", (D, 8)), ("first", (8, H))):
        made[name], drawn = loaded(guest.build("torch.nn.Linear", *pair), "nn.Linear", layer("", *pair), rng)
        weights |= {f"{name}.{part}": value for part, value in drawn.items()}
    return {"second": made["second"], "relu": guest.build("torch.nn.ReLU"), "first": made["first"]}, weights


def chained(x, weights):
    """Return what the steps make of x."""
    return dense(torch.relu(dense(x, weights, "second")), weights, "first")


@points(2)
def test_chain_applies_its_steps_in_the_order_given(submission, rng, steps):
    """Chain applies its steps in the order in which they came.

    zh_CN: Chain 按给出的顺序应用它的各步。
    """
    made, weights = steps
    x = normal(rng, N, D)
    expect_close(submission.Chain(made)(x), chained(x, weights), label="Chain(x)")


@points(2)
@needs(CHAIN_VALUES)
def test_steps_of_a_chain_are_its_children(submission, guest, steps):
    """The steps are attributes of the Chain, trained and saved.

    zh_CN: 各步是 Chain 的属性，会被训练和保存。
    """
    made, weights = steps
    net = submission.Chain(made)
    shapes = {name: value.shape for name, value in weights.items()}
    expect_shapes(net.parameters(), shapes, label="Chain.parameters()")
    expect_shapes(net.state_dict(), shapes, label="Chain's state")
    other = [name for name, step in made.items() if not guest.same(getattr(net, name), step)]
    expect_equal(other, [], label="names under which the Chain has another module than the one given")


@points(1)
@needs(CHAIN_VALUES)
def test_a_step_with_two_names_is_applied_twice(submission, guest, rng):
    """A module that has two names in the Chain is applied twice.

    zh_CN: 在 Chain 中有两个名字的模块应用两次。
    """
    square, weights = loaded(guest.build("torch.nn.Linear", D, D), "nn.Linear", layer("", D, D), rng)
    net = submission.Chain({"once": square, "relu": guest.build("torch.nn.ReLU"), "again": square})
    x = normal(rng, N, D)
    w, b = weights["weight"], weights["bias"]
    expected = functional.linear(torch.relu(functional.linear(x, w, b)), w, b)
    expect_close(net(x), expected, label="Chain(x) with one module under two names")


@points(1)
@needs(CHAIN_VALUES, "test_steps_of_a_chain_are_its_children")
def test_chain_calls_its_steps(submission, guest, rng, steps):
    """Chain calls its steps, so that hooks on them run.

    zh_CN: Chain 调用它的各步，因此步上的钩子会运行。
    """
    made, weights = steps
    net = submission.Chain(made)
    probe_of(guest).double_output(net, "first")
    x = normal(rng, N, D)
    expect_close(net(x), 2 * chained(x, weights), label="Chain(x) with first doubled by a hook")


# --- all of them --------------------------------------------------------------------------------------------------


@points(1)
@needs(MY_LINEAR_VALUES, SMALL_NET_VALUES, DIGIT_NET_VALUES, LENET_VALUES, MLP_VALUES)
def test_two_networks_start_differently(submission):
    """Two networks of one class start with different weights.

    zh_CN: 同一个类的两个网络从不同的权重开始。
    """
    alike = []
    for net in NETS:
        first, second = (net.make(submission).state_dict() for _ in range(2))
        alike += [f"{net.name}: {name}" for name in first if bool((first[name] == second[name]).all())]
    expect_equal(alike, [], label="parameters that two networks start with")


@points(1)
@needs(
    MY_LINEAR_VALUES,
    RUNNING_NORM_VALUES,
    SMALL_NET_VALUES,
    DIGIT_NET_VALUES,
    LENET_VALUES,
    MLP_VALUES,
    CHAIN_VALUES,
)
def test_networks_leave_their_input_alone(submission, guest, rng, steps):
    """No network changes the tensor that it is given.

    zh_CN: 没有一个网络改动它得到的张量。
    """
    nets = [(net.name, net.make(submission), normal(rng, 3, *net.inputs)) for net in NETS]
    nets.append(("Chain", submission.Chain(steps[0]), normal(rng, 3, D)))
    nets.append(("RunningNorm", submission.RunningNorm(D), normal(rng, 3, D)))
    for name, net, x in nets:
        for mode in (True, False):
            theirs = guest.tensor(x)
            net.train(mode)(theirs)
            expect_equal(guest.read(theirs), x, label=f"x after {name}(x)")
