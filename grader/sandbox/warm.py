"""The life of a guest that was started anew: call back, import torch, wait to be given a submission's limits, serve.

Run as `python -m grader.sandbox.warm`; what it is asked for after that is answered by `guest.process`, as in every
other guest. Owns the words that go over its lifeline. Invariant: it ends when its host has gone, also while it imports.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from functools import partial

import msgspec

from grader.limits import Limits
from grader.sandbox.fence import Gpu, settle_loosely
from grader.sandbox.loopback import Gathering, call_back, obey
from grader.sandbox.traces import STACK_BEGINS

WARM = b"!"
"""From the guest: torch is imported."""
MARK_NOW, WHERE = b"=", b"?"
"""To the guest: print the mark; print where your Python stands, then the mark."""
_MAX_FRAMES = 100
_LIFE_FACTOR, _LIFE_S = 10, 600.0


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a spare is told when it becomes a submission's guest; `home` is its scratch folder, `mark` is printed."""

    limits: Limits
    home: str
    mark: str
    gpu: Gpu | None = None


class _Output:
    """Where this process prints to, whatever a student does to their streams; says on request how far it got."""

    def __init__(self) -> None:
        self._fd, self.mark = os.dup(1), b""

    def print_mark(self) -> None:
        os.write(self._fd, self.mark)

    def print_where(self) -> None:
        """Print the stack as faulthandler does, the innermost call first."""
        frame, rows = sys._current_frames().get(threading.main_thread().ident or 0), [f"Stack {STACK_BEGINS}"]
        while frame is not None and len(rows) <= _MAX_FRAMES:
            rows.append(f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}')
            frame = frame.f_back
        os.write(self._fd, ("\n".join(rows) + "\n").encode("utf-8", "backslashreplace") + self.mark)


def main() -> None:
    """Be a guest from the first import to the end of the conversation."""
    (line, lifeline), _ = call_back(2)
    output = _Output()
    obey(lifeline, {MARK_NOW: output.print_mark, WHERE: output.print_where}, lambda: None)

    from grader.sandbox.guest import prepare_streams, process
    from grader.sandbox.guest.preload import preload

    prepare_streams()
    preload()
    lifeline.sendall(WARM)
    rpc = Gathering(line)
    frame = process.receive(rpc, bytearray(1 << 16))
    if frame is None:
        return
    given = msgspec.json.decode(frame, type=Given)
    output.mark = given.mark.encode()
    _set_end_of_life(given.limits)
    confine = partial(settle_loosely, given.limits, given.home, given.gpu)
    os._exit(process.become(rpc, confine, given.limits.reply_bytes))


def _set_end_of_life(limits: Limits) -> None:
    """Have this process end long after it must have been ended: it may loop in C, deaf to a host that has gone."""
    faulthandler.dump_traceback_later(_LIFE_FACTOR * limits.wall_s + _LIFE_S, exit=True)


if __name__ == "__main__":
    main()
