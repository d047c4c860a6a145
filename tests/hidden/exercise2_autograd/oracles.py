"""What the hidden checks of exercise 2 share: draws, oracles, and the probe on the student's side.

Oracle: torch's own autograd on the host, and for training the gradients of exercise 1 by hand. Sizes are pairwise
different, so that no transpose and no wrong divisor goes unseen; draws are float64, then cast.
"""

from pathlib import Path

import torch
from torch.nn import functional

from grader.suite import expect_equal

N, D, H, C = 7, 5, 6, 4
PROBE, GRAPHS, NUMBERS = (Path(__file__).with_name(f"probe{name}.py") for name in ("", "_graphs", "_numbers"))


def normal(rng, *shape, dtype=torch.float64):
    """Draw standard normal numbers, in float64, then cast."""
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def connected(value, label):
    """Return a tensor once it is known to have a graph; asking for gradients of one without would end in our words."""
    expect_equal(getattr(value, "requires_grad", False) is True, True, label=f"whether {label} has a graph")
    return value


def plain(value, label):
    """See that a tensor has no graph and asks for none."""
    expect_equal(getattr(value, "requires_grad", None), False, label=f"whether {label} requires a gradient")


def gradients(outputs, inputs, upstream):
    """Return gradients of connected outputs, zeros where an input has no part in them."""
    found = torch.autograd.grad(outputs, inputs, upstream, retain_graph=True, allow_unused=True, materialize_grads=True)
    return [gradient.detach() for gradient in found]


def bowl(x):
    """Return the stages of the bowl, by torch."""
    y = x + 2
    z = 3 * y * y
    return {"y": y, "z": z, "out": z.sum() / x.numel()}


def bowl_gradients(x):
    """Return the gradients of the bowl by hand: dout/dz = 1/n, dz/dy = 6 y, dy/dx = 1."""
    y, n = x + 2, x.numel()
    return {"z": torch.full_like(x, 1 / n), "y": 6 * y / n, "x": 6 * y / n}


def derivatives(fn, leaves):
    """Return the gradients of a scalar function of ours, zeros where a leaf has no part in it."""
    watched = [leaf.clone().requires_grad_() for leaf in leaves]
    return gradients(fn(*watched), watched, None)


def jacobian(fn, x):
    """Return the matrix of all slopes of a function of ours."""
    return torch.autograd.functional.jacobian(fn, x)


def hessian(fn, x):
    """Return the matrix of all second derivatives of a function of ours."""
    return torch.autograd.functional.hessian(fn, x)


def trained(x, t, w1, w2, lr, steps):
    """Return losses and weights of gradient descent with the gradients of exercise 1, no autograd anywhere."""
    losses = []
    for _ in range(steps):
        a = x @ w1
        h = a.clamp(min=0)
        error = h @ w2 - t
        losses.append((error * error).sum())
        dw2, da = h.T @ (2 * error), (2 * error) @ w2.T * (a > 0)
        w1, w2 = w1 - lr * (x.T @ da), w2 - lr * dw2
    return {"losses": torch.stack(losses), "w1": w1, "w2": w2}


def draw_regression(rng, dtype=torch.float64):
    """Inputs (N, D), targets (N, C) and the weights (D, H) and (H, C)."""
    return tuple(normal(rng, *shape, dtype=dtype) for shape in ((N, D), (N, C), (D, H), (H, C)))


def draw_net(rng, dtype=torch.float64):
    """Return the state of the probe's network from D features over H hidden units to C outputs."""
    shapes = {"0.weight": (H, D), "0.bias": (H,), "3.weight": (C, H), "3.bias": (C,)}
    return {name: normal(rng, *shape, dtype=dtype) for name, shape in shapes.items()}


def net(x, state):
    """Return what the probe's network says without dropout, by torch."""
    hidden = torch.tanh(functional.linear(x, state["0.weight"], state["0.bias"]))
    return functional.linear(hidden, state["3.weight"], state["3.bias"])


def swish(x, b):
    """x times sigmoid(b x), by torch."""
    return x * torch.sigmoid(b * x)


def pick(rng, count):
    """Draw a place below `count`."""
    return int(torch.randint(count, (), generator=rng))


def program_of(form, inputs, steps):
    """Return the lines of an expression in which everything is used, some of it several times.

    Which mistakes it tells apart depends on its form alone, so that is chosen, by a seed, and only numbers are drawn.
    """
    rng = torch.Generator().manual_seed(form)
    program, unused = [], set(range(inputs))
    for place in range(inputs, inputs + steps):
        operation = ("add", "mul", "tanh")[pick(rng, 3)]
        i, j = pick(rng, place), pick(rng, place)
        program.append((operation, i, j))
        unused = unused - ({i} if operation == "tanh" else {i, j}) | {place}
    first, *others = sorted(unused)
    for other in others:
        program.append(("add", first, other))
        first = inputs + len(program) - 1
    return program


def differentiated(numbers, program, times=1):
    """Return the last number of an expression and its gradients, by torch."""
    leaves = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]
    made = list(leaves)
    for operation, i, j in program:
        by_name = {"tanh": lambda a, _: a.tanh(), "mul": torch.mul, "add": torch.add}
        made.append(by_name[operation](made[i], made[j]))
    found = gradients(made[-1], leaves, None)
    named = {f"gradient of x{k}": times * float(gradient) for k, gradient in enumerate(found, start=1)}
    return {"result": float(made[-1].detach()), **named}
