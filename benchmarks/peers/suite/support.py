"""What the checks share in every grader: draws, and what is right by torch's own autograd. Shipped beside each suite.

The same problems as in the hidden suite of exercise 1: sizes pairwise different, float64.
"""

import zlib

import torch
from torch.nn import functional

N, D, H, C = 7, 5, 6, 4


def drawer(name):
    """Return the generator of a check; the same numbers in every grader."""
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def normal(rng, *shape):
    """Draw standard normal numbers."""
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def draw_logits(rng):
    """Return logits (N, C) and labels (N,) in which every class occurs."""
    return 2 * normal(rng, N, C), (torch.arange(N) % C)[torch.randperm(N, generator=rng)]


def slopes(fn, inputs, upstream=None):
    """Return the gradients of `fn` for its named inputs, by autograd."""
    leaves = [value.clone().requires_grad_() for value in inputs.values()]
    result = fn(*leaves)
    return dict(zip(inputs, torch.autograd.grad(result, leaves, upstream), strict=True))


def network_loss(x, t, w1, w2):
    """Return the loss of the two-layer network without biases."""
    return ((functional.relu(x @ w1) @ w2 - t) ** 2).sum()


def path(x, t, w1, w2, lr, steps):
    """Return what gradient descent passes through: the loss before each step, and the last weights."""
    losses = []
    for _ in range(steps):
        losses.append(network_loss(x, t, w1, w2))
        found = slopes(lambda a, b: network_loss(x, t, a, b), {"w1": w1, "w2": w2})
        w1, w2 = w1 - lr * found["w1"], w2 - lr * found["w2"]
    return {"losses": torch.stack(losses), "w1": w1, "w2": w2}


def classifier(x, labels, w1, b1, w2, b2):
    """Return the stages of the classifier and the gradients for everything in it."""
    x, w1, b1, w2, b2 = (value.clone().requires_grad_() for value in (x, w1, b1, w2, b2))
    a = x @ w1 + b1
    h = functional.relu(a)
    z = h @ w2 + b2
    loss = functional.cross_entropy(z, labels)
    inner = {"dz": z, "dw2": w2, "db2": b2, "dh": h, "da": a, "dw1": w1, "db1": b1, "dx": x}
    gradients = dict(zip(inner, torch.autograd.grad(loss, list(inner.values())), strict=True))
    stages = {"a": a, "h": h, "z": z, "loss": loss}
    return {name: value.detach() for name, value in stages.items()}, gradients
