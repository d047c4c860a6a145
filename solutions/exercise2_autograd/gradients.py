"""Reference solution of exercise 2. Comments say why, not what."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def bowl(x: Tensor) -> dict[str, Tensor]:
    """Three steps to one number, each kept."""
    y = x + 2
    z = 3 * y**2
    return {"y": y, "z": z, "out": z.mean()}


def bowl_gradients(x: Tensor) -> dict[str, Tensor]:
    """Gradients of `bowl(x)["out"]` with respect to all that leads to it."""
    # A leaf of our own: whether the caller's tensor is watched, and what its .grad holds, is the caller's business.
    x = x.detach().requires_grad_()
    stages = bowl(x)
    for name in ("y", "z"):
        # Only leaves keep their gradient by themselves; what is computed on the way is forgotten as soon as it is used.
        stages[name].retain_grad()
    stages["out"].backward()
    return {"x": x.grad, "y": stages["y"].grad, "z": stages["z"].grad}


def new_leaf(values: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    """Make a weight to be trained."""
    # requires_grad_ comes last: whatever is computed from a tensor that requires a gradient is no leaf, `.to` included.
    return (scale * values).to(dtype).requires_grad_()


def leaves(output: Tensor) -> list[Tensor]:
    """Find every leaf whose `.grad` `output.backward()` would fill."""
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


def fresh_gradients(loss_of: Callable[..., Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of `loss_of(*params)`."""
    for w in params:
        w.grad = None
    loss_of(*params).backward()
    gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in params]
    # They are handed over: as long as w.grad is the same tensor, the next backward would add to what we returned.
    for w in params:
        w.grad = None
    return gradients


def accumulate(
    loss_of: Callable[..., Tensor], params: Sequence[Tensor], batches: Sequence[tuple[Tensor, Tensor]]
) -> float:
    """Fill every `.grad` with the gradient of the mean loss over all rows of all batches."""
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


def sgd_step(params: Sequence[Tensor], lr: float) -> None:
    """One step of gradient descent, in place."""
    # The step is no part of the function that is differentiated, so it is not recorded; in place, because whoever holds
    # these tensors (a network, an optimiser) must see the new values.
    with torch.no_grad():
        for w in params:
            if w.grad is not None:
                w -= lr * w.grad
                w.grad = None


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    """The two-layer network of exercise 1, trained by autograd."""
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


def parameter_gradients(net: nn.Module, x: Tensor, upstream: Tensor) -> dict[str, Tensor]:
    """Gradients of all parameters of a network for a given gradient of its output."""
    named = dict(net.named_parameters())
    # torch.autograd.grad returns gradients instead of adding them to .grad: nothing to clear before or after.
    gradients = torch.autograd.grad(net(x), list(named.values()), upstream)
    return dict(zip(named, gradients, strict=True))


def predict(net: nn.Module, x: Tensor) -> Tensor:
    """What a trained network says."""
    was_training = net.training
    # Two switches for two things: eval() changes what layers compute, no_grad() what is recorded.
    net.eval()
    with torch.no_grad():
        output = net(x)
    net.train(was_training)
    return output


def vjp(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Vector-Jacobian product v^T J."""
    x = x.detach().requires_grad_()
    (product,) = torch.autograd.grad(fn(x), x, v)
    return product


def jvp(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Jacobian-vector product J v."""
    x = x.detach().requires_grad_()
    y = fn(x)
    # u^T J is linear in u, whatever u is, and its own Jacobian is J^T: one more vector-Jacobian product, by v, is J v.
    u = torch.zeros_like(y, requires_grad=True)
    (back,) = torch.autograd.grad(y, x, u, create_graph=True)
    (product,) = torch.autograd.grad(back, u, v)
    return product


def hessian_vector(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    """Hessian-vector product H v."""
    x = x.detach().requires_grad_()
    # Only a gradient that has a graph itself can be differentiated again.
    (slope,) = torch.autograd.grad(fn(x), x, create_graph=True)
    # H is the Jacobian of the gradient, and symmetric: v^T H is H v.
    (product,) = torch.autograd.grad(slope, x, v)
    return product


def slope_penalty(fn: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The squared length of fn's gradient at x."""
    (slope,) = torch.autograd.grad(fn(x), x, create_graph=True)
    return (slope**2).sum()


def pull(moving: Tensor, anchor: Tensor) -> Tensor:
    """Mean squared distance of `moving` to `anchor`, which is taken for a constant."""
    return ((moving - anchor.detach()) ** 2).mean()


def rounded(x: Tensor) -> Tensor:
    """Round on the way forward, let the gradient pass unchanged on the way back."""
    # What is added to x is a constant to autograd, so the slope is that of x alone.
    return x + (x.round() - x).detach()


def unbroadcast(gradient: Tensor, shape: Sequence[int]) -> Tensor:
    """Undo broadcasting: sum a gradient over all the copies that were made of a tensor of this shape."""
    # Broadcasting puts new axes in front and stretches axes of length 1; each copy sends a gradient back, and they add.
    for _ in range(gradient.dim() - len(shape)):
        gradient = gradient.sum(dim=0)
    for axis, size in enumerate(shape):
        if size == 1:
            gradient = gradient.sum(dim=axis, keepdim=True)
    return gradient


class Swish(torch.autograd.Function):
    """y = x s with s = sigmoid(b x)."""

    @staticmethod
    def forward(ctx, x: Tensor, b: Tensor) -> Tensor:
        """Compute y."""
        # s is not saved: it depends on x and b, and what forward computed is a constant to a second derivative.
        ctx.save_for_backward(x, b)
        return x * torch.sigmoid(b * x)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients with respect to x and b."""
        x, b = ctx.saved_tensors
        s = torch.sigmoid(b * x)
        slope = s * (1 - s)
        dx = upstream * (s + b * x * slope)
        db = upstream * x**2 * slope
        return unbroadcast(dx, x.shape), unbroadcast(db, b.shape)


class Value:
    """A number that remembers how it was made."""

    def __init__(self, data: float, parents: tuple[Value, ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    def __add__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        # How fast a product grows with one factor is the other one.
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self) -> Value:
        """Hyperbolic tangent."""
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

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
        """Add d self / d node to the `grad` of every node that self was made from."""
        # What arrives in this call is kept apart from `grad`, which may hold something of an earlier one: only what is
        # new may be passed on.
        arrived = {self: 1.0}
        # Backwards, a node's turn comes when all that was made of it had theirs, so its sum is complete.
        for node in reversed(topological_order(self)):
            node.grad += arrived[node]
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                arrived[parent] = arrived.get(parent, 0.0) + slope * arrived[node]


def topological_order(root: Value) -> list[Value]:
    """Every value that `root` was made from, each once, parents before what was made of them."""
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
