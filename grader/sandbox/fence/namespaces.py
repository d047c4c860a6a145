"""Namespaces and the private root: a guest of tier `namespaces` sees installed software, a scratch folder and itself.

Owns unshare, the id maps, the mounts and the change of root. Knows neither limits nor system call filters.
Invariant: after `enter_root` nothing of the machine is reachable that was not bound on purpose, and only the scratch
folder can be written.

Source: user_namespaces(7), mount_namespaces(7), pivot_root(2).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from grader.sandbox.fence import kernel, paths, scratch

_FRESH = kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS | kernel.NEWCGROUP
GUEST_NAME = "student"
SCRATCH = "/scratch"  # inside the private root; not /tmp, because Python itself may be installed below the machine's
_INNER_ID = 1000  # what an unprivileged user's own id is called inside
# Where the new root is put together, in a mount namespace nobody else sees; it must not cover what is bound from.
_MOUNT_POINTS = ("/mnt", "/media", "/srv", "/sys", "/boot")


def unshare(as_root: bool) -> None:
    """Leave every namespace of the machine; the pid namespace takes effect at the next fork.

    Raises:
        OSError: the kernel, or an outer fence, does not allow it.
    """
    if as_root:
        kernel.unshare(_FRESH)
        return
    uid, gid = os.geteuid(), os.getegid()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # an undumpable process may not write its own maps
    kernel.unshare(kernel.NEWUSER | _FRESH)
    for name, line in (("setgroups", "deny"), ("uid_map", f"{_INNER_ID} {uid} 1"), ("gid_map", f"{_INNER_ID} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def enter_root(read_only: Sequence[str], owner: int, file_bytes: int, devices: Sequence[str]) -> bool:
    """Build a private root from the `read_only` paths and make it the root; return whether /proc could be mounted.

    Of the machine's device nodes `devices` are there, and can be used. /proc is the one part that may be missing:
    nested containers refuse it, and student code runs without.

    Raises:
        OSError: anything else was refused; the process must not go on.
    """
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    root = _mount_point(read_only)
    _mount_tmpfs(root, "size=1m,mode=755")
    for path in read_only:
        _bind(path, root)
    _write_skeleton(root, owner, devices)
    kernel.lock_tree(root, kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV)
    for device in devices:
        kernel.mount(device, root + device, None, kernel.MS_BIND)
    _mount_tmpfs(root + SCRATCH, f"size={file_bytes},nr_inodes={scratch.MAX_FILES},mode=700,uid={owner},gid={owner}")
    has_proc = _mount_proc(root + "/proc")
    kernel.swap_root(root)
    return has_proc


def inner_id(as_root: bool, unused_uid: int) -> int:
    """Return the user id a guest has inside: the unused one when root starts it, else the mapped one."""
    return unused_uid if as_root else _INNER_ID


def _mount_point(sources: Sequence[str]) -> str:
    for folder in _MOUNT_POINTS:
        if os.path.isdir(folder) and not any(paths.is_inside(source, {folder}) for source in sources):
            return folder
    raise FileNotFoundError(2, f"none of {', '.join(_MOUNT_POINTS)} is free", "mount point for the private root")


def _mount_tmpfs(target: str, options: str) -> None:
    kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)


def _bind(path: str, root: str) -> None:
    """Show `path` at its own place below `root`."""
    target = root + path
    if paths.is_folder(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _touch(target)
    kernel.mount(path, target, None, kernel.MS_BIND | kernel.MS_REC)


def _write_skeleton(root: str, owner: int, devices: Sequence[str]) -> None:
    """Create what later mounts are put on, and the few files a program expects to find."""
    for folder in ("/dev", "/proc", "/etc", SCRATCH):
        os.makedirs(root + folder, exist_ok=True)
    for device in devices:
        os.makedirs(os.path.dirname(root + device), exist_ok=True)
        _touch(root + device)
    for name in ("/dev/shm", "/tmp"):
        if not os.path.lexists(root + name):
            os.symlink(SCRATCH, root + name)
    with open(root + "/etc/passwd", "w") as file:
        file.write(f"{GUEST_NAME}:x:{owner}:{owner}::{SCRATCH}:/bin/false\n")


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _mount_proc(target: str) -> bool:
    try:
        kernel.mount("proc", target, "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    except OSError:
        return False
    return True
