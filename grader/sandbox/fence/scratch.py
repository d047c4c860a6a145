"""The private folder of a guest that has no private root: made by its keeper, removed by its keeper.

Owns one folder below the machine's temporary folder. Invariant: removing it follows no link, needs a fixed number of
descriptors, and ends, however deep a guest nested its folders or took their permissions away.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator

from grader.sandbox.fence import deleted, privileges

MAX_FILES = 4096
_MAX_UNSEEN = 4  # mapped and deleted files, each of which may have as many bytes as the limit
_PREFIX = "grader-scratch-"


def make(owner: int | None) -> str:
    """Make an empty folder that only `owner` (default: ourselves) may enter; return its path.

    Raises:
        OSError: the temporary folder cannot be written, or the owner cannot be set.
    """
    path = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    if owner is not None:
        os.chown(path, owner, owner)
    return path


def sweep() -> int:
    """Remove the folders of keepers that no longer exist; return how many."""
    removed = 0
    parent = tempfile.gettempdir()
    for name in os.listdir(parent):
        keeper = name.removeprefix(_PREFIX).partition("-")[0]
        if name.startswith(_PREFIX) and keeper.isdigit() and not _is_alive(keeper):
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):  # another grader was faster
                if privileges.is_ours(os.lstat(path).st_uid):
                    remove(path)
                    removed += 1
    return removed


def exceeds(path: str, file_bytes: int, pid: int) -> bool:
    """Return whether the folder holds more than `file_bytes`, too many files, or something we may not look at.

    A folder has no quota of its own, so this is a watch for the keeper, not a wall. What the guest, the process `pid`,
    has deleted and still holds counts as well.
    """
    total, unseen = deleted.held(pid, path)
    if total > file_bytes or unseen > _MAX_UNSEEN:
        return True
    seen, folders = 0, [path]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    total += _bytes_of(entry.stat(follow_symlinks=False))
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


def _bytes_of(entry: os.stat_result) -> int:
    """Return what an entry takes of the disk; Windows says only how long it is."""
    blocks: int | None = getattr(entry, "st_blocks", None)
    return entry.st_size if blocks is None else blocks * 512


def _is_alive(pid: str) -> bool:
    if sys.platform == "linux":
        return os.path.exists(f"/proc/{pid}")
    import psutil  # Linux needs none

    return psutil.pid_exists(int(pid))


def remove(path: str) -> None:
    """Remove the folder and all it holds; the guest that owned it has to be dead.

    Folders inside are emptied by moving their folders up to the top, so that no depth is too deep.

    Raises:
        OSError: something could not be removed.
    """
    if sys.platform != "linux":  # no guest is fenced there, so none is hostile
        shutil.rmtree(path)
        return
    top = _open_folder(path)
    try:
        fresh = _fresh_names()
        while names := os.listdir(top):
            for name in names:
                _remove_entry(top, name, fresh)
    finally:
        os.close(top)
    os.rmdir(path)


def _fresh_names() -> Iterator[str]:
    return (f"{_PREFIX}{index}" for index in itertools.count())


def _open_folder(name: str, dir_fd: int | None = None) -> int:
    """Give ourselves all rights to a folder and open it: the same folder throughout, never the target of a link."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


def _is_folder(name: str, dir_fd: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_mode)


def _remove_entry(top: int, name: str, fresh: Iterator[str]) -> None:
    if not _is_folder(name, top):
        os.unlink(name, dir_fd=top)
        return
    folder = _open_folder(name, top)
    try:
        for child in os.listdir(folder):
            if _is_folder(child, folder):
                os.close(_open_folder(child, folder))  # a folder has to be writable to be moved
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
