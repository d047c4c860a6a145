"""What stands before the values of a frame: whose answer it is, what is asked or answered, what may be forgotten.

Shared by both sides. A request is (nonce, operation, freed ids) and one list of arguments; an answer is (nonce, kind)
and one value, or two where a graph was kept. The nonce is drawn anew for every request, so that an answer sent early,
twice or again is noticed.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum

from grader.errors import ProtocolViolation

OPERATIONS = (
    "scan", "load", "module", "begin", "call", "get", "resolve", "vjp", "accumulate", "tensor", "read", "same",
    "build", "probe", "grad", "parameters", "gradients", "buffers", "seed", "use", "transfers",
)  # fmt: skip
_CODES = {name: code for code, name in enumerate(OPERATIONS)}
_REQUEST = struct.Struct("<QBI")
_REPLY = struct.Struct("<QB")
REPLY_BYTES = _REPLY.size


class Kind(IntEnum):
    """What an answer is."""

    VALUE = 0
    VALUE_AND_GRAPH = 1
    RAISED = 2
    TOO_LARGE = 3


_KINDS = tuple(Kind)  # looking one up is quicker than calling the enumeration


def request_head(nonce: int, operation: str, freed: Sequence[int]) -> bytes:
    """Return what stands before a request's arguments."""
    head = _REQUEST.pack(nonce, _CODES[operation], len(freed))
    return head + struct.pack(f"<{len(freed)}q", *freed) if freed else head


def read_request_head(frame: bytearray) -> tuple[int, str, tuple[int, ...], int]:
    """Return nonce, operation, freed ids and where the arguments begin."""
    nonce, code, count = _REQUEST.unpack_from(frame)
    freed = struct.unpack_from(f"<{count}q", frame, _REQUEST.size) if count else ()
    return nonce, OPERATIONS[code], freed, _REQUEST.size + 8 * count


def reply_head(nonce: int, kind: Kind) -> bytes:
    """Return what stands before an answer's value."""
    return _REPLY.pack(nonce, kind)


def read_reply_head(frame: bytearray, nonce: int) -> Kind:
    """Return the kind of an answer to the request with this nonce.

    Raises:
        ProtocolViolation: another nonce, an unknown kind, or no head at all.
    """
    try:
        answered, kind = _REPLY.unpack_from(frame)
        if answered == nonce:
            return _KINDS[int(kind)]
    except (struct.error, IndexError):
        raise ProtocolViolation("an answer of unknown kind") from None
    raise ProtocolViolation("an answer that does not belong to the question")
