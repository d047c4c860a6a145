"""What a guest is refused, at every tier, each with a control: without the fence the same attempt is not refused."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import threading
from pathlib import Path

import pytest

from grader.sandbox.fence import Layer, Tier
from tests.grader.fence_attacks import DENIALS, PROJECT, Denial, call
from tests.grader.fence_guest import LIMITS, available, in_fence, without_fence

_FENCED = (Tier.NAMESPACES, Tier.LANDLOCK)
_SEEN_WITHOUT_LANDLOCK = ("list /root", "list the processes", "read the parent's command line")
pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="only Linux has a fence")


@pytest.fixture(params=_FENCED, ids=str)
def tier(request: pytest.FixtureRequest) -> Tier:
    """Every tier that this machine and user can raise."""
    return available(request.param)


@pytest.mark.parametrize("denial", DENIALS, ids=lambda denial: denial.name)
def test_a_fenced_guest_is_refused(denial: Denial, tier: Tier) -> None:
    """The attack fails, and with the error of the layer that is meant to stop it."""
    ended = in_fence(tier, denial.attack)
    if denial.name in _SEEN_WITHOUT_LANDLOCK and Layer.LANDLOCK not in ended.layers:
        pytest.skip("without Landlock the private root shows this, and it holds nothing of the machine")
    assert ended.error in denial.errors, ended


@pytest.mark.parametrize("denial", [denial for denial in DENIALS if denial.control], ids=lambda denial: denial.name)
def test_without_a_fence_the_same_attempt_is_not_refused(denial: Denial) -> None:
    """It is the fence that refuses: unfenced the attempt succeeds or fails for another reason."""
    if denial.control == "root" and os.geteuid() != 0:
        pytest.skip("needs root: another user is refused with or without a fence")
    ended = without_fence(denial.attack)
    assert ended.error not in denial.errors, ended
    assert ended.value or ended.error, ended


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has a second calling convention")
def test_a_system_call_of_the_x32_convention_kills_the_guest(tier: Tier) -> None:
    """The same call under another number would slip past the table, so it is fatal."""
    ended = in_fence(tier, lambda: ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39)))
    assert ended.signal == signal.SIGSYS


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has a second calling convention")
def test_without_a_fence_the_x32_convention_kills_nobody() -> None:
    """Control: it is the filter that kills."""
    ended = without_fence(lambda: ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39)))
    assert ended.signal == 0


def test_inherited_descriptors_are_gone_but_for_those_kept(tier: Tier) -> None:
    """A descriptor opened before the fence reaches nobody unless it was named."""
    lost, kept = os.open("/etc/hostname", os.O_RDONLY), os.open("/etc/hostname", os.O_RDONLY)

    def look() -> list[bool]:
        return [_is_open(fd) for fd in (lost, kept)]

    try:
        assert in_fence(tier, look, keep_fds=(kept,)).value == [False, True]
        assert without_fence(look).value == [True, True]
    finally:
        os.close(lost)
        os.close(kept)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_no_secret_of_the_environment_reaches_the_guest(tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the named variables survive, whatever the process was started with."""
    monkeypatch.setenv("COURSE_TOKEN", "secret")
    assert "COURSE_TOKEN" in without_fence(lambda: list(os.environ)).value
    names = set(in_fence(tier, lambda: list(os.environ)).value)
    assert "COURSE_TOKEN" not in names
    assert names >= {"HOME", "USER", "TMPDIR", "MPLCONFIGDIR"}


def test_a_file_may_not_outgrow_its_limit(tier: Tier) -> None:
    """Writing stops at `file_bytes`."""

    def write_too_much() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        return Path("big").write_bytes(bytes(LIMITS.file_bytes + 1))

    assert in_fence(tier, write_too_much).error in ("File too large", "No space left on device")


def test_the_private_scratch_is_limited_as_a_whole() -> None:
    """Many small files do not get around the limit where the folder is the guest's own file system."""
    available(Tier.NAMESPACES)
    piece = LIMITS.file_bytes // 4

    def write_many() -> list[int]:
        return [Path(f"piece{index}").write_bytes(bytes(piece)) for index in range(8)]

    assert in_fence(Tier.NAMESPACES, write_many).error == "No space left on device"


def test_a_private_root_shows_neither_the_project_nor_the_machine() -> None:
    """Even the names above the interpreter's folder lead nowhere else."""
    available(Tier.NAMESPACES)
    places = [PROJECT / "tests", PROJECT / "solutions", PROJECT / "grader", Path("/home"), Path("/var"), Path("/run")]
    assert in_fence(Tier.NAMESPACES, lambda: [place.exists() for place in places]).value == [False] * len(places)


def test_everything_in_a_private_root_is_mounted_read_only_but_the_scratch() -> None:
    """Not permissions but the mounts themselves forbid writing, whoever the guest is."""
    available(Tier.NAMESPACES)
    places = ["/", "/usr/lib", os.path.dirname(os.path.realpath(os.__file__)), "/etc/passwd", "."]

    def look() -> list[bool]:
        return [bool(os.statvfs(place).f_flag & os.ST_RDONLY) for place in places]

    assert in_fence(Tier.NAMESPACES, look).value == [True, True, True, True, False]


def test_a_private_process_tree_holds_only_the_guest() -> None:
    """The guest is process 1 of its own namespace, so everything in it dies with it, and it has no parent there."""
    available(Tier.NAMESPACES)
    assert in_fence(Tier.NAMESPACES, lambda: [os.getpid(), os.getppid()]).value == [1, 0]


def test_own_limits_can_be_read_but_not_raised(tier: Tier) -> None:
    """Soft equals hard, so that a guest cannot give itself more."""

    def try_to_raise() -> bool:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        assert soft == hard
        try:
            resource.setrlimit(resource.RLIMIT_AS, (hard + 4096, hard + 4096))
        except (ValueError, OSError):
            return True
        return False

    assert in_fence(tier, try_to_raise).value is True


def test_a_guest_has_no_capabilities_and_can_gain_none(tier: Tier) -> None:
    """Effective, permitted, inheritable and ambient sets are empty, and exec could not fill them."""

    def read_status() -> dict[str, str]:
        lines = Path("/proc/self/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    status = in_fence(tier, read_status).value
    assert [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")] == [0, 0, 0, 0]
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert "0" not in status["Uid"].split()


def test_the_filter_covers_threads_and_lets_them_be_started(tier: Tier) -> None:
    """Threads work, and none of them may do what the first one may not."""

    def refused_in_a_thread() -> list[str]:
        found = []

        def attempt() -> None:
            try:
                call("unshare", 0)
            except OSError as error:
                found.append(os.strerror(error.errno or 0))

        threads = [threading.Thread(target=attempt) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    assert in_fence(tier, refused_in_a_thread).value == ["Operation not permitted"] * 3


def test_threads_are_capped() -> None:
    """More threads than `processes` cannot be started where the guest has a user of its own."""
    available(Tier.NAMESPACES)

    def start_many() -> int:
        stop = threading.Event()
        started = []
        with contextlib.suppress(RuntimeError):
            for _ in range(4 * LIMITS.processes):
                thread = threading.Thread(target=stop.wait, daemon=True)
                thread.start()
                started.append(thread)
        stop.set()
        return len(started)

    assert 1 <= in_fence(Tier.NAMESPACES, start_many).value < LIMITS.processes
