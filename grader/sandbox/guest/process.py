"""The life of a guest: streams, fence, hello, then one answer per request until the host is gone.

Invariant: the fence stands, and every inherited descriptor but the rpc socket and the streams is closed, before the
first frame is read. Nothing a student raises or prints ends the loop; only the host, a limit or `os._exit` does.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator

from torch import Tensor

from grader.errors import FenceError
from grader.sandbox import fence
from grader.sandbox.channel import HEADER, IOV_MAX, frame_pieces, rest_after
from grader.sandbox.guest.operations import Answer, Operations
from grader.sandbox.guest.student import describe
from grader.sandbox.spawn import SpawnRequest
from grader.sandbox.wire import Caps, Encoded, TooLarge, decode, encode, encode_list

# The host is trusted and its tensors may be large; the guest's own memory limit is the real bound.
_FIRST_BYTES = 1 << 15
_REQUEST_CAPS = Caps(payload_bytes=1 << 40, items=10_000_000)


def run(request: SpawnRequest, cage: fence.Cage) -> int:
    """Become the guest of a spawn request; returns when the host closes the channel."""
    rpc = socket.socket(fileno=request.rpc_fd)
    _redirect_streams(request.output_fd)
    try:
        layers = fence.confine(request.spec, {0, 1, 2, request.rpc_fd}, cage)
    except (FenceError, OSError) as error:
        _send(rpc, encode({"fence_error": str(error)}, _REQUEST_CAPS))
        return 1
    _send(rpc, encode({"layers": list(layers)}, _REQUEST_CAPS))
    _serve(rpc, Caps(payload_bytes=request.spec.limits.reply_bytes))
    return 0


def _redirect_streams(output_fd: int) -> None:
    """Nothing to read, one pipe for all that is printed, and line by line, so that a crash loses little."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output_fd, 1), (output_fd, 2)):
        os.dup2(source, target)
    # They live as long as the guest does.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


def _serve(rpc: socket.socket, caps: Caps) -> None:
    operations = Operations()
    while (frame := _receive(rpc)) is not None:
        _send(rpc, _answer(operations, frame, caps))


def _answer(operations: Operations, frame: bytearray, caps: Caps) -> Encoded:
    """Do what one frame asks for and encode what came of it, whatever that is."""
    request = decode(frame, _REQUEST_CAPS, operations.objects.find)
    nonce, name, freed, arguments = request.value
    operations.free(freed)
    operations.sent = request.tensors
    try:
        return _encode_answer(nonce, getattr(operations, name)(*arguments), operations, caps)
    except TooLarge as error:
        return _plain(nonce, "too_large", str(error))
    except BaseException as error:  # the one place that must survive everything a student can raise
        return _plain(nonce, "raised", describe(error, operations.files))


def _encode_answer(nonce: int, answer: Answer, operations: Operations, caps: Caps) -> Encoded:
    def parts(tensors: list[Tensor]) -> Iterator[object]:
        yield nonce
        yield "ok"
        yield answer.value
        # The graph can be kept only now that it is known which tensors of the value really cross, in which order.
        yield None if answer.leaves is None else operations.graphs.keep(list(tensors), answer.leaves)

    return encode_list(4, parts, caps, operations.objects.add)


def _plain(nonce: int, kind: str, value: object) -> Encoded:
    return encode([nonce, kind, value, None], _REQUEST_CAPS)


def _receive(rpc: socket.socket) -> bytearray | None:
    """Read one frame; None when the host has gone. The host sends one frame and waits, so nothing follows it."""
    first = rpc.recv(_FIRST_BYTES)
    while 0 < len(first) < HEADER.size:
        first += rpc.recv(_FIRST_BYTES)
    if not first:
        return None
    frame = bytearray(HEADER.unpack_from(first)[0])
    filled = len(first) - HEADER.size
    frame[:filled] = first[HEADER.size :]
    view = memoryview(frame)
    while filled < len(frame):
        received = rpc.recv_into(view[filled:])
        if not received:
            return None
        filled += received
    return frame


def _send(rpc: socket.socket, encoded: Encoded) -> None:
    # The student may have closed or replaced the stream; what they printed is then their own affair.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    pending = frame_pieces(encoded.buffers)
    while pending:
        pending = rest_after(pending, rpc.sendmsg(pending[:IOV_MAX]))
