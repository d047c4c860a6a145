"""What the fence of a guest with a GPU opens, and what stays shut: /dev/full stands for a GPU's node.

What CUDA itself does behind it needs hardware; see the end of test_cuda.py.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import resource
import socket
import struct
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from grader.errors import FenceError
from grader.sandbox import fence
from grader.sandbox.fence import Gpu, Tier, environment, gpus, landlock, namespaces, probing, recipe, seccomp, syscalls
from tests.grader.fence_guest import LIMITS, available, in_fence
from tests.grader.test_fence_syscalls import judge as judge_call

GPU = Gpu(0, ("/dev/full",), "GPU-11111111-aaaa")
pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="only Linux has a fence")


@pytest.fixture(params=[Tier.NAMESPACES, Tier.LANDLOCK], ids=str)
def tier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tier:
    """Each fenced tier. The guest is a fork that needs no file of Python, so where Python lies does not matter."""
    monkeypatch.setattr(recipe, "_require_readable", lambda ready: None)
    return available(request.param)


def spec(tier: Tier, gpu: Gpu | None = GPU) -> fence.FenceSpec:
    """Return the fence of a guest with, or without, a GPU."""
    return fence.FenceSpec(tier, LIMITS, lane=7, gpu=gpu)


def with_and_without(tier: Tier, body: Callable[[], Any]) -> tuple[Any, Any]:
    """Run `body` in a guest with a GPU and in one without."""
    return in_fence(tier, body, spec=spec(tier)).value, in_fence(tier, body, spec=spec(tier, None)).value


def error_of(body: Callable[[], object]) -> str:
    """Return the name of the error that a call ends in; empty if it succeeds."""
    try:
        body()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


# --- in a guest -------------------------------------------------------------------------------------------------------


def drive() -> str:
    """Open the node for reading and writing, and ask its driver something that it does not know."""
    fd = os.open("/dev/full", os.O_RDWR)
    fcntl.ioctl(fd, 0xC0DE)
    return ""


def test_the_node_can_be_driven_by_its_guest_only(tier: Tier) -> None:
    """The request reaches the driver (which does not know it); without the GPU the node is not there, or not open."""
    has, has_not = with_and_without(tier, lambda: error_of(drive))
    assert has == "ENOTTY"
    assert has_not == ("ENOENT" if tier is Tier.NAMESPACES else "EACCES")


def name_threads() -> list[str]:
    """Name this thread and another one, as cuInit does, and read the names back."""
    names: list[str] = []

    def name() -> None:
        path = f"/proc/self/task/{threading.get_native_id()}/comm"

        def write() -> None:
            with open(path, "w") as file:
                file.write("cuda-name")

        if failed := error_of(write):
            names.append(failed)
        else:
            with open(path) as file:
                names.append(file.read().strip())

    thread = threading.Thread(target=name)
    name()
    thread.start()
    thread.join()
    return names


def test_threads_can_be_named_and_nothing_else_in_proc_is_written(tier: Tier) -> None:
    """cuInit ends in error 304 where it cannot; the guest's other files stay read-only, as those of other processes."""
    assert with_and_without(tier, name_threads) == (["cuda-name"] * 2, ["EACCES"] * 2)
    paths = ("/proc/self/oom_score_adj", "/proc/self/comm", "/proc/sys/vm/mmap_min_addr")
    opened = in_fence(tier, lambda: [error_of(partial(open, path, "r+")) for path in paths], spec=spec(tier)).value
    assert opened == ["EACCES"] * 3


def test_what_the_driver_reads_can_be_read(tier: Tier) -> None:
    """/sys, without which cuInit fails, and the few files of /proc; nothing there can be written."""

    def look() -> list[Any]:
        listed = {path: os.listdir if os.path.isdir(path) else open for path in gpus.READABLE_PROC}
        files = [path for path, look_into in listed.items() if not error_of(partial(look_into, path))]
        return [bool(error_of(lambda: os.listdir("/sys"))), os.access("/sys", os.W_OK), "/proc/devices" in files]

    assert with_and_without(tier, look) == ([False, False, True], [True, False, False])


def test_a_local_socket_can_be_bound_and_reaches_nobody(tier: Tier) -> None:
    """CUDA binds one and does not start without; no connection is made or taken, and no datagram sent."""

    def bind() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one:
            one.bind("\0cuda-uvmfd-test")
            one.listen()

    def accept() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one:
            one.bind("\0cuda-uvmfd-test")
            one.listen()
            one.setblocking(False)
            one.accept()

    def attempts() -> list[str]:
        return [
            error_of(bind),
            error_of(accept),
            error_of(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("/nobody")),
            error_of(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)),
            error_of(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
        ]

    has, has_not = with_and_without(tier, attempts)
    assert has == ["", "EPERM", "EPERM", "EPERM", "EAFNOSUPPORT"]
    assert has_not == ["EAFNOSUPPORT"] * 5


def test_limits_make_room_for_the_driver(tier: Tier) -> None:
    """No limit on address space, which CUDA reserves by the terabyte; more threads and files, and memory files."""

    def look() -> list[Any]:
        kinds = (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_MEMLOCK)
        return [*(resource.getrlimit(kind)[1] for kind in kinds), error_of(lambda: os.memfd_create("x"))]

    has, has_not = with_and_without(tier, look)
    infinity, limits = resource.RLIM_INFINITY, LIMITS
    files = min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    assert [*has[:3], has[4]] == [infinity, limits.processes + 64, files, ""]
    assert has[3] > 0
    assert has_not[0] != infinity
    assert has_not[1:] == [limits.processes, 256, 0, "ENOSYS"]


@pytest.mark.parametrize("tier", Tier, ids=str)
def test_the_environment_shows_one_gpu_and_private_folders(tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    """What libraries compile lies in the guest's own folder; a guest of another device sees no GPU, in any tier."""
    monkeypatch.setattr(recipe, "_require_readable", lambda ready: None)
    available(tier)
    has, has_not = with_and_without(tier, lambda: [dict(os.environ), os.getcwd()])
    seen, home = has
    assert (seen["CUDA_VISIBLE_DEVICES"], seen["CUDA_DEVICE_ORDER"]) == (GPU.uuid, "PCI_BUS_ID")
    folders = [seen[name] for name in ("CUDA_CACHE_PATH", "TRITON_CACHE_DIR", "TORCH_EXTENSIONS_DIR")]
    assert len({*folders, seen["TORCHINDUCTOR_CACHE_DIR"]}) == 4
    assert all(folder.startswith(home + "/") for folder in folders)
    assert int(seen["CUDA_CACHE_MAXSIZE"]) < LIMITS.file_bytes * 64
    assert has_not[0]["CUDA_VISIBLE_DEVICES"] == ""
    assert not {name for name in has_not[0] if "CACHE_PATH" in name or "TRITON" in name}


# --- the recipe -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gpu", [Gpu(0, ("/dev/full",)), Gpu(0, ("/dev/full", "/dev/nvidia-caps/nvidia-cap1"), "GPU-1")]
)
def test_a_gpu_without_a_name_of_its_own_is_shown_by_its_nodes(gpu: Gpu) -> None:
    """An unknown UUID, or one of a GPU that is cut into slices, must not be put into CUDA_VISIBLE_DEVICES."""
    assert "CUDA_VISIBLE_DEVICES" not in environment._of_gpu("/scratch", gpu)


def test_cuda_needs_a_proc_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel refuses to mount one, student code runs without; a GPU guest is refused, with the fix."""
    available(Tier.NAMESPACES)
    monkeypatch.setattr(namespaces, "_mount_proc", lambda target: False)
    with pytest.raises(FenceError, match=r"private proc: .*CUDA does not start without it.*systempaths=unconfined"):
        probing._report_of_child(lambda report_fd: probing._keep(spec(Tier.NAMESPACES), report_fd))


def test_a_node_that_is_gone_stops_the_guest() -> None:
    """A fence is never raised in part: the missing node is named."""
    available(Tier.NAMESPACES)
    gone = spec(Tier.NAMESPACES, Gpu(0, ("/dev/no-such-gpu",)))
    with pytest.raises(FenceError, match="/dev/no-such-gpu"):
        probing._report_of_child(lambda report_fd: probing._keep(gone, report_fd))


def test_landlock_grants_a_driver_its_requests_and_threads_their_names() -> None:
    """IOCTL_DEV, which kernels with ABI 5 ask for, on the GPU's nodes alone; writing below the guest's own threads."""
    ioctl = 1 << 15
    grants = recipe.gpu_grants(Gpu(0, ("/dev/nvidia0", "/dev/nvidiactl")))
    assert {path for path, rights in grants.items() if rights & ioctl} == {"/dev/nvidia0", "/dev/nvidiactl"}
    assert {path for path, rights in grants.items() if rights & landlock._WRITE_FILE} == {
        "/dev/nvidia0", "/dev/nvidiactl", "/proc/self/task",
    }  # fmt: skip
    assert not landlock.USE_DEVICE & ioctl
    assert not grants["/proc/self/task"] & (landlock.OWN & ~landlock.CHANGE_FILES)


@pytest.mark.parametrize("machine", list(syscalls.ARCHITECTURES))
def test_the_filter_differs_in_what_cuda_needs_and_nothing_else(machine: str) -> None:
    """Sockets that cannot be reached, messages on them, memory files; all that was refused besides is refused still."""
    arch = syscalls.ARCHITECTURES[machine]
    program = seccomp.build(seccomp.GPU_REFUSED, seccomp.GPU_RULES, arch)

    def verdict(name: str, *arguments: int) -> str | int:
        nr = syscalls.number(name, arch)
        assert nr is not None
        return judge_call(machine, nr, arguments, program=program)

    assert verdict("memfd_create") == "allow"
    assert [verdict(name) for name in ("connect", "accept", "accept4")] == [errno.EPERM] * 3
    flags = (0, 0x800, 0x80000, 0x80800)
    assert {verdict("socket", 1, kind | flag) for kind in (1, 5) for flag in flags} == {"allow"}
    assert {verdict("socket", 1, kind | flag) for kind in (2, 3) for flag in flags} == {errno.EPERM}
    assert {verdict("socket", family, 1) for family in range(46) if family != 1} == {errno.EAFNOSUPPORT}
    assert [verdict("socketpair", 1, kind) for kind in (1, 2, 3)] == ["allow", errno.EPERM, errno.EPERM]
    before = {name for names in seccomp.REFUSED.values() for name in names}
    after = {name for names in seccomp.GPU_REFUSED.values() for name in names}
    assert before - after == {"memfd_create", "sendmsg", "sendmmsg"}
    assert struct.calcsize("=HBBI") * 4096 >= len(program.code)  # the kernel's limit
