"""The private folder of a guest that has no private root: made by its keeper, removed by its keeper.

Owns one folder below the machine's temporary folder. Invariant: removing it follows no link, needs a fixed number of
descriptors, and ends, however deep a guest nested its folders or took their permissions away.
"""

from __future__ import annotations

import itertools
import os
import stat
import tempfile
from collections.abc import Iterator

MAX_FILES = 4096
_PREFIX = "grader-scratch-"
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make(owner: int | None) -> str:
    """Make an empty folder that only `owner` (default: ourselves) may enter; return its path.

    Raises:
        OSError: the temporary folder cannot be written, or the owner cannot be set.
    """
    path = tempfile.mkdtemp(prefix=_PREFIX)
    if owner is not None:
        os.chown(path, owner, owner)
    return path


def exceeds(path: str, file_bytes: int) -> bool:
    """Return whether the folder holds more than `file_bytes`, too many files, or something we may not look at.

    A folder has no quota of its own, so this is a watch for the keeper, not a wall: what is deleted but still open is
    not seen, and only ends with the guest.
    """
    total, seen, folders = 0, 0, [path]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    seen += 1
                    if total > file_bytes or seen > MAX_FILES:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except FileNotFoundError:  # the guest removed it meanwhile
            continue
        except OSError:
            return True
    return False


def remove(path: str) -> None:
    """Remove the folder and all it holds; the guest that owned it has to be dead.

    Folders inside are emptied by moving their folders up to the top, so that no depth is too deep.

    Raises:
        OSError: something could not be removed.
    """
    top = os.open(path, _FOLDER_FLAGS)
    try:
        os.fchmod(top, 0o700)
        fresh = _fresh_names()
        while names := os.listdir(top):
            for name in names:
                _remove_entry(top, name, fresh)
    finally:
        os.close(top)
    os.rmdir(path)


def _fresh_names() -> Iterator[str]:
    return (f"{_PREFIX}{index}" for index in itertools.count())


def _is_folder(name: str, dir_fd: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_mode)


def _remove_entry(top: int, name: str, fresh: Iterator[str]) -> None:
    if not _is_folder(name, top):
        os.unlink(name, dir_fd=top)
        return
    os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, _FOLDER_FLAGS, dir_fd=top)
    try:
        for child in os.listdir(folder):
            if _is_folder(child, folder):
                os.chmod(child, 0o700, dir_fd=folder)
                _move_up(folder, child, top, fresh)
            else:
                os.unlink(child, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _move_up(folder: int, child: str, top: int, fresh: Iterator[str]) -> None:
    """Rename a folder to a name at the top that is not taken (a guest may have guessed some)."""
    for name in fresh:
        try:
            os.stat(name, dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(child, name, src_dir_fd=folder, dst_dir_fd=top)
            return
