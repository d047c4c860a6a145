"""How long whoever judges may be silent: when it must have said its next word, and the check it is in.

Shared by whoever watches a judge, in whichever process that is. Knows no process and no line.
"""

from __future__ import annotations

import time

from grader.events import Began, Ended, Event, Preparing

# A judge answers this long after its own deadline has passed, or it is stuck in host code. It has to be longer than all
# that the channel waits for a guest that was given up (where it stands, how it ended, until it is gone), and by more
# than a busy machine takes: a guest that lets us wait would otherwise buy an `error` in the place of its timeout.
GRACE_S = 3.0
# Between two checks a judge only frees memory and writes a line; opening starts a Python and imports the submission.
_BETWEEN_S = 5.0
_OPENING_S = 30.0
_PREPARING_S = 180.0  # more than a session gives a guest to become one of a device, and a new Python to import torch
LOSSES_OUTSIDE_CHECKS = 3


class Patience:
    """What is known of one judge at work; `deadline` is monotonic, on this machine the same in every process."""

    def __init__(self, check_wall_s: float) -> None:
        self.index: int | None = None
        self.deadline = time.monotonic() + _OPENING_S + check_wall_s

    def hear(self, event: Event) -> None:
        """Take what the judge says."""
        match event:
            case Began():
                self.index, self.deadline = event.index, event.deadline + GRACE_S
            case Ended():
                self.index, self.deadline = None, time.monotonic() + _BETWEEN_S
            case Preparing():
                self.deadline = time.monotonic() + _PREPARING_S
            case _:
                self.deadline = time.monotonic() + _BETWEEN_S
