"""The public checks of exercise 3: the worked examples of README.md, nothing random."""

import math
import re

import torch

from grader.suite import expect_close, expect_equal, expect_shapes, points

LINEAR = re.compile(r"Linear-\d+ (.*)")  # such as: Linear-1 [6, 4] 12


def rows(*values) -> torch.Tensor:
    """Return a matrix of these rows."""
    return torch.tensor(values, dtype=torch.float32)


def numbers(*values) -> torch.Tensor:
    """Return a vector of these numbers."""
    return torch.tensor(values, dtype=torch.float32)


@points(1)
def test_my_linear_worked_example(submission):
    """MyLinear of the worked example: its parameters, and y.

    zh_CN: 手算例子的 MyLinear：它的参数，以及 y。
    """
    layer = submission.MyLinear(2, 3)
    expect_shapes(layer.parameters(), {"weight": (3, 2), "bias": (3,)}, label="MyLinear(2, 3)")
    layer.call("load_state_dict", {"weight": rows((1, 1), (1, -1), (0, 2)), "bias": numbers(0.5, 0, -1)})
    expect_close(layer(rows((1, 2), (0, 1))), rows((3.5, -1, 3), (1.5, -1, 1)), label="y")
    expect_close(layer(numbers(1, 2)), numbers(3.5, -1, 3), label="y of one example without a batch axis")


@points(1)
def test_running_norm_worked_example(submission):
    """RunningNorm: one batch in training, one in evaluation.

    zh_CN: RunningNorm：训练时一个批次，评估时一个批次。
    """
    norm = submission.RunningNorm(2, momentum=0.2, eps=0.0)
    expect_shapes(norm.parameters(), {}, label="RunningNorm(2).parameters()")
    expect_shapes(norm.buffers(), {"running_mean": (2,), "running_var": (2,)}, label="RunningNorm(2).buffers()")
    expect_close(norm(rows((1, 16), (3, 24))), rows((-1, -1), (1, 1)), label="y in training")
    buffers = norm.buffers()
    expect_close(buffers["running_mean"], numbers(0.4, 4), label="running_mean")
    expect_close(buffers["running_var"], numbers(1, 4), label="running_var")
    expect_close(norm.eval()(rows((1.4, 8), (0.4, 4))), rows((1, 2), (0, 0)), label="y in evaluation")


@points(1)
def test_small_net_worked_example(submission):
    """SmallNet of the worked example: p = (⅛, ⅜, ½).

    zh_CN: 手算例子的 SmallNet：p = (⅛, ⅜, ½)。
    """
    net = submission.SmallNet()
    weights = {
        "fc1.weight": torch.zeros(4, 3),
        "fc2.weight": rows((1, 1, 1, 1), (-1, -1, -1, -1)),
        "fc2.bias": numbers(0, 0),
        "out.weight": rows((0, 0), (math.log(3) / 2, 7), (0, 7)),
        "out.bias": numbers(0, 0, math.log(4)),
    }
    expect_shapes(net.state_dict(), {name: value.shape for name, value in weights.items()}, label="SmallNet()")
    net.call("load_state_dict", weights)
    expect_close(net(rows((5, -2, 1), (0, 0, 9))), rows((1 / 8, 3 / 8, 1 / 2), (1 / 8, 3 / 8, 1 / 2)), label="p")


@points(1)
def test_networks_have_the_parameters_of_their_layers(submission):
    """31, 203,530 and 61,706 parameters, all trainable.

    zh_CN: 31、203,530 和 61,706 个参数，全部可训练。
    """
    for net, count in ((submission.SmallNet(), 31), (submission.DigitNet(), 203_530), (submission.LeNet(), 61_706)):
        counts = submission.count_parameters(net)
        expect_equal(counts, {"total": count, "trainable": count, "frozen": 0}, label=f"count for {net.type_name}")
    names = ["fc1.weight", "fc2.weight", "fc2.bias", "out.weight", "out.bias"]
    expect_equal(submission.trainable_names(submission.SmallNet()), names, label="trainable_names(SmallNet())")


@points(1)
def test_mlp_and_chain_worked_example(submission, guest):
    """Mlp and Chain: (1, 2) through ReLU becomes 6.

    zh_CN: Mlp 和 Chain：(1, 2) 经过 ReLU 变成 6。
    """
    net = submission.Mlp([2, 2, 1])
    first, last = rows((1, 1), (1, -1)), rows((2, 5))
    weights = {"weight": first, "bias": numbers(0, 0)}, {"weight": last, "bias": numbers(0)}
    state = {f"layers.{i}.{name}": value for i, layer in enumerate(weights) for name, value in layer.items()}
    expect_shapes(net.state_dict(), {name: value.shape for name, value in state.items()}, label="Mlp([2, 2, 1])")
    net.call("load_state_dict", state)
    expect_close(net(rows((1, 2))), rows((6,)), label="y of Mlp")
    linear = guest.build("torch.nn.Linear", 2, 2), guest.build("torch.nn.Linear", 2, 1)
    for layer, values in zip(linear, weights, strict=True):
        layer.call("load_state_dict", values)
    chain = submission.Chain({"into": linear[0], "bend": guest.build("torch.nn.ReLU"), "add": linear[1]})
    expect_close(chain(rows((1, 2))), rows((6,)), label="y of Chain")


@points(1)
def test_initialize_and_summary_of_the_small_network(submission):
    """SmallNet's biases become 0; its summary is README's table.

    zh_CN: SmallNet 的偏置变成 0；它的 summary 是 README 中的表。
    """
    net = submission.SmallNet()
    submission.initialize(net)
    expect_close(net.state_dict()["out.bias"], numbers(0, 0, 0), label="bias of out after initialize")
    text = submission.summary(net, (3,), 6)
    lines = [" ".join(line.split()) for line in text.splitlines()] if isinstance(text, str) else text
    # Activations have rows too if they are modules; those of the linear layers are the same either way.
    rows = lines and [match[1] for match in map(LINEAR.fullmatch, lines) if match]
    expect_equal(rows, ["[6, 4] 12", "[6, 2] 10", "[6, 3] 9"], label="shapes and counts of the linear layers")
    totals = [line for line in lines if "params:" in line]
    expected = ["Total params: 31", "Trainable params: 31", "Non-trainable params: 0"]
    expect_equal(totals, expected, label="totals of the summary")
