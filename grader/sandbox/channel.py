"""Bytes between host and guest, under one deadline: frames out, frames in, what the student prints, how it ended.

Owns the sockets of one guest on the host side. Must not know what the bytes mean.
Invariant: no read is longer than a limit fixed before it, no wait is longer than the deadline, and nothing that the
guest sends or withholds (half a frame, one byte a second, an endless stream, a closed socket) does more than raise.
"""

from __future__ import annotations

import abc
import contextlib
import json
import os
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Protocol

from grader.errors import GraderError, ProtocolViolation

Buffer = bytes | bytearray | memoryview
HEADER = struct.Struct("<Q")
IOV_MAX = 512  # of the 1024 pieces that one sendmsg may take
_CHUNK_BYTES = 1 << 16
_SCRATCH_BYTES = 1 << 15
_STATUS_WAIT_S = 1.0  # all these waits together are shorter than a worker waits for its judge: patience.GRACE_S
_CLOSE_WAIT_S = 0.5
_STATUS_BYTES = 4096
_POLL_MAX_MS = 1 << 30
_MOMENT = struct.pack("ll", 0, 2_000)  # struct timeval: 2 ms
_WHERE_WAIT_S, _WHERE_SILENCE_MS = 0.6, 5
TOO_LATE = "the deadline passed"


class ChannelError(GraderError):
    """The conversation with a guest is over; the subclass says why."""


class ChannelTimeout(ChannelError):
    """The deadline passed."""


class ChannelClosed(ChannelError):
    """The guest closed its end or ended."""


class ChannelFlooded(ChannelError):
    """The student printed more than `output_bytes`."""


def frame_pieces(buffers: Sequence[Buffer]) -> list[Buffer]:
    """Return the pieces of a frame, header first, ready to be written one after the other."""
    return [HEADER.pack(sum(map(len, buffers))), *buffers]


def rest_after(pieces: list[Buffer], sent: int) -> list[Buffer]:
    """Return what remains to be written of `pieces` after `sent` bytes."""
    for index, piece in enumerate(pieces):
        if sent < len(piece):
            return [memoryview(piece)[sent:], *pieces[index + 1 :]]
        sent -= len(piece)
    return []


class Capture:
    """Keeps the head and the tail of what was printed, and counts the rest."""

    def __init__(self, keep_bytes: int = 1 << 16) -> None:
        self.keep_bytes, self.total_bytes = keep_bytes, 0
        self._head, self._tail = bytearray(), bytearray()

    def add(self, data: bytes) -> None:
        """Take one more piece of output."""
        self.total_bytes += len(data)
        room = self.keep_bytes - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[max(room, 0) :])[-self.keep_bytes :]

    def text(self) -> str:
        """Return what was kept, with a line that says how much was left out."""
        left_out = self.total_bytes - len(self._head) - len(self._tail)
        between = f"\n[… {left_out:,} bytes left out …]\n".encode() if left_out else b""
        return (self._head + between + self._tail).decode("utf-8", "replace")


class GuestChannel(Protocol):
    """What a session needs of the way to a guest; `Channel` says what each of these does and raises."""

    @property
    def capture(self) -> Capture: ...  # noqa: D102
    def request(self, buffers: Sequence[Buffer], deadline: float, reply_bytes: int) -> bytearray: ...  # noqa: D102
    def receive(self, deadline: float, reply_bytes: int) -> bytearray: ...  # noqa: D102
    def new_capture(self) -> None: ...  # noqa: D102
    def drain(self) -> None: ...  # noqa: D102
    def where(self, marker: str) -> str: ...  # noqa: D102
    def status(self) -> dict[str, object]: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class FrameChannel(abc.ABC):
    """Asks in frames, whatever carries the bytes."""

    def __init__(self) -> None:
        self._scratch = bytearray(_SCRATCH_BYTES)

    def request(self, buffers: Sequence[Buffer], deadline: float, reply_bytes: int) -> bytearray:
        """Send one frame and return the next one that arrives.

        Args:
            deadline: `time.monotonic()` value that sending, waiting and receiving share.
        Raises:
            ChannelTimeout, ChannelClosed, ChannelFlooded: the guest is not to be spoken to again.
            ProtocolViolation: a frame longer than `reply_bytes`.
        """
        if time.monotonic() >= deadline:
            raise ChannelTimeout(TOO_LATE)
        self.send(buffers, deadline)
        return self.receive(deadline, reply_bytes)

    def receive(self, deadline: float, reply_bytes: int) -> bytearray:
        """Read one frame; see `request` for what it raises."""
        filled = self._receive_at_least(memoryview(self._scratch), HEADER.size, deadline)
        (length_bytes,) = HEADER.unpack_from(self._scratch)
        if length_bytes > reply_bytes:
            raise ProtocolViolation(f"an answer of {length_bytes:,} bytes, the limit is {reply_bytes:,}")
        if filled > HEADER.size + length_bytes:
            raise ProtocolViolation("more than one answer to one question")
        arrived = filled - HEADER.size
        if arrived == length_bytes:
            return self._scratch[HEADER.size : filled]
        # bytearray(count) maps zero pages: memory is used only as bytes really arrive.
        frame = bytearray(length_bytes)
        frame[:arrived] = self._scratch[HEADER.size : filled]
        self._receive_at_least(memoryview(frame)[arrived:], length_bytes - arrived, deadline)
        return frame

    @abc.abstractmethod
    def send(self, buffers: Sequence[Buffer], deadline: float) -> None:
        """Write one frame; see `request` for what it raises."""

    @abc.abstractmethod
    def _receive_at_least(self, view: memoryview, wanted: int, deadline: float) -> int:
        """Fill `view` until `wanted` bytes are there, taking more if they have come; return how many."""


class Channel(FrameChannel):
    """One guest's rpc socket, output pipe and lifeline, as the host holds them.

    Closing the lifeline is what kills the guest: its keeper sees it, also when the host itself was killed.
    """

    def __init__(self, rpc: socket.socket, output_fd: int, lifeline: socket.socket, output_bytes: int) -> None:
        super().__init__()
        self._rpc, self._output_fd, self._lifeline = rpc, output_fd, lifeline
        self._output_bytes, self.capture = output_bytes, Capture()
        rpc.settimeout(None)
        rpc.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _MOMENT)
        os.set_blocking(output_fd, False)
        self._poll = select.poll()
        self._poll.register(rpc, select.POLLIN)
        self._poll.register(output_fd, select.POLLIN)
        self._output_open = True

    def send(self, buffers: Sequence[Buffer], deadline: float) -> None:
        """Write one frame; see `request` for what it raises."""
        pending = frame_pieces(buffers)
        while pending:
            pending = self._send_some(pending, deadline)

    def _send_some(self, pending: list[Buffer], deadline: float) -> list[Buffer]:
        try:
            sent = self._rpc.sendmsg(pending[:IOV_MAX], (), socket.MSG_DONTWAIT)
        except BlockingIOError:
            # Only POLLOUT: a guest that talks instead of listening would otherwise wake us again and again.
            self._poll.modify(self._rpc, select.POLLOUT)
            try:
                self._wait(deadline)
            finally:
                self._poll.modify(self._rpc, select.POLLIN)
            return pending
        except OSError as error:
            raise ChannelClosed(str(error)) from error
        return rest_after(pending, sent)

    def _receive_at_least(self, view: memoryview, wanted: int, deadline: float) -> int:
        filled = 0
        while filled < wanted:
            if filled and time.monotonic() >= deadline:
                raise ChannelTimeout(TOO_LATE)
            try:
                # Waits a moment: most answers are there by then, without the cost of a poll.
                received = self._rpc.recv_into(view[filled:])
            except BlockingIOError:
                self._wait(deadline)
                continue
            except OSError as error:
                raise ChannelClosed(str(error)) from error
            if not received:
                raise ChannelClosed("the end of the answers")
            filled += received
        return filled

    def _wait(self, deadline: float) -> None:
        """Return when the rpc socket has what it is registered for, emptying the output pipe meanwhile."""
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise ChannelTimeout(TOO_LATE)
            ready = dict(self._poll.poll(min(left_s * 1000 + 1, _POLL_MAX_MS)))
            if self._output_fd in ready:
                self._drain_some()
            if self._rpc.fileno() in ready:
                return

    def _drain_some(self) -> bool:
        """Read one piece of output; return whether there was any."""
        if not self._output_open:
            return False
        try:
            data = os.read(self._output_fd, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._output_open = False
            self._poll.unregister(self._output_fd)
            return False
        self.capture.add(data)
        if self.capture.total_bytes > self._output_bytes:
            raise ChannelFlooded(f"more than {self._output_bytes:,} bytes were printed")
        return True

    def new_capture(self) -> None:
        """Begin to count and keep what is printed anew."""
        self.capture = Capture()

    def drain(self) -> None:
        """Take what was printed so far; raises ChannelFlooded."""
        while self._drain_some():
            pass

    def where(self, marker: str) -> str:
        """Let a guest that does not answer print where its Python stands, and return what came.

        It stands among what the student prints, and a student can print the same: worth showing to them, no more.

        Args:
            marker: Text with which what is asked for begins; having it, a moment of silence ends the wait.
        """
        kept, self.capture = self.capture, Capture()
        # Whatever goes wrong, there is nothing more to be had.
        with contextlib.suppress(OSError, ChannelFlooded):
            self._lifeline.send(b"?")
            poll = select.poll()
            poll.register(self._output_fd, select.POLLIN)
            deadline = time.monotonic() + _WHERE_WAIT_S
            while time.monotonic() < deadline:
                if poll.poll(_WHERE_SILENCE_MS):
                    if not self._drain_some():
                        break
                elif marker in self.capture.text():
                    break
        text, self.capture = self.capture.text(), kept
        return text

    def status(self) -> dict[str, object]:
        """Return how the guest ended, as its keeper saw it; empty if the keeper does not say in time.

        A keeper that ended without a word was killed, which no guest can do: `keeper_gone`.
        """
        self._lifeline.settimeout(_STATUS_WAIT_S)
        try:
            said = self._lifeline.recv(_STATUS_BYTES)
            status = json.loads(said) if said else {"keeper_gone": True}
        except (OSError, ValueError, RecursionError):
            return {}
        return status if isinstance(status, dict) else {}

    def close(self) -> None:
        """End the guest if it still lives, wait until nothing of it is left, and give up the sockets."""
        self._rpc.close()
        # An OSError here means that the keeper itself is gone, and then there is nothing left to wait for.
        with contextlib.suppress(OSError):
            self._lifeline.shutdown(socket.SHUT_WR)
            self._lifeline.settimeout(_CLOSE_WAIT_S)
            while self._lifeline.recv(_STATUS_BYTES):
                continue  # a status that nobody asked for; the end of the stream is what we wait for
        self._lifeline.close()
        if self._output_fd >= 0:
            os.close(self._output_fd)
            self._output_fd = -1
