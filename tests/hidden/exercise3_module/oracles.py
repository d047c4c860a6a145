"""What the hidden checks of exercise 3 share: the networks once more as functions, and what is asked of each of them.

Oracle: torch's functions on the host, given weights by name; then our own modules with the student's weights. Sizes are
pairwise different; draws are float64, then cast.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch.nn import functional

from grader.suite import expect_close, expect_equal, expect_shapes

N, D, H, C = 7, 5, 6, 4

# The checks of values, which those that ask for more of a class need.
MY_LINEAR_VALUES = "test_my_linear_is_x_times_its_weight_transposed_plus_its_bias"
RUNNING_NORM_VALUES = "test_running_norm_standardises_each_channel_of_the_batch"
SMALL_NET_VALUES = "test_small_net_is_linear_sigmoid_linear_relu_linear_softmax"
DIGIT_NET_VALUES = "test_digit_net_is_linear_relu_linear_and_nothing_after"
LENET_VALUES = "test_lenet_is_two_convolutions_and_three_linear_layers"
MLP_VALUES = "test_mlp_has_relu_between_its_layers_and_none_after"
CHAIN_VALUES = "test_chain_applies_its_steps_in_the_order_given"


def normal(rng, *shape, dtype=torch.float32):
    """Draw standard normal numbers, in float64, then cast."""
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def probe_of(guest):
    """Load the helpers that run on the student's side."""
    return guest.load(Path(__file__).with_name("probe.py"))


# --- the networks -------------------------------------------------------------------------------------------------


def layer(name: str, inputs: int, outputs: int, bias: bool = True) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a linear layer; the name "" is the layer itself."""
    prefix = f"{name}." if name else ""
    return {f"{prefix}weight": (outputs, inputs)} | ({f"{prefix}bias": (outputs,)} if bias else {})


def dense(x, w, name):
    """A linear layer, by its name among the weights."""
    return functional.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))


def my_linear(x, w):
    """Return x w^T + b."""
    return functional.linear(x, w["weight"], w.get("bias"))


def small_net(x, w):
    """Linear, sigmoid, linear, ReLU, linear, softmax."""
    h = torch.relu(dense(torch.sigmoid(dense(x, w, "fc1")), w, "fc2"))
    return torch.softmax(dense(h, w, "out"), dim=-1)


def digit_net(x, w):
    """Linear, ReLU, linear."""
    return dense(torch.relu(dense(x, w, "fc1")), w, "fc2")


def lenet(x, w):
    """Two convolutions with ReLU and pooling, three linear layers with ReLU between."""
    for name in ("conv1", "conv2"):
        x = functional.max_pool2d(torch.relu(functional.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"])), 2)
    x = torch.relu(dense(x.flatten(1), w, "fc1"))
    return dense(torch.relu(dense(x, w, "fc2")), w, "fc3")


def mlp(x, w):
    """Linear layers with ReLU between them."""
    names = [name.removesuffix(".weight") for name in w if name.endswith(".weight")]
    for name in names[:-1]:
        x = torch.relu(dense(x, w, name))
    return dense(x, w, names[-1])


@dataclass(frozen=True)
class Net:
    """A network of the exercise: how it is made, its state, what goes in, the same as a function, layers inside it."""

    name: str
    arguments: tuple[object, ...]
    shapes: dict[str, tuple[int, ...]]
    inputs: tuple[int, ...]
    function: Callable[..., torch.Tensor]
    layers: Sequence[str] = ()

    def make(self, submission):
        """Return the student's network."""
        return submission.call(self.name, *self.arguments)

    def made(self, submission, rng, dtype=torch.float32):
        """Return the student's network with weights of ours, and these."""
        return loaded(self.make(submission), self.name, self.shapes, rng, dtype)


def mlp_shapes(*sizes: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of an Mlp of these sizes."""
    return {
        name: shape for i, pair in enumerate(pairwise(sizes)) for name, shape in layer(f"layers.{i}", *pair).items()
    }


SMALL_SIZES, MLP_SIZES = (D, 9, H, C), (D, 8, H, C)
SMALL_SHAPES = layer("fc1", D, 9, bias=False) | layer("fc2", 9, H) | layer("out", H, C)
DIGIT_SHAPES = layer("fc1", 784, 256) | layer("fc2", 256, 10)
LENET_SHAPES = {
    "conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,),
    **layer("fc1", 400, 120), **layer("fc2", 120, 84), **layer("fc3", 84, 10),
}  # fmt: skip

MY_LINEAR = Net("MyLinear", (D, H), layer("", D, H), (D,), my_linear)
SMALL_NET = Net("SmallNet", SMALL_SIZES, SMALL_SHAPES, (D,), small_net, ("fc1", "fc2", "out"))
DIGIT_NET = Net("DigitNet", (), DIGIT_SHAPES, (784,), digit_net, ("fc1", "fc2"))
LENET = Net("LeNet", (), LENET_SHAPES, (1, 32, 32), lenet, ("conv1", "conv2", "fc1", "fc2", "fc3"))
MLP = Net("Mlp", (list(MLP_SIZES),), mlp_shapes(*MLP_SIZES), (D,), mlp, ("layers.0", "layers.1", "layers.2"))
NETS = (MY_LINEAR, SMALL_NET, DIGIT_NET, LENET, MLP)


def loaded(net, label, shapes, rng, dtype=torch.float32):
    """Give a network weights of ours through its state_dict; return it and them. They keep values near 1."""
    expect_shapes(net.state_dict(), shapes, label=label)
    weights = {
        name: normal(rng, *shape, dtype=dtype) / (math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else 2.0)
        for name, shape in shapes.items()
    }
    if dtype is torch.float64:
        net.call("double")
    net.call("load_state_dict", weights)
    return net, weights


# --- what is asked of each network --------------------------------------------------------------------------------


def expect_values(net, submission, reference, rng):
    """Compare what a network computes: with weights of ours, then a new one with its own weights replayed by ours."""
    theirs, weights = net.made(submission, rng)
    x = normal(rng, N, *net.inputs)
    expect_close(theirs(x), net.function(x, weights), label=f"{net.name}(x)")
    new, ours = net.make(submission), getattr(reference, net.name)(*net.arguments)
    ours.load_state_dict(new.state_dict())
    with torch.no_grad():
        expect_close(new(x), ours(x), label=f"{net.name}(x) with the weights it starts with")


def expect_all_gradients(net, submission, rng):
    """Compare the gradient of every parameter and of the input; a missing one counts as 0."""
    theirs, weights = net.made(submission, rng, torch.float64)
    x = normal(rng, 3, *net.inputs, dtype=torch.float64).requires_grad_()
    received = theirs(x)
    upstream = normal(rng, *received.shape, dtype=torch.float64)
    received.backward(upstream)
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    inputs = x.detach().requires_grad_()
    *wanted, into_x = torch.autograd.grad(net.function(inputs, leaves), [*leaves.values(), inputs], upstream)
    filled = theirs.gradients()
    for (name, weight), gradient in zip(weights.items(), wanted, strict=True):
        expect_close(filled[name] if filled[name] is not None else torch.zeros_like(weight), gradient,
                     label=f"gradient of {name}")  # fmt: skip
    expect_close(x.grad if x.grad is not None else torch.zeros_like(into_x), into_x, label="gradient of x")


def expect_any_batch(net, submission, rng):
    """Compare what a network computes for batches of one and of five examples."""
    theirs, weights = net.made(submission, rng)
    for count in (1, 5):
        x = normal(rng, count, *net.inputs)
        expect_close(theirs(x), net.function(x, weights), label=f"{net.name}(x) for a batch of {count}")


def expect_any_axes(net, submission, rng):
    """Compare what a network computes without a batch axis, and with several axes before the features."""
    theirs, weights = net.made(submission, rng)
    for leading in ((), (2, 3), (2, 3, N)):
        x = normal(rng, *leading, *net.inputs)
        expect_close(theirs(x), net.function(x, weights), label=f"{net.name}(x), x of {x.dim()} axes")


def expect_hooks_run(net, submission, guest, rng):
    """See that hooks which double what every layer puts out do so; only a layer that is called runs its hooks."""
    probe = probe_of(guest)
    theirs, weights = net.made(submission, rng)
    for name in net.layers:
        probe.double_output(theirs, name)
    x = normal(rng, 3, *net.inputs)
    doubled = {name: 2 * weight for name, weight in weights.items()}
    expect_close(theirs(x), net.function(x, doubled), label=f"{net.name}(x) with every layer doubled by a hook")


# --- reading a summary --------------------------------------------------------------------------------------------

_ROW = re.compile(r"\s*(\w+-\d+)\s+\[([\d, ]*)\]\s+(\d[\d,]*)\s*")
_TOTAL = re.compile(r"\s*((?:Total|Trainable|Non-trainable) params):\s*(\d[\d,]*)\s*", re.IGNORECASE)


def expect_summary(text, rows, totals):
    """Compare what a summary says with rows such as "Linear-1 [6, 4] 12" and three totals; the layout is free."""
    if not isinstance(text, str):
        expect_equal(text, "", label="summary")
    lines = text.splitlines()
    found = [_row(match) for match in map(_ROW.fullmatch, lines) if match]
    expect_equal(found, list(rows), label="rows of the summary")
    said = {match[1].lower(): int(match[2].replace(",", "")) for match in map(_TOTAL.fullmatch, lines) if match}
    counts = [said.get(f"{name} params") for name in ("total", "trainable", "non-trainable")]
    expect_equal(counts, list(totals), label="total, trainable and non-trainable")


def _row(match):
    shape = ", ".join(part.strip() for part in match[2].split(","))
    return f"{match[1]} [{shape}] {match[3].replace(',', '')}"
