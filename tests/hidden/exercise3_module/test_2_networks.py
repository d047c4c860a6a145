"""The networks of fixed layers: SmallNet, DigitNet, LeNet."""

import math

import torch

from grader.suite import expect_close, expect_equal, expect_shapes, needs, points

from .draws import expect_normal
from .oracles import (
    DIGIT_NET,
    DIGIT_NET_VALUES,
    LENET,
    LENET_VALUES,
    SMALL_NET,
    SMALL_NET_VALUES,
    N,
    expect_all_gradients,
    expect_any_axes,
    expect_any_batch,
    expect_hooks_run,
    expect_values,
    normal,
    probe_of,
)

# --- SmallNet -----------------------------------------------------------------------------------------------------


@points(3)
def test_small_net_is_linear_sigmoid_linear_relu_linear_softmax(submission, reference, rng):
    """SmallNet is linear, sigmoid, linear, ReLU, linear, softmax.

    zh_CN: SmallNet 依次是线性、sigmoid、线性、ReLU、线性、softmax。
    """
    expect_values(SMALL_NET, submission, reference, rng)


@points(2)
@needs(SMALL_NET_VALUES)
def test_small_net_starts_with_xavier_and_kaiming(submission):
    """fc1 starts as Xavier and fc2 as Kaiming, both normal.

    zh_CN: fc1 按 Xavier、fc2 按 Kaiming 开始，都是正态分布。

    For each of them a correct answer fails with a probability of at most 3e-8.
    """
    inputs, first, second = 160, 120, 80
    state = submission.SmallNet(inputs, first, second, 40).state_dict()
    expect_normal(state["fc1.weight"], math.sqrt(2 / (inputs + first)), "fc1.weight")
    expect_normal(state["fc2.weight"], math.sqrt(2 / first), "fc2.weight")


@points(1)
@needs(SMALL_NET_VALUES)
def test_small_net_takes_any_batch(submission, rng):
    """SmallNet takes one example or five, and keeps the axis.

    zh_CN: SmallNet 接受一个或五个样本，并保留批次轴。
    """
    expect_any_batch(SMALL_NET, submission, rng)


@points(1)
@needs(SMALL_NET_VALUES)
def test_small_net_maps_the_last_axis(submission, rng):
    """SmallNet: the classes lie along the last axis of any number.

    zh_CN: SmallNet：轴有多少都行，类别沿最后一个轴。
    """
    expect_any_axes(SMALL_NET, submission, rng)


@points(1)
@needs(SMALL_NET_VALUES)
def test_gradients_reach_every_layer_of_small_net(submission, rng):
    """SmallNet: every parameter and x get their gradients.

    zh_CN: SmallNet：每个参数和 x 都得到各自的梯度。
    """
    expect_all_gradients(SMALL_NET, submission, rng)


@points(1)
@needs(SMALL_NET_VALUES)
def test_small_net_calls_its_layers(submission, guest, rng):
    """SmallNet calls its layers, so that hooks on them run.

    zh_CN: SmallNet 调用它的各层，因此层上的钩子会运行。
    """
    expect_hooks_run(SMALL_NET, submission, guest, rng)


# --- DigitNet -----------------------------------------------------------------------------------------------------


@points(2)
def test_digit_net_is_linear_relu_linear_and_nothing_after(submission, reference, rng):
    """DigitNet is linear, ReLU, linear: it returns logits.

    zh_CN: DigitNet 是线性、ReLU、线性：返回 logits。
    """
    expect_values(DIGIT_NET, submission, reference, rng)


@points(1)
@needs(DIGIT_NET_VALUES)
def test_digit_net_takes_any_batch(submission, rng):
    """DigitNet takes one example or five, and keeps the axis.

    zh_CN: DigitNet 接受一个或五个样本，并保留批次轴。
    """
    expect_any_batch(DIGIT_NET, submission, rng)


@points(1)
@needs(DIGIT_NET_VALUES)
def test_digit_net_maps_the_last_axis(submission, rng):
    """DigitNet: the pixels lie along the last axis of any number.

    zh_CN: DigitNet：轴有多少都行，像素沿最后一个轴。
    """
    expect_any_axes(DIGIT_NET, submission, rng)


@points(1)
@needs(DIGIT_NET_VALUES)
def test_gradients_reach_every_layer_of_digit_net(submission, rng):
    """DigitNet: every parameter and x get their gradients.

    zh_CN: DigitNet：每个参数和 x 都得到各自的梯度。
    """
    expect_all_gradients(DIGIT_NET, submission, rng)


@points(1)
@needs(DIGIT_NET_VALUES)
def test_digit_net_calls_its_layers(submission, guest, rng):
    """DigitNet calls its layers, so that hooks on them run.

    zh_CN: DigitNet 调用它的各层，因此层上的钩子会运行。
    """
    expect_hooks_run(DIGIT_NET, submission, guest, rng)


# --- LeNet --------------------------------------------------------------------------------------------------------


@points(4)
def test_lenet_is_two_convolutions_and_three_linear_layers(submission, reference, rng):
    """LeNet's ten logits are those of its layers, in order.

    zh_CN: LeNet 的十个 logits 由它的各层按顺序得出。
    """
    expect_values(LENET, submission, reference, rng)


@points(1)
def test_flat_features_are_all_numbers_of_one_example(submission, rng):
    """num_flat_features multiplies all sizes but the batch's.

    zh_CN: num_flat_features 把批次轴以外的所有尺寸相乘。
    """
    net = submission.LeNet()
    sizes = {"16 x 5 x 5": (N, 16, 5, 5), "3 x 2": (4, 3, 2), "10": (2, 10), "one number": (3,)}
    counted = {name: net.call("num_flat_features", normal(rng, *shape)) for name, shape in sizes.items()}
    for name, count in {"16 x 5 x 5": 400, "3 x 2": 6, "10": 10, "one number": 1}.items():
        expect_equal(counted[name], count, label=f"num_flat_features of examples of {name}")


@points(1)
@needs(LENET_VALUES)
def test_lenet_takes_any_batch(submission, rng):
    """LeNet takes one image or five, and keeps the axis.

    zh_CN: LeNet 接受一张或五张图像，并保留批次轴。
    """
    expect_any_batch(LENET, submission, rng)


@points(1)
@needs(LENET_VALUES)
def test_gradients_reach_every_layer_of_lenet(submission, rng):
    """LeNet: every parameter and the images get their gradients.

    zh_CN: LeNet：每个参数和图像都得到各自的梯度。
    """
    expect_all_gradients(LENET, submission, rng)


@points(1)
@needs(LENET_VALUES)
def test_lenet_calls_its_layers(submission, guest, rng):
    """LeNet calls its layers, so that hooks on them run.

    zh_CN: LeNet 调用它的各层，因此层上的钩子会运行。
    """
    expect_hooks_run(LENET, submission, guest, rng)


@points(2)
def test_layers_are_there_before_the_first_call(submission, guest, rng):
    """LeNet: an optimiser built before any call trains it all.

    zh_CN: LeNet：在任何调用之前建立的优化器能训练它的全部参数。
    """
    net, lr = submission.LeNet(), 0.1
    expect_shapes(net.parameters(), LENET.shapes, label="LeNet before the first call")
    net.call("double")
    before = net.state_dict()
    x, upstream = normal(rng, 3, *LENET.inputs, dtype=torch.float64), normal(rng, 3, 10, dtype=torch.float64)
    probe_of(guest).one_step(net, x, upstream, lr)
    after, gradients = net.parameters(), net.gradients()
    still = [name for name in before if bool((after[name] == before[name]).all())]
    expect_equal(still, [], label="parameters that one step has not moved")
    for name, gradient in gradients.items():
        expect_close(after[name].detach(), before[name] - lr * gradient, label=f"{name} after one step")
