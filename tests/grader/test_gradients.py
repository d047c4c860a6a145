from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from grader.errors import CourseError
from grader.suite.expect import ComparisonFailed
from grader.suite.gradients import expect_gradients, expect_vjp

from .test_expect import a_check, message_of

D = torch.float64
N, F, H, C = 7, 5, 6, 4


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Draw standard normal numbers in float64."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=D)


def custom(forward: Callable[..., Tensor], backward: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function with a hand-written backward, which may be wrong."""

    class Made(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Tensor) -> Tensor:
            ctx.save_for_backward(*inputs)
            return forward(*inputs)

        @staticmethod
        def backward(ctx: Any, upstream: Tensor) -> Any:
            return backward(upstream, *ctx.saved_tensors)

    return Made.apply


def network(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor) -> Tensor:
    """A two-layer ReLU network with a softmax on top."""
    return functional.log_softmax(torch.relu(x @ w1 + b1) @ w2, dim=1)


RIGHT: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("network", network, (draw(N, F), draw(F, H), draw(H), draw(H, C))),
    ("two outputs", lambda x: (x.sin(), x.exp().sum()), (draw(N),)),
    ("large values", lambda x: (x**2).sum(), (1e3 * draw(N, F),)),
    ("labels too", lambda z, y: functional.cross_entropy(z, y), (draw(N, C), torch.arange(N) % C)),
    ("unused input", lambda x, y: x * 2, (draw(N), draw(F))),
    ("max pooling", lambda x: functional.max_pool1d(x, 3), (draw(2, 3, 12),)),
    ("at a minimum", lambda x: (x**2).sum(), (torch.zeros(3, dtype=D),)),
    ("small changes of millions", lambda x: 1e7 + x**3, (draw(N),)),
    ("number", lambda x: x * 3, (torch.tensor(2.0, dtype=D),)),
]


@pytest.mark.parametrize(("fn", "inputs"), [case[1:] for case in RIGHT], ids=[case[0] for case in RIGHT])
def test_a_right_gradient_agrees_with_differences(fn: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    """Whatever the shape, the scale and the number of inputs and outputs."""
    expect_gradients(fn, inputs)


@pytest.mark.parametrize("seed", range(40))
def test_kinks_do_not_condemn_a_right_gradient(seed: int) -> None:
    """A wide ReLU network has a kink near every point; inputs within 1e-6 of many must pass as well."""
    x, w = draw(64, F, seed=seed), draw(F, 100, seed=seed + 1)
    pre = x @ w
    x = x - (pre[:, :1] - 1e-6) * w[:, 0] / (w[:, 0] ** 2).sum()  # moves the first unit to 1e-6 in every row
    expect_gradients(lambda x, w: torch.relu(x @ w), (x, w))


relu = torch.relu
WRONG: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
    ("mask forgotten", relu, lambda g, x: g),
    ("mask of the gradient", relu, lambda g, x: g * (g > 0)),
    ("factor 2 missing", lambda x: x**2, lambda g, x: g * x),
    ("sign", torch.exp, lambda g, x: -g * x.exp()),
    ("upstream ignored", torch.exp, lambda g, x: x.exp()),
    ("zero", torch.exp, lambda g, x: 0 * x),
    ("one percent off", torch.exp, lambda g, x: 1.01 * g * x.exp()),
    ("one entry off", torch.exp, lambda g, x: g * x.exp() * (1 + 0.1 * (torch.arange(x.numel()).view(x.shape) == 3))),
    ("transposed", torch.exp, lambda g, x: (g * x.exp()).T.contiguous()),
]


@pytest.mark.parametrize(("forward", "backward"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_gradient_is_found(forward: Callable[..., Any], backward: Callable[..., Any], seed: int) -> None:
    """Every seed finds every mistake: directions and weights have both signs."""
    message = message_of(expect_gradients, custom(forward, backward), (draw(F, F, seed=seed + 1),), label="f")
    assert message.startswith("f of input 1: the gradient (shape (5, 5)) is not the slope")


def test_a_wrong_bias_is_not_drowned_by_a_large_weight() -> None:
    """Each input has directions of its own."""

    def backward(g: Tensor, x: Tensor, w: Tensor, b: Tensor) -> Any:
        return g @ w.T, x.T @ g, g.sum(0) / N

    fn = custom(lambda x, w, b: x @ w + b, backward)
    message = message_of(expect_gradients, fn, (100 * draw(N, F), draw(F, H), draw(H)))
    assert message.startswith("gradient of input 3")


@pytest.mark.parametrize(
    ("fn", "text"),
    [
        (lambda x: x.detach() * 2, "result: no gradient flows back"),
        (lambda x: None, "result: expected a tensor, but your function returned nothing"),
        (lambda x: 3.0, "result: expected a tensor, got float"),
        (lambda x: (x * 2).float(), "result: expected dtype float64, got float32"),
        (lambda x: (x * 2).log(), "result: contains"),
        (lambda x: x.double() * torch.rand((), dtype=D), "has no slope here|is not the slope"),
    ],
)
def test_what_cannot_be_differentiated_is_said(fn: Callable[..., Any], text: str) -> None:
    """A cut graph, a wrong type or randomness has its own sentence."""
    torch.manual_seed(0)
    with pytest.raises(ComparisonFailed, match=text):
        expect_gradients(fn, (draw(N),))


def test_a_result_whose_shape_changes_is_said() -> None:
    """The second call must not broadcast against the first."""
    calls: list[int] = []

    def fn(x: Tensor) -> Tensor:
        calls.append(1)
        return x[:1] if len(calls) > 1 else x * 2

    with pytest.raises(ComparisonFailed, match="shape of your result changes"):
        expect_gradients(fn, (draw(N),))


def test_nothing_is_differenced_in_float32() -> None:
    """Differences would be right to one percent at best."""
    with pytest.raises(CourseError, match="needs float64 inputs, got float32"):
        expect_gradients(torch.exp, (draw(N).float(),))
    with pytest.raises(CourseError, match="at least one floating point tensor"):
        expect_gradients(torch.exp, (torch.arange(3),))


def test_the_callers_tensors_are_left_alone() -> None:
    """Neither their gradients nor their values change."""
    x = draw(N).requires_grad_()
    before = x.detach().clone()
    expect_gradients(torch.exp, (x,))
    assert x.grad is None
    assert torch.equal(x, before)


def test_the_analytic_gradient_is_recorded() -> None:
    """It is what a mistake can be recognised by."""
    x = draw(N)
    with a_check() as check:
        expect_gradients(torch.exp, (x,), label="exp")
    (made,) = check.comparisons
    assert made.label == "exp of input 1"
    assert isinstance(made.actual, Tensor)
    assert made.actual.shape == x.shape


def softmax_loss(z: Tensor, w: Tensor) -> Tensor:
    """A function of the host."""
    return (functional.log_softmax(z, dim=1) @ w).sin()


def true_gradients(z: Tensor, w: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    """By autograd."""
    leaves = [z.clone().requires_grad_(), w.clone().requires_grad_()]
    return torch.autograd.grad(softmax_loss(*leaves), leaves, g)


def test_right_hand_written_gradients_pass_in_every_form() -> None:
    """As a sequence, by name, alone, and with inputs that have no gradient."""
    z, w, g = draw(N, C), draw(C, H), draw(N, H)
    dz, dw = true_gradients(z, w, g)
    expect_vjp((dz, dw), softmax_loss, (z, w), g)
    expect_vjp([dz, dw], softmax_loss, (z, w), g)
    expect_vjp({"w": dw, "z": dz, "more": 1}, softmax_loss, {"z": z, "w": w}, g)
    expect_vjp(dz, lambda z: softmax_loss(z, w), (z,), g)
    labels = torch.arange(N) % C
    leaf = z.clone().requires_grad_()
    (expected,) = torch.autograd.grad(functional.cross_entropy(leaf, labels), leaf)
    expect_vjp(expected, functional.cross_entropy, (z, labels), torch.ones((), dtype=D))


@pytest.mark.parametrize(
    ("actual", "named", "text"),
    [
        (lambda dz, dw: (dz, 2 * dw), False, "gradient of input 2: 24 of 24 values are wrong"),
        (lambda dz, dw: (dz, dw.T), False, "gradient of input 2: expected shape (4, 6), got (6, 4)"),
        (lambda dz, dw: (dz,), False, "gradients: expected 2 values, got 1"),
        (lambda dz, dw: dz, False, "gradients: expected a tuple, got tensor"),
        (lambda dz, dw: None, False, "gradients: expected a tuple, but your function returned nothing"),
        (lambda dz, dw: {"z": dz}, True, "w: this gradient is missing"),
        (lambda dz, dw: {"z": dz, "w": None}, True, "w: expected a tensor, but your function returned nothing"),
        (lambda dz, dw: (dz, dw), True, "gradients: expected a dict, got tuple"),
    ],
)
def test_wrong_hand_written_gradients_are_named(actual: Callable[..., Any], named: bool, text: str) -> None:
    """By their place or by the author's name for them."""
    z, w, g = draw(N, C), draw(C, H), draw(N, H)
    inputs: Any = {"z": z, "w": w} if named else (z, w)
    assert message_of(expect_vjp, actual(*true_gradients(z, w, g)), softmax_loss, inputs, g).startswith(text)


def test_an_input_without_influence_has_the_gradient_zero() -> None:
    """Autograd says None; a student returns zeros."""
    expect_vjp(
        (torch.ones(N, dtype=D), torch.zeros(F, dtype=D)),
        lambda a, b: a * 1,
        (draw(N), draw(F)),
        torch.ones(N, dtype=D),
    )


def test_float32_gradients_are_judged_at_their_own_accuracy() -> None:
    """The comparison takes the dtype of the inputs."""
    x, g = draw(N).float(), draw(N, seed=1).float()
    expect_vjp(g * x.exp() * (1 + 1e-6), torch.exp, (x,), g)
    message_of(expect_vjp, g * x.exp() * (1 + 1e-3), torch.exp, (x,), g)
