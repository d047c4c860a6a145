"""Hostile guests: whatever student code does to the boundary ends in an outcome or a wrong value, on both tiers.

Never a host exception, never a survivor, never more than the deadline and a second. The code below attacks from inside
the guest, where it may change everything that is ours there too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch

from grader.errors import GuestLost, SubmissionError
from grader.limits import MIB, Limits
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote
from tests.grader.conftest import OpenSession, begin

TOOLS = """
import os, signal, socket, stat, struct, sys, threading, time
import torch

def rpc_fd():
    return next(fd for fd in range(3, 256) if is_socket(fd))

def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False

def frame(body):
    os.write(rpc_fd(), struct.pack("<Q", len(body)) + body)

def nonce():
    level = sys._getframe()
    while "nonce" not in level.f_locals:
        level = level.f_back
    return level.f_locals["nonce"]

def answer(value_bytes, number=None):
    frame(struct.pack("<QB", nonce() if number is None else number, 0) + value_bytes)

def ours(name):
    return sys.modules["grader.sandbox." + name]

def one():
    return 1
"""

# name: (code of attack(x), outcomes it may have). None stands for "some value", which a suite then finds wrong.
ATTACKS: dict[str, tuple[str, set[Outcome | None]]] = {
    "raw writes to every descriptor": (
        """
        for fd in range(256):
            try: os.write(fd, os.urandom(4096))
            except OSError: continue
        """,
        {Outcome.PROTOCOL},
    ),
    "a length prefix of 2**63": ("os.write(rpc_fd(), struct.pack('<Q', 2**63)); time.sleep(60)", {Outcome.PROTOCOL}),
    "half a frame, then silence": (
        "os.write(rpc_fd(), struct.pack('<Q', 100) + b'l'); time.sleep(60)", {Outcome.TIMEOUT},
    ),
    "half a frame, then the end": ("os.write(rpc_fd(), struct.pack('<Q', 100)); os._exit(0)", {Outcome.CRASHED}),
    "one byte a time": (
        """
        for byte in struct.pack('<Q', 10**6) + bytes(10**6):
            os.write(rpc_fd(), bytes([byte])); time.sleep(0.01)
        """,
        {Outcome.TIMEOUT},
    ),
    "an early answer with a guessed nonce": ("answer(b'T', 12345)", {Outcome.PROTOCOL}),
    "an early answer with the right nonce, then the real one": ("answer(b'T'); return 2", {Outcome.PROTOCOL, None}),
    "an answer replayed for ever": (
        """
        number = nonce()
        def repeat():
            while True: answer(b'T', number)
        threading.Thread(target=repeat, daemon=True).start(); time.sleep(0.05)
        """,
        {Outcome.PROTOCOL, None},
    ),
    "a patched encoder that writes garbage": (
        """
        class Evil:
            buffers, tensors, length_bytes = [struct.pack('<QB', nonce(), 0) + b'l\\xff\\xff\\xff\\xff'], [], 14
        ours('guest.process').encode_frame = lambda *a, **k: Evil()
        """,
        {Outcome.PROTOCOL},
    ),
    "a patched encoder that nests a thousand lists": (
        """
        class Evil:
            buffers, tensors, length_bytes = [struct.pack('<QB', nonce(), 0) + b'l\\x01\\0\\0\\0' * 1000], [], 5009
        ours('guest.process').encode_frame = lambda *a, **k: Evil()
        """,
        {Outcome.PROTOCOL},
    ),
    "an answer of unknown kind": (
        "frame(struct.pack('<QB', nonce(), 77) + b'N'); time.sleep(60)",
        {Outcome.PROTOCOL},
    ),
    "an exception that is a remote object": (
        """
        handle = b'H' + bytes(8) + bytes(4)
        frame(struct.pack('<QB', nonce(), 2) + handle); time.sleep(60)
        """,
        {Outcome.PROTOCOL},
    ),
    "a forged exception of unknown outcome": (
        """
        ours('guest.process').describe = lambda *a: {
            'type_name': 'X', 'mro': [], 'text': '', 'frames': [], 'outcome': 'passed'}
        raise ValueError
        """,
        {Outcome.PROTOCOL},
    ),
    "a forged exception with hostile frames": (
        """
        ours('guest.process').describe = lambda *a: {
            'type_name': 'X' * 10**5, 'mro': ['Y'] * 1000, 'text': 'Z' * 10**6, 'outcome': 'raised',
            'frames': [['/etc/passwd', 1, 'f'], ['student.py', 10**9, 'g'], 7, ['student.py', -1, 'h']] * 100}
        raise ValueError
        """,
        {Outcome.RAISED},
    ),
    "a million reported leaves": (
        """
        number = b"i" + struct.pack("<q", 9)
        leaf = b"t\\x03\\0\\0\\0" + number + b"t\\x01\\0\\0\\0" + number + number
        head = struct.pack("<QB", nonce(), 1) + b"N"
        rpc = socket.socket(fileno=rpc_fd())
        body = head + b"t\\x02\\0\\0\\0" + number + b"t" + struct.pack("<I", 10**6) + leaf * 10**6
        rpc.sendall(struct.pack("<Q", len(body)) + body)
        """,
        {Outcome.PROTOCOL},
    ),
    "a leaf of 2**48 elements": (
        "ours('guest.graphs').Graphs.keep = lambda *a: (1, ((5, (2**24, 2**24), 9),)); return x * 2",
        {Outcome.RAISED},
    ),
    "a leaf of overflowing shape": (
        "ours('guest.graphs').Graphs.keep = lambda *a: (1, ((5, (2**62, 2**62), 9),)); return x * 2",
        {Outcome.PROTOCOL},
    ),
    "a graph report that is no report": (
        "ours('guest.graphs').Graphs.keep = lambda *a: 'graph'; return x * 2", {Outcome.PROTOCOL},
    ),
    "shapes that change between two reports": (
        """
        shapes = iter([(2,), (3,)])
        ours('guest.graphs').Graphs.keep = lambda *a: (1, ((5, next(shapes), 9), (5, (4,), 9)))
        return x * 2
        """,
        {Outcome.PROTOCOL},
    ),
    "a gradient of another shape": (
        "ours('guest.graphs').Graphs.vjp = lambda *a: ([torch.ones(1, 2, 3)], []); return x * 2", {Outcome.PROTOCOL},
    ),
    "a gradient of another dtype": (
        "ours('guest.graphs').Graphs.vjp = lambda *a: ([torch.ones(3, dtype=torch.int64)], []); return x * 2",
        {Outcome.PROTOCOL},
    ),
    "too few gradients": ("ours('guest.graphs').Graphs.vjp = lambda *a: ([], []); return x * 2", {Outcome.PROTOCOL}),
    "gradients of NaN": (
        "ours('guest.graphs').Graphs.vjp = lambda *a: ([torch.full((3,), float('nan')).double()], []); return x * 2",
        {None},
    ),
    "a tensor of NaN": ("return torch.full((3,), float('nan'))", {None}),
    "a lying tensor subclass": (
        """
        class Liar(torch.Tensor):
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None): return True
            @property
            def shape(self): return (1, 2, 3)
            @property
            def dtype(self): return torch.float64
        return torch.ones(3).as_subclass(Liar)
        """,
        {None},
    ),
    "a tensor subclass without data": (
        "return torch.Tensor._make_wrapper_subclass(torch.Tensor, (3,), dtype=torch.float32)",
        {Outcome.RAISED, Outcome.CRASHED, None},
    ),
    "an object that is equal to everything": (
        """
        class Yes:
            def __eq__(self, other): return True
            def __bool__(self): return True
            def __len__(self): return 10**9
        return Yes()
        """,
        {None},
    ),
    "ten thousand and one handles": (
        "class Thing: pass\n        return [Thing() for _ in range(10_001)]", {Outcome.OUTPUT},
    ),
    "a closed channel": ("os.close(rpc_fd())\n        while True: time.sleep(1)", {Outcome.CRASHED}),
    "closed standard streams": ("os.close(1); os.close(2); print('lost'); return 1", {None, Outcome.RAISED}),
    "a replaced sys.stdout": ("sys.stdout = None; return 1", {None}),
    "a daemon": (
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        return 1
        """,
        {Outcome.RAISED},
    ),
    "a fork bomb": ("while True: os.fork()", {Outcome.RAISED}),
    "a daemon thread that goes on": (
        "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start(); return 1", {None},
    ),
    "kill(-1)": ("os.kill(-1, signal.SIGKILL); return 1", {Outcome.RAISED}),
    "kill of the parent": ("os.kill(os.getppid() or 2, signal.SIGKILL); return 1", {Outcome.RAISED}),
    # Process 1 of a namespace cannot stop itself; elsewhere it does.
    "stopping itself": ("os.kill(os.getpid(), signal.SIGSTOP); return 1", {Outcome.TIMEOUT, None}),
    "ignoring every signal": (
        """
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): continue
        while True: pass
        """,
        {Outcome.TIMEOUT},
    ),
    "an allocation of 30 GB": ("return torch.empty(30 << 30, dtype=torch.uint8)", {Outcome.MEMORY}),
    "an answer for which memory is lacking": (
        """
        def fail(*arguments): raise MemoryError
        ours('guest.process').encode_frame = fail
        """,
        {Outcome.MEMORY},
    ),
    "an answer for which memory is lacking, as C code of Python says it": (
        """
        def fail(*arguments): raise SystemError('returned NULL without setting an exception')
        ours('guest.process').encode_frame = fail
        """,
        {Outcome.MEMORY},
    ),
    "memory that C++ lacks": ("raise RuntimeError('std::bad_alloc')", {Outcome.MEMORY}),
    "endless printing": ("while True: print('x' * 10_000)", {Outcome.OUTPUT}),
    "endless printing past Python": ("while True: os.write(2, bytes(65536))", {Outcome.OUTPUT}),
    "prlimit on the parent": (
        "import resource; return resource.prlimit(os.getppid() or 2, resource.RLIMIT_NOFILE, (0, 0))", {Outcome.RAISED},
    ),
    "an internet socket": ("return socket.socket(socket.AF_INET, socket.SOCK_STREAM)", {Outcome.RAISED}),
    "a netlink socket": ("return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", {Outcome.RAISED}),
    "a unix socket": ("return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)", {Outcome.RAISED}),
    "exec": ("os.execv('/bin/sh', ['sh', '-c', 'true'])", {Outcome.RAISED}),
    "a traced parent": (
        """
        import ctypes
        if ctypes.CDLL(None).ptrace(16, os.getppid() or 2, 0, 0) == 0: return 'attached'
        raise PermissionError('refused')
        """,
        {Outcome.RAISED},
    ),
}  # fmt: skip
LIMITS = {"check_wall_s": 3.0, "memory_bytes": 1024 * MIB, "output_bytes": 1 * MIB}


def source_of(attack: str) -> str:
    """Return the student file of one attack."""
    body = "\n".join("    " + line.strip("\n").removeprefix("        ") for line in attack.strip("\n").splitlines())
    return TOOLS + "\ndef attack(x):\n" + body + "\n"


def open_descriptors() -> int:
    """Return how many descriptors this process holds."""
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def census(zygote: Zygote) -> Iterator[None]:
    """Nothing of a guest is left when its session is closed: no process below the zygote, no descriptor of ours."""
    before = open_descriptors()
    yield
    # The channel's end is seen a moment before the kernel has cleared the process table.
    _, alive = psutil.wait_procs(psutil.Process(zygote.pid).children(recursive=True), timeout=2)
    assert alive == []
    assert open_descriptors() == before


def outcome_of(session: Session) -> Outcome | None:
    """Attack with a tensor that requires a gradient, use the answer as a suite would, and return the outcome."""
    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    try:
        value = session.submission.attack(x)
        if isinstance(value, torch.Tensor) and value.requires_grad:
            torch.autograd.grad(value.sum(), x)
        session.submission.one()
    except GuestLost as lost:
        return lost.outcome
    except SubmissionError as error:
        return error.outcome
    return None


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_its_outcome(open_session: OpenSession, census: None, tier: Tier, name: str) -> None:
    """The attack's outcome is one it deserves, in time, and the next check is served by a clean guest."""
    code, allowed = ATTACKS[name]
    session = open_session(source_of(code), at=tier, **LIMITS)
    started = time.monotonic()
    outcome = outcome_of(session)
    assert outcome in allowed, session.lost or outcome
    assert time.monotonic() - started < LIMITS["check_wall_s"] + 1.0
    session.end_check()
    session.close()
    session.open(seed=1)
    begin(session)
    assert session.submission.one() == 1
    session.close()


def test_nan_never_becomes_a_number(open_session: OpenSession, tier: Tier) -> None:
    """NaN and infinity arrive as themselves, so a comparison can refuse them."""
    session = open_session("def f():\n    return [float('nan'), float('inf'), -float('inf')]\n", at=tier)
    nan, positive, negative = session.submission.f()
    assert nan != nan
    assert (positive, negative) == (float("inf"), -float("inf"))


READS = """
import os

def visible_processes():
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []

def read(path):
    with open(path, "rb") as file:
        return file.read(100)

def environment():
    return dict(os.environ)

def own_environment():
    with open("/proc/self/environ") as file:
        return file.read()

def descriptors():
    return sorted(int(fd) for fd in os.listdir("/proc/self/fd"))
"""


def secret_paths() -> list[str]:
    """Return files that a guest must not read: the host's memory and environment, hidden suites, solutions."""
    root = Path(__file__).resolve().parents[2]
    found = [str(path) for pattern in ("tests/hidden/**/*.py", "solutions/**/*.py") for path in root.glob(pattern)][:4]
    pid = os.getpid()
    return [f"/proc/{pid}/environ", f"/proc/{pid}/mem", f"/proc/{pid}/maps", "/etc/shadow", __file__, *found]


def test_a_guest_reads_nothing_of_the_host(open_session: OpenSession, tier: Tier) -> None:
    """Files, memory and environment of the host are out of reach."""
    session = open_session(READS, at=tier)
    for path in secret_paths():
        with pytest.raises(SubmissionError, match=r"No such file|Permission denied"):
            session.submission.read(path)


def test_a_guest_in_its_own_namespace_sees_only_its_own_processes(open_session: OpenSession) -> None:
    """In tier namespaces /proc shows at most the guest; the host's processes are not there."""
    session = open_session(READS)
    if session.spec.tier is not Tier.NAMESPACES:
        pytest.skip("tier namespaces is not available here")
    assert set(session.submission.visible_processes()) <= {"1"}


def test_a_guest_inherits_neither_environment_nor_descriptors(
    open_session: OpenSession, tier: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tests have in their environment is not in the guest's, and its descriptors are streams and channel."""
    monkeypatch.setenv("GRADER_CANARY", "canary-6b1d")
    session = open_session(READS, at=tier)
    assert "canary-6b1d" not in str(session.submission.environment())
    assert not any(name.startswith(("GITHUB", "AWS", "SSH", "GRADER")) for name in session.submission.environment())


def test_a_killed_host_leaves_no_guest(zygote: Zygote, tier: Tier) -> None:
    """A host that is killed in the middle of a call takes its guest with it."""
    pid = os.fork()
    if pid == 0:
        spec = GuestSpec(tier, Limits(), (Source("student.py", "def loop():\n    while True: pass\n"),))
        session = Session(zygote, spec)
        session.open(seed=1)
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    _, alive = psutil.wait_procs(psutil.Process(zygote.pid).children(recursive=True), timeout=5)
    assert alive == []
