"""What to try next, said below an exception whose own text does not say it.

Owns which exceptions come of being judged, and not of a mistake: nobody types, there is no network, no process can be
started. All of an exception is text that the student chose; it chooses a sentence here and decides nothing.
"""

from __future__ import annotations

import re

from grader import messages
from grader.errors import StudentRaised

_NETWORK_TYPES = frozenset({"URLError", "gaierror", "ConnectionError", "ConnectionRefusedError", "ConnectTimeout"})
# As torch.hub, torchvision's data sets, other libraries and the C library say it.
_NETWORK_TEXT = re.compile(
    "no internet connection|urlopen error|Error downloading|[Cc]ould ?n.t connect|Max retries exceeded"
    "|name resolution|Name or service not known|Address family not supported|Network is unreachable"
)
_SCREEN_TEXT = re.compile(r"interactive framework|\$DISPLAY")
_DATABASE_TEXT = re.compile("access permission denied|database is locked|locking protocol|disk I/O error")
_NO_SUCH_PLACE = re.compile(r"\[Errno (2|13|30)\] |.*open file failed|Parent directory .* does not exist")
_NO_THREAD = re.compile(r"can't start new thread")
_NO_SPACE = re.compile(r"\[Errno (28|122)\] ")
# What starts a process, makes a lock for one or takes one on a file; a path that is refused would be named.
_NOT_PERMITTED = re.compile(r"\[Errno (1|13)\] (Operation not permitted|Permission denied)$")


def advice(raised: StudentRaised) -> str:
    """Return what to try next, or nothing."""
    match raised.type_name:
        case "ModuleNotFoundError":
            return messages.RAISED_MODULE_MISSING
        case "SystemExit" | "KeyboardInterrupt":
            return messages.RAISED_EXIT
        case "EOFError":
            return messages.RAISED_INPUT
        case "RecursionError":
            return messages.RAISED_RECURSION
    return _of_the_fence(raised)


def _of_the_fence(raised: StudentRaised) -> str:
    """Return what to do without the thing that code which is judged does not have."""
    kind, text = raised.type_name, raised.text
    if kind in _NETWORK_TYPES or _NETWORK_TEXT.search(text):
        return messages.RAISED_NETWORK
    if kind == "OperationalError" and _DATABASE_TEXT.search(text):
        return messages.RAISED_DATABASE
    if _SCREEN_TEXT.search(text):
        return messages.RAISED_SCREEN
    if _NO_THREAD.search(text):
        return messages.RAISED_THREADS
    if _NO_SPACE.match(text):
        return messages.RAISED_SPACE
    if kind == "PermissionError" and _NOT_PERMITTED.match(text):
        return messages.RAISED_PROCESS
    return messages.RAISED_FILE if kind == "FileNotFoundError" or _NO_SUCH_PLACE.match(text) else ""
