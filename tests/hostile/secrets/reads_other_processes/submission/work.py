"""Reads its parent, process 1 and the host by every road: /proc, process_vm_readv, ptrace, pidfd_getfd."""

import ctypes
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
NUMBERS = {
    "x86_64": {"process_vm_readv": 310, "ptrace": 101, "pidfd_open": 434, "pidfd_getfd": 438, "kcmp": 312},
    "aarch64": {"process_vm_readv": 270, "ptrace": 117, "pidfd_open": 434, "pidfd_getfd": 438, "kcmp": 272},
}[platform.machine()]


def call(name, *arguments):
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def read_memory(pid):
    buffer = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(buffer), 8)
    return call("process_vm_readv", pid, local, 1, local, 1, 0)


def look_at(pid):
    for name in ("environ", "maps", "mem", "auxv", "stack", "syscall", "cmdline", "status"):
        yield name, lambda name=name: open(f"/proc/{pid}/{name}", "rb").read(1)
    for name in ("cwd", "root", "exe"):
        yield name, lambda name=name: os.readlink(f"/proc/{pid}/{name}")
    for name in ("fd", "task", "map_files"):
        yield name, lambda name=name: os.listdir(f"/proc/{pid}/{name}")
    yield "process_vm_readv", lambda: read_memory(pid)
    yield "ptrace attach", lambda: call("ptrace", 16, pid, 0, 0)
    yield "ptrace seize", lambda: call("ptrace", 0x4206, pid, 0, 0)
    yield "pidfd_getfd", lambda: call("pidfd_getfd", call("pidfd_open", pid, 0), 1, 0)
    yield "kcmp", lambda: call("kcmp", os.getpid(), pid, 0, 0, 0)


own = {os.getpid(), 0}
for whose, pid in (("parent", os.getppid()), ("host", @host@), ("first", 1)):
    if pid in own:
        print(f"{whose}: not to be seen")
        continue
    own.add(pid)
    for what, attempt in look_at(pid):
        try:
            attempt()
        except OSError as error:
            print(f"{whose}, {what}: denied ({os.strerror(error.errno)})")
        else:
            print(f"{whose}, {what}: ATTACK SUCCEEDED")
