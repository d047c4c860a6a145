"""Which NVIDIA GPUs this machine has, as device nodes, and what a guest of one must be able to reach besides.

Owns the lists of nodes and paths; mounting and allowing them is the part of `namespaces` and `landlock`. Never calls
CUDA: a process that has called it can fork no guest that does. Invariant: a GPU's own nodes name no other GPU.

Source: NVIDIA, Multi-Instance GPU User Guide, "Device Nodes and Capabilities"; CUDA on WSL User Guide; what cuInit
opens: NVIDIA/OpenShell #710, #1486, #1696, nolabs-ai/nono #673, #924, and snapd's AppArmor rules for CUDA.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

# The control nodes that every CUDA program opens. What of them is absent is left out, except for the first two.
_REQUIRED = ("/dev/nvidiactl", "/dev/nvidia-uvm")
_SHARED = (*_REQUIRED, "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")
_WSL = "/dev/dxg"
VISIBLE = "CUDA_VISIBLE_DEVICES"
_GPU_NODE = re.compile(r"nvidia(\d+)")
_CAPABILITIES = "/proc/driver/nvidia/capabilities"
_CAPABILITY_MINOR = re.compile(r"^DeviceFileMinor:\s*(\d+)", re.MULTILINE)
_INFORMATION = "/proc/driver/nvidia/gpus"
_MINOR = re.compile(r"^Device Minor:\s*(\d+)", re.MULTILINE)
_UUID = re.compile(r"^GPU UUID:\s*(GPU-[0-9a-fA-F-]+)", re.MULTILINE)

# Without /sys cuInit ends in error 304.
READABLE = ("/sys",)
# Files of the machine's or the private /proc that the driver reads while it starts.
READABLE_PROC = (
    *("/proc/driver/nvidia", "/proc/driver/nvidia-uvm", "/proc/driver/nvidia-caps", "/proc/devices", "/proc/stat"),
    *("/proc/filesystems", "/proc/modules", "/proc/sys/vm/mmap_min_addr", "/proc/sys/vm/overcommit_memory"),
)
# cuInit names its threads by /proc/self/task/ID/comm and takes a refusal for an error of the system (304).
OWN_THREADS = "/proc/self/task"


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One GPU: the number in the name of its node, every node that a guest of it opens, its UUID if it is known."""

    number: int
    nodes: tuple[str, ...]
    uuid: str = ""


class Lack(StrEnum):
    """What keeps every GPU of a machine from being used; all but the first are told by the device nodes."""

    NO_BUILD = "no-build"
    NO_NODES = "no-nodes"
    NO_CONTROL_NODES = "no-control-nodes"
    CLOSED_NODES = "closed-nodes"
    NOT_VISIBLE = "not-visible"


def find(root: str = "/") -> tuple[Gpu, ...]:
    """Return the GPUs whose nodes are there and open to a guest, by number; of those, what CUDA_VISIBLE_DEVICES names.

    Its numbers are taken as places among the GPUs in the order of their nodes, which is how PCI_BUS_ID orders them.

    Args:
        root: The folder that takes the place of / (for tests); the nodes are named without it.
    """
    present = _present(root)
    wanted = os.environ.get(VISIBLE)
    named = present if wanted is None else [gpu for gpu in present if _is_named(gpu, present.index(gpu), wanted)]
    return tuple(gpu for gpu in named if _closed(root, gpu) is None)


def lack(root: str = "/") -> Lack | None:
    """Return what is missing where `find` finds nothing, None where it finds something."""
    if find(root):
        return None
    if present := _present(root):
        return Lack.CLOSED_NODES if all(_closed(root, gpu) for gpu in present) else Lack.NOT_VISIBLE
    return Lack.NO_CONTROL_NODES if list(_numbers(root)) else Lack.NO_NODES


def _present(root: str) -> list[Gpu]:
    """Return the GPUs with all the nodes that each needs, whoever may open them."""
    if _exists(root, _WSL):
        return [Gpu(0, (_WSL,))]
    if not all(_exists(root, node) for node in _REQUIRED):
        return []
    shared = [node for node in _SHARED if _exists(root, node)]
    uuids = _uuids(root)
    return [
        Gpu(number, (f"/dev/nvidia{number}", *shared, *_slices(root, number)), uuids.get(number, ""))
        for number in sorted(_numbers(root))
    ]


def _is_named(gpu: Gpu, place: int, wanted: str) -> bool:
    """Whether CUDA_VISIBLE_DEVICES means this GPU, by its place or by how its UUID begins."""
    names = [name.strip() for name in wanted.split(",")]
    return str(place) in names or any(name.startswith("GPU-") and gpu.uuid.startswith(name) for name in names)


def _numbers(root: str) -> Iterator[int]:
    for name in _listed(root, "/dev"):
        if match := _GPU_NODE.fullmatch(name):
            yield int(match[1])


def _slices(root: str, number: int) -> list[str]:
    """Return the capability nodes of the GPU's MIG instances; those to configure or watch MIG are not among them."""
    instances = f"{_CAPABILITIES}/gpu{number}/mig"
    found = set()
    for folder, _, names in os.walk(_in(root, instances)):
        if "access" in names and folder != _in(root, instances):
            match = _CAPABILITY_MINOR.search(_text(os.path.join(folder, "access")))
            found.update([int(match[1])] if match else [])
    nodes = [f"/dev/nvidia-caps/nvidia-cap{minor}" for minor in sorted(found)]
    return [node for node in nodes if _exists(root, node)]


def _uuids(root: str) -> dict[int, str]:
    """Return the UUIDs by the number of the node, as far as the driver tells them."""
    found = {}
    for bus in _listed(root, _INFORMATION):
        text = _text(_in(root, f"{_INFORMATION}/{bus}/information"))
        minor, uuid = _MINOR.search(text), _UUID.search(text)
        if minor and uuid:
            found[int(minor[1])] = uuid[1]
    return found


def _closed(root: str, gpu: Gpu) -> str | None:
    """Return a node that a guest could not open: one of root's becomes an unused user, so all must be allowed to."""
    for node in gpu.nodes:
        path = _in(root, node)
        mine = os.access(path, os.R_OK | os.W_OK)
        if not mine or (os.geteuid() == 0 and os.stat(path).st_mode & 0o006 != 0o006):
            return node
    return None


def _in(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))


def _exists(root: str, path: str) -> bool:
    return os.path.exists(_in(root, path))


def _listed(root: str, folder: str) -> list[str]:
    try:
        return sorted(os.listdir(_in(root, folder)))
    except OSError:  # nothing of the kind here
        return []


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:  # older drivers tell less
        return ""
