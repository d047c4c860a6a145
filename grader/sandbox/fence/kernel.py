"""The only file that talks to the kernel through ctypes: thin wrappers that raise OSError, nothing else.

Knows no policy: which namespaces, paths or system calls are wanted is decided elsewhere. Importable on every platform;
a call on a system that is not Linux raises OSError(ENOSYS).
Invariant: no failure is lost. Every wrapper checks the result and names its call in the error.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable

from grader.sandbox.fence import syscalls

# unshare(2)
NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
NEW_ANY = 0x7E020080  # the seven above and NEWTIME

# mount(2), umount2(2), mount_setattr(2)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4

# prctl(2)
PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 3, 4, 38
_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 23, 24, 47, 4

_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_CREATE_VERSION, _LANDLOCK_RULE_PATH_BENEATH = 1, 1
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_TSYNC = 1, 1
_CLOSE_RANGE_LAST = 0xFFFFFFFF

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
if _libc is not None:
    _libc.syscall.restype = ctypes.c_long

_Argument = int | bytes | None


def _word(argument: _Argument) -> object:
    """Widen an argument to a machine word: a variadic C function would read half of a 32-bit one."""
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return ctypes.c_char_p(argument)


def _checked(result: int, call: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), call)
    return result


def _libc_call(function: str, *arguments: _Argument) -> int:
    if _libc is None:
        raise OSError(errno.ENOSYS, "not Linux", function)
    return _checked(int(getattr(_libc, function)(*map(_word, arguments))), function)


def syscall(name: str, *arguments: _Argument) -> int:
    """Make the system call `name`.

    Raises:
        OSError: the kernel refused (its errno), or the call does not exist on this system (ENOSYS).
    """
    if _libc is None:
        raise OSError(errno.ENOSYS, "not Linux", name)
    nr = syscalls.number(name, syscalls.architecture())
    if nr is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), name)
    return _checked(int(_libc.syscall(ctypes.c_long(nr), *map(_word, arguments))), name)


def prctl(operation: int, value: int = 0) -> int:
    """Call prctl(2) with one argument."""
    return _libc_call("prctl", operation, value, 0, 0, 0)


def unshare(flags: int) -> None:
    """Leave the namespaces in `flags` for fresh ones."""
    _libc_call("unshare", flags)


def set_hostname(name: bytes) -> None:
    """Set the host name of the current UTS namespace."""
    _libc_call("sethostname", name, len(name))


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Call mount(2); the failing target is named in the error."""
    words = [os.fsencode(text) if text is not None else None for text in (source, target, kind, options)]
    try:
        _libc_call("mount", words[0], words[1], words[2], flags, words[3])
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"mount {kind or 'bind'} {target}") from None


def lock_tree(path: str, attributes: int) -> None:
    """Add mount attributes to `path` and to every mount below it, in one call.

    Source: mount_setattr(2), Linux 5.12; struct mount_attr {set, clear, propagation, userns_fd}.
    """
    attr = struct.pack("QQQQ", attributes, 0, 0, 0)
    syscall("mount_setattr", _AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, attr, len(attr))


def swap_root(new_root: str) -> None:
    """Make `new_root` the root of this mount namespace and let go of everything that was visible before.

    Source: pivot_root(2), NOTES: `pivot_root(".", ".")` stacks the old root over the new one; then it is detached.
    """
    os.chdir(new_root)
    syscall("pivot_root", b".", b".")
    _libc_call("umount2", b".", _MNT_DETACH)
    os.chdir("/")


def set_file_user(uid: int) -> None:
    """Set the user and group that files and /proc are looked at with.

    setfsuid(2) tells no failure: it returns the user before, so asking once more says whether it took place.
    """
    for function in ("setfsgid", "setfsuid"):
        _libc_call(function, uid)
        if _libc_call(function, uid) != uid:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), function)


def drop_bounding_capabilities() -> None:
    """Empty the ambient and bounding sets, so that no later exec could regain a capability.

    Works only while CAP_SETPCAP is held, hence before the change of user.
    """
    _libc_call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        try:
            present = prctl(_PR_CAPBSET_READ, capability)
        except OSError:  # EINVAL: the kernel's last capability was the one before
            return
        if present:
            prctl(_PR_CAPBSET_DROP, capability)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets of this thread."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    syscall("capset", header, bytes(24))


def landlock_abi() -> int:
    """Return the Landlock ABI of this kernel, 0 where Landlock is missing or switched off at boot."""
    try:
        return syscall("landlock_create_ruleset", None, 0, _LANDLOCK_CREATE_VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):  # EPERM: an outer filter refuses the call
            return 0
        raise


def landlock_create(attributes: bytes) -> int:
    """Return the descriptor of a new Landlock ruleset."""
    return syscall("landlock_create_ruleset", attributes, len(attributes), 0)


def landlock_allow(ruleset_fd: int, path_fd: int, access: int) -> None:
    """Allow `access` beneath the open path. Source: struct landlock_path_beneath_attr (packed)."""
    syscall("landlock_add_rule", ruleset_fd, _LANDLOCK_RULE_PATH_BENEATH, struct.pack("=Qi", access, path_fd), 0)


def landlock_restrict(ruleset_fd: int) -> None:
    """Apply the ruleset to this thread, for ever."""
    syscall("landlock_restrict_self", ruleset_fd, 0)


def install_filter(program: bytes) -> None:
    """Install a seccomp program on every thread of this process; no_new_privs has to be set.

    Raises:
        OSError: the kernel refused, or a thread could not be synchronised (ESRCH).
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    stuck_thread = syscall("seccomp", _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_TSYNC, fprog)
    if stuck_thread:
        raise OSError(errno.ESRCH, f"thread {stuck_thread} did not take the filter", "seccomp")


def close_all_but(keep_fds: Iterable[int]) -> None:
    """Close every descriptor of this process that is not in `keep_fds`."""
    low = 0
    for fd in sorted(set(keep_fds)):
        if fd > low:
            syscall("close_range", low, fd - 1, 0)
        low = fd + 1
    syscall("close_range", low, _CLOSE_RANGE_LAST, 0)
