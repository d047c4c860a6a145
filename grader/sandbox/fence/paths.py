"""Which folders of this machine a guest may read: the interpreter, its libraries, and nothing of the course.

Owns the list; mounting it or allowing it is the part of `namespaces` and `landlock`. Knows no exercise and no suite.
Invariant: only folders that hold installed software are named. A prefix is never taken whole, because a course may
live inside one (a virtual environment made in the checkout, a checkout below /usr).
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable

_SYSTEM_FOLDERS = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share"),
    *("/usr/local/lib", "/usr/local/lib64", "/usr/local/share"),
)
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime")
_PREFIX_FOLDERS = ("lib", "lib32", "lib64", "share")
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
PROCESSOR_FOLDER = "/sys/devices/system/cpu"  # libraries ask it which instructions they may use


def readable_paths(extra: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the absolute paths that a guest may read, each under its used name and its real one, parents first.

    `extra` paths that do not exist are kept, so that applying them fails loudly.
    """
    candidates = [*_SYSTEM_FOLDERS, *_SYSTEM_FILES, PROCESSOR_FOLDER, *_interpreter_paths()]
    wanted = [path for path in candidates if os.path.exists(path)]
    wanted += [os.path.abspath(path) for path in extra]
    names = {name for path in wanted for name in (path, os.path.realpath(path))}
    return tuple(sorted(name for name in names if not is_inside(os.path.dirname(name), names)))


def _interpreter_paths() -> list[str]:
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    folders = [os.path.join(prefix, name) for prefix in prefixes for name in _PREFIX_FOLDERS]
    return folders + [path for path in sys.path if _is_installed_software(path)] + _mapped_libraries()


def _is_installed_software(path: str) -> bool:
    """Tell a folder of installed packages from a checkout that an editable install put on the path."""
    is_package_folder = os.path.basename(path) in _PACKAGE_FOLDERS
    return os.path.isabs(path) and (is_package_folder or os.path.exists(os.path.join(path, "os.py")))


def _mapped_libraries() -> list[str]:
    """Return the shared objects already loaded: some systems keep them outside the usual folders."""
    try:
        with open("/proc/self/maps") as maps:
            return sorted({line.split(None, 5)[5].strip() for line in maps if ".so" in line and " /" in line})
    except OSError:
        return []


def is_inside(path: str, folders: Iterable[str]) -> bool:
    """Return whether `path` is one of the folders or lies below one."""
    roots = set(folders)
    while path not in roots:
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return True


def first_unreadable(paths: Iterable[str]) -> str | None:
    """Return the first path, or folder above one, that the current user cannot enter and read."""
    for path in paths:
        for part in _lineage(path):
            wanted = os.X_OK if part != path else os.R_OK | (os.X_OK if os.path.isdir(part) else 0)
            if not os.access(part, wanted):
                return part
    return None


def _lineage(path: str) -> list[str]:
    """Return every folder from the root down to `path` itself."""
    parts = [path]
    while parts[-1] != os.path.dirname(parts[-1]):
        parts.append(os.path.dirname(parts[-1]))
    return parts[::-1]


def is_folder(path: str) -> bool:
    """Return whether the path is a folder.

    Raises:
        OSError: it does not exist or cannot be seen.
    """
    return stat.S_ISDIR(os.stat(path).st_mode)
