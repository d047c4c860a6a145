"""Makes a user namespace, within which it would have every capability: by unshare, clone, clone3 and setns."""

import ctypes
import errno
import glob
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)
UNSHARE, CLONE, SETNS = {"x86_64": (272, 56, 308), "aarch64": (97, 220, 268)}[platform.machine()]
CLONE3 = 435
KINDS = {"user": 0x10000000, "mount": 0x00020000, "pid": 0x20000000, "net": 0x40000000, "time": 0x00000080}


def call(name, number, *arguments):
    """Make a system call; whatever is not refused has reached the kernel."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result == 0 and name.startswith("clone"):
        os._exit(0)  # the child
    refusal = "" if result >= 0 else errno.errorcode[ctypes.get_errno()]
    print(name, refusal if refusal in ("ENOSYS", "EPERM") else f"ATTACK SUCCEEDED: it reached the kernel {refusal}")


for kind, flag in KINDS.items():
    for others in (0, 0x10000000, 0x10000000 | 1 << 32):  # the upper half of a word, which the kernel does not read
        call(f"unshare {kind}", UNSHARE, flag | others)
    call(f"clone {kind}", CLONE, flag | 17, 0, 0, 0, 0)
    call(f"clone thread {kind}", CLONE, flag | 0x10000 | 0x800 | 0x100, 0, 0, 0, 0)
    call(f"clone3 {kind}", CLONE3, ctypes.create_string_buffer(struct.pack("11Q", flag, 0, 0, 0, 17, *[0] * 6), 88), 88)
for path in glob.glob("/proc/self/ns/*"):
    try:
        call("setns", SETNS, os.open(path, os.O_RDONLY), 0)
    except OSError as error:
        print("setns", errno.errorcode[error.errno])
call("setns nothing", SETNS, -1, 0x10000000)
for name in ("uid_map", "gid_map", "setgroups"):
    try:
        with open(f"/proc/self/{name}", "w") as file:
            file.write("0 0 4294967295")
            file.flush()
    except OSError as error:
        print(name, errno.errorcode[error.errno])
    else:
        print("ATTACK SUCCEEDED:", name)
