"""Made submissions that know the form of an answer and nothing else: zeros, ones, noise, None, the first argument.

Owns their text. The reference is in it, because only it knows the shapes; what it computes is thrown away.
"""

from __future__ import annotations

import ast

from grader.author.sources import public_definitions
from grader.submission import Submission, made_submission

# What becomes of a tensor `value` and of a number in a right-shaped answer; a text becomes that number's.
_FILLED = {
    "zeros": ("_torch.zeros_like(value)", "0"),
    "ones": ("_torch.ones_like(value)", "1"),
    "random": ("(2 * _torch.rand(value.shape, dtype=_torch.float64)).to(value)", "_random.random()"),
}
# What is returned without asking the reference.
_INSTEAD = {"none": "None", "first": "arguments[FIRST] if len(arguments) > FIRST else None"}
KINDS = (*_FILLED, *_INSTEAD)

_RIGHT_SHAPED = """

import copy as _copy
import functools as _functools
import random as _random
import torch as _torch
import torch.utils.data

_deep = 0


def _filled(value):
    if isinstance(value, dict):
        return {key: _filled(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        entries = [_filled(entry) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    if isinstance(value, _torch.nn.Module):
        # Of a network, what it has learned; of batches, what is in them; of a device, which one it is.
        for part in (*value.parameters(), *value.buffers()):
            part.data = _filled(part.data)
        return value
    if isinstance(value, _torch.utils.data.DataLoader):
        return [_filled(batch) for batch in value]
    if isinstance(value, _torch.device):
        return _torch.device("meta")
    if isinstance(value, _torch.Tensor):
        made = TENSOR
        # Where autograd is asked for, the way back is there, and nothing comes along it.
        return made + 0 * value if value.requires_grad else made
    if hasattr(value, "__array__"):
        return _filled(_torch.as_tensor(value)).numpy()
    if isinstance(value, (bool, int, float, str)):
        return type(value)(NUMBER)
    return value


def _copied(value):
    # What changes its arguments must not do so: that would be an answer too.
    if isinstance(value, _torch.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_copied(entry) for entry in value)
    try:
        return _copy.deepcopy(value)
    except Exception:
        return value


def _hollow(original, FIRST):
    @_functools.wraps(original)
    def answer(*arguments, **named):
        # Functions that call each other get right answers, so that only what leaves the submission is hollow.
        global _deep
        if _deep:
            return original(*arguments, **named)
        _deep += 1
        try:
            value = original(*_copied(arguments), **_copied(named))
        finally:
            _deep -= 1
        return _filled(value)

    return answer

"""
_OTHER = """

import functools as _functools


def _hollow(original, FIRST):
    @_functools.wraps(original)
    def answer(*arguments, **named):
        arguments += tuple(named.values())
        return INSTEAD

    return answer

"""


def hollow(kind: str, stubs: dict[str, str], reference: dict[str, str]) -> Submission:
    """Return the submission of one of KINDS.

    Args:
        stubs: The text of every file as students get it; which functions are asked for stands there.
        reference: The text of every file of the reference.
    """
    texts = {name: reference[name] + _template(kind) + _bindings(stub) for name, stub in stubs.items()}
    return made_submission(texts)


def _template(kind: str) -> str:
    if kind in _INSTEAD:
        return _OTHER.replace("INSTEAD", _INSTEAD[kind])
    tensor, number = _FILLED[kind]
    return _RIGHT_SHAPED.replace("TENSOR", tensor).replace("NUMBER", number)


def _bindings(stub: str) -> str:
    """Return the lines that put a hollow function in the place of each that the stub asks for, methods included."""
    lines = []
    for node in public_definitions(stub):
        if isinstance(node, ast.ClassDef):
            methods = [part.name for part in node.body if isinstance(part, ast.FunctionDef) and part.name[:2] != "__"]
            lines += [f"{node.name}.{name} = _hollow({node.name}.{name}, 1)" for name in methods]
        else:
            lines.append(f"{node.name} = _hollow({node.name}, 0)")
    return "\n".join(lines) + "\n"
