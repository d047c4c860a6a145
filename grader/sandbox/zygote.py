"""The warm process that guests are forked from, and the trusted programs that speak with them.

Owns forking: zygote -> keeper -> guest or host program. Must not know exercises, suites or submissions. Invariant: it
holds nothing secret (every guest can read its memory), runs no tensor operation, has ONE thread at every fork (a second
one would make the children hang), and never reads a byte that a student wrote.

Exec'ed as `python -P -s -m grader.sandbox.zygote CONTROL_FD` with an explicit small environment.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import logging
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from grader.errors import FenceError
from grader.limits import Limits
from grader.sandbox import fence, guest
from grader.sandbox.guest.preload import preload
from grader.sandbox.heap import fill_holes
from grader.sandbox.spawn import HostSpec, SpawnRequest, receive_request, thread_count

_GUEST_FAILED_TO_START = 70
_WATCH_MS = 200
# A guest that gets it prints where its Python stands, also out of a loop in C that runs no Python.
_WHERE = signal.SIGUSR1


def _forget_log_handlers() -> None:
    """Spare every fork the renewal of the locks of torch's log handlers; no other thread can hold one here.

    It writes to memory all over the heap, and each place is a page to be copied: close to a millisecond a fork.
    """
    handlers = getattr(logging, "_at_fork_reinit_lock_weakset", None)
    if handlers is not None:
        handlers.clear()


def _prepare_fences() -> None:
    """Work out what every guest of a tier needs, once; a tier this machine lacks says so when it is asked for."""
    for tier in fence.Tier:
        for gpu in (None, *fence.find_gpus()[:1]):
            with contextlib.suppress(FenceError):
                fence.prepare(fence.FenceSpec(tier, Limits(), gpu=gpu))


def main(control_fd: int) -> None:
    """Preload, say so with one datagram, then fork a guest per request until every host is gone."""
    control = socket.socket(fileno=control_fd)
    preload()
    _forget_log_handlers()
    gc.collect()
    gc.freeze()
    _prepare_fences()
    guest.prepare_streams()
    fill_holes()
    faulthandler.register(_WHERE, all_threads=False)
    # Keepers report to their host, not to us: let the kernel reap them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):  # everybody may have gone while we imported; the loop below sees it
        control.send(json.dumps({"ready": True, "threads": thread_count()}).encode())
    while (request := receive_request(control)) is not None:
        _fork_keeper(control, request)


def _fork_keeper(control: socket.socket, request: SpawnRequest) -> None:
    lifeline = socket.socket(fileno=request.lifeline_fd)
    try:
        if thread_count() != 1:
            _tell(lifeline, {"error": "the process that guests are forked from has more than one thread"})
        elif os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            keep = _keep_guest if isinstance(request.spec, fence.FenceSpec) else _keep_host
            _run_and_exit(lambda: keep(request, lifeline))
    except OSError as error:
        _tell(lifeline, {"error": f"fork: {error}"})
    finally:
        lifeline.close()
        _close_passed_on(request)


def _close_passed_on(request: SpawnRequest) -> None:
    """Give up what is the child's; the lifeline is its keeper's."""
    for fd in request.fds():
        if fd != request.lifeline_fd:
            os.close(fd)


def _run_and_exit(body: Callable[[], int | None]) -> NoReturn:
    """Run the whole life of a forked child: it never returns into its parent's code."""
    status = _GUEST_FAILED_TO_START
    try:
        status = body() or 0
    finally:
        os._exit(status)


def _keep_guest(request: SpawnRequest, lifeline: socket.socket) -> None:
    """The keeper: raise the fence's outer part, start the guest, end it when the host lets go, say how it ended."""
    assert isinstance(request.spec, fence.FenceSpec)
    try:
        cage = fence.isolate(request.spec)
        child = os.fork()
    except (FenceError, OSError) as error:
        _tell(lifeline, {"error": str(error)})
        return
    if child == 0:
        lifeline.close()
        _run_and_exit(lambda: guest.run(request, cage))
    _close_passed_on(request)
    cage.attend()
    watches = {
        "files_exceeded": lambda: cage.exceeds_files(child),
        "memory_exceeded": lambda: cage.exceeds_memory(child),
    }
    status, exceeded = _wait_for(child, lifeline, watches if cage.watched else {})
    _tell(lifeline, {"status": status, "oom_kills": cage.oom_kills(), **dict.fromkeys(exceeded, True)})
    cage.remove()


def _keep_host(request: SpawnRequest, lifeline: socket.socket) -> None:
    """The keeper of a trusted program: no fence, the same lifeline."""
    child = os.fork()
    if child == 0:
        lifeline.close()
        _run_and_exit(lambda: _run_host(request))
    _close_passed_on(request)
    _tell(lifeline, {"status": _wait_for(child, lifeline)[0]})


def _run_host(request: SpawnRequest) -> int:
    """Become a trusted program."""
    spec = request.spec
    assert isinstance(spec, HostSpec)
    os.setsid()
    os.chdir(spec.folder)
    _take_name(spec.program)
    guest.redirect_streams(request.output_fd)
    os.close(request.output_fd)
    sys.argv = [spec.program, str(request.line_fd), str(request.control_fd), *spec.arguments]
    try:
        runpy.run_path(spec.program, run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _take_name(program: str) -> None:
    """Let `ps` and `top` show which of the forks this is."""
    with contextlib.suppress(OSError):  # no /proc, no name
        Path("/proc/self/comm").write_text(f"grader {Path(program).stem}")


def _tell(lifeline: socket.socket, report: dict[str, object]) -> None:
    # The host may have let go already; then nobody wants to know.
    with contextlib.suppress(OSError):
        lifeline.send(json.dumps(report).encode())


def _wait_for(
    child: int, lifeline: socket.socket, watches: Mapping[str, Callable[[], bool]] = MappingProxyType({})
) -> tuple[int, list[str]]:
    """Reap a child, killing it first if the host lets go or one of the watches says that a limit was passed.

    A byte on the lifeline asks where the child stands, which it prints. A guest of tier namespaces is pid 1, and
    everything in its namespace dies with it.

    Returns:
        The exit code, negative for a signal, and which watches it was killed for.
    """
    child_fd = os.pidfd_open(child)
    poll = select.poll()
    poll.register(child_fd, select.POLLIN)
    poll.register(lifeline, select.POLLIN | select.POLLRDHUP)
    passed: list[str] = []
    while True:
        ready = dict(poll.poll(_WATCH_MS if watches else None))
        if lifeline.fileno() in ready and child_fd not in ready and _was_asked(lifeline):
            signal.pidfd_send_signal(child_fd, _WHERE)
        elif ready or (passed := [name for name, is_passed in watches.items() if is_passed()]):
            break
    if child_fd not in ready:
        signal.pidfd_send_signal(child_fd, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), passed


def _was_asked(lifeline: socket.socket) -> bool:
    try:
        return bool(lifeline.recv(1))
    except OSError:
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]))
