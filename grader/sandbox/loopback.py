"""Pythons of ours that are started anew and call back: for systems on which a warm process cannot be forked.

Owns starting one, the way between it and whoever started it, and its end with all that it has started. The same calls
on Linux, macOS and Windows: no descriptor is passed on, both ends meet on the loopback device, and the one that calls
says a token first, which was drawn for it alone and told on its standard input. Must not know what is said on a line.
Invariant: a caller without the token is hung up on; once all lines are there, nobody can call any more.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from grader.errors import InfrastructureError
from grader.sandbox.channel import Buffer
from grader.sandbox.fence.environment import OF_WINDOWS
from grader.sandbox.spawn import ENVIRONMENT

PYTHON = (sys.executable, "-P", "-s", "-m")
"""What a module of ours is run by; its name follows."""
_HOST = "127.0.0.1"
_TOKEN_BYTES = 32
_CALL_WAIT_S = 5.0  # a caller has its token at hand; one that does not say it is a stranger
_LOOK_S = 0.2
_QUEUE = 16  # a few strangers at the door keep nobody out
_END_WAIT_S = 5.0
_SMALL_BYTES = 1 << 16
# What only a process that others are forked from needs.
_FOR_FORKS = {"MALLOC_ARENA_MAX", "PYTHONMALLOC", "GLIBC_TUNABLES"}


def environment() -> dict[str, str]:
    """Return the environment that such a Python is given, written out like a zygote's."""
    kept = {name: value for name, value in ENVIRONMENT.items() if name not in _FOR_FORKS}
    if sys.platform == "win32":
        folders = dict.fromkeys(("TEMP", "TMP", "USERPROFILE"), tempfile.gettempdir())
        named = {name: os.environ[name] for name in OF_WINDOWS if name in os.environ}
        kept = {name: value for name, value in kept.items() if name not in ("PATH", "HOME", "TMPDIR")}
        kept |= {**named, **folders, "PYTHONUTF8": "1"}
    return kept


class Child:
    """A Python of ours that was started: it calls back at once, and says a word of its own when it is warm."""

    def __init__(
        self, module: str, lines: int, told: Mapping[str, Any], output: int | IO[bytes], command: Sequence[str] = PYTHON
    ) -> None:
        """Start `module`, which gets `lines` connections and what it is told, and prints into `output`.

        Raises:
            InfrastructureError: it cannot be started.
        """
        self._token, self._count = secrets.token_hex(_TOKEN_BYTES // 2).encode(), lines
        with contextlib.ExitStack() as undo:
            try:
                self._listener = undo.enter_context(socket.create_server((_HOST, 0), backlog=_QUEUE))
                self.process = subprocess.Popen(
                    [*command, module], env=environment(), stdin=subprocess.PIPE, stdout=output,
                    stderr=subprocess.STDOUT, cwd=tempfile.gettempdir(), **_apart(),
                )  # fmt: skip
            except OSError as error:
                raise InfrastructureError(f"no Python can be started: {error.strerror or error}") from error
            undo.pop_all()
        self._tell({"port": self._listener.getsockname()[1], "token": self._token.decode(), "told": dict(told)})

    def _tell(self, words: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError), self.process.stdin as stream:  # one that has ended is noticed by `lines`
            stream.write(json.dumps(words).encode() + b"\n")

    def lines(self, wait_s: float) -> list[socket.socket]:
        """Return the connections in the order in which the module asks for them.

        Raises:
            InfrastructureError: it ended, or did not call in time.
        """
        found: dict[int, socket.socket] = {}
        due = time.monotonic() + wait_s
        self._listener.settimeout(_LOOK_S)
        with contextlib.ExitStack() as undo:
            while len(found) < self._count:
                if time.monotonic() > due or self.process.poll() is not None:
                    raise InfrastructureError(f"a Python did not start: {self.ending()}")
                with contextlib.suppress(TimeoutError):
                    line = undo.enter_context(self._listener.accept()[0])
                    if (place := self._place_of(line)) is not None:
                        found[place] = line
            undo.pop_all()
        self._listener.close()
        return [found[place] for place in range(self._count)]

    def _place_of(self, line: socket.socket) -> int | None:
        """Return which line a caller is, or hang up on it."""
        line.settimeout(_CALL_WAIT_S)
        with contextlib.suppress(OSError):
            said = receive_exactly(line, _TOKEN_BYTES + 1)
            if hmac.compare_digest(said[:-1], self._token) and said[-1] < self._count:
                line.settimeout(None)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return said[-1]
        line.close()
        return None

    def ending(self, wait_s: float = 0.0) -> int | None:
        """Return the exit status, negative for a signal; None if it lives longer than this."""
        try:
            return self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self, wait_s: float = 0.0) -> None:
        """Give it this long to end by itself, then kill it and all that it has started; returns when it is gone."""
        self._listener.close()
        if self.ending(wait_s) is None:
            kill_tree(self.process)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and everything below it, and wait until it is gone."""
    import psutil  # takes time to import, and is needed only at the end

    below = []
    with contextlib.suppress(psutil.Error):
        below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for one in below:
        with contextlib.suppress(psutil.Error):  # it has ended, or is another user's by now
            one.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_WAIT_S)
    psutil.wait_procs(below, _END_WAIT_S)


def _apart() -> dict[str, Any]:
    """Return what keeps the terminal's Ctrl-C from a child: it is ours to act on."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


# --- the side that was started ----------------------------------------------------------------------------------


def call_back(lines: int) -> tuple[list[socket.socket], dict[str, Any]]:
    """Call whoever started this process; return the connections and what we were told."""
    words = json.loads(sys.stdin.buffer.readline())
    found = []
    for place in range(lines):
        line = socket.create_connection((_HOST, words["port"]), _CALL_WAIT_S)
        line.sendall(words["token"].encode() + bytes([place]))
        line.settimeout(None)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found.append(line)
    return found, words["told"]


def obey(lifeline: socket.socket, answers: Mapping[bytes, Callable[[], None]], at_end: Callable[[], None]) -> None:
    """Answer one-byte words in a thread of their own, and end this process when nobody holds the other end.

    Args:
        at_end: Called before that, without much time.
    """

    def listen() -> None:
        try:
            with contextlib.suppress(OSError):
                while word := lifeline.recv(1):
                    answers[word]()
            at_end()
        finally:
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()


class Gathering:
    """A line on which many pieces are written as one, where the system's sockets cannot."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self.recv_into = line, line.recv_into

    def write(self, pieces: Sequence[Buffer], /) -> int:
        """Write all of the pieces; return how many bytes that was."""
        send_pieces(self._line, pieces)
        return sum(map(len, pieces))


# --- both sides -------------------------------------------------------------------------------------------------


def send_pieces(line: socket.socket, pieces: Sequence[Buffer]) -> None:
    """Write pieces one after the other; small ones at once, because nothing here gathers them (Windows cannot).

    Raises:
        OSError: the other end is gone, or the line's time is over.
    """
    if sum(map(len, pieces)) <= _SMALL_BYTES:
        line.sendall(b"".join(pieces))
        return
    for piece in pieces:
        line.sendall(piece)


def receive_exactly(line: socket.socket, count: int) -> bytes:
    """Read so many bytes.

    Raises:
        OSError: the line ended before, or its time is over.
    """
    found = b""
    while len(found) < count:
        chunk = line.recv(count - len(found))
        if not chunk:
            raise ConnectionError("the line has ended")
        found += chunk
    return found
