"""Runs a command as an ordinary user of a default container: user 65534, no capabilities, no namespaces to be had.

    python tests/grader/unprivileged.py [--userns] COMMAND [ARGUMENT ...]

Started by root, because only root can become somebody else. In a mount namespace of its own it makes the interpreter's
folders reachable even if they lie below a private home, and gives the command an empty HOME and TMPDIR that vanish
with it. A system call filter then refuses namespaces and mounts as a container engine's default profile does; with
--userns it does not, so that the unprivileged `namespaces` tier can be tried. Exits 77 where it is not run by root.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import msgspec

from grader.sandbox.fence import kernel, privileges, seccomp, syscalls

_NOBODY = 65534
_CANNOT_RUN = 77
_HOME = "/mnt"

# What the default profile of container engines answers to a process without capabilities.
_REFUSED = {
    errno.EPERM: (
        *("unshare", "setns", "mount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "move_mount"),
        *("open_tree", "mount_setattr", "bpf", "keyctl", "add_key", "request_key", "userfaultfd", "perf_event_open"),
    ),
    errno.ENOSYS: ("clone3",),
}
_RULES = (seccomp.Rule("clone", 0, (kernel.NEW_ANY,), allow=False, bits=True),)


def main(arguments: list[str]) -> int:
    """Prepare the view, the filter and the user, then become the command."""
    has_userns = arguments[:1] == ["--userns"]
    command = arguments[1:] if has_userns else arguments
    if not command or os.geteuid() != 0:
        print(__doc__ if not command else "unprivileged: has to be started by root", file=sys.stderr)
        return _CANNOT_RUN
    kernel.unshare(kernel.NEWNS)
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    for prefix in sorted({os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}):
        make_reachable(prefix)
    mount_tmpfs(_HOME, f"mode=700,uid={_NOBODY},gid={_NOBODY}")
    if not has_userns:
        # A container engine's profile does not kill the x32 convention; that is for the fence to do.
        arch = msgspec.structs.replace(syscalls.architecture(), foreign_bit=None)
        kernel.install_filter(seccomp.build(_REFUSED, _RULES, arch).for_pid(0))
    privileges.become(_NOBODY)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "COLUMNS") if name in os.environ}
    os.execvpe(command[0], command, {**kept, "HOME": _HOME, "TMPDIR": _HOME, "PYTHONDONTWRITEBYTECODE": "1"})


def make_reachable(folder: str) -> None:
    """Cover the outermost private folder above `folder` with an empty one in which only `folder` can be found."""
    private = [path for path in Path(folder).parents if not path.stat().st_mode & stat.S_IXOTH]
    if private:
        source = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        mount_tmpfs(str(private[-1]), "mode=755,size=1m")
        os.makedirs(folder)
        kernel.mount(f"/proc/self/fd/{source}", folder, None, kernel.MS_BIND | kernel.MS_REC)
        os.close(source)


def mount_tmpfs(target: str, options: str) -> None:
    """Mount an empty file system."""
    kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
