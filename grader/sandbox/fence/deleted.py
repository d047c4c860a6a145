"""Files that a guest has deleted and still holds: no folder shows them, and they take room until it ends.

Owns what a keeper can see of them in /proc, which needs the guest's user and a guest that is dumpable. Knows no limit
and removes nothing. Descriptors are in the guest's one table: the system call filter leaves no other place for one.

Source: proc_pid_fd(5), proc_pid_maps(5); ptrace(2), "Ptrace access mode checking".
"""

from __future__ import annotations

import os
import stat

_DELETED = b" (deleted)\n"


def held(pid: int, folder: str) -> tuple[int, int]:
    """Return what a process holds of deleted files: their bytes, and the number of those whose bytes nobody can tell.

    The second are files of `folder` that are mapped and no longer open. Where we may not look, nothing is found.
    """
    try:
        sizes = _open_files(pid)
        return sum(sizes.values()), len(_mapped_files(pid, folder) - sizes.keys())
    except OSError:  # the process has ended, or is not ours to look into
        return 0, 0


def _open_files(pid: int) -> dict[int, int]:
    """Return the bytes of each open file without a name, by inode."""
    sizes = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found = os.stat(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:  # closed meanwhile
            continue
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
            sizes[found.st_ino] = found.st_blocks * 512
    return sizes


def _mapped_files(pid: int, folder: str) -> set[int]:
    """Return the inodes of the deleted files below `folder` that are mapped."""
    with open(f"/proc/{pid}/maps", "rb") as maps:
        wanted = [line for line in maps if line.endswith(_DELETED) and os.fsencode(folder) in line]
    return {int(line.split(maxsplit=5)[4]) for line in wanted}
