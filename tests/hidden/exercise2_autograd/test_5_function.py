"""An operation of one's own: broadcasting undone, first and second derivatives."""

import pytest
import torch

from grader.suite import expect_close, expect_equal, expect_tuple, needs, points

from .oracles import PROBE, C, D, H, N, connected, gradients, normal, swish

# What broadcasts to (N, D, H) by axes in front, by one in front and one of length 1, and a single number.
SHAPES = [(H,), (D, 1), ()]
VALUES = ("test_swish_of_equal_shapes", "test_swish_gradients")


def by_sizes(shape):
    """Return how a shape is called in a check's name."""
    return "x".join(map(str, shape)) or "number"


def draw(rng, *shapes):
    """Draw leaves of these shapes."""
    return [normal(rng, *shape).requires_grad_() for shape in shapes]


def applied(submission, x, b):
    """Return Swish of x and b once it is known to be right and to have a graph."""
    y = connected(submission.Swish.apply(x, b), "y")
    expect_close(y.detach(), swish(x, b).detach(), label="y")
    return y


def expect_gradients_of_both(y, x, b, upstream):
    """Compare the gradients that come back to x and to b with those of the formula."""
    received, expected = (gradients(value, [x, b], upstream) for value in (y, swish(x, b)))
    for name, mine, ours in zip(("x", "b"), received, expected, strict=True):
        expect_close(mine, ours, label=f"gradient of {name}")


@points(1.5)
@pytest.mark.parametrize("shape", SHAPES, ids=by_sizes)
def test_unbroadcast_sums_over_the_copies(submission, rng, shape):
    """unbroadcast sums over every added or stretched axis.

    zh_CN: unbroadcast 对每个新增或拉长的轴求和。
    """
    value, full = normal(rng, *shape).requires_grad_(), normal(rng, N, D, H)
    (expected,) = gradients(value.expand(N, D, H), [value], full)
    expect_close(submission.unbroadcast(full, list(shape)), expected, label="gradient")


@points(0.5)
@needs("test_unbroadcast_sums_over_the_copies")
def test_unbroadcast_leaves_alone_what_was_not_broadcast(submission, rng):
    """Where nothing was copied unbroadcast sums nothing.

    zh_CN: 没有复制过的地方，unbroadcast 不求和。
    """
    for shape in ((N, D, H), (D,), (0, H)):
        full = normal(rng, *shape)
        expect_close(submission.unbroadcast(full, list(shape)), full, label="gradient")


@points(1)
def test_swish_of_equal_shapes(submission, rng):
    """Swish is x times sigmoid(b x).

    zh_CN: Swish 是 x 乘以 sigmoid(b x)。
    """
    x, b = normal(rng, N, H), normal(rng, N, H)
    expect_close(submission.Swish.apply(x, b), swish(x, b), label="y")


@points(2)
@needs("test_swish_of_equal_shapes")
def test_swish_gradients(submission, rng):
    """Swish's gradients for x and b are those of the formula.

    zh_CN: Swish 对 x 和 b 的梯度就是公式给出的那些。
    """
    x, b = draw(rng, (N, H), (N, H))
    upstream = normal(rng, N, H)
    expect_gradients_of_both(applied(submission, x, b), x, b, upstream)


@points(3)
@needs("test_swish_gradients")
@pytest.mark.parametrize("b_shape", [(H,), (N, 1), ()], ids=by_sizes)
def test_swish_gradients_have_the_shapes_of_the_inputs(submission, rng, b_shape):
    """Where b was broadcast, the gradients of its copies add up.

    zh_CN: b 被广播时，它的各份副本的梯度相加。
    """
    x, b = draw(rng, (N, H), b_shape)
    upstream = normal(rng, N, H)
    expect_gradients_of_both(applied(submission, x, b), x, b, upstream)


@points(1)
@needs("test_swish_gradients")
def test_swish_undoes_broadcasting_of_x_too(submission, rng):
    """Where x was broadcast, the gradients of its copies add up.

    zh_CN: x 被广播时，它的各份副本的梯度相加。
    """
    x, b = draw(rng, (1, C), (D, 1))
    upstream = normal(rng, D, C)
    expect_gradients_of_both(applied(submission, x, b), x, b, upstream)


@points(1)
@needs("test_swish_gradients")
@pytest.mark.parametrize("b_shape", [(H,), (N, 1)], ids=by_sizes)
def test_swish_backward_itself_undoes_broadcasting(submission, guest, rng, b_shape):
    """Swish.backward returns gradients shaped like x and like b.

    zh_CN: Swish.backward 返回的梯度与 x、与 b 的形状相同。
    """
    x, b, upstream = normal(rng, N, H), normal(rng, *b_shape), normal(rng, N, H)
    received = guest.load(PROBE).returned_by_backward(submission.Swish, x, b, upstream)
    leaves = [x.requires_grad_(), b.requires_grad_()]
    pair = expect_tuple(received, 2, "gradients returned by backward")
    for name, mine, expected in zip(("x", "b"), pair, gradients(swish(*leaves), leaves, upstream), strict=True):
        expect_close(mine, expected, label=f"gradient of {name} returned by backward")


@points(1)
@needs("test_swish_of_equal_shapes")
def test_swish_passes_gradcheck(submission, rng):
    """torch.autograd.gradcheck is content with Swish.

    zh_CN: torch.autograd.gradcheck 认可 Swish。
    """
    x, b = draw(rng, (3,), (2, 1))
    upstream = normal(rng, 2, 3)
    # The values first: gradcheck says no more than that something is wrong.
    expect_gradients_of_both(applied(submission, x, b), x, b, upstream)
    passed = torch.autograd.gradcheck(submission.Swish.apply, (x, b), raise_exception=False)
    expect_equal(passed, True, label="whether gradcheck passes")


@points(2)
@needs("test_swish_gradients")
def test_swish_can_be_differentiated_twice(submission, rng):
    """Second derivatives of Swish are right, gradgradcheck too.

    zh_CN: Swish 的二阶导数正确，gradgradcheck 也通过。
    """
    x, b = draw(rng, (N, H), (N, H))
    upstream, second = draw(rng, (N, H))[0], [normal(rng, N, H), normal(rng, N, H)]

    def twice(fn):
        first = torch.autograd.grad(connected(fn(x, b), "y"), [x, b], upstream, create_graph=True)
        for name, gradient in zip(("x", "b"), first, strict=True):
            connected(gradient, f"the gradient of {name}")
        return gradients(first, [x, b, upstream], second)

    names = ("x", "b", "upstream")
    for name, mine, expected in zip(names, twice(submission.Swish.apply), twice(swish), strict=True):
        expect_close(mine, expected, label=f"second derivative for {name}")
    small = draw(rng, (2,), (2, 1))
    passed = torch.autograd.gradgradcheck(submission.Swish.apply, tuple(small), raise_exception=False)
    expect_equal(passed, True, label="whether gradgradcheck passes")


@points(1)
@needs("test_swish_of_equal_shapes")
def test_swish_leaves_its_inputs_alone(submission, guest, rng):
    """Swish changes neither x nor b.

    zh_CN: Swish 既不改动 x，也不改动 b。
    """
    x, b = normal(rng, N, H), normal(rng, N, H)
    theirs = [guest.tensor(x), guest.tensor(b)]
    expect_close(submission.Swish.apply(*theirs), swish(x, b), label="y")
    for name, mine, value in zip(("x", "b"), theirs, (x, b), strict=True):
        expect_close(guest.read(mine), value, label=f"{name} after the call")


@points(1)
@needs(*VALUES)
def test_swish_keeps_float32(submission, rng):
    """float32 in, float32 out, on both ways.

    zh_CN: 输入 float32，输出也是 float32，前向反向都一样。
    """
    x, b = (value.detach().float().requires_grad_() for value in draw(rng, (N, H), (H,)))
    upstream = normal(rng, N, H, dtype=torch.float32)
    expect_gradients_of_both(applied(submission, x, b), x, b, upstream)
