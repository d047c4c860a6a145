"""Guests that are started anew instead of forked: for one's own code, on systems without a fork that torch survives.

Owns the spare guest, which has imported torch and waits, and the host's hold on one that was handed out. Stands where a
zygote stands otherwise. Must not know what the bytes mean. Invariants: only tier `none` is ever promised here; a guest
that is given up is killed with all that it has started; output is counted like everywhere, and a flood ends the guest.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import msgspec

from grader import messages
from grader.errors import FenceError, InfrastructureError
from grader.sandbox.channel import (
    TOO_LATE,
    Buffer,
    Capture,
    ChannelClosed,
    ChannelError,
    ChannelFlooded,
    ChannelTimeout,
    FrameChannel,
    frame_pieces,
)
from grader.sandbox.fence import FenceSpec, Tier, scratch
from grader.sandbox.loopback import PYTHON, Child, send_pieces
from grader.sandbox.warm import MARK_NOW, WARM, WHERE, Given

READY_WAIT_S = 120.0
_LINES = 2
_TRIES = 2
_CHUNK_BYTES = 1 << 16
_LOOK_S = 0.2  # how often the scratch folder is looked at, as a keeper does
_MARK_WAIT_S, _STATUS_WAIT_S = 0.6, 1.0  # with what `kill_tree` takes, less than patience.GRACE_S


class Spawner:
    """How processes are started where none can be forked; stands where a zygote stands otherwise, and holds nothing."""

    def __init__(self, command: Sequence[str] = PYTHON) -> None:
        """Prepare; `command` is what runs a module of ours."""
        self.command = tuple(command)

    def wait_until_ready(self) -> None:
        """Nothing is waited for: there is nothing that others are made from."""

    def abandon(self) -> None:
        """Nobody waits: nothing is waited for."""

    def close(self) -> None:
        """Nothing is held: what was started belongs to whoever asked for it."""

    def __enter__(self) -> Spawner:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class SpawnedGuests:
    """Hands out guests of tier `none`, and has the next one imported by the time it is asked for."""

    is_slow = True

    def __init__(self, command: Sequence[str] = PYTHON) -> None:
        self._command = tuple(command)
        self._spare: Child | None = None
        self._given_out: list[Child] = []

    def warm_up(self) -> None:
        """Have a spare started, if there is none; returns at once."""
        if self._spare is None:
            self._spare = Child("grader.sandbox.warm", _LINES, {}, subprocess.PIPE, self._command)

    def spawn(self, spec: FenceSpec) -> SpawnedChannel:
        """Hand out the spare, waiting until it is warm, and have another one started.

        Raises:
            FenceError: more than tier `none` is asked for. InfrastructureError: none can be started.
        """
        if spec.tier is not Tier.NONE:
            raise FenceError(spec.tier, messages.FENCE_NOT_SPAWNED, messages.FENCE_FIX_LINUX)
        child, (rpc, lifeline) = self._warm()
        self.warm_up()
        self._given_out = [*(other for other in self._given_out if other.ending() is None), child]
        return SpawnedChannel(child, rpc, lifeline, spec)

    def _warm(self) -> tuple[Child, list[socket.socket]]:
        """Take the spare; one that has ended meanwhile (the machine may have run out of memory) is replaced once."""
        for tries in range(1, _TRIES + 1):
            self.warm_up()
            assert self._spare is not None
            child, self._spare = self._spare, None
            try:
                lines = child.lines(READY_WAIT_S)
                lines[1].settimeout(READY_WAIT_S)
                if lines[1].recv(1) == WARM:
                    return child, lines
            except (OSError, InfrastructureError):
                if tries == _TRIES:
                    _end_unused(child)
                    raise
            _end_unused(child)
        raise InfrastructureError(f"Python with torch ended while it started: {child.ending()}")

    def end_handed_out(self) -> None:
        """End whoever was handed out, from another thread; the one who has it finds it gone. The spare stays warm."""
        for child in self._given_out:
            child.end()

    def close(self) -> None:
        """End the spare, and whoever was handed out and not closed: it may be deaf to the end of its lifeline."""
        if self._spare is not None:
            _end_unused(self._spare)
            self._spare = None
        self.end_handed_out()


def _end_unused(child: Child) -> None:
    child.end()
    assert child.process.stdout is not None
    child.process.stdout.close()


class SpawnedChannel(FrameChannel):
    """The way to one such guest, as the host holds it; `channel.Channel` says what each of these does and raises."""

    def __init__(self, child: Child, rpc: socket.socket, lifeline: socket.socket, spec: FenceSpec) -> None:
        super().__init__()
        self._child, self._rpc, self._lifeline = child, rpc, lifeline
        self._file_bytes, self._files_exceeded, self._looked = spec.limits.file_bytes, False, 0.0
        mark = b"\0" + secrets.token_hex(8).encode() + b"\0"
        self._pump = _Pump(child.process, mark, spec.limits.output_bytes)
        self._home = scratch.make(None)
        self._closed = False
        lifeline.settimeout(_STATUS_WAIT_S)
        given = Given(spec.limits, self._home, mark.decode(), spec.gpu)
        # A guest that has ended meanwhile is noticed when its hello is missing.
        with contextlib.suppress(OSError):
            send_pieces(rpc, frame_pieces([msgspec.json.encode(given)]))

    @property
    def capture(self) -> Capture:
        """What was printed, as far as it has arrived."""
        return self._pump.capture

    def send(self, buffers: Sequence[Buffer], deadline: float) -> None:
        """Write one frame; see `request` for what it raises."""
        try:
            self._rpc.settimeout(max(deadline - time.monotonic(), 1e-3))
            send_pieces(self._rpc, frame_pieces(buffers))
        except TimeoutError:
            raise ChannelTimeout(TOO_LATE) from None
        except OSError as error:
            raise self._ended(str(error)) from error

    def _receive_at_least(self, view: memoryview, wanted: int, deadline: float) -> int:
        filled = 0
        while filled < wanted:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise ChannelTimeout(TOO_LATE)
            self._look_at_files()
            try:
                self._rpc.settimeout(min(left_s, _LOOK_S))
                received = self._rpc.recv_into(view[filled:])
            except TimeoutError:
                continue
            except OSError as error:
                raise self._ended(str(error)) from error
            if not received:
                raise self._ended("the end of the answers")
            filled += received
        return filled

    def _ended(self, text: str) -> ChannelError:
        """Return what to raise when the guest has gone: it may have been ended for what it printed."""
        return ChannelFlooded(text) if self._pump.flooded else ChannelClosed(text)

    def _look_at_files(self) -> None:
        """End the guest if its scratch folder has outgrown the limit; looked at now and then."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            if scratch.exceeds(self._home, self._file_bytes, self._child.process.pid):
                self._files_exceeded = True
                self._child.end()

    def new_capture(self) -> None:
        """Begin to count and keep what is printed anew."""
        self._pump.capture = Capture()

    def drain(self) -> None:
        """Take what was printed so far; raises ChannelFlooded."""
        self._pump.wait_for_mark(lambda: self._say(MARK_NOW))
        if self._pump.flooded:
            raise ChannelFlooded("too much was printed")

    def _say(self, word: bytes) -> None:
        self._lifeline.sendall(word)

    def where(self, marker: str) -> str:
        """Let a guest that does not answer print where its Python stands, and return what came.

        A thread of the guest does it, so nothing comes out of a loop in C that never lets another thread run.
        """
        kept, self._pump.capture = self._pump.capture, Capture()
        self._pump.wait_for_mark(lambda: self._say(WHERE))
        text, self._pump.capture = self._pump.capture.text(), kept
        return text

    def status(self) -> dict[str, object]:
        """Return how the guest ended; empty if it still lives."""
        ending = self._child.ending(_STATUS_WAIT_S)
        if ending is None:
            return {}
        return {"status": ending, **({"files_exceeded": True} if self._files_exceeded else {})}

    def close(self) -> None:
        """End the guest if it still lives, and leave nothing of it behind."""
        if self._closed:
            return
        self._closed = True
        self._rpc.close()
        self._child.end()
        self._lifeline.close()
        self._pump.join()
        # Where a program that the guest has left behind holds a file open, Windows keeps the folder.
        with contextlib.suppress(OSError):
            scratch.remove(self._home)


class _Pump(threading.Thread):
    """Takes what a guest prints, so that it never waits for us, and knows how much of it came before a mark."""

    def __init__(self, process: subprocess.Popen[bytes], mark: bytes, limit_bytes: int) -> None:
        super().__init__(daemon=True)
        assert process.stdout is not None
        self.capture, self.flooded = Capture(), False
        self._process, self._fd, self._stream = process, process.stdout.fileno(), process.stdout
        self._mark, self._limit_bytes, self._held = mark, limit_bytes, b""
        self._marks, self._ended = 0, False
        self._changed = threading.Condition()
        self.start()

    def run(self) -> None:
        """Read until nobody can print any more."""
        with contextlib.suppress(OSError):
            while chunk := os.read(self._fd, _CHUNK_BYTES):
                with self._changed:
                    self._take(chunk)
                    self._changed.notify_all()
        with self._changed:
            self.capture.add(self._held)
            self._ended = True
            self._changed.notify_all()

    def _take(self, chunk: bytes) -> None:
        *before, rest = (self._held + chunk).split(self._mark)
        for piece in before:
            self.capture.add(piece)
            self._marks += 1
        begins = rest.rfind(self._mark[:1], -len(self._mark))
        is_torn = begins >= 0 and self._mark.startswith(rest[begins:])
        self._held = rest[begins:] if is_torn else b""
        self.capture.add(rest[:begins] if is_torn else rest)
        if self.capture.total_bytes > self._limit_bytes and not self.flooded:
            self.flooded = True
            self._process.kill()  # `close` ends what it has started

    def wait_for_mark(self, ask: Callable[[], None]) -> None:
        """Ask for a mark and wait until it has come, or the guest has ended, or for a moment."""
        with self._changed:
            awaited = self._marks + 1
        try:
            ask()
        except OSError:
            awaited = 1 << 62  # it has gone: all that it printed comes before the end
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self.flooded or self._marks >= awaited, _MARK_WAIT_S)

    def join(self, timeout: float | None = _STATUS_WAIT_S) -> None:
        """Wait until all was read; a program that the guest has left behind may hold the stream open for ever."""
        super().join(timeout)
        if not self.is_alive():
            self._stream.close()
