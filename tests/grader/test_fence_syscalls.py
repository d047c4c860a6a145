"""The system call tables and the filter of both architectures, whose program is run in a small interpreter."""

from __future__ import annotations

import errno
import os
import re
import signal
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.sandbox.fence import kernel, seccomp, syscalls

_PID = 4711
_ALLOW, _KILL = "allow", "kill"
_ARCHITECTURES = list(syscalls.ARCHITECTURES)
_HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def judge(
    machine: str,
    nr: int,
    arguments: tuple[int, ...] = (),
    audit: int | None = None,
    program: seccomp.Program | None = None,
) -> str | int:
    """Run the filter as the kernel would; return "allow", "kill" or an errno. Source: seccomp(2), seccomp_data."""
    arch = syscalls.ARCHITECTURES[machine]
    words = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=IIQ6Q", nr, arch.audit if audit is None else audit, 0, *(word & (2**64 - 1) for word in words))
    code = (program or seccomp.build(arch=arch)).for_pid(_PID)
    instructions = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    accumulator, here = 0, 0
    while True:
        operation, then, other, value = instructions[here]
        here += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x06:
                return {0x7FFF0000: _ALLOW, 0x80000000: _KILL}.get(value, value & 0xFFFF)
            case _:
                hit = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[
                    operation
                ]
                here += then if hit else other


def number(machine: str, name: str) -> int:
    """Return a call's number, which has to exist."""
    found = syscalls.number(name, syscalls.ARCHITECTURES[machine])
    assert found is not None
    return found


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_every_number_is_that_of_the_kernels_headers(machine: str) -> None:
    """A wrong number would refuse an innocent call and allow a dangerous one."""
    if not _HEADERS[machine].exists():
        pytest.skip(f"{_HEADERS[machine]} is not installed")
    pattern = re.compile(r"^#define\s+__NR(?:3264)?_(\w+)\s+(\d+)", re.MULTILINE)
    official = {name: int(nr) for name, nr in pattern.findall(_HEADERS[machine].read_text())}
    arch = syscalls.ARCHITECTURES[machine]
    assert {name: syscalls.number(name, arch) for name in syscalls.NUMBERS} == {
        name: official.get(name) for name in syscalls.NUMBERS
    }


def test_every_call_of_the_policy_is_in_the_tables() -> None:
    """A misspelt name must not pass as a call that some architecture lacks."""
    tables = (seccomp.REFUSED, seccomp.GPU_REFUSED)
    named = {name for table in tables for names in table.values() for name in names}
    named |= {rule.call for rule in (*seccomp.RULES, *seccomp.GPU_RULES)}
    assert named <= set(syscalls.NUMBERS)
    assert all(nr is not None for nr, _ in (syscalls.NUMBERS[name] for name in named))


def test_calls_that_aarch64_lacks_are_those_it_never_had() -> None:
    """The absent ones are named here too, so that a forgotten number is noticed."""
    absent = {name for name, numbers in syscalls.NUMBERS.items() if numbers[1] is None}
    assert absent == {"_sysctl", "fork", "ioperm", "iopl", "modify_ldt", "sysfs", "uselib", "ustat", "vfork"}


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_every_refused_call_gets_its_error(machine: str) -> None:
    """The table is what the program does."""
    arch = syscalls.ARCHITECTURES[machine]
    for code, names in seccomp.REFUSED.items():
        for name in names:
            nr = syscalls.number(name, arch)
            assert nr is None or judge(machine, nr) == code, name


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_every_call_outside_the_table_is_allowed(machine: str) -> None:
    """Libraries use a long tail of calls; the filter names what is dangerous, not what is useful."""
    named = {numbers[syscalls.ARCHITECTURES[machine].column] for numbers in syscalls.NUMBERS.values()}
    assert {judge(machine, nr) for nr in range(500) if nr not in named} == {_ALLOW}


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_a_foreign_architecture_is_killed(machine: str) -> None:
    """Other architectures number their calls differently, so none of them may be judged by this table."""
    others = [arch.audit for name, arch in syscalls.ARCHITECTURES.items() if name != machine] + [0x40000003]
    assert {judge(machine, 0, audit=audit) for audit in others} == {_KILL}


@settings(derandomize=True, database=None)
@given(nr=st.integers(0x40000000, 0xFFFFFFFF))
def test_every_x32_number_is_killed(nr: int) -> None:
    """x32 calls carry the audit tag of x86-64 but numbers of their own."""
    assert judge("x86_64", nr) == _KILL


@pytest.mark.parametrize("machine", _ARCHITECTURES)
@pytest.mark.parametrize("name", ["kill", "tkill", "tgkill", "rt_tgsigqueueinfo", "prlimit64", "sched_setaffinity"])
def test_calls_on_processes_are_allowed_on_oneself_only(machine: str, name: str) -> None:
    """Signals, limits and processors of others are out of reach, also of processes with the same user."""
    nr = number(machine, name)
    may_be_zero = name in ("prlimit64", "sched_setaffinity")
    assert judge(machine, nr, (_PID,)) == _ALLOW
    assert judge(machine, nr, (0,)) == (_ALLOW if may_be_zero else errno.EPERM)
    assert [judge(machine, nr, (pid,)) for pid in (-1, 1, _PID + 1, -_PID)] == [errno.EPERM] * 4


@settings(derandomize=True, database=None)
@given(high=st.integers(1, 2**32 - 1), name=st.sampled_from(["kill", "prlimit64", "sched_setaffinity"]))
def test_upper_halves_of_an_argument_do_not_matter(high: int, name: str) -> None:
    """The kernel reads these arguments as 32 bits, so the filter must too: neither a way in nor a false refusal."""
    nr = number("x86_64", name)
    assert judge("x86_64", nr, (high << 32 | _PID,)) == _ALLOW
    assert judge("x86_64", nr, (high << 32 | 1,)) == errno.EPERM


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_clone_makes_threads_and_nothing_else(machine: str) -> None:
    """What pthread_create asks for is allowed; a process, or a namespace on top, is not."""
    nr, thread = number(machine, "clone"), 0x3D0F00
    assert judge(machine, nr, (thread,)) == _ALLOW
    assert judge(machine, nr, (signal.SIGCHLD,)) == errno.EPERM
    assert judge(machine, nr, (thread & ~0x400,)) == errno.EPERM  # without CLONE_FILES
    for namespace in (kernel.NEWNS, kernel.NEWUSER, kernel.NEWPID, kernel.NEWNET, 0x80):
        assert judge(machine, nr, (thread | namespace,)) == errno.EPERM


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_argument_rules_refuse_what_they_name_and_leave_the_rest(machine: str) -> None:
    """Locks, signal owners, terminal input and the tie to the keeper are refused; ordinary uses stay."""
    refused = {"fcntl": (6, 7, 8, 15, 37, 38, 1024, 1026), "ioctl": (0x5412, 0x541C, 0x8901, 0x8902)}
    allowed = {"fcntl": (0, 1, 2, 3, 4, 1030, 1033), "ioctl": (0x5401, 0x541B, 0x5413)}
    for name, values in refused.items():
        assert {judge(machine, number(machine, name), (0, value)) for value in values} == {errno.EPERM}
    for name, values in allowed.items():
        assert {judge(machine, number(machine, name), (0, value)) for value in values} == {_ALLOW}
    limits = {"prlimit64": (0,), "setrlimit": ()}  # of core files, 4, which would start programs of the system
    for name, before in limits.items():
        assert [judge(machine, number(machine, name), (*before, of)) for of in (3, 4, 5)] == [
            _ALLOW,
            errno.EPERM,
            _ALLOW,
        ]
    options = {option: judge(machine, number(machine, "setsockopt"), (3, 1, option)) for option in range(64)}
    assert {option for option, verdict in options.items() if verdict == errno.EPERM} == {7, 8, 32, 33}
    assert [judge(machine, number(machine, "close_range"), (0, 9, flags)) for flags in (0, 2, 4, 6)] == [
        _ALLOW, errno.EPERM, _ALLOW, errno.EPERM,
    ]  # fmt: skip
    assert [judge(machine, number(machine, "prctl"), (op,)) for op in (1, 4, 15)] == [errno.EPERM, errno.EPERM, _ALLOW]


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_no_socket_can_be_made_but_a_local_pair(machine: str) -> None:
    """Every family is refused; a pair of local streams leads nowhere and event loops need it, one of datagrams does."""
    families = range(46)
    assert {judge(machine, number(machine, "socket"), (family,)) for family in families} == {errno.EAFNOSUPPORT}
    pairs = {family: judge(machine, number(machine, "socketpair"), (family, 1)) for family in families}
    assert pairs == {family: _ALLOW if family == 1 else errno.EAFNOSUPPORT for family in families}
    flags = (0, 0x800, 0x80000, 0x80800)  # SOCK_NONBLOCK, SOCK_CLOEXEC
    kinds = {
        kind: {judge(machine, number(machine, "socketpair"), (1, kind | flag)) for flag in flags}
        for kind in range(1, 6)
    }
    assert [kinds[kind] for kind in (1, 2, 3, 5)] == [{_ALLOW}, {errno.EPERM}, {errno.EPERM}, {_ALLOW}]


def test_an_unknown_architecture_is_refused() -> None:
    """Without a table nothing is guessed."""
    with pytest.raises(OSError, match="no system call table for this architecture"):
        syscalls.architecture("sparc64")


def test_a_program_too_long_for_its_jumps_is_refused() -> None:
    """BPF jumps reach 255 instructions: a longer table must be noticed, not cut."""
    with pytest.raises(ValueError, match="BPF can do 0 to 255"):
        seccomp.build({errno.EPERM: ("kill",) * 300})


def test_a_call_that_fails_names_itself() -> None:
    """Every wrapper says which call the kernel refused."""
    with pytest.raises(OSError, match="mount tmpfs /no/such/folder") as caught:
        kernel.mount("x", "/no/such/folder", "tmpfs", 0)
    assert caught.value.errno in (errno.ENOENT, errno.EPERM)
    with pytest.raises(OSError, match="landlock_add_rule"):
        kernel.landlock_allow(-1, os.getpid() + 10**6, 1)
