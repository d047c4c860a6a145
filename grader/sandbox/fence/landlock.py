"""Landlock: which files a guest may open, and that it may neither bind, connect nor signal anything outside.

Owns the rights; which paths they are given to is `paths`' and the recipe's part.
Invariant: every right that this kernel knows is handled, and what is not granted is denied. A path that is to be
granted and cannot be opened is an error; a ruleset is never applied in part.

Source: Linux include/uapi/linux/landlock.h; landlock(7), table of ABI versions.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping

from grader.sandbox.fence import kernel

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_BIND_AND_CONNECT_TCP = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

# No EXECUTE anywhere: shared libraries are mapped, not executed, and nothing may be exec'ed.
READ = _READ_FILE | _READ_DIR
USE_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE
DRIVE = USE_DEVICE | _IOCTL_DEV
CHANGE_FILES = READ | _WRITE_FILE | _TRUNCATE
OWN = _RIGHTS_BY_ABI[5] & ~(_EXECUTE | _MAKE_CHAR | _MAKE_BLOCK | _MAKE_SOCK | _IOCTL_DEV)


def ruleset(grants: Mapping[str, int], abi: int) -> int:
    """Return the descriptor of a ruleset that grants each path its rights, and nothing else.

    Raises:
        OSError: Landlock is missing, or a path cannot be opened.
    """
    handled = _RIGHTS_BY_ABI[max(1, min(abi, 5))]
    ruleset_fd = kernel.landlock_create(_attributes(handled, abi))
    for path, access in grants.items():
        path_fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            is_folder = stat.S_ISDIR(os.fstat(path_fd).st_mode)
            kernel.landlock_allow(ruleset_fd, path_fd, access & handled & (-1 if is_folder else _FILE_RIGHTS))
        finally:
            os.close(path_fd)
    return ruleset_fd


def _attributes(handled: int, abi: int) -> bytes:
    """Pack struct landlock_ruleset_attr as far as this ABI knows it."""
    words = [handled]
    if abi >= 4:
        words.append(_BIND_AND_CONNECT_TCP)
    if abi >= 6:
        words.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
    return struct.pack(f"={len(words)}Q", *words)
