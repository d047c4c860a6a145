"""What honest code finds around it in a guest and would stumble over: a command line, programs that cannot start.

Owns changes of the guest's own process that make such code run as it does elsewhere. None of them protects anything.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import torch

from grader import messages

_said: list[bool] = []


def settle() -> None:
    """Make this process, which becomes a guest, one that code for any other process runs in."""
    sys.argv = [""]  # as where no script was started; the zygote's arguments would have a student's argparse exit
    torch.compile = as_it_is
    os.system = no_program


def no_program(command: Any) -> int:
    """Stand in for `os.system`: say once that nothing was started, which its status alone hardly ever tells anybody."""
    sys.audit("os.system", os.fsencode(command))  # the same complaint about a wrong type
    if not _said:
        _said.append(True)
        print(messages.NO_PROGRAM, file=sys.stderr)
    return -1


def as_it_is(model: Any = None, **options: object) -> Any:
    """Stand in for `torch.compile`: what it is given runs as it is written.

    A guest starts no processes, so no compiler; torch would look for one for seconds and then raise. What a compiled
    function returns is the same.
    """
    return (lambda model: model) if model is None else model
