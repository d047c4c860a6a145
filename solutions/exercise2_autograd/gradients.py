# <ours>
# Reference solution of exercise 2. Comments say why, not what. What stands between marks is not in the stub, which
# `grader release --from-solutions` makes of this file; see docs/release.md.
# </ours>
"""Exercise 2: what autograd does, and how to make it do what you mean. README.md explains every part.

Twenty short pieces, about 100 lines; work from top to bottom, most of them are independent of each other. Tensors are
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
    # <todo: about 3 lines.>
    y = x + 2
    z = 3 * y**2
    return {"y": y, "z": z, "out": z.mean()}
    # </todo>


def bowl_gradients(x: Tensor) -> dict[str, Tensor]:
    """Gradients of `bowl(x)["out"]` with respect to all that leads to it, by autograd.

    Shapes:
        x: (n,), whether it requires a gradient or not
        returns: "x" (n,), "y" (n,), "z" (n,), the gradients of out with respect to them

    >>> bowl_gradients(torch.tensor([1.0, 2.0, 3.0]))["x"]
    tensor([ 6.,  8., 10.])
    """
    # <todo: about 6 lines. y and z are no leaves: what keeps their gradients?>
    # A leaf of our own: whether the caller's tensor is watched, and what its .grad holds, is the caller's business.
    x = x.detach().requires_grad_()
    stages = bowl(x)
    for name in ("y", "z"):
        # Only leaves keep their gradient by themselves; what is computed on the way is forgotten as soon as it is used.
        stages[name].retain_grad()
    stages["out"].backward()
    return {"x": x.grad, "y": stages["y"].grad, "z": stages["z"].grad}
    # </todo>


def new_leaf(values: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    """Make a weight to be trained: a leaf that holds `scale * values` and requires a gradient.

    Shapes:
        values: (*shape), of any dtype, integers too
        returns: (*shape), of dtype `dtype`, with memory of its own

    >>> new_leaf(torch.tensor([1, 2]), 0.5, torch.float32)
    tensor([0.5000, 1.0000], requires_grad=True)
    """
    # <todo: 1 or 2 lines. What is a leaf is decided by the order in which you do it.>
    # Converted first, so that the product is made in the dtype asked for: 0.1 times an integer is float32 otherwise.
    # requires_grad_ comes last: whatever is computed from a tensor that requires a gradient is no leaf, `.to` included.
    return (scale * values.to(dtype)).requires_grad_()
    # </todo>


def leaves(output: Tensor) -> list[Tensor]:
    """Find every leaf whose `.grad` `output.backward()` would fill: the tensors themselves, each once, in any order.

    Start at `output.grad_fn` and follow `next_functions`, a tuple of pairs (node, number). A node may be None: that way
    leads nowhere. A node that has the attribute `variable` is the end of a way, and `variable` is the leaf.

    Edge: an output that is itself such a leaf is the only one; without a graph there is none. Ways part and meet again:
        keep the nodes that you have seen in a set (the nodes, not their `id`), for x = x + x, 40 times, has 2^40 ways.

    >>> leaves(torch.tensor(3.0, requires_grad=True) * 2)
    [tensor(3., requires_grad=True)]
    """
    # <todo: about 10 lines.>
    if output.grad_fn is None:
        return [output] if output.requires_grad else []
    found, seen, todo = [], set(), [output.grad_fn]
    while todo:
        node = todo.pop()
        # Without `seen` each way would be walked, and where ways meet again there are 2^k of them.
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        todo += [parent for parent, _ in node.next_functions]
    return found
    # </todo>


# --- 2. gradients add up: read, clear, step ---------------------------------------------------------------------


def fresh_gradients(loss_of: Callable[..., Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of `loss_of(*params)`, whatever stood in `.grad` before, in tensors that nobody else has.

    Shapes:
        params: leaves that require a gradient; what their `.grad` holds afterwards is up to you
        returns: a list with one gradient per parameter, of its shape; zeros if the loss does not depend on it
            (it depends on one of them at least)

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> fresh_gradients(lambda w: w * w, [w]), fresh_gradients(lambda w: w * w, [w])
    ([tensor(6.)], [tensor(6.)])
    """
    # <todo: about 4 lines.>
    for w in params:
        w.grad = None
    loss_of(*params).backward()
    gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in params]
    # They are handed over: as long as w.grad is the same tensor, the next backward would add to what we returned.
    for w in params:
        w.grad = None
    return gradients
    # </todo>


def accumulate(
    loss_of: Callable[..., Tensor], params: Sequence[Tensor], batches: Sequence[tuple[Tensor, Tensor]]
) -> float:
    """Fill every `.grad` with the gradient of the mean loss over all rows of all batches, one batch at a time.

    L = sum_k (n_k / N) loss_of(x_k, t_k, *params)        n_k rows in batch k, N in all

    `loss_of` is a mean over the rows that it is given. What stood in `.grad` before does not count. Keep no batch's
    graph for the later ones: to save that memory is what one accumulates for.

    Shapes:
        params: leaves that require a gradient; if no loss depends on one, its `.grad` is None or zeros, as you like
        batches: pairs of x (n_k, *) and t (n_k, *), which never require a gradient
        returns: L, as a Python float

    >>> w, x = torch.tensor(1.0, requires_grad=True), torch.tensor([2.0, 1.0, 1.0, 2.0])
    >>> accumulate(lambda x, t, w: ((w * x - t) ** 2).mean(), [w], [(x[:1], 0 * x[:1]), (x[1:], 0 * x[1:])])
    2.5
    >>> w.grad
    tensor(5.)
    """
    # <todo: about 8 lines.>
    rows = sum(len(x) for x, _ in batches)
    for w in params:
        w.grad = None
    total = 0.0
    for x, t in batches:
        # A mean over n_k rows speaks for n_k of the N rows.
        loss = loss_of(x, t, *params) * (len(x) / rows)
        # backward at once, not of a sum at the end: then only one graph exists at a time. item() is a number, and a
        # number holds no graph.
        loss.backward()
        total += loss.item()
    return total
    # </todo>


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
    # <todo: about 5 lines.>
    # The step is no part of the function that is differentiated, so it is not recorded; in place, because whoever holds
    # these tensors (a network, an optimiser) must see the new values.
    with torch.no_grad():
        for w in params:
            if w.grad is not None:
                w -= lr * w.grad
                w.grad = None
    # </todo>


# --- 3. networks ------------------------------------------------------------------------------------------------


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    """The two-layer network of exercise 1, trained by autograd, always with the whole batch.

    y = relu(x w1) w2        L = sum (y - t)^2        then w1 and w2 go one step, each against its own gradient

    Shapes:
        x: (batch, features), which never requires a gradient
        t: (batch, outputs), likewise
        w1: (features, hidden), where to start from; it may or may not require a gradient
        w2: (hidden, outputs), as w1
        returns: "losses" (steps,), each the loss *before* its step, and "w1", "w2" after the last step; no graph hangs
            on any of them, and none requires a gradient

    >>> one = torch.ones(1, 1)
    >>> train_regression(one, 3 * one, one.clone(), one.clone(), 0.125, 2)["losses"]
    tensor([4.0000, 0.5625])
    """
    # <todo: about 9 lines. The functions above do some of it.>
    # sgd_step works in place, so it gets copies: the caller's weights are where to start from, not what is trained.
    params = [w.detach().clone().requires_grad_() for w in (w1, w2)]
    losses = []
    for _ in range(steps):
        loss = ((torch.relu(x @ params[0]) @ params[1] - t) ** 2).sum()
        loss.backward()
        # With its graph, every kept loss would keep all that led to it.
        losses.append(loss.detach())
        sgd_step(params, lr)
    return {"losses": torch.stack(losses), "w1": params[0].detach(), "w2": params[1].detach()}
    # </todo>


def parameter_gradients(net: nn.Module, x: Tensor, upstream: Tensor) -> dict[str, Tensor]:
    """Gradients of all parameters of a network for a given gradient of its output, whatever stood in `.grad` before.

    Shapes:
        net: all its parameters require a gradient and are used; what their `.grad` holds afterwards is up to you
        x: what `net` takes
        upstream: as net(x), the gradient of some loss with respect to it
        returns: for every name of `net.named_parameters()` the gradient of that loss, of the parameter's shape

    >>> parameter_gradients(nn.Linear(2, 1), torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0]]))
    {'weight': tensor([[6., 8.]]), 'bias': tensor([2.])}
    """
    # <todo: about 3 lines.>
    named = dict(net.named_parameters())
    # torch.autograd.grad returns gradients instead of adding them to .grad: nothing to clear before or after.
    gradients = torch.autograd.grad(net(x), list(named.values()), upstream)
    return dict(zip(named, gradients, strict=True))
    # </todo>


def predict(net: nn.Module, x: Tensor) -> Tensor:
    """What a trained network says: dropout and its like are off, no graph is recorded.

    Shapes:
        x: what `net` takes
        returns: net(x), without a graph

    Edge: afterwards the network is in the mode, training or evaluation, in which it was. You may take it
        for granted that all its modules are in one mode.

    >>> predict(nn.Dropout(0.5), torch.ones(3))
    tensor([1., 1., 1.])
    """
    # <todo: about 6 lines.>
    was_training = net.training
    # Two switches for two things: eval() changes what layers compute, no_grad() what is recorded.
    net.eval()
    with torch.no_grad():
        output = net(x)
    net.train(was_training)
    return output
    # </todo>


# --- 4. products with derivatives -------------------------------------------------------------------------------


def vjp(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Vector-Jacobian product: what comes back to x when the gradient of fn(x) is v.

    J_ij = d fn(x)_i / d x_j        returns v^T J; fn is called once, at x

    Shapes:
        fn: its result depends on x, here and in the three functions below
        x: (n,)
        v: (m,), as fn(x)
        returns: (n,)

    >>> vjp(lambda x: x.cumprod(0), torch.tensor([2.0, 3.0, 5.0]), torch.tensor([0.0, 0.0, 1.0]))
    tensor([15., 10.,  6.])
    """
    # <todo: about 3 lines.>
    x = x.detach().requires_grad_()
    (product,) = torch.autograd.grad(fn(x), x, v)
    return product
    # </todo>


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
    # <todo: about 5 lines. u^T J is linear in u. What is its derivative with respect to u?>
    x = x.detach().requires_grad_()
    y = fn(x)
    # u^T J is linear in u, whatever u is, and its own Jacobian is J^T: one more vector-Jacobian product, by v, is J v.
    u = torch.zeros_like(y, requires_grad=True)
    (back,) = torch.autograd.grad(y, x, u, create_graph=True)
    (product,) = torch.autograd.grad(back, u, v)
    return product
    # </todo>


def hessian_vector(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Hessian-vector product: how the gradient of fn begins to change when x moves along v.

    H_ij = d^2 fn(x) / d x_i d x_j        returns H v, without ever making H; fn is called once, at x

    Shapes:
        fn: gives one number, and is not linear in x
        x: (n,), where n may be 20 000
        v: (n,)
        returns: (n,)

    >>> hessian_vector(torch.prod, torch.tensor([2.0, 3.0, 5.0]), torch.tensor([1.0, 0.0, 0.0]))
    tensor([0., 5., 3.])
    """
    # <todo: about 4 lines.>
    x = x.detach().requires_grad_()
    # Only a gradient that has a graph itself can be differentiated again.
    (slope,) = torch.autograd.grad(fn(x), x, create_graph=True)
    # H is the Jacobian of the gradient, and symmetric: v^T H is H v.
    (product,) = torch.autograd.grad(slope, x, v)
    return product
    # </todo>


def slope_penalty(fn: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A number to be added to a loss so that fn becomes flat at x: the squared length of its gradient there.

    R = sum_j (d fn(x) / d x_j)^2

    Shapes:
        x: (*shape), requires a gradient
        returns: (), to be differentiated again, with respect to x and to whatever fn has in it; fn(x) is one number

    >>> slope_penalty(torch.prod, torch.tensor([2.0, 3.0, 5.0], requires_grad=True)).item()
    361.0
    """
    # <todo: about 2 lines.>
    (slope,) = torch.autograd.grad(fn(x), x, create_graph=True)
    return (slope**2).sum()
    # </todo>


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
    # <todo: 1 line.>
    return ((moving - anchor.detach()) ** 2).mean()
    # </todo>


def rounded(x: Tensor) -> Tensor:
    """Round on the way forward, let the gradient pass unchanged on the way back (a straight-through estimator).

    Shapes:
        x: (*shape)
        returns: (*shape), x rounded to whole numbers, with the slope 1 everywhere

    >>> rounded(torch.tensor([0.2, 1.7]))
    tensor([0., 2.])
    """
    # <todo: 1 line. Which part of x + (round(x) - x) should have a gradient?>
    # What is added to x is a constant to autograd, so the slope is that of x alone.
    return x + (x.round() - x).detach()
    # </todo>


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
    # <todo: about 6 lines.>
    # Broadcasting puts new axes in front and stretches axes of length 1; each copy sends a gradient back, and they add.
    for _ in range(gradient.dim() - len(shape)):
        gradient = gradient.sum(dim=0)
    for axis, size in enumerate(shape):
        if size == 1:
            gradient = gradient.sum(dim=axis, keepdim=True)
    return gradient
    # </todo>


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
        # <todo: about 2 lines.>
        # s is not saved: it depends on x and b, and what forward computed is a constant to a second derivative.
        ctx.save_for_backward(x, b)
        return x * torch.sigmoid(b * x)
        # </todo>

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients with respect to x and b, in this order; they can be differentiated once more.

        Shapes:
            upstream: (*full)
            returns: (*shape), (*other)

        Edge: a second derivative is right only if everything that depends on x and b is computed here, from the inputs
            that were saved: results of `forward` other than y are constants to autograd.
        """
        # <todo: about 6 lines.>
        x, b = ctx.saved_tensors
        s = torch.sigmoid(b * x)
        slope = s * (1 - s)
        dx = upstream * (s + b * x * slope)
        db = upstream * x**2 * slope
        return unbroadcast(dx, x.shape), unbroadcast(db, b.shape)
        # </todo>


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
        # <todo: 1 line: a new Value with its parents and slopes.>
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
        # </todo>

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        # <todo: 1 line.>
        # How fast a product grows with one factor is the other one.
        return Value(self.data * other.data, (self, other), (other.data, self.data))
        # </todo>

    def tanh(self) -> Value:
        """Hyperbolic tangent; its slope is 1 - tanh^2."""
        # <todo: 2 lines; `math.tanh` is there.>
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))
        # </todo>

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
        """Add d self / d leaf to the `grad` of every leaf, a value without parents, that self was made from.

        Add: a value that is used twice gets two contributions, and as in torch a second call adds to the first, so that
        the leaves have twice the gradient. What `grad` of the other values holds is up to you.
        """
        # <todo: about 6 lines, with `topological_order`.>
        # What arrives in this call is kept apart from `grad`, which may hold something of an earlier one: only what is
        # new may be passed on.
        arrived = {self: 1.0}
        # Backwards, a node's turn comes when all that was made of it had theirs, so its sum is complete.
        for node in reversed(topological_order(self)):
            node.grad += arrived[node]
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                arrived[parent] = arrived.get(parent, 0.0) + slope * arrived[node]
        # </todo>


def topological_order(root: Value) -> list[Value]:
    """Every value that `root` was made from, each once, parents before what was made of them, `root` last.

    Edge: a chain of 2000 steps is no problem (so no recursion, whose limit is about 1000), nor is x = x + x, 60 times.

    >>> x = Value(3.0)
    >>> [value.data for value in topological_order(x * x + x)]
    [3.0, 9.0, 12.0]
    """
    # <todo: about 10 lines.>
    order, seen, todo = [], set(), [(root, False)]
    while todo:
        node, parents_done = todo.pop()
        if parents_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            # Comes up again once its parents, which lie above it on the stack, are done.
            todo += [(node, True), *((parent, False) for parent in node.parents)]
    return order
    # </todo>
