"""Finding GPUs by their device nodes in made-up trees, one submission per GPU, and the cap where no kernel has one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader import messages
from grader.errors import InfrastructureError
from grader.limits import Limits
from grader.sandbox import gpu_lock
from grader.sandbox.channel import ChannelClosed
from grader.sandbox.endings import ending
from grader.sandbox.fence import Cage, FenceSpec, Gpu, Lack, Tier, cage, cgroup, find_gpus, gpu_lack, rlimits
from grader.unjudged import why_absent

CONTROL = ("/dev/nvidiactl", "/dev/nvidia-uvm")
UUIDS = ("GPU-11111111-aaaa", "GPU-22222222-bbbb")


@pytest.fixture(autouse=True)
def _all_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own choice of GPUs is not asked."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def tree(root: Path, *nodes: str, mode: int = 0o666) -> str:
    """Make nodes below a folder that stands for /."""
    for node in nodes:
        path = root / node.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        path.chmod(mode)
    return str(root)


def text(root: Path, path: str, content: str) -> None:
    """Write a file of /proc."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def two_gpus(root: Path) -> str:
    """Two GPUs whose driver tells their UUIDs; on the bus they lie the other way round."""
    for number, bus in ((0, "0000:41:00.0"), (1, "0000:01:00.0")):
        content = f"Model: \t\t A GPU\nGPU UUID: \t {UUIDS[number]}\nDevice Minor: \t {number}\n"
        text(root, f"/proc/driver/nvidia/gpus/{bus}/information", content)
    return tree(root, "/dev/nvidia0", "/dev/nvidia1", *CONTROL, "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")


# --- finding ----------------------------------------------------------------------------------------------------------


def test_a_gpu_has_its_own_node_and_those_that_all_share(tmp_path: Path) -> None:
    """Never the node of another GPU."""
    first, second = find_gpus(two_gpus(tmp_path))
    shared = (*CONTROL, "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")
    assert first == Gpu(0, ("/dev/nvidia0", *shared), UUIDS[0])
    assert second == Gpu(1, ("/dev/nvidia1", *shared), UUIDS[1])
    assert gpu_lack(str(tmp_path)) is None


def test_nodes_of_older_drivers_may_be_absent(tmp_path: Path) -> None:
    """Only the control node and that of unified memory are required, and nothing below /proc."""
    assert find_gpus(tree(tmp_path, "/dev/nvidia3", *CONTROL)) == (Gpu(3, ("/dev/nvidia3", *CONTROL)),)


def test_a_gpu_cut_into_slices_comes_with_theirs(tmp_path: Path) -> None:
    """The capabilities of its own instances, none to configure or watch MIG, none of another GPU."""
    root = two_gpus(tmp_path)
    capabilities = "/proc/driver/nvidia/capabilities"
    places = {
        f"{capabilities}/mig/config": 1, f"{capabilities}/gpu0/mig/gi1/access": 12,
        f"{capabilities}/gpu0/mig/gi1/ci0/access": 13, f"{capabilities}/gpu1/mig/gi1/access": 147,
    }  # fmt: skip
    for path, minor in places.items():
        text(tmp_path, path, f"DeviceFileMinor: {minor}\nDeviceFileMode: 292\n")
        tree(tmp_path, f"/dev/nvidia-caps/nvidia-cap{minor}")
    first, second = find_gpus(root)
    assert [node for node in first.nodes if "caps" in node] == [f"/dev/nvidia-caps/nvidia-cap{n}" for n in (12, 13)]
    assert [node for node in second.nodes if "caps" in node] == ["/dev/nvidia-caps/nvidia-cap147"]


def test_windows_subsystem_has_one_node(tmp_path: Path) -> None:
    """There the GPU is reached through /dev/dxg alone."""
    assert find_gpus(tree(tmp_path, "/dev/dxg")) == (Gpu(0, ("/dev/dxg",)),)


@pytest.mark.parametrize(
    ("visible", "numbers"),
    [("", []), ("-1", []), ("1", [1]), ("0,1", [0, 1]), ("GPU-2222", [1]), ("7", []), ("MIG-5", [])],
)
def test_what_the_environment_hides_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str, numbers: list[int]
) -> None:
    """CUDA_VISIBLE_DEVICES names GPUs by place or by UUID; what it does not name belongs to somebody else."""
    root = two_gpus(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.number for gpu in find_gpus(root)] == numbers
    assert gpu_lack(root) is (None if numbers else Lack.NOT_VISIBLE)


@pytest.mark.parametrize(
    ("nodes", "mode", "lack"),
    [
        (("/dev/null",), 0o666, Lack.NO_NODES),
        (("/dev/nvidia0", "/dev/nvidiactl"), 0o666, Lack.NO_CONTROL_NODES),
        (CONTROL, 0o666, Lack.NO_NODES),
        (("/dev/nvidia0", *CONTROL), 0o000, Lack.CLOSED_NODES),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, nodes: tuple[str, ...], mode: int, lack: Lack) -> None:
    """No GPU, no node of unified memory, nodes that a guest could not open: each has its sentence."""
    root = tree(tmp_path, *nodes, mode=mode)
    assert (find_gpus(root), gpu_lack(root)) == ((), lack)


def test_every_reason_is_a_sentence() -> None:
    """None is said by the sentence of another one, and what a guest said is part of the last."""
    said = [why_absent("cuda", lack, "2.13.0+cpu") for lack in Lack] + [why_absent("cuda", "It broke.", "2.13.0")]
    assert len(set(said)) == len(Lack) + 1
    assert "torch 2.13.0+cpu is a build for the CPU" in why_absent("cuda", Lack.NO_BUILD, "2.13.0+cpu")
    assert "It broke. `grader doctor`" in said[-1]


# --- one at a time ----------------------------------------------------------------------------------------------------

GPUS = (Gpu(0, ("/dev/nvidia0",)), Gpu(1, ("/dev/nvidia1",)))
HOLDER = """
import sys
from grader.sandbox import gpu_lock
from grader.sandbox.fence import Gpu
gpu_lock.FOLDER = sys.argv[1]
held = gpu_lock.try_to_hold([Gpu(0, ("/dev/nvidia0",))])
print(held is not None, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of locks of our own."""
    monkeypatch.setattr(gpu_lock, "FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def other(locks: Path) -> subprocess.Popen[str]:
    """Another process that holds the first GPU."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(locks)], text=True, **pipes)  # type: ignore[call-overload]
    try:
        assert process.stdout.readline() == "True\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def test_a_gpu_that_another_process_holds_is_not_given_out(other: subprocess.Popen[str]) -> None:
    """The next one is, as long as there is one; when the holder is killed, the kernel gives the lock back."""
    assert gpu_lock.try_to_hold(GPUS[:1]) is None
    held = gpu_lock.try_to_hold(GPUS)
    assert held is not None
    assert held.gpu.number == 1
    assert gpu_lock.try_to_hold(GPUS) is None
    other.kill()
    other.wait(timeout=60)
    again = gpu_lock.try_to_hold(GPUS)
    assert again is not None
    assert again.gpu.number == 0
    held.release()
    again.release()


def test_waiting_is_told_once_and_ends_when_the_gpu_is_free(other: subprocess.Popen[str]) -> None:
    """Nothing is said where nobody waits."""
    told, looks = [], []

    def wait(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            other.kill()
            other.wait(timeout=60)

    with gpu_lock.hold(GPUS[:1], lambda: told.append("busy"), wait) as held:
        assert (held.gpu.number, told, len(looks)) == (0, ["busy"], 3)
    with gpu_lock.hold(GPUS[:1], lambda: told.append("busy"), wait):
        assert told == ["busy"]


def test_waiting_can_be_given_up(other: subprocess.Popen[str]) -> None:
    """Whatever the pause raises ends it."""

    def gone(seconds: float) -> None:
        raise ConnectionResetError("nobody waits any more")

    with pytest.raises(ConnectionResetError, match="nobody waits"):
        gpu_lock.hold(GPUS[:1], lambda: None, gone)


def test_a_release_holds_although_a_fork_lives_on(locks: Path) -> None:
    """A judge is a fork of the worker that holds the lock; one that will not end must not keep the GPU."""
    held = gpu_lock.try_to_hold(GPUS[:1])
    assert held is not None
    read_fd, write_fd = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write_fd)
        os.read(read_fd, 1)  # until the test is over
        os._exit(0)
    os.close(read_fd)
    held.release()
    held.release()
    free = gpu_lock.try_to_hold(GPUS[:1])
    os.close(write_fd)
    os.waitpid(child, 0)
    assert free is not None
    free.release()


def test_without_a_gpu_nothing_is_held(locks: Path) -> None:
    """And a lock file that is a link, or a folder, is refused by its name."""
    with pytest.raises(InfrastructureError, match="no GPU can be used any more"):
        gpu_lock.hold((), lambda: None)
    os.symlink("/etc/passwd", gpu_lock.path_of(GPUS[0]))
    with pytest.raises(InfrastructureError, match=r"grader-gpu-0\.lock.* cannot be opened: Too many levels"):
        gpu_lock.try_to_hold(GPUS)


# --- the cap on memory ------------------------------------------------------------------------------------------------


def test_memory_is_watched_where_no_control_group_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU guest has no limit on its address space, so its keeper looks at what it holds; others need no watch."""
    monkeypatch.setattr(cage, "homes", lambda: ())
    monkeypatch.setattr(cage, "GPU_HOST_BYTES", 0)
    limits = Limits(memory_bytes=1 << 40)
    plain, roomy = (Cage(FenceSpec(Tier.NAMESPACES, limits, gpu=gpu), None) for gpu in (None, GPUS[0]))
    tight = Cage(FenceSpec(Tier.NAMESPACES, Limits(memory_bytes=-rlimits.private_bytes()), gpu=GPUS[0]), None)
    try:
        assert [one.watched for one in (plain, roomy, tight)] == [False, True, True]
        assert [one.exceeds_memory(os.getpid()) for one in (plain, roomy, tight)] == [False, False, True]
        assert not tight.exceeds_memory(2**22 + 1)  # a process that has ended
    finally:
        for one in (plain, roomy, tight):
            one.remove()


def test_a_control_group_allows_for_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CUDA itself keeps and starts is not the student's; then nothing needs to be watched."""
    made: list[tuple[int, int]] = []

    class Group:
        def __init__(self, memory_bytes: int, tasks: int) -> None:
            made.append((memory_bytes, tasks))

        def remove(self) -> None:
            """Nothing was made."""

    monkeypatch.setattr(cage, "homes", lambda: (cgroup.Home("/", 2, ("memory",)),))
    monkeypatch.setattr(cage, "Cgroup", Group)
    for gpu in (None, GPUS[0]):
        one = Cage(FenceSpec(Tier.NAMESPACES, Limits(), gpu=gpu), None)
        assert not one.watched
        one.remove()
    (plain, tasks), (with_gpu, more_tasks) = made
    assert with_gpu - plain == cage.GPU_HOST_BYTES
    assert (tasks, more_tasks) == (64, 128)


def test_a_guest_killed_for_its_memory_is_told_so() -> None:
    """The keeper's word becomes the outcome memory, with the limit."""
    outcome, sentence = ending(ChannelClosed(), {"status": -9, "memory_exceeded": True}, Limits(), 5.0)
    assert (outcome.value, sentence) == ("memory", messages.MEMORY.format(limit_mib=2048))
