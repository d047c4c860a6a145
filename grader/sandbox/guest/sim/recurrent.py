"""The cells of LSTM and GRU that torch runs on every accelerator in one piece; the CPU has no such kernels.

Owns their forward and backward. What a forward leaves for its backward (`kept`) is our own affair, so it need not have
the form that CUDA gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from grader.sandbox.guest.sim.memory import on_cpu, on_sim


def _sum(*terms: Tensor | None) -> Tensor:
    """Add up those of the accelerator's tensors that are there, on the CPU."""
    present = [on_cpu(term) for term in terms if term is not None]
    total = present[0]
    for term in present[1:]:
        total = total + term
    return total


def lstm_cell(
    of_input: Tensor,
    of_hidden: Tensor,
    cell: Tensor,
    input_bias: Tensor | None = None,
    hidden_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of an LSTM: the gates' affine parts and the old cell give hidden state, cell and what is kept.

    Shapes:
        of_input, of_hidden: (batch, 4 hidden); cell: (batch, hidden); kept: (batch, 4 hidden).
    Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997; order of gates as in torch.nn.LSTM.
    """
    enters, forgets, candidate, leaves = _sum(of_input, of_hidden, input_bias, hidden_bias).chunk(4, 1)
    enters, forgets, candidate, leaves = enters.sigmoid(), forgets.sigmoid(), candidate.tanh(), leaves.sigmoid()
    new_cell = forgets * on_cpu(cell) + enters * candidate
    hidden = leaves * new_cell.tanh()
    return on_sim(hidden), on_sim(new_cell), on_sim(torch.cat([enters, forgets, candidate, leaves], 1))


def lstm_cell_backward(
    d_hidden: Tensor | None, d_cell: Tensor | None, cell: Tensor, new_cell: Tensor, kept: Tensor, has_bias: bool
) -> tuple[Tensor | None, ...]:
    """Return the gradients of the gates' affine parts, of the old cell and of a bias."""
    if d_hidden is None and d_cell is None:
        return None, None, None
    enters, forgets, candidate, leaves = on_cpu(kept).chunk(4, 1)
    through = on_cpu(new_cell).tanh()
    d_hidden = torch.zeros_like(through) if d_hidden is None else on_cpu(d_hidden)
    d_cell = d_hidden * leaves * (1 - through * through) + (0 if d_cell is None else on_cpu(d_cell))
    d_gates = torch.cat(
        [
            d_cell * candidate * enters * (1 - enters),
            d_cell * on_cpu(cell) * forgets * (1 - forgets),
            d_cell * enters * (1 - candidate * candidate),
            d_hidden * through * leaves * (1 - leaves),
        ],
        1,
    )
    return on_sim(d_gates), on_sim(d_cell * forgets), on_sim(d_gates.sum(0)) if has_bias else None


def gru_cell(
    of_input: Tensor,
    of_hidden: Tensor,
    hidden: Tensor,
    input_bias: Tensor | None = None,
    hidden_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of a GRU: the gates' affine parts and the old hidden state give the new one and what is kept.

    Shapes:
        of_input, of_hidden: (batch, 3 hidden); hidden: (batch, hidden); kept: (batch, 5 hidden).
    Source: K. Cho et al., Learning Phrase Representations …, 2014; order of gates as in torch.nn.GRU.
    """
    h = on_cpu(hidden)
    a_reset, a_update, a_new = _sum(of_input, input_bias).chunk(3, 1)
    b_reset, b_update, b_new = _sum(of_hidden, hidden_bias).chunk(3, 1)
    reset, update = (a_reset + b_reset).sigmoid(), (a_update + b_update).sigmoid()
    new = (a_new + reset * b_new).tanh()
    result = new + update * (h - new)
    return on_sim(result), on_sim(torch.cat([reset, update, new, h, b_new], 1))


def gru_cell_backward(d_result: Tensor, kept: Tensor, has_bias: bool) -> tuple[Tensor | None, ...]:
    """Return the gradients of both affine parts, of the old hidden state and of both biases."""
    grad = on_cpu(d_result)
    reset, update, new, h, b_new = on_cpu(kept).chunk(5, 1)
    d_new = grad * (1 - update) * (1 - new * new)
    d_reset = d_new * b_new * reset * (1 - reset)
    d_update = grad * (h - new) * update * (1 - update)
    d_input = torch.cat([d_reset, d_update, d_new], 1)
    d_hidden = torch.cat([d_reset, d_update, d_new * reset], 1)
    biases = (on_sim(d_input.sum(0)), on_sim(d_hidden.sum(0))) if has_bias else (None, None)
    return on_sim(d_input), on_sim(d_hidden), on_sim(grad * update), *biases


KERNELS: dict[str, Callable[..., Any]] = {
    "_thnn_fused_lstm_cell": lstm_cell,
    "_thnn_fused_lstm_cell_backward_impl": lstm_cell_backward,
    "_thnn_fused_gru_cell": gru_cell,
    "_thnn_fused_gru_cell_backward": gru_cell_backward,
}
