"""Training loops, right and wrong, as students write them: text, so that they run here and in a guest alike.

Each defines `fit(model, loader, optimizer, loss_fn)`, one epoch over the loader.
"""

from __future__ import annotations

import textwrap

_LOOP = """
import copy
import torch

def fit(model, loader, optimizer, loss_fn):
    model.train()
    total = 0.0
    for x, t in loader:
{body}
        total += loss.item() * len(x)
    return total / len(loader.dataset)
"""

LINES = {
    "Z": "optimizer.zero_grad()",
    "z": "optimizer.zero_grad(set_to_none=False)",
    "m": "model.zero_grad()",
    "n": "for p in model.parameters(): p.grad = None",
    "0": "[p.grad.zero_() for p in model.parameters() if p.grad is not None]",
    "F": "loss = loss_fn(model(x), t)",
    "f": "y = model(x)\nloss = torch.nn.functional.mse_loss(y, t)",
    "B": "loss.backward()",
    "b": "torch.autograd.backward([loss])",
    "A": "grads = torch.autograd.grad(loss, list(model.parameters()))\n"
    "for p, g in zip(model.parameters(), grads): p.grad = g",
    "C": "torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)",
    "v": "torch.nn.utils.clip_grad_value_(model.parameters(), 0.01)",
    "c": "norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()\n"
    "for p in model.parameters(): p.grad.mul_(torch.clamp(0.1 / (norm + 1e-6), max=1.0))",
    "S": "optimizer.step()",
    "u": "with torch.no_grad():\n    for p in model.parameters(): p -= 0.1 * p.grad",
    "E": "model.eval()",
    "T": "model.train()",
}


def loop(order: str) -> str:
    """Return a loop that does these lines for each batch."""
    body = "\n".join(LINES[letter] for letter in order)
    return _LOOP.format(body=textwrap.indent(body, " " * 8))


def whole(text: str) -> str:
    """Return a file with a loop written out."""
    return "import copy\nimport torch\n" + textwrap.dedent(text)
