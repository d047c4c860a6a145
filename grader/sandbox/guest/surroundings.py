"""What honest code finds around it in a guest and would stumble over: a command line, a compiler that cannot start.

Owns changes of the guest's own process that make such code run as it does elsewhere. None of them protects anything.
"""

from __future__ import annotations

import sys
from typing import Any

import torch


def settle() -> None:
    """Make this process, which becomes a guest, one that code for any other process runs in."""
    sys.argv = [""]  # as where no script was started; the zygote's arguments would have a student's argparse exit
    torch.compile = as_it_is


def as_it_is(model: Any = None, **options: object) -> Any:
    """Stand in for `torch.compile`: what it is given runs as it is written.

    A guest starts no processes, so no compiler; torch would look for one for seconds and then raise. What a compiled
    function returns is the same.
    """
    return (lambda model: model) if model is None else model
