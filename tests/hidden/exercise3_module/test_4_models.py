"""Functions of any module: starting weights, names, counts, the summary."""

import torch

from grader.suite import expect_equal, expect_raises, needs, points

from .draws import expect_normal
from .oracles import MY_LINEAR_VALUES, C, D, H, expect_summary, loaded, probe_of

STD = 0.01
DRAWN = "test_init_weights_draws_small_weights"
ROWS = "test_summary_has_a_row_for_every_layer_as_it_runs"


# --- starting weights ---------------------------------------------------------------------------------------------


@points(2)
def test_init_weights_draws_small_weights(submission, guest):
    """init_weights draws weights with standard deviation 0.01.

    zh_CN: init_weights 抽取标准差为 0.01 的权重。

    A correct answer fails with a probability of at most 3e-8.
    """
    net = guest.build("torch.nn.Linear", 160, 90)
    submission.init_weights(net)
    expect_normal(net.state_dict()["weight"], STD, "weight")


@points(1)
@needs(DRAWN)
def test_init_weights_clears_the_bias(submission, guest):
    """init_weights sets the bias to 0.

    zh_CN: init_weights 把偏置设为 0。
    """
    net = guest.build("torch.nn.Linear", D, H)
    submission.init_weights(net)
    expect_equal(net.state_dict()["bias"], torch.zeros(H), label="bias after init_weights")


@points(1)
@needs(DRAWN)
def test_init_weights_takes_a_layer_without_bias(submission, guest):
    """init_weights takes a linear layer that has no bias.

    zh_CN: init_weights 接受没有偏置的线性层。

    A correct answer fails with a probability of at most 3e-8.
    """
    net = guest.build("torch.nn.Linear", 160, 90, bias=False)
    submission.init_weights(net)
    expect_normal(net.state_dict()["weight"], STD, "weight of a layer without bias")


def expect_started(net, submission, label):
    """See that init_weights takes a module for a linear layer."""
    submission.init_weights(net)
    state = net.state_dict()
    expect_normal(state["weight"], STD, f"weight of {label}")
    expect_equal(state["bias"], torch.zeros_like(state["bias"]), label=f"bias of {label}")


@points(1)
@needs(DRAWN)
def test_init_weights_knows_heirs_of_linear(submission, guest):
    """A class that inherits from nn.Linear is a linear layer.

    zh_CN: 继承自 nn.Linear 的类也是线性层。

    A correct answer fails with a probability of at most 3e-8.
    """
    expect_started(probe_of(guest).WideLinear(160, 90), submission, "a class that inherits from nn.Linear")


@points(1)
@needs(DRAWN, MY_LINEAR_VALUES)
def test_init_weights_knows_my_linear(submission):
    """MyLinear is a linear layer to init_weights.

    zh_CN: 对 init_weights 来说 MyLinear 是线性层。

    A correct answer fails with a probability of at most 3e-8.
    """
    expect_started(submission.MyLinear(160, 90), submission, "MyLinear")


@points(1)
@needs(DRAWN)
def test_init_weights_leaves_other_layers_alone(submission, guest, rng):
    """Convolutions and all other modules stay as they are.

    zh_CN: 卷积和其他所有模块保持原样。
    """
    shapes = {"weight": (C, 3, 2, 2), "bias": (C,)}
    conv, weights = loaded(guest.build("torch.nn.Conv2d", 3, C, 2), "nn.Conv2d", shapes, rng)
    submission.init_weights(conv)
    expect_equal(conv.state_dict(), weights, label="a convolution after init_weights")
    submission.init_weights(guest.build("torch.nn.ReLU"))


@points(2)
@needs(DRAWN)
def test_initialize_reaches_every_depth(submission, guest):
    """initialize reaches layers at any depth, not only children.

    zh_CN: initialize 到达任意深度的层，不只是子模块。
    """
    net = probe_of(guest).Outer()
    submission.initialize(net)
    state = net.state_dict()
    large = [name for name in ("first.0", "first.1.1", "last") if bool(state[f"{name}.weight"].abs().max() > 10 * STD)]
    expect_equal(large, [], label="layers whose weights are not small")
    expect_equal(state["norm.weight"], torch.ones(6), label="weight of the normalisation")


@points(1)
@needs(DRAWN)
def test_initialize_counts_the_model_itself(submission, guest):
    """A model that is itself a linear layer is initialised too.

    zh_CN: 模型本身就是线性层时，也会被初始化。

    A correct answer fails with a probability of at most 3e-8.
    """
    net = guest.build("torch.nn.Linear", 160, 90)
    submission.initialize(net)
    expect_normal(net.state_dict()["weight"], STD, "weight")


# --- names and counts ---------------------------------------------------------------------------------------------


@points(1)
def test_trainable_names_are_those_that_ask_for_gradients(submission, guest):
    """trainable_names leaves out what is frozen, and buffers.

    zh_CN: trainable_names 不含冻结的参数和缓冲区。
    """
    probe = probe_of(guest)
    net = probe.Outer()
    probe.freeze(net, "first.0.weight", "norm.bias")
    expected = ["scale", "first.0.bias", "first.1.1.weight", "norm.weight", "last.weight", "last.bias"]
    expect_equal(submission.trainable_names(net), expected, label="trainable_names")


@points(1)
def test_parameters_are_counted_by_their_entries(submission, guest):
    """count_parameters counts numbers, the frozen ones apart.

    zh_CN: count_parameters 数的是数的个数，冻结的另算。
    """
    probe = probe_of(guest)
    net = probe.Outer()
    probe.freeze(net, "first.0.weight")
    received = submission.count_parameters(net)
    expect_equal(received, {"total": 117, "trainable": 87, "frozen": 30}, label="count_parameters")


@points(1)
@needs("test_parameters_are_counted_by_their_entries")
def test_a_shared_parameter_is_counted_once(submission, guest):
    """A parameter that two layers share is counted once.

    zh_CN: 两个层共享的参数只数一次。
    """
    linear = guest.build("torch.nn.Linear", D, D)
    net = guest.build("torch.nn.Sequential", linear, guest.build("torch.nn.ReLU"), linear)
    counted = submission.count_parameters(net)
    expect_equal(counted, {"total": 30, "trainable": 30, "frozen": 0}, label="count_parameters of shared layers")


# --- summary ------------------------------------------------------------------------------------------------------


@points(4)
def test_summary_has_a_row_for_every_layer_as_it_runs(submission, guest):
    """summary has a row for each call of a layer, as they run.

    zh_CN: summary 按运行的顺序，每调用一层有一行。
    """
    rows = [
        "Linear-1 [3, 6] 36", "ReLU-2 [3, 6] 0", "WideLinear-3 [3, 6] 36", "ReLU-4 [3, 6] 0", "WideLinear-5 [3, 6] 36",
        "BatchNorm1d-6 [3, 6] 12", "Linear-7 [3, 4] 28",
    ]  # fmt: skip
    text = submission.summary(probe_of(guest).Outer(), (5,), 3)
    # The parameter of the model itself belongs to no row; a layer that runs twice is counted once.
    expect_summary(text, rows, (117, 117, 0))


@points(1)
@needs(ROWS)
def test_summary_tells_frozen_parameters_apart(submission, guest):
    """The totals of a summary tell frozen parameters apart.

    zh_CN: summary 的总数把冻结的参数分开。
    """
    probe = probe_of(guest)
    net = guest.build("torch.nn.Sequential", guest.build("torch.nn.Conv2d", 2, 3, 2), guest.build("torch.nn.Flatten"))
    probe.freeze(net, "0.weight")
    text = submission.summary(net, (2, 5, 4), 7)
    expect_summary(text, ["Conv2d-1 [7, 3, 4, 3] 27", "Flatten-2 [7, 36] 0"], (27, 3, 24))


@points(1)
@needs(ROWS)
def test_summary_makes_an_input_that_the_model_takes(submission, guest):
    """summary makes an input of the dtype of the parameters.

    zh_CN: summary 造出的输入与参数的 dtype 相同。
    """
    net = guest.build("torch.nn.Linear", D, C)
    net.call("double")
    expect_summary(submission.summary(net, (D,)), [f"Linear-1 [1, {C}] 24"], (24, 24, 0))


@points(1)
@needs(ROWS)
def test_summary_of_a_model_without_parameters(submission, guest):
    """A model without parameters has a summary as well.

    zh_CN: 没有参数的模型也有 summary。
    """
    net = guest.build("torch.nn.Flatten")
    expect_summary(submission.summary(net, (D, C), 2), ["Flatten-1 [2, 20] 0"], (0, 0, 0))


@points(1)
@needs(ROWS)
def test_summary_remembers_nothing_of_its_made_up_batch(submission, guest):
    """A summary changes no buffer and leaves no gradient.

    zh_CN: summary 不改动缓冲区，也不留下梯度。
    """
    net = probe_of(guest).Outer()
    state = net.state_dict()
    submission.summary(net, (5,), 3)
    after = net.state_dict()
    changed = [name for name, value in state.items() if not torch.equal(value, after[name])]
    expect_equal(changed, [], label="parameters and buffers that a summary has changed")
    filled = [name for name, gradient in net.gradients().items() if gradient is not None]
    expect_equal(filled, [], label="gradients after a summary")


def expect_modes_kept(probe, submission, net, label):
    """See that a summary leaves every module in its mode."""
    modes = probe.modes(net)
    submission.summary(net, (5,), 3)
    after = probe.modes(net)
    expect_equal([name or "the model" for name, mode in modes.items() if after[name] is not mode], [], label=label)


@points(1)
@needs(ROWS)
def test_summary_leaves_every_module_in_its_mode(submission, guest):
    """After a summary every module is in the mode it was in.

    zh_CN: summary 之后每个模块都处于原来的模式。
    """
    probe = probe_of(guest)
    net = probe.Outer()
    expect_modes_kept(probe, submission, net, "modules in another mode than before")
    net.get("norm").eval()  # as one does with a layer that is not to learn any more
    expect_modes_kept(probe, submission, net, "modules in another mode than before, where one was in evaluation")


@points(1)
@needs(ROWS)
def test_summary_takes_its_hooks_away(submission, guest):
    """After a summary no hook is left on the model.

    zh_CN: summary 之后模型上不留任何钩子。
    """
    probe = probe_of(guest)
    net = probe.Outer()
    submission.summary(net, (5,), 3)
    expect_equal(probe.hooks(net), 0, label="hooks left after a summary")


@points(1)
@needs("test_summary_takes_its_hooks_away")
def test_summary_takes_its_hooks_away_even_after_an_error(submission, guest):
    """Also after an exception in the model no hook is left.

    zh_CN: 模型抛出异常之后，也不留任何钩子。
    """
    probe = probe_of(guest)
    net = probe.Outer()
    expect_raises("RuntimeError", submission.summary, net, (D + 1,), label="summary for inputs of a wrong size")
    expect_equal(probe.hooks(net), 0, label="hooks left after an error")
    waiting = [name or "the model" for name, mode in probe.modes(net).items() if not mode]
    expect_equal(waiting, [], label="modules that are no longer in training mode after an error")
