"""The system call filter: a policy table and the assembler that turns it into a classic BPF program.

Owns which calls a guest may make. Knows no paths, users or limits. The program is assembled once; only the guest's own
process id is patched in after the last fork.
Invariant: a foreign architecture or calling convention kills the process; what the table names is refused; a rule that
looks at an argument compares the same 32 bits that the kernel will use.

Source: seccomp(2), Linux include/uapi/linux/{seccomp,bpf_common,sched,fcntl}.h, asm-generic/ioctls.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Collection, Iterable, Iterator

import msgspec

from grader.sandbox.fence import kernel, syscalls

_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NR_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_FARTHEST_JUMP = 255

OWN_PID = 0x5EC0FFEE  # stands in the program for the guest's own id until it is known; no process id is that large

_CLONE_FILES, _CLONE_THREAD = 0x400, 0x10000
_CLOSE_RANGE_UNSHARE = 2
_RLIMIT_CORE = 4
_AF_UNIX = 1
# SOCK_DGRAM and SOCK_RAW (which is a datagram socket too), with and without SOCK_NONBLOCK and SOCK_CLOEXEC.
_DATAGRAMS = tuple(kind | flags for kind in (2, 3) for flags in (0, 0x800, 0x80000, 0x80800))
_LOCKS_AND_LEASES = (6, 7, 37, 38, 1024, 1026)  # F_SETLK F_SETLKW F_OFD_SETLK F_OFD_SETLKW F_SETLEASE F_NOTIFY
_SIGNAL_OWNERS = (8, 15)  # F_SETOWN F_SETOWN_EX: SIGIO, or any signal, to a foreign process
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI TIOCLINUX
_IOCTL_OWNERS = (0x8901, 0x8902)  # FIOSETOWN SIOCSPGRP: F_SETOWN by another name
_BUFFER_SIZES = (7, 8, 32, 33)  # SO_SNDBUF SO_RCVBUF SO_SNDBUFFORCE SO_RCVBUFFORCE: memory outside of RLIMIT_AS
_PARENT_DEATH_AND_DUMPABLE = (kernel.PR_SET_PDEATHSIG, kernel.PR_SET_DUMPABLE)

REFUSED: dict[int, tuple[str, ...]] = {
    errno.ENOSYS: (
        # glibc falls back from clone3 to clone, whose flags a filter can read. An io_uring does socket work unseen.
        *("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"),
        # Its pages count neither as address space nor as a file in the scratch folder.
        "memfd_create",
    ),
    errno.EPERM: (
        # other programs and processes
        *("execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp"),
        *("pidfd_open", "pidfd_getfd", "pidfd_send_signal", "process_madvise", "process_mrelease", "rt_sigqueueinfo"),
        *("get_robust_list", "move_pages", "migrate_pages"),
        # mounts and namespaces
        *("mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount"),
        *("open_tree", "mount_setattr", "unshare", "setns"),
        # wide kernel surface
        *("bpf", "perf_event_open", "userfaultfd", "memfd_secret", "keyctl", "add_key", "request_key", "vmsplice"),
        *("personality", "modify_ldt", "iopl", "ioperm", "uselib", "ustat", "sysfs", "_sysctl", "lookup_dcookie"),
        *("name_to_handle_at", "open_by_handle_at", "fanotify_init", "fanotify_mark", "nfsservctl"),
        # administration
        *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon"),
        *("swapoff", "acct", "quotactl", "quotactl_fd", "syslog", "sethostname", "setdomainname", "vhangup"),
        *("settimeofday", "clock_settime", "adjtimex", "clock_adjtime"),
        # scheduling of others, and of oneself above the rest
        *("setpriority", "sched_setscheduler", "sched_setparam", "sched_setattr", "ioprio_set"),
        # channels that outlive the guest or leave its scratch folder
        *("shmget", "msgget", "semget", "mq_open", "flock"),
        # Descriptors that lie in a socket's buffer and not in the guest's table: RLIMIT_NOFILE would not count them.
        *("sendmsg", "sendmmsg"),
        # more filters cost the kernel memory and cannot help a student
        "seccomp",
    ),
}


class Rule(msgspec.Struct, frozen=True):
    """Decide a call by 32 bits of one argument.

    `values` are compared with the argument (as bits if `bits`); a match is refused or, with `allow`, the only thing
    allowed. With `required` it is the lack of one of these bits that is refused. Everything refused gets `refusal`.
    """

    call: str
    argument: int
    values: tuple[int, ...]
    allow: bool
    refusal: int = errno.EPERM
    bits: bool = False
    required: bool = False


RULES = (
    # threads, never processes; the first rule that matches decides, the next one sees what is left
    Rule("clone", 0, (kernel.NEW_ANY,), allow=False, bits=True),
    # A thread with descriptors of its own would have their limit once more, and its keeper would not see its files.
    Rule("clone", 0, (_CLONE_FILES,), allow=False, bits=True, required=True),
    Rule("clone", 0, (_CLONE_THREAD,), allow=True, bits=True),
    Rule("kill", 0, (OWN_PID,), allow=True),
    Rule("tkill", 0, (OWN_PID,), allow=True),
    Rule("tgkill", 0, (OWN_PID,), allow=True),
    Rule("rt_tgsigqueueinfo", 0, (OWN_PID,), allow=True),
    Rule("prlimit64", 1, (_RLIMIT_CORE,), allow=False),
    Rule("prlimit64", 0, (0, OWN_PID), allow=True),
    Rule("setrlimit", 0, (_RLIMIT_CORE,), allow=False),
    Rule("sched_setaffinity", 0, (0, OWN_PID), allow=True),
    Rule("socket", 0, (), allow=True, refusal=errno.EAFNOSUPPORT),
    # One end of a pair of datagram sockets can send to any other socket, one that a server of the host bound to a path
    # too, which Landlock does not forbid; an end of a stream cannot.
    Rule("socketpair", 1, _DATAGRAMS, allow=False),
    Rule("socketpair", 0, (_AF_UNIX,), allow=True, refusal=errno.EAFNOSUPPORT),
    Rule("close_range", 2, (_CLOSE_RANGE_UNSHARE,), allow=False, bits=True),
    Rule("setsockopt", 2, _BUFFER_SIZES, allow=False),
    Rule("fcntl", 1, _LOCKS_AND_LEASES + _SIGNAL_OWNERS, allow=False),
    Rule("ioctl", 1, _TERMINAL_INPUT + _IOCTL_OWNERS, allow=False),
    Rule("prctl", 0, _PARENT_DEATH_AND_DUMPABLE, allow=False),
)


# What a guest with a GPU may do besides. cuInit ends in an error without memfd_create, and unless it can bind a local
# socket for programs that share memory with it. So it gets both, and nobody is reached through that socket.
# Whether the driver sends messages through it was not tried, so they are left alone.
# Source: NVIDIA/OpenShell #1696; the socket (@cuda-uvmfd-…) is named in snapd's AppArmor rules for CUDA.
_REACH_OTHERS = ("connect", "accept", "accept4")
_GPU_MAY = ("memfd_create", "sendmsg", "sendmmsg")
GPU_REFUSED = {
    code: tuple(name for name in names if name not in _GPU_MAY) + (_REACH_OTHERS if code == errno.EPERM else ())
    for code, names in REFUSED.items()
}
_LOCAL_SOCKETS = (
    Rule("socket", 1, _DATAGRAMS, allow=False),
    Rule("socket", 0, (_AF_UNIX,), allow=True, refusal=errno.EAFNOSUPPORT),
)
GPU_RULES = (*(rule for rule in RULES if rule.call != "socket"), *_LOCAL_SOCKETS)


class Instruction(msgspec.Struct, frozen=True):
    """One BPF instruction; `then` and `other` name the labels to jump to, "" is the next instruction."""

    code: int
    value: int
    then: str = ""
    other: str = ""
    label: str = ""


class Program(msgspec.Struct, frozen=True):
    """An assembled filter whose only unknown is the process id of the guest."""

    code: bytes
    pid_offsets: tuple[int, ...]

    def for_pid(self, pid: int) -> bytes:
        """Return the filter of the process `pid` (as that process sees itself)."""
        code = bytearray(self.code)
        for offset in self.pid_offsets:
            struct.pack_into("=I", code, offset, pid)
        return bytes(code)


def _verdict(code: int) -> str:
    """Return the label of the instruction that answers with the errno `code`."""
    return f"refuse {code}"


def _prologue(arch: syscalls.Architecture) -> Iterator[Instruction]:
    yield Instruction(_LOAD, _ARCH_OFFSET)
    yield Instruction(_EQUAL, arch.audit, other="kill")
    yield Instruction(_LOAD, _NR_OFFSET)
    if arch.foreign_bit is not None:
        yield Instruction(_AT_LEAST, arch.foreign_bit, then="kill")


def _refusals(refused: dict[int, tuple[str, ...]], arch: syscalls.Architecture) -> Iterator[Instruction]:
    for code, names in refused.items():
        for name in names:
            nr = syscalls.number(name, arch)
            if nr is not None:
                yield Instruction(_EQUAL, nr, then=_verdict(code))


def _argument_rules(rules: Iterable[Rule], arch: syscalls.Architecture) -> Iterator[Instruction]:
    """Yield one block per call; a block is skipped as a whole by every other call.

    The accumulator holds an argument inside a block, so every path through a block ends in a verdict.
    """
    blocks: dict[str, list[Rule]] = {}
    for rule in rules:
        blocks.setdefault(rule.call, []).append(rule)
    for name, block in blocks.items():
        nr = syscalls.number(name, arch)
        if nr is None:
            continue
        yield Instruction(_EQUAL, nr, other=f"after {name}")
        for rule in block:
            yield Instruction(_LOAD, _ARGUMENTS_OFFSET + 8 * rule.argument)
            yield from (_comparison(rule, value) for value in rule.values)
        last = block[-1]
        yield Instruction(_RETURN, _ERRNO | last.refusal if last.allow else _ALLOW)
        yield Instruction(-1, 0, label=f"after {name}")


def _comparison(rule: Rule, value: int) -> Instruction:
    if rule.required:
        return Instruction(_ANY_BIT, value, other=_verdict(rule.refusal))
    return Instruction(_ANY_BIT if rule.bits else _EQUAL, value, then="allow" if rule.allow else _verdict(rule.refusal))


def _epilogue(codes: Collection[int]) -> Iterator[Instruction]:
    yield Instruction(_RETURN, _ALLOW, label="allow")
    yield Instruction(_RETURN, _KILL_PROCESS, label="kill")
    for code in sorted(codes):
        yield Instruction(_RETURN, _ERRNO | code, label=_verdict(code))


def _assemble(instructions: Iterable[Instruction]) -> Program:
    """Resolve the labels (a pseudo-instruction with code -1 only carries one) and pack the program.

    Raises:
        ValueError: a jump goes backwards or farther than BPF can.
    """
    labels: dict[str, int] = {}
    real: list[Instruction] = []
    for instruction in instructions:
        if instruction.label:
            labels[instruction.label] = len(real)
        if instruction.code != -1:
            real.append(instruction)
    code = bytearray()
    pids = []
    for here, instruction in enumerate(real):
        jumps = [labels[name] - here - 1 if name else 0 for name in (instruction.then, instruction.other)]
        if not all(0 <= jump <= _FARTHEST_JUMP for jump in jumps):
            raise ValueError(f"seccomp program: instruction {here} jumps {jumps}, BPF can do 0 to {_FARTHEST_JUMP}")
        if instruction.value == OWN_PID:
            pids.append(len(code) + 4)
        code += struct.pack("=HBBI", instruction.code, *jumps, instruction.value)
    return Program(bytes(code), tuple(pids))


def build(
    refused: dict[int, tuple[str, ...]] = REFUSED,
    rules: tuple[Rule, ...] = RULES,
    arch: syscalls.Architecture | None = None,
) -> Program:
    """Assemble a filter: everything is allowed that `refused` and `rules` do not refuse.

    Raises:
        OSError: ENOSYS, this architecture is not in the tables.
        ValueError: the table outgrew what BPF jumps can reach.
    """
    arch = arch or syscalls.architecture()
    codes = set(refused) | {rule.refusal for rule in rules}
    return _assemble([*_prologue(arch), *_refusals(refused, arch), *_argument_rules(rules, arch), *_epilogue(codes)])
