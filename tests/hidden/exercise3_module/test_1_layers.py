"""The two layers of one's own: parameters in MyLinear, buffers in RunningNorm."""

import torch

from grader.suite import expect_close, expect_equal, expect_shapes, expect_vjp, needs, points

from .draws import expect_uniform
from .oracles import (
    MY_LINEAR,
    MY_LINEAR_VALUES,
    RUNNING_NORM_VALUES,
    D,
    H,
    N,
    expect_all_gradients,
    expect_any_axes,
    expect_any_batch,
    expect_values,
    layer,
    loaded,
    normal,
)

MOMENTUM, EPS = 0.3, 0.01


# --- MyLinear -----------------------------------------------------------------------------------------------------


@points(2)
def test_my_linear_is_x_times_its_weight_transposed_plus_its_bias(submission, reference, rng):
    """MyLinear computes x Wᵀ + b with the W and b of its state.

    zh_CN: MyLinear 用状态中的 W 和 b 计算 x Wᵀ + b。
    """
    expect_values(MY_LINEAR, submission, reference, rng)


@points(2)
@needs(MY_LINEAR_VALUES)
def test_my_linear_maps_the_last_axis(submission, rng):
    """MyLinear takes x of any number of axes and maps the last.

    zh_CN: MyLinear 接受任意多个轴的 x，变换最后一个轴。
    """
    expect_any_axes(MY_LINEAR, submission, rng)


@points(1)
@needs(MY_LINEAR_VALUES)
def test_my_linear_takes_any_batch(submission, rng):
    """MyLinear takes one example or five, and keeps the axis.

    zh_CN: MyLinear 接受一个或五个样本，并保留批次轴。
    """
    expect_any_batch(MY_LINEAR, submission, rng)


@points(1)
@needs(MY_LINEAR_VALUES)
def test_my_linear_can_do_without_a_bias(submission, rng):
    """With bias=False MyLinear has a weight only and adds nothing.

    zh_CN: bias=False 时 MyLinear 只有权重，什么也不加。
    """
    net, weights = loaded(
        submission.MyLinear(D, H, bias=False), "MyLinear without bias", layer("", D, H, bias=False), rng
    )
    x = normal(rng, N, D)
    expect_close(net(x), x @ weights["weight"].T, label="MyLinear(x) without bias")
    expect_equal(net.get("bias"), None, label="MyLinear.bias without bias")


@points(2)
@needs(MY_LINEAR_VALUES)
def test_my_linear_starts_uniform(submission):
    """Weight and bias of a new MyLinear are uniform on ±1/√inputs.

    zh_CN: 新的 MyLinear 的权重和偏置在 ±1/√inputs 上均匀分布。

    For each of them a correct answer fails with a probability of at most 3e-8.
    """
    state = submission.MyLinear(8, 4000).state_dict()
    expect_uniform(state["weight"], 8**-0.5, "weight")
    expect_uniform(state["bias"], 8**-0.5, "bias")


@points(1)
@needs(MY_LINEAR_VALUES)
def test_gradients_reach_the_parameters_of_my_linear(submission, rng):
    """MyLinear's weight, bias and input get their gradients.

    zh_CN: MyLinear 的权重、偏置和输入都得到各自的梯度。
    """
    expect_all_gradients(MY_LINEAR, submission, rng)


# --- RunningNorm --------------------------------------------------------------------------------------------------


def new_norm(submission):
    """Return the student's RunningNorm of D channels, with a momentum and an eps that show."""
    net = submission.RunningNorm(D, momentum=MOMENTUM, eps=EPS)
    expect_shapes(net.parameters(), {}, label="RunningNorm.parameters()")
    expect_shapes(net.buffers(), {"running_mean": (D,), "running_var": (D,)}, label="RunningNorm.buffers()")
    return net


def statistics(x):
    """Return mean and variance (divided by the count) of each channel, that is over every axis but 1."""
    axes = [axis for axis in range(x.dim()) if axis != 1]
    return x.mean(dim=axes), x.var(dim=axes, correction=0)


def standardised(x, mean, var, eps=EPS):
    """Return x minus mean, divided by the root of var + eps, channel by channel."""
    shape = (1, -1, *[1] * (x.dim() - 2))
    return (x - mean.reshape(shape)) / (var.reshape(shape) + eps).sqrt()


def expect_running(net, mean, var, when):
    """Compare both running statistics."""
    buffers = net.buffers()
    expect_close(buffers["running_mean"], mean, label=f"running_mean {when}")
    expect_close(buffers["running_var"], var, label=f"running_var {when}")


def moved(old, new):
    """Return a running statistic after one step."""
    return (1 - MOMENTUM) * old + MOMENTUM * new


@points(3)
def test_running_norm_standardises_each_channel_of_the_batch(submission, rng):
    """In training each channel gets mean 0 and variance 1.

    zh_CN: 训练时每个通道的均值为 0，方差为 1。
    """
    net, x = new_norm(submission), 2 * normal(rng, N, D) + 1
    expect_close(net(x), standardised(x, *statistics(x)), label="RunningNorm(x) in training")


@points(2)
@needs(RUNNING_NORM_VALUES)
def test_running_statistics_move_towards_each_batch(submission, rng):
    """Each batch moves the running statistics by the momentum.

    zh_CN: 每个批次按 momentum 移动运行统计量。
    """
    net = new_norm(submission)
    mean, var = torch.zeros(D), torch.ones(D)
    expect_running(net, mean, var, "at the start")
    for when in ("after one batch", "after two batches"):
        x = 2 * normal(rng, N, D) + 1
        net(x)
        mean, var = map(moved, (mean, var), statistics(x))
        expect_running(net, mean, var, when)


def remembering(submission, rng):
    """Return a RunningNorm in evaluation mode that is given its memory, and this memory."""
    mean, var = normal(rng, D), normal(rng, D) ** 2 + 0.5
    net = new_norm(submission)
    net.call("load_state_dict", {"running_mean": mean, "running_var": var})
    return net.eval(), mean, var


@points(2)
@needs(RUNNING_NORM_VALUES)
def test_evaluation_uses_what_was_remembered(submission, rng):
    """In evaluation the running statistics count, not the batch.

    zh_CN: 评估时用的是运行统计量，而不是这个批次。
    """
    net, mean, var = remembering(submission, rng)
    x = normal(rng, N, D)
    expect_close(net(x), standardised(x, mean, var), label="RunningNorm(x) in evaluation")
    net, mean, var = remembering(submission, rng)
    one = normal(rng, 1, D)
    expect_close(net(one), standardised(one, mean, var), label="RunningNorm(x) in evaluation, x of one example")


@points(1)
@needs("test_evaluation_uses_what_was_remembered")
def test_evaluation_leaves_the_memory_as_it_is(submission, rng):
    """What is seen in evaluation is not remembered.

    zh_CN: 评估时看到的东西不会被记住。
    """
    net, mean, var = remembering(submission, rng)
    net(normal(rng, N, D))
    expect_running(net, mean, var, "after evaluation")


@points(2)
@needs(RUNNING_NORM_VALUES)
def test_running_norm_has_one_statistic_per_channel(submission, rng):
    """Axis 1 is the channel, also of sequences and images.

    zh_CN: 轴 1 是通道，对序列和图像也一样。
    """
    for shape in ((N, D, 4), (N, D, 4, 3)):
        net, x = new_norm(submission), 2 * normal(rng, *shape) + 1
        mean, var = statistics(x)
        kind = f"x of {len(shape)} axes"
        expect_close(net(x), standardised(x, mean, var), label=f"RunningNorm(x) in training, {kind}")
        mean, var = moved(torch.zeros(D), mean), moved(torch.ones(D), var)
        expect_running(net, mean, var, f"after one batch, {kind}")
        expect_close(net.eval()(x), standardised(x, mean, var), label=f"RunningNorm(x) in evaluation, {kind}")


@points(1)
@needs("test_evaluation_uses_what_was_remembered")
def test_running_statistics_follow_double(submission, rng):
    """After .double() all of RunningNorm computes in float64.

    zh_CN: .double() 之后 RunningNorm 全部用 float64 计算。
    """
    net, mean, var = remembering(submission, rng)
    net.call("double")
    expect_running(net, mean.double(), var.double(), "after .double()")
    x = normal(rng, N, D, dtype=torch.float64)
    expect_close(net(x), standardised(x, mean.double(), var.double()), label="RunningNorm(x) in float64")
    expect_close(net.train()(x), standardised(x, *statistics(x)), label="RunningNorm(x) in float64, in training")
    mean, var = map(moved, (mean.double(), var.double()), statistics(x))
    expect_running(net, mean, var, "after a batch of float64")


@points(2)
@needs("test_evaluation_uses_what_was_remembered")
def test_running_statistics_travel_in_the_state(submission, rng):
    """A state_dict carries the memory to another RunningNorm.

    zh_CN: state_dict 把记忆带到另一个 RunningNorm。
    """
    first, batch = submission.RunningNorm(D), 2 * normal(rng, N, D) + 1
    first(batch)
    state = first.state_dict()
    expect_shapes(state, {"running_mean": (D,), "running_var": (D,)}, label="RunningNorm's state")
    mean, var = statistics(batch)
    expect_running(first, 0.1 * mean, 0.9 + 0.1 * var, "after one batch, by default")
    second = submission.RunningNorm(D)
    second.call("load_state_dict", state)
    x = normal(rng, N, D)
    expected = standardised(x, state["running_mean"], state["running_var"], 1e-5)
    expect_close(second.eval()(x), expected, label="RunningNorm(x) with a loaded state")


@points(1)
@needs(RUNNING_NORM_VALUES)
def test_the_gradient_flows_through_the_statistics_of_the_batch(submission, rng):
    """The gradient passes through mean and variance of the batch.

    zh_CN: 梯度会流过这个批次的均值和方差。
    """
    net = new_norm(submission)
    net.call("double")
    x, upstream = normal(rng, N, D, dtype=torch.float64), normal(rng, N, D, dtype=torch.float64)
    received = net(x.requires_grad_())
    received.backward(upstream)
    got = torch.zeros_like(x) if x.grad is None else x.grad
    expect_vjp({"dx": got}, lambda x: standardised(x, *statistics(x)), {"dx": x.detach()}, upstream)


@points(1)
@needs(RUNNING_NORM_VALUES)
def test_the_memory_hangs_on_no_graph(submission, rng):
    """The running statistics keep no graph of what they have seen.

    zh_CN: 运行统计量不保留见过的东西的计算图。
    """
    net = new_norm(submission)
    x = normal(rng, N, D).requires_grad_()
    net(x)
    attached = [name for name in ("running_mean", "running_var") if net.get(name).requires_grad]
    expect_equal(attached, [], label="buffers that hang on a graph")
