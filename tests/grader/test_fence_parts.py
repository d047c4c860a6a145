"""What keepers hold (control groups, scratch folders), which folders a guest may read, and how failures are said."""

from __future__ import annotations

import os
import platform
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import FenceError
from grader.limits import Limits
from grader.sandbox import fence
from grader.sandbox.fence import Tier, cgroup, failure, kernel, landlock, paths, privileges, scratch
from tests.grader.fence_guest import LIMITS, available, in_fence, without_fence

_PATIENCE_S = 20.0  # only how long a failing test waits before it says so

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="only Linux has a fence")


@pytest.fixture
def groups() -> tuple[cgroup.Home, ...]:
    """Where control groups can be made; skips where nowhere."""
    if not cgroup.homes():
        pytest.skip("no control group with a memory limit can be made here")
    return cgroup.homes()


def _ours(homes: tuple[cgroup.Home, ...]) -> list[str]:
    return [name for home in homes for name in os.listdir(home.folder) if name.endswith(f"-{os.getpid()}")]


# --- scratch folders ----------------------------------------------------------------------------------------------


def test_a_scratch_folder_is_private_and_gone_after_removal() -> None:
    """Nobody but its owner may enter it, and nothing of it stays."""
    path = scratch.make(None)
    assert os.stat(path).st_mode & 0o777 == 0o700
    scratch.remove(path)
    assert not os.path.exists(path)


def test_removing_a_scratch_folder_follows_no_link(tmp_path: Path) -> None:
    """A link that the guest planted is removed; what it points to stays, with its permissions."""
    treasure = tmp_path / "treasure"
    treasure.mkdir(mode=0o500)
    (tmp_path / "file").write_text("kept")
    path = scratch.make(None)
    os.symlink(treasure, Path(path, "folder"))
    os.symlink(tmp_path / "file", Path(path, "link"))
    inner = Path(path, "inner")
    inner.mkdir()
    os.symlink(treasure, inner / "folder")
    scratch.remove(path)
    assert (tmp_path / "file").read_text() == "kept"
    assert treasure.stat().st_mode & 0o777 == 0o500
    assert not os.path.exists(path)


def test_a_scratch_folder_nested_too_deep_for_any_path_is_removed() -> None:
    """Depth beyond the longest path, the recursion limit and the descriptor limit does not protect a folder."""
    path, here = scratch.make(None), os.getcwd()
    os.chdir(path)
    for _ in range(1500):
        os.mkdir("deeper")
        os.chdir("deeper")
    Path("treasure").write_text("x")
    os.chdir(here)
    scratch.remove(path)
    assert not os.path.exists(path)


def test_a_scratch_folder_without_permissions_is_removed() -> None:
    """A guest that takes its own permissions away keeps nothing. (Root would not notice: run as another user too.)"""
    path = scratch.make(None)
    locked = Path(path, "locked", "inner")
    locked.mkdir(parents=True)
    (locked / "file").write_text("x")
    locked.chmod(0)
    locked.parent.chmod(0)
    Path(path).chmod(0)
    scratch.remove(path)
    assert not os.path.exists(path)


def test_a_scratch_folder_that_guessed_our_names_is_removed() -> None:
    """Names that the removal would give to moved folders may be taken already."""
    path = scratch.make(None)
    for index in range(3):
        Path(path, f"grader-scratch-{index}", "a", "b").mkdir(parents=True)
    scratch.remove(path)
    assert not os.path.exists(path)


def test_a_scratch_folder_that_outgrows_its_limit_is_noticed() -> None:
    """Bytes, number of files, and folders we may not look into all count."""
    path = scratch.make(None)
    try:
        assert not scratch.exceeds(path, 1 << 20, os.getpid())
        Path(path, "folder").mkdir()
        Path(path, "folder", "big").write_bytes(bytes(2 << 20))
        assert scratch.exceeds(path, 1 << 20, os.getpid())
        assert not scratch.exceeds(path, 4 << 20, os.getpid())
        for index in range(scratch.MAX_FILES):
            Path(path, str(index)).touch()
        assert scratch.exceeds(path, 4 << 20, os.getpid())
    finally:
        scratch.remove(path)


# --- control groups -----------------------------------------------------------------------------------------------


def test_a_control_group_is_gone_after_removal(groups: tuple[cgroup.Home, ...]) -> None:
    """Nothing is left in any hierarchy."""
    group = cgroup.Cgroup(1 << 30, 16)
    assert len(_ours(groups)) == len(groups)
    assert group.oom_kills() == 0
    group.remove()
    assert _ours(groups) == []


def test_a_control_group_that_a_killed_keeper_left_is_swept(groups: tuple[cgroup.Home, ...]) -> None:
    """Groups whose keeper is gone are removed; those of the living stay."""
    keeper = os.fork()
    if keeper == 0:
        cgroup.Cgroup(1 << 30, 16)
        os.kill(os.getpid(), signal.SIGKILL)
    mine = cgroup.Cgroup(1 << 30, 16)
    os.waitpid(keeper, 0)
    try:
        _sweep_after(keeper)
        assert len(_ours(groups)) == len(groups)
    finally:
        mine.remove()


def test_the_kernel_ends_a_guest_that_hides_memory_from_its_limits(groups: tuple[cgroup.Home, ...]) -> None:
    """Pages touched beyond the group's cap kill, and the keeper can tell so. Address space is left unlimited here."""

    def hoard() -> int:
        group = cgroup.Cgroup(64 << 20, 16)
        child = os.fork()
        if child == 0:
            group.join()
            hoarded = [bytes(b"x" * (8 << 20)) for _ in range(200)]
            os._exit(len(hoarded) and 3)
        _, status = os.waitpid(child, 0)
        kills = group.oom_kills()
        group.remove()
        return kills if os.WIFSIGNALED(status) else -1

    assert groups
    assert without_fence(hoard).value == 1


# --- readable paths -----------------------------------------------------------------------------------------------


def test_the_interpreter_is_readable_and_the_project_is_not() -> None:
    """Installed packages are named, the checkout they may be linked to is not."""
    readable = paths.readable_paths()
    assert paths.is_inside(os.path.realpath(os.__file__), readable)
    assert paths.is_inside(os.path.realpath(pytest.__file__), readable)
    project = Path(__file__).resolve().parents[2]
    for hidden in (project, project / "tests" / "hidden", project / "solutions", project / "grader", Path.home()):
        assert not paths.is_inside(str(hidden), readable), hidden


def test_a_checkout_on_the_path_is_not_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editable installs put folders on sys.path that hold more than software."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert not paths.is_inside(str(tmp_path), paths.readable_paths())


def test_a_prefix_around_the_course_is_not_taken_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual environment made in the checkout itself shows its libraries and nothing beside them."""
    for name in ("lib", "solutions"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    readable = paths.readable_paths()
    assert str(tmp_path / "lib") in readable
    assert not paths.is_inside(str(tmp_path / "solutions"), readable)


def test_a_course_inside_installed_software_is_refused() -> None:
    """What every guest can read must not hold tests or solutions."""
    fence.require_hidden([Path(__file__).resolve().parents[2] / "tests" / "hidden"])
    inside = os.path.dirname(os.path.realpath(os.__file__))
    with pytest.raises(FenceError, match="which every guest can read") as caught:
        fence.require_hidden([inside])
    assert "move the course" in caught.value.fix


# --- failures -----------------------------------------------------------------------------------------------------


def test_a_path_that_cannot_be_granted_stops_the_fence() -> None:
    """A ruleset is never applied in part: a missing path is an error, not a smaller fence."""
    if not kernel.landlock_abi():
        pytest.skip("no Landlock here")
    with pytest.raises(FileNotFoundError, match="no-such-folder"):
        landlock.ruleset({"/no-such-folder": landlock.READ}, kernel.landlock_abi())


@pytest.mark.parametrize("tier", [Tier.NAMESPACES, Tier.LANDLOCK], ids=str)
def test_an_extra_path_that_is_missing_stops_the_fence(tier: Tier) -> None:
    """What was asked for and cannot be had raises, and names the path."""
    available(tier)
    spec = fence.FenceSpec(tier, LIMITS, read_only=("/no-such-data",), lane=8)
    assert "/no-such-data" in without_fence(lambda: _failure(spec)).value


def _failure(spec: fence.FenceSpec) -> str:
    """Raise a fence with the forks of the real thing and return what its failure says."""
    cage = fence.isolate(spec)
    read_fd, write_fd = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            fence.confine(spec, {write_fd}, cage)
        except FenceError as error:
            os.write(write_fd, str(error).encode())
        os._exit(0)
    os.close(write_fd)
    os.waitpid(child, 0)
    cage.remove()
    with open(read_fd) as pipe:
        return pipe.read()


@pytest.mark.parametrize("tier", [Tier.NAMESPACES, Tier.LANDLOCK], ids=str)
def test_an_extra_path_can_be_read_and_not_written(tier: Tier) -> None:
    """`read_only` shows one more folder, read-only."""
    available(tier)
    data = "/usr/include" if os.path.isdir("/usr/include") else "/etc/ssl"
    spec = fence.FenceSpec(tier, LIMITS, read_only=(data,), lane=8)

    def look() -> list[bool]:
        return [bool(os.listdir(data)), os.access(data, os.W_OK)]

    assert in_fence(tier, look, spec=spec).value == [True, False]
    assert in_fence(tier, lambda: os.listdir(data)).error in ("Permission denied", "No such file or directory")


def test_a_second_thread_stops_the_fence() -> None:
    """Landlock binds one thread, so a guest that has two is not fenced."""
    available(Tier.LANDLOCK)

    def confine_with_two_threads() -> str:
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        spec = fence.FenceSpec(Tier.LANDLOCK, LIMITS, lane=8)
        cage = fence.isolate(spec)
        thread.start()
        try:
            fence.confine(spec, {1, 2}, cage)
        except FenceError as error:
            return str(error)
        finally:
            stop.set()
            cage.remove()
        return ""

    assert "2 threads" in without_fence(confine_with_two_threads).value


def test_a_lane_without_a_user_is_refused() -> None:
    """Only so many guests can run side by side with users of their own."""
    with pytest.raises(ValueError, match="lane 1000 is outside 0 to 999"):
        privileges.unused_uid(1000)


def test_a_fence_error_names_primitive_problem_and_fix() -> None:
    """The three are attributes, and the text holds them all."""

    def fail() -> None:
        with failure.applying(failure.Layer.NAMESPACES):
            os.stat("/no/such/file")

    with pytest.raises(FenceError, match=r"namespaces: .*/no/such/file.* Fix: ") as caught:
        fail()
    assert caught.value.primitive == "namespaces"
    assert "sysctl" in caught.value.fix


# --- lives --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", [Tier.NAMESPACES, Tier.LANDLOCK], ids=str)
def test_a_guest_dies_with_its_keeper(tier: Tier) -> None:
    """Killing the keeper, even by SIGKILL, leaves no process: the guest's end of a pipe is closed by its death."""
    available(tier)
    alive_fd, guest_end = os.pipe()
    ready_fd, ready_end = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(alive_fd)
        _hold_a_guest(tier, guest_end, ready_end)
    os.close(guest_end)
    os.close(ready_end)
    assert os.read(ready_fd, 1) == b"r"
    os.kill(keeper, signal.SIGKILL)
    os.waitpid(keeper, 0)
    died, _, _ = select.select([alive_fd], [], [], _PATIENCE_S)
    assert died, "the guest outlived its keeper"
    assert os.read(alive_fd, 1) == b""
    os.close(alive_fd)
    os.close(ready_fd)
    _sweep_after(keeper)


def test_what_a_killed_keeper_left_is_swept() -> None:
    """Its scratch folder goes, whatever is in it; that of a keeper which lives stays."""
    read_fd, write_fd = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        path = scratch.make(None)
        Path(path, "folder", "inner").mkdir(parents=True)
        os.write(write_fd, path.encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(keeper, 0)
    os.close(write_fd)
    with open(read_fd) as pipe:
        left = pipe.read()
    mine = scratch.make(None)
    assert os.path.exists(left)
    assert fence.sweep() >= 1
    assert [os.path.exists(left), os.path.exists(mine)] == [False, True]
    scratch.remove(mine)


def test_a_guest_whose_keeper_is_gone_does_not_start() -> None:
    """A keeper that ended before its guest asked to die with it would leave a survivor."""
    read_fd, write_fd = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        cage = fence.isolate(fence.FenceSpec(Tier.NONE, LIMITS))
        go_fd, go = os.pipe()
        if os.fork() == 0:
            os.close(go)
            os.read(go_fd, 1)  # until the keeper is gone
            _report_failure(cage.join, write_fd)
        cage.remove()
        os._exit(0)
    os.close(write_fd)
    os.waitpid(keeper, 0)
    with open(read_fd) as pipe:
        assert "ended too early" in pipe.read()


def _report_failure(body: Callable[[], None], report_fd: int) -> None:
    try:
        body()
    except FenceError as error:
        os.write(report_fd, str(error).encode())
    os._exit(0)


def _sweep_after(keeper: int) -> None:
    """Sweep until the kernel has let go of the dead: a group empties a moment after its last member died."""
    deadline = time.monotonic() + _PATIENCE_S
    while any(name.endswith(f"-{keeper}") for home in cgroup.homes() for name in os.listdir(home.folder)):
        assert time.monotonic() < deadline, "the dead guest's control group could not be removed"
        fence.sweep()


def _hold_a_guest(tier: Tier, guest_end: int, ready_end: int) -> None:
    """Be a keeper whose guest says that it is ready and then waits for ever."""
    spec = fence.FenceSpec(tier, Limits(), lane=8)
    cage = fence.isolate(spec)
    child = os.fork()
    if child == 0:
        cage.join()
        fence.confine(spec, {guest_end, ready_end}, cage)
        signal.alarm(int(2 * _PATIENCE_S))  # a failing test leaves no guest for ever
        os.write(ready_end, b"r")
        while True:
            signal.pause()
    os.close(guest_end)
    while True:
        signal.pause()
