"""What a hostile submission would try first. Sent to a guest as if a student had written it; never imported by us.

Each function either does what the fence must prevent, and returns a word on it, or raises. Names and order are those
of `witness`. Standard library only.
"""

import ctypes
import os
import resource
import signal
import socket
import sys


def read_a_file_of_the_host(path: str, pid: int) -> str:
    with open(path) as file:
        return file.read()


def read_the_memory_of_the_grader(path: str, pid: int) -> str:
    with open(f"/proc/{pid}/mem", "rb") as file:
        return str(file)


def see_the_environment_of_the_grader(path: str, pid: int) -> str:
    with open(f"/proc/{pid}/environ") as file:
        return f"{len(file.read())} characters"


def write_to_the_installed_software(path: str, pid: int) -> str:
    target = os.path.join(os.path.dirname(os.__file__), "grader_was_here.txt")
    with open(target, "x") as file:
        file.write("x")
    os.remove(target)
    return target


def write_beside_a_file_of_the_host(path: str, pid: int) -> str:
    target = os.path.join(os.path.dirname(path), "grader_was_here.txt")
    with open(target, "x") as file:
        file.write("x")
    return target


def start_a_process(path: str, pid: int) -> str:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return f"process {child}"


def run_a_program(path: str, pid: int) -> str:
    os.execv(sys.executable, [sys.executable, "-c", "pass"])


def reach_the_network(path: str, pid: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.connect(("127.0.0.1", 9))
    return "a socket"


def signal_the_grader(path: str, pid: int) -> str:
    os.kill(pid, 0)
    return f"process {pid}"


def limit_the_grader(path: str, pid: int) -> str:
    return str(resource.prlimit(pid, resource.RLIMIT_NOFILE))


def trace_the_grader(path: str, pid: int) -> str:
    return _system_call("ptrace", 0x4206, pid, 0, 0)  # PTRACE_SEIZE, which does not stop it


def enter_new_namespaces(path: str, pid: int) -> str:
    return _system_call("unshare", 0x10000000)  # CLONE_NEWUSER


def take_30_gigabytes(path: str, pid: int) -> str:
    return f"{len(bytearray(30 << 30))} bytes"


def use_an_inherited_descriptor(path: str, pid: int) -> str:
    found = [fd for fd in range(3, 1024) if _is_open(fd)]
    if len(found) > 1:
        return f"descriptors {found}"
    raise PermissionError("only the channel is open")


def ignore_the_end(path: str, pid: int) -> str:
    for number in (signal.SIGTERM, signal.SIGXCPU, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        continue


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _system_call(name: str, *arguments: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return name
