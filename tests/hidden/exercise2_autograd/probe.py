"""On the student's side: functions to differentiate, networks, and a place to keep results whose identity matters.

It is as public there as the student's own code. Must not know what is expected, and must not choke on what a student
returns: it hands that on. The other probes are apart because each check loads what it needs anew.
"""

import weakref

import torch
from torch import nn


class Kept:
    """Call something and keep what it returns here, as it is."""

    def __init__(self, fn, *arguments):
        self.value = fn(*arguments)


def leaf_of(make, values, scale, dtype):
    """Call `make` with a dtype, which has a name only on its way here."""
    return make(values, scale, getattr(torch, dtype))


def made_by(tensor):
    """Return the name of the operation that made a tensor; a leaf was made by none."""
    return type(tensor.grad_fn).__name__ if tensor.grad_fn is not None else ""


# --- functions to differentiate ---------------------------------------------------------------------------------


def curve(x):
    """From n numbers to n - 2: every output depends on every input, in its own way."""
    steps = torch.arange(len(x) * (len(x) - 2), dtype=x.dtype, device=x.device)
    return torch.sin(steps.sin().reshape(len(x) - 2, len(x)) @ x) * (x**2).sum()


def valley(x):
    """From n numbers to one; its Hessian has no two equal rows and is cheap to multiply with."""
    return (x**3).sum() / 3 + torch.sin(x) @ x.roll(1)


def loss_of_two(w1, w2):
    """A loss that depends on both."""
    return ((torch.tanh(w1) @ w2) ** 2).mean()


def loss_of_first(w1, w2):
    """A loss that depends on the first only."""
    return (w1**3).mean()


def regression(x, t, w1, w2):
    """The mean of squares over all rows (and outputs)."""
    return ((torch.tanh(x @ w1) @ w2 - t) ** 2).mean()


class _Mark(torch.autograd.Function):
    """Passes its input on; the graph that it is in has a token, which lives as long as the graph."""

    @staticmethod
    def forward(ctx, x, tokens):
        ctx.token = _Token()
        tokens.add(ctx.token)
        return x.clone()

    @staticmethod
    def backward(ctx, upstream):
        return upstream, None


class _Token:
    pass


class Watched:
    """`regression`, counting of how many of its results the graph exists at once."""

    def __init__(self):
        self.tokens, self.peak = weakref.WeakSet(), 0

    def __call__(self, *arguments):
        loss = _Mark.apply(regression(*arguments), self.tokens)
        self.peak = max(self.peak, len(self.tokens))
        return loss


class Counted:
    """A function that counts how often it is called."""

    def __init__(self, fn):
        self.fn, self.calls = fn, 0

    def __call__(self, x):
        self.calls += 1
        return self.fn(x)


def make_net(state, dropout=0.0):
    """Two layers with tanh and dropout between, with these weights."""
    (hidden, features), (outputs, _) = state["0.weight"].shape, state["3.weight"].shape
    layers = nn.Linear(features, hidden), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
    net = nn.Sequential(*layers).to(state["0.weight"].dtype)
    net.load_state_dict(state)
    return net


def summed(net):
    """The sum of all outputs of a network, as a function."""
    return lambda x: net(x).sum()


def returned_by_backward(function, x, b, upstream):
    """Return what `function.backward` itself returns; torch's engine sums gradients that come back too large."""
    x, b = x.clone().requires_grad_(), b.clone().requires_grad_()
    return function.backward(function.apply(x, b).grad_fn, upstream)


# --- tensors that live here -------------------------------------------------------------------------------------


def set_gradients(tensors, gradients):
    """Put something into `.grad`."""
    for tensor, gradient in zip(tensors, gradients, strict=True):
        tensor.grad = gradient.clone()


def backward(loss_of, params):
    """Fill `.grad` as a caller would."""
    loss_of(*params).backward()


def overwrite(tensor):
    """Change a tensor in place."""
    with torch.no_grad():
        tensor.fill_(99)
