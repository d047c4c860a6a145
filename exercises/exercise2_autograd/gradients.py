"""Exercise 2: what autograd does, and how to make it do what you mean. README.md explains every part.

Twenty short pieces, about 90 lines; work from top to bottom, most of them are independent of each other. Tensors are
float64 or float32, and results keep the dtype. Unless a function is there to change something, it changes nothing that
it was given: no values, no `.grad`, no `requires_grad`, no mode.

Allowed      torch, with autograd: backward, retain_grad, torch.autograd.grad, no_grad, detach, relu, sigmoid, …
Not allowed  what would do the work of a whole part: torch.func, torch.autograd.functional, torch.autograd.forward_ad,
             torch.optim, Tensor.sum_to_size; and inside `Swish` autograd itself (torch.autograd.grad, backward): its
             slopes are yours to derive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

# --- 1. a graph and its leaves ----------------------------------------------------------------------------------


def bowl(x: Tensor) -> dict[str, Tensor]:
    """Three steps to one number, each kept.

    y = x + 2        z = 3 y^2        out = mean of z

    Shapes:
        x: (n,)
        returns: "y" (n,), "z" (n,), "out" (), connected to x if x requires a gradient, and without a graph if not

    >>> bowl(torch.tensor([1.0, 2.0, 3.0]))["out"]
    tensor(50.)
    """
    # TODO: about 3 lines.
    raise NotImplementedError("bowl")


def bowl_gradients(x: Tensor) -> dict[str, Tensor]:
    """Gradients of `bowl(x)["out"]` with respect to all that leads to it, by autograd.

    Shapes:
        x: (n,), whether it requires a gradient or not
        returns: "x" (n,), "y" (n,), "z" (n,), the gradients of out with respect to them

    >>> bowl_gradients(torch.tensor([1.0, 2.0, 3.0]))["x"]
    tensor([ 6.,  8., 10.])
    """
    # TODO: about 6 lines. y and z are no leaves: what keeps their gradients?
    raise NotImplementedError("bowl_gradients")


def new_leaf(values: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    """Make a weight to be trained: a leaf that holds `scale * values` and requires a gradient.

    Shapes:
        values: (*shape), of any dtype, integers too
        returns: (*shape), of dtype `dtype`, with memory of its own

    >>> new_leaf(torch.tensor([1, 2]), 0.5, torch.float32)
    tensor([0.5000, 1.0000], requires_grad=True)
    """
    # TODO: 1 or 2 lines. What is a leaf is decided by the order in which you do it.
    raise NotImplementedError("new_leaf")


def leaves(output: Tensor) -> list[Tensor]:
    """Find every leaf whose `.grad` `output.backward()` would fill: the tensors themselves, each once, in any order.

    Start at `output.grad_fn` and follow `next_functions`, a tuple of pairs (node, number). A node may be None: that way
    leads nowhere. A node that has the attribute `variable` is the end of a way, and `variable` is the leaf.

    Edge: an output that is itself such a leaf is the only one; without a graph there is none. Ways part and meet again:
        keep the nodes that you have seen in a set (the nodes, not their `id`), for x = x + x, 40 times, has 2^40 ways.

    >>> leaves(torch.tensor(3.0, requires_grad=True) * 2)
    [tensor(3., requires_grad=True)]
    """
    # TODO: about 10 lines.
    raise NotImplementedError("leaves")


# --- 2. gradients add up: read, clear, step ---------------------------------------------------------------------


def fresh_gradients(loss_of: Callable[..., Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of `loss_of(*params)`, whatever stood in `.grad` before, and whatever is computed later.

    Shapes:
        params: leaves that require a gradient; what their `.grad` holds afterwards is up to you
        returns: a list with one gradient per parameter, of its shape; zeros if the loss does not depend on it

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> fresh_gradients(lambda w: w * w, [w]), fresh_gradients(lambda w: w * w, [w])
    ([tensor(6.)], [tensor(6.)])
    """
    # TODO: about 4 lines.
    raise NotImplementedError("fresh_gradients")


def accumulate(
    loss_of: Callable[..., Tensor], params: Sequence[Tensor], batches: Sequence[tuple[Tensor, Tensor]]
) -> float:
    """Fill every `.grad` with the gradient of the mean loss over all rows of all batches, one batch at a time.

    L = sum_k (n_k / N) loss_of(x_k, t_k, *params)        n_k rows in batch k, N in all

    `loss_of` is a mean over the rows that it is given. What stood in `.grad` before does not count. Keep no batch's
    graph for the later ones: to save that memory is what one accumulates for.

    Shapes:
        params: leaves that require a gradient
        batches: pairs of x (n_k, *) and t (n_k, *)
        returns: L, as a Python float

    >>> w, x = torch.tensor(1.0, requires_grad=True), torch.tensor([2.0, 1.0, 1.0, 2.0])
    >>> accumulate(lambda x, t, w: ((w * x - t) ** 2).mean(), [w], [(x[:1], 0 * x[:1]), (x[1:], 0 * x[1:])])
    2.5
    >>> w.grad
    tensor(5.)
    """
    # TODO: about 8 lines.
    raise NotImplementedError("accumulate")


def sgd_step(params: Sequence[Tensor], lr: float) -> None:
    """One step of gradient descent, in place: every parameter stays the same tensor, and the same leaf.

    w <- w - lr w.grad, and then its gradient is cleared

    Shapes:
        params: leaves that require a gradient

    Edge: a parameter whose `.grad` is None took no part and stays as it is.

    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> sgd_step([w], 0.25)
    >>> w
    tensor([0.5000, 1.0000], requires_grad=True)
    """
    # TODO: about 5 lines.
    raise NotImplementedError("sgd_step")


# --- 3. networks ------------------------------------------------------------------------------------------------


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    """The two-layer network of exercise 1, trained by autograd, always with the whole batch.

    y = relu(x w1) w2        L = sum (y - t)^2        then w1 and w2 go one step, each against its own gradient

    Shapes:
        x: (batch, features)
        t: (batch, outputs)
        w1: (features, hidden), where to start from; it may or may not require a gradient
        w2: (hidden, outputs), likewise
        returns: "losses" (steps,), each the loss *before* its step, and "w1", "w2" after the last step; no graph hangs
            on any of them, and none requires a gradient

    >>> one = torch.ones(1, 1)
    >>> train_regression(one, 3 * one, one, one, 0.125, 2)["losses"]
    tensor([4.0000, 0.5625])
    """
    # TODO: about 9 lines. The functions above do some of it.
    raise NotImplementedError("train_regression")


def parameter_gradients(net: nn.Module, x: Tensor, upstream: Tensor) -> dict[str, Tensor]:
    """Gradients of all parameters of a network for a given gradient of its output, whatever stood in `.grad` before.

    Shapes:
        x: what `net` takes
        upstream: as net(x), the gradient of some loss with respect to it
        returns: for every name of `net.named_parameters()` the gradient of that loss, of the parameter's shape

    >>> parameter_gradients(nn.Linear(2, 1), torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0]]))
    {'weight': tensor([[6., 8.]]), 'bias': tensor([2.])}
    """
    # TODO: about 3 lines.
    raise NotImplementedError("parameter_gradients")


def predict(net: nn.Module, x: Tensor) -> Tensor:
    """What a trained network says: dropout and its like are off, no graph is recorded.

    Shapes:
        x: what `net` takes
        returns: net(x), without a graph

    Edge: afterwards the network is in the mode, training or evaluation, in which it was.

    >>> predict(nn.Dropout(0.5), torch.ones(3))
    tensor([1., 1., 1.])
    """
    # TODO: about 6 lines.
    raise NotImplementedError("predict")


# --- 4. products with derivatives -------------------------------------------------------------------------------


def vjp(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Vector-Jacobian product: what comes back to x when the gradient of fn(x) is v.

    J_ij = d fn(x)_i / d x_j        returns v^T J; fn is called once, at x

    Shapes:
        x: (n,)
        v: (m,), as fn(x)
        returns: (n,)

    >>> vjp(lambda x: x.cumprod(0), torch.tensor([2.0, 3.0, 5.0]), torch.tensor([0.0, 0.0, 1.0]))
    tensor([15., 10.,  6.])
    """
    # TODO: about 3 lines.
    raise NotImplementedError("vjp")


def jvp(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Jacobian-vector product: how fn(x) begins to change when x moves along v.

    returns J v, without a loop over the rows or columns of J and without differences: fn is called once, at x

    Shapes:
        x: (n,)
        v: (n,), as x
        returns: (m,), as fn(x)

    >>> jvp(lambda x: x.cumprod(0), torch.tensor([2.0, 3.0, 5.0]), torch.tensor([1.0, 0.0, 0.0]))
    tensor([ 1.,  3., 15.])
    """
    # TODO: about 5 lines. u^T J is linear in u. What is its derivative with respect to u?
    raise NotImplementedError("jvp")


def hessian_vector(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Hessian-vector product: how the gradient of fn begins to change when x moves along v.

    H_ij = d^2 fn(x) / d x_i d x_j        returns H v, without ever making H; fn is called once, at x

    Shapes:
        x: (n,), where n may be 20 000
        v: (n,)
        returns: (n,)

    >>> hessian_vector(torch.prod, torch.tensor([2.0, 3.0, 5.0]), torch.tensor([1.0, 0.0, 0.0]))
    tensor([0., 5., 3.])
    """
    # TODO: about 4 lines.
    raise NotImplementedError("hessian_vector")


def slope_penalty(fn: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A number to be added to a loss so that fn becomes flat at x: the squared length of its gradient there.

    R = sum_j (d fn(x) / d x_j)^2

    Shapes:
        x: (*shape), requires a gradient
        returns: (), to be differentiated again, with respect to x and to whatever fn has in it; fn(x) is one number

    >>> slope_penalty(torch.prod, torch.tensor([2.0, 3.0, 5.0], requires_grad=True)).item()
    361.0
    """
    # TODO: about 2 lines.
    raise NotImplementedError("slope_penalty")


# --- 5. where gradients stop ------------------------------------------------------------------------------------


def pull(moving: Tensor, anchor: Tensor) -> Tensor:
    """Mean squared distance of `moving` to `anchor`; its gradient moves `moving` only.

    L = mean of (moving - anchor)^2, with the anchor taken for a constant

    Shapes:
        moving: (*shape), requires a gradient
        anchor: (*shape), may require a gradient too, but gets none
        returns: ()

    >>> pull(torch.tensor([3.0, 5.0]), torch.tensor([1.0, 1.0]))
    tensor(10.)
    """
    # TODO: 1 line.
    raise NotImplementedError("pull")


def rounded(x: Tensor) -> Tensor:
    """Round on the way forward, let the gradient pass unchanged on the way back (a straight-through estimator).

    Shapes:
        x: (*shape)
        returns: (*shape), x rounded to whole numbers, with the slope 1 everywhere

    >>> rounded(torch.tensor([0.2, 1.7]))
    tensor([0., 2.])
    """
    # TODO: 1 line. Which part of x + (round(x) - x) should have a gradient?
    raise NotImplementedError("rounded")


# --- 6. an operation of your own --------------------------------------------------------------------------------


def unbroadcast(gradient: Tensor, shape: Sequence[int]) -> Tensor:
    """Undo broadcasting: sum a gradient over all the copies that were made of a tensor of this shape.

    Shapes:
        gradient: (*full), the shape that a tensor of shape `shape` was broadcast to
        returns: (*shape)

    >>> unbroadcast(torch.ones(4, 2, 3), (2, 1))
    tensor([[12.],
            [12.]])
    """
    # TODO: about 6 lines.
    raise NotImplementedError("unbroadcast")


class Swish(torch.autograd.Function):
    """y = x s with s = sigmoid(b x): `Swish.apply(x, b)`, where x and b broadcast against each other.

    dx = upstream (s + b x s (1 - s))        db = upstream x^2 s (1 - s), both as the shapes of x and b ask for

    >>> x, b = torch.tensor([0.0, 0.0], requires_grad=True), torch.tensor(1.0, requires_grad=True)
    >>> Swish.apply(x, b).backward(torch.tensor([2.0, 4.0]))
    >>> x.grad, b.grad
    (tensor([1., 2.]), tensor(0.))
    """

    @staticmethod
    def forward(ctx, x: Tensor, b: Tensor) -> Tensor:
        """Compute y, and save with `ctx.save_for_backward` what the way back needs.

        Shapes:
            x: (*shape)
            b: (*other), broadcasts with x
            returns: (*full)
        """
        # TODO: about 2 lines.
        raise NotImplementedError("Swish.forward")

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients with respect to x and b, in this order; they can be differentiated once more.

        Shapes:
            upstream: (*full)
            returns: (*shape), (*other)

        Edge: a second derivative is right only if everything that depends on x and b is computed here, from the inputs
            that were saved: results of `forward` other than y are constants to autograd.
        """
        # TODO: about 6 lines.
        raise NotImplementedError("Swish.backward")


# --- 7. autograd itself, for single numbers ---------------------------------------------------------------------


class Value:
    """A number that remembers how it was made. `data` and `grad` are Python floats.

    `parents` are the values that it was computed from, and `slopes` its derivative with respect to each of them.

    >>> x = Value(3.0)
    >>> y = x * x + 2 * x
    >>> y.backward()
    >>> y.data, x.grad
    (15.0, 8.0)
    """

    def __init__(self, data: float, parents: tuple[Value, ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    def __add__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        # TODO: 1 line: a new Value with its parents and slopes.
        raise NotImplementedError("Value.__add__")

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        # TODO: 1 line.
        raise NotImplementedError("Value.__mul__")

    def tanh(self) -> Value:
        """Hyperbolic tangent; its slope is 1 - tanh^2."""
        # TODO: 2 lines; `math.tanh` is there.
        raise NotImplementedError("Value.tanh")

    def __radd__(self, other: float) -> Value:
        return self + other

    def __rmul__(self, other: float) -> Value:
        return self * other

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: Value | float) -> Value:
        return self + -1.0 * other

    def __rsub__(self, other: float) -> Value:
        return -self + other

    def backward(self) -> None:
        """Add d self / d node to the `grad` of every node that self was made from, and 1 to its own.

        Add: a value that is used twice gets two contributions, and as in torch a second call adds to the first, so that
        the leaves (values without parents) have twice the gradient. What other nodes hold then is not judged.
        """
        # TODO: about 6 lines, with `topological_order`.
        raise NotImplementedError("Value.backward")


def topological_order(root: Value) -> list[Value]:
    """Every value that `root` was made from, each once, parents before what was made of them, `root` last.

    Edge: a chain of 2000 steps is no problem (so no recursion, whose limit is about 1000), nor is x = x + x, 60 times.

    >>> x = Value(3.0)
    >>> [value.data for value in topological_order(x * x + x)]
    [3.0, 9.0, 12.0]
    """
    # TODO: about 10 lines.
    raise NotImplementedError("topological_order")
