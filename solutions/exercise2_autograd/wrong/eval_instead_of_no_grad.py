"""eval-instead-of-no-grad: switches to evaluation and believes that this stops the recording.

H0: The prediction has a graph.
H1: Which of your lines switches recording off?
H2: eval() changes how dropout and its like behave, and nothing else. Recording goes on until no_grad stops it.
zh_CN: 只切换到评估模式，以为这样就不再记录。
H0_zh_CN: 预测带着计算图。
H1_zh_CN: 你的哪一行关掉了记录？
H2_zh_CN: eval() 只改变 dropout 之类的行为，别的不变。记录要由 no_grad 来停止。
Fails: test_a_prediction_has_no_graph
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def bowl(x: Tensor) -> dict[str, Tensor]:
    y = x + 2
    z = 3 * y**2
    return {"y": y, "z": z, "out": z.mean()}


def bowl_gradients(x: Tensor) -> dict[str, Tensor]:
    x = x.detach().requires_grad_()
    stages = bowl(x)
    stages["y"].retain_grad()
    stages["z"].retain_grad()
    stages["out"].backward()
    return {"x": x.grad, "y": stages["y"].grad, "z": stages["z"].grad}


def new_leaf(values: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    return (scale * values.to(dtype)).requires_grad_()


def leaves(output: Tensor) -> list[Tensor]:
    if output.grad_fn is None:
        return [output] if output.requires_grad else []
    found = []
    seen = set()
    todo = [output.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        for parent, _ in node.next_functions:
            todo.append(parent)
    return found


def fresh_gradients(loss_of: Callable[..., Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    for w in params:
        w.grad = None
    loss_of(*params).backward()
    return [torch.zeros_like(w) if w.grad is None else w.grad.clone() for w in params]


def accumulate(
    loss_of: Callable[..., Tensor], params: Sequence[Tensor], batches: Sequence[tuple[Tensor, Tensor]]
) -> float:
    for w in params:
        w.grad = None
    rows = sum(len(x) for x, _ in batches)
    total = 0.0
    for x, t in batches:
        loss = loss_of(x, t, *params) * len(x) / rows
        loss.backward()
        total += loss.item()
    return total


def sgd_step(params: Sequence[Tensor], lr: float) -> None:
    with torch.no_grad():
        for w in params:
            if w.grad is not None:
                w -= lr * w.grad
                w.grad = None


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    w1 = w1.detach().clone().requires_grad_()
    w2 = w2.detach().clone().requires_grad_()
    losses = []
    for _ in range(steps):
        y = torch.relu(x @ w1) @ w2
        loss = ((y - t) ** 2).sum()
        loss.backward()
        losses.append(loss.detach())
        sgd_step([w1, w2], lr)
    return {"losses": torch.stack(losses), "w1": w1.detach(), "w2": w2.detach()}


def parameter_gradients(net: nn.Module, x: Tensor, upstream: Tensor) -> dict[str, Tensor]:
    net.zero_grad()
    net(x).backward(upstream)
    return {name: w.grad.clone() for name, w in net.named_parameters()}


def predict(net: nn.Module, x: Tensor) -> Tensor:
    training = net.training
    net.eval()
    y = net(x)
    net.train(training)
    return y


def vjp(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(fn(x), x, v)[0]


def jvp(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    y = fn(x)
    u = torch.zeros_like(y, requires_grad=True)
    back = torch.autograd.grad(y, x, u, create_graph=True)[0]
    return torch.autograd.grad(back, u, v)[0]


def hessian_vector(fn: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    slope = torch.autograd.grad(fn(x), x, create_graph=True)[0]
    return torch.autograd.grad(slope, x, v)[0]


def slope_penalty(fn: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    slope = torch.autograd.grad(fn(x), x, create_graph=True)[0]
    return (slope**2).sum()


def pull(moving: Tensor, anchor: Tensor) -> Tensor:
    return ((moving - anchor.detach()) ** 2).mean()


def rounded(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()


def unbroadcast(gradient: Tensor, shape: Sequence[int]) -> Tensor:
    while gradient.dim() > len(shape):
        gradient = gradient.sum(dim=0)
    for axis, size in enumerate(shape):
        if size == 1:
            gradient = gradient.sum(dim=axis, keepdim=True)
    return gradient


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(x, b)
        return x * torch.sigmoid(b * x)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, Tensor]:
        x, b = ctx.saved_tensors
        s = torch.sigmoid(b * x)
        dx = upstream * (s + b * x * s * (1 - s))
        db = upstream * x**2 * s * (1 - s)
        return unbroadcast(dx, x.shape), unbroadcast(db, b.shape)


class Value:
    def __init__(self, data: float, parents: tuple[Value, ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    def __add__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self) -> Value:
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
        arrived = {self: 1.0}
        for node in reversed(topological_order(self)):
            node.grad += arrived[node]
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                arrived[parent] = arrived.get(parent, 0.0) + slope * arrived[node]


def topological_order(root: Value) -> list[Value]:
    order = []
    seen = set()
    todo = [(root, False)]
    while todo:
        node, done = todo.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            todo.append((node, True))
            for parent in node.parents:
                todo.append((parent, False))
    return order
