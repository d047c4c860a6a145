"""The life of a guest: streams, fence, hello, then one answer per request until the host is gone.

Invariant: the fence stands, and every inherited descriptor but the rpc socket and the streams is closed, before the
first frame is read. Nothing a student raises or prints ends the loop; only the host, a limit or `os._exit` does.
"""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from torch import Tensor

from grader.errors import FenceError
from grader.sandbox import fence
from grader.sandbox.channel import HEADER, IOV_MAX, Buffer, frame_pieces, rest_after
from grader.sandbox.frames import Kind, read_request_head, reply_head
from grader.sandbox.guest import surroundings
from grader.sandbox.guest.operations import Answer, Operations
from grader.sandbox.guest.student import describe
from grader.sandbox.spawn import OUT_OF_MEMORY, SpawnRequest
from grader.sandbox.wire import Caps, Encoded, TooLarge, decode_frame, encode, encode_frame

# The host is trusted and its tensors may be large; the guest's own memory limit is the real bound.
_SCRATCH_BYTES = 1 << 15
# Deeper than an answer may be: what came back in one may be sent again, inside the arguments.
_REQUEST_CAPS = Caps(payload_bytes=1 << 40, items=10_000_000, depth=64, objects=1_000_000)


class Rpc(Protocol):
    """The way to the host: a socket, or what gathers pieces where a socket does not."""

    def recv_into(self, buffer: Buffer, /) -> int: ...  # noqa: D102
    def write(self, pieces: Sequence[Buffer], /) -> int:
        """Write some of the pieces as one; return how many bytes that was."""


class _Socket(socket.socket):
    """The line that a fork was given, which writes as files do: sendmsg is refused to guests."""

    def write(self, pieces: Sequence[Buffer], /) -> int:
        return os.writev(self.fileno(), pieces[:IOV_MAX])


def prepare_streams() -> None:
    """Set up Python's streams once, in the zygote: line by line, so that a crash loses little; never unencodable."""
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def run(request: SpawnRequest, cage: fence.Cage) -> int:
    """Become the guest of a spawn request; returns when the host closes the channel."""
    spec = request.spec
    assert isinstance(spec, fence.FenceSpec)
    rpc = _Socket(fileno=request.line_fd)
    redirect_streams(request.output_fd)

    def confine() -> tuple[str, ...]:
        cage.join()
        return fence.confine(spec, {0, 1, 2, request.line_fd}, cage)

    return become(rpc, confine, spec.limits.reply_bytes)


def become(rpc: Rpc, confine: Callable[[], tuple[str, ...]], reply_bytes: int) -> int:
    """Raise the inner fence, say which layers stand, serve until the host closes the channel; return an exit status."""
    surroundings.settle()
    try:
        layers = confine()
    except (FenceError, OSError) as error:
        _send(rpc, encode({"fence_error": str(error)}, _REQUEST_CAPS))
        return 1
    _send(rpc, encode({"layers": list(layers)}, _REQUEST_CAPS))
    try:
        _serve(rpc, Caps(payload_bytes=reply_bytes))
    except (MemoryError, SystemError):  # what the student's code keeps leaves no room for an answer of ours
        return OUT_OF_MEMORY  # the second where C code of Python finds no memory and says only that it failed
    return 0


def redirect_streams(output_fd: int) -> None:
    """One pipe for all that is printed; there is nothing to read. `prepare_streams` did the rest before the fork."""
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)


def _serve(rpc: Rpc, caps: Caps) -> None:
    operations, scratch = Operations(), bytearray(_SCRATCH_BYTES)
    while (frame := receive(rpc, scratch)) is not None:
        _send(rpc, answer(operations, frame, caps))


def answer(
    operations: Operations, frame: bytearray, caps: Caps, let_through: tuple[type[BaseException], ...] = ()
) -> Encoded:
    """Do what one frame asks for and encode what came of it, whatever that is; only `let_through` is raised."""
    nonce, name, freed, start = read_request_head(frame)
    operations.free(freed)
    try:
        (arguments,), operations.sent = decode_frame(frame, start, 1, _REQUEST_CAPS, operations.objects.find)
        return _encode_answer(nonce, getattr(operations, name)(*arguments), operations, caps)
    except TooLarge as error:
        return _plain(nonce, Kind.TOO_LARGE, str(error))
    except let_through:
        raise
    except BaseException as error:  # the one place that must survive everything a student can raise
        return _plain(nonce, Kind.RAISED, describe(error, operations.files))


def _encode_answer(nonce: int, answer: Answer, operations: Operations, caps: Caps) -> Encoded:
    if answer.leaves is None:
        return encode_frame(
            reply_head(nonce, Kind.VALUE), lambda _: iter((answer.value,)), caps, operations.objects.add
        )
    leaves = answer.leaves

    def parts(tensors: list[Tensor]) -> Iterator[object]:
        yield answer.value
        # The graph can be kept only now that it is known which tensors of the value really cross, in which order.
        yield operations.graphs.keep(list(tensors), leaves)

    return encode_frame(reply_head(nonce, Kind.VALUE_AND_GRAPH), parts, caps, operations.objects.add)


def _plain(nonce: int, kind: Kind, value: object) -> Encoded:
    return encode_frame(reply_head(nonce, kind), lambda _: iter((value,)), _REQUEST_CAPS)


def receive(rpc: Rpc, scratch: bytearray) -> bytearray | None:
    """Read one frame; None when the host has gone. The host sends one frame and waits, so nothing follows it."""
    filled = 0
    while filled < HEADER.size:
        received = rpc.recv_into(memoryview(scratch)[filled:] if filled else scratch)
        if not received:
            return None
        filled += received
    (length,) = HEADER.unpack_from(scratch)
    arrived = filled - HEADER.size
    if arrived == length:
        return scratch[HEADER.size : filled]
    frame = bytearray(length)
    frame[:arrived] = scratch[HEADER.size : filled]
    view = memoryview(frame)[arrived:]
    while view:
        received = rpc.recv_into(view)
        if not received:
            return None
        view = view[received:]
    return frame


def _send(rpc: Rpc, encoded: Encoded) -> None:
    _flush()
    pending = frame_pieces(encoded.buffers)
    while pending:
        pending = rest_after(pending, rpc.write(pending))


def _flush() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return  # the student closed or replaced the stream; what they printed is then their own affair
