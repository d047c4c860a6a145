"""Mounts, remounts, changes its root and opens files by handle, to see more than it is shown."""

import ctypes
import errno
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "name_to_handle": 303, "by_handle": 304},
    "aarch64": {"mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "name_to_handle": 264, "by_handle": 265},
}[platform.machine()]
REMOUNT, BIND, RECURSIVE, SHARED = 0x20, 0x1000, 0x4000, 0x100000
HERE = os.getcwd().encode()


def call(name, number, *arguments):
    """Make a system call; whatever is not refused has reached the kernel."""
    words = [ctypes.c_long(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments]
    refusal = "" if libc.syscall(ctypes.c_long(number), *words) >= 0 else errno.errorcode[ctypes.get_errno()]
    print(name, refusal if refusal in ("ENOSYS", "EPERM") else f"ATTACK SUCCEEDED: it reached the kernel {refusal}")


os.makedirs("root/old", exist_ok=True)
call("mount tmpfs", NUMBERS["mount"], b"none", HERE, b"tmpfs", 0, None)
call("mount proc", NUMBERS["mount"], b"none", HERE, b"proc", 0, None)
call("mount overlay", NUMBERS["mount"], b"none", HERE, b"overlay", 0, b"lowerdir=/,upperdir=root,workdir=root/old")
call("mount bind", NUMBERS["mount"], b"/", HERE + b"/root", None, BIND | RECURSIVE, None)
call("mount remount", NUMBERS["mount"], None, b"/", None, REMOUNT | BIND, None)
call("mount shared", NUMBERS["mount"], None, b"/", None, SHARED | RECURSIVE, None)
call("umount2", NUMBERS["umount2"], b"/proc", 2)
call("umount2", NUMBERS["umount2"], HERE, 2)
call("pivot_root", NUMBERS["pivot_root"], HERE + b"/root", HERE + b"/root/old")
call("chroot", NUMBERS["chroot"], HERE + b"/root")
call("name_to_handle_at", NUMBERS["name_to_handle"], -100, b"/", bytes(128), bytes(4), 0)
# The handle of a file system's root, as an escape from containers once used it.
call("open_by_handle_at", NUMBERS["by_handle"], 0, b"\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0", 0)
# From here on the numbers are the same on every architecture.
call("open_tree", 428, -100, b"/", 1)
call("move_mount", 429, -100, b"/", -100, HERE, 0)
call("fsopen", 430, b"tmpfs", 0)
call("fsconfig", 431, -1, 6, None, None, 0)
call("fsmount", 432, -1, 0, 0)
call("fspick", 433, -100, b"/", 0)
call("mount_setattr", 442, -100, b"/", 0, bytes(32), 32)
