"""Sets up an io_uring, in which sockets and files are opened without a system call that a filter could see."""

import ctypes
import errno

libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *arguments):
    """Make a system call; whatever is not refused has reached the kernel."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    refusal = "" if libc.syscall(ctypes.c_long(number), *words) >= 0 else errno.errorcode[ctypes.get_errno()]
    print(name, refusal if refusal in ("ENOSYS", "EPERM") else f"ATTACK SUCCEEDED: it reached the kernel {refusal}")


# The same three numbers on every architecture.
for flags in (0, 1 << 1, 1 << 6, 1 << 14):
    call("io_uring_setup", 425, 8, ctypes.create_string_buffer(flags.to_bytes(12, "little"), 120))
for fd in range(8):
    call("io_uring_enter", 426, fd, 1, 1, 1, 0, 0)
call("io_uring_register", 427, -1, 16, ctypes.create_string_buffer(64), 1)
