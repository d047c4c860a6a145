"""A release on disk: written into a folder that is empty, or over an older release that nobody has worked in.

Owns what may be overwritten. Invariant: a file that no release has written is never touched without `force`, and what
students or instructors have added beside is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from grader import messages
from grader.author.release import MANIFEST
from grader.errors import UsageError
from grader.whole_file import write_whole

_SHOWN = 5


def write_release(files: Mapping[str, bytes], folder: Path, force: bool) -> None:
    """Write a release; of an older one, what the new one no longer has is removed.

    Args:
        force: Also overwrite what was changed since the older one was written.
    Raises:
        UsageError: there is something in the folder that must not be lost, or it cannot be written to.
    """
    try:
        before = _released(folder)
        if not force:
            _require_unchanged(files, before, folder)
        # The list comes last: until then what lies here is an older release with some files of the new one.
        for path in sorted(files, key=lambda path: path == MANIFEST):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / path, files[path])
        for path in before.keys() - files.keys():
            _remove(folder / path, folder)
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=folder, problem=error.strerror)) from error


def require_place(folder: Path, force: bool) -> None:
    """Find out before anything is judged that a release cannot be written here; as `write_release`.

    Raises:
        UsageError: it is no folder, or one with something else or with changes in it.
    """
    try:
        before = _released(folder)
        if not force:
            _require_unchanged({}, before, folder)
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=folder, problem=error.strerror)) from error


def _released(folder: Path) -> dict[str, str]:
    """Return the digests of the release in a folder by path; nothing where the folder is empty or not there yet."""
    if not folder.exists() or not any(folder.iterdir()):
        return {}
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        files = {str(path): str(digest) for path, digest in said["files"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(messages.RELEASE_NOT_EMPTY.format(folder=folder)) from None
    return {path: digest for path, digest in files.items() if _is_inside(path)} | {MANIFEST: ""}


def _is_inside(path: str) -> bool:
    """Whether a path of a list stays in the folder: the list is a file that anybody can have written."""
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def _require_unchanged(files: Mapping[str, bytes], before: Mapping[str, str], folder: Path) -> None:
    """Refuse to go on where something differs from the older release and from the new one."""
    lost = []
    for path in sorted(before.keys() | files.keys()):
        place = folder / path
        if path == MANIFEST or not place.is_file():
            continue
        data = place.read_bytes()
        if data != files.get(path) and hashlib.sha256(data).hexdigest() != before.get(path):
            lost.append(path)
    if lost:
        shown = ", ".join(lost[:_SHOWN]) + (", …" if len(lost) > _SHOWN else "")
        raise UsageError(messages.RELEASE_CHANGED.format(folder=folder, files=shown))


def _remove(path: Path, folder: Path) -> None:
    """Remove a file of the older release, and the folders that only held such."""
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()
