"""Values in the place of others: answers that are well written and say what our guest code never does.

The codec has nothing against these frames, so it is the session that has to.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import torch

from grader.sandbox.frames import REPLY_BYTES
from grader.sandbox.wire import Caps, HandleRef, decode_frame, encode_frame

_CAPS = Caps(payload_bytes=1 << 18)
_KEPT = 0.6
_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 5, 1 << 40, -(1 << 63), 0.5, float("nan"), "", "odd", "Π" * 90, b"", [], (), {}, [[]],
    [None] * 3, (1, ()), {"type_name": 1}, {"a": []},
    HandleRef(0, ""), HandleRef(-1, "set"), HandleRef(1, "torch.Tensor"),
    torch.zeros(()), torch.zeros(3), torch.zeros(2, 3), torch.empty(0), torch.full((2, 3), float("nan")),
    torch.zeros(2, 3, dtype=torch.int64), torch.ones(2, dtype=torch.complex64), torch.zeros((1,) * 8),
    torch.ones(2, requires_grad=True), torch.zeros(2, 3, dtype=torch.float64).requires_grad_(),
    np.zeros(3), np.float16(1) * np.ones((2, 1)),
    (5, ((5, (2, 3), 9),)), (5, ((5, (1 << 24, 1 << 24), 8),)), (5, ((5, (0, 1 << 48), 8),)), ((5, (3,), 8),),
    (5, ((5, (3,), 1),)),
)  # fmt: skip


def altered(frame: bytes, draw: Random) -> bytes:
    """Return an answer some of whose values are others, or the answer itself if it says nothing."""
    count = 1 + (frame[REPLY_BYTES - 1] == 1)  # a value and a report of its graph
    values, tensors = decode_frame(frame, REPLY_BYTES, count, _CAPS, lambda handle: handle)
    for sent in tensors:
        if sent.requires_grad:
            sent.tensor.requires_grad_()
    place = int(draw.random() * count)
    values[place] = _altered(values[place], draw)
    written = encode_frame(frame[:REPLY_BYTES], lambda _: iter(values), _CAPS)
    return b"".join(written.buffers)


def _altered(value: Any, draw: Random) -> Any:
    """Change one thing: this value, or one of those in it."""
    is_inner = isinstance(value, (list, tuple, dict)) and value and not isinstance(value, HandleRef)
    if not is_inner or draw.random() > _KEPT + 0.2:
        return _ODD[int(draw.random() * len(_ODD))]
    if isinstance(value, dict):
        return _altered_dict(value, draw)
    items = list(value)
    place = int(draw.random() * len(items))
    how = draw.random()
    if how < _KEPT:
        items[place] = _altered(items[place], draw)
    elif how < _KEPT + 0.2:
        del items[place]
    else:
        items.insert(place, items[int(draw.random() * len(items))])
    return items if isinstance(value, list) else tuple(items)


def _altered_dict(value: dict[Any, Any], draw: Random) -> dict[Any, Any]:
    changed = dict(value)
    key = list(changed)[int(draw.random() * len(changed))]
    how = draw.random()
    if how < _KEPT:
        changed[key] = _altered(changed[key], draw)
    elif how < _KEPT + 0.2:
        del changed[key]
    else:
        changed[None] = changed.pop(key)
    return changed
