"""The recipe: what a fence is made of and in which order it is raised.

`isolate` runs in the keeper, `confine` in the guest; between them lie the forks. Reads as a recipe: every step is one
call into a module that owns one mechanism. Knows neither sockets nor tensors, neither exercises nor suites.
Invariant: `confine` returns only if every layer of the tier stands; the two that may be missing (a private /proc, and
Landlock inside the private root) are missing from the layers it returns.

Source: the order is that of credentials(7), landlock(7) and seccomp(2): mounts need privileges, the filter forbids the
calls that the steps before it make.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from functools import cache

import msgspec

from grader import messages
from grader.errors import FenceError
from grader.limits import Limits
from grader.sandbox.fence import environment, gpus, kernel, landlock, namespaces, paths, privileges, rlimits, seccomp
from grader.sandbox.fence.cage import Cage
from grader.sandbox.fence.cgroup import homes
from grader.sandbox.fence.failure import Layer, applying, missing
from grader.sandbox.fence.spec import FenceSpec, Tier


class Prepared(msgspec.Struct, frozen=True):
    """What does not differ from guest to guest: found out once, in the zygote, and inherited by every fork."""

    as_root: bool
    readable: tuple[str, ...]
    abi: int
    program: seccomp.Program


def prepare(spec: FenceSpec) -> Prepared:
    """Find out, once per process and its forks, what every guest of this tier needs.

    Raises:
        FenceError: this system has no system call filter for the tier.
    """
    return _prepare(spec.tier, spec.read_only, spec.gpu is not None)


@cache
def _prepare(tier: Tier, read_only: tuple[str, ...], has_gpu: bool) -> Prepared:
    if tier is Tier.NONE:
        return Prepared(privileges.is_root(), (), 0, seccomp.Program(b"", ()))
    if sys.platform != "linux":
        raise FenceError(tier, messages.FENCE_NOT_LINUX.format(platform=sys.platform), messages.FENCE_FIX_LINUX)
    homes()
    with applying(Layer.SECCOMP):
        program = seccomp.build(seccomp.GPU_REFUSED, seccomp.GPU_RULES) if has_gpu else seccomp.build()
    with applying(Layer.LANDLOCK):
        abi = kernel.landlock_abi()
    as_root = privileges.is_root() if tier is Tier.LANDLOCK else privileges.may_administrate()
    extra = (*read_only, *(gpus.READABLE if has_gpu else ()))
    return Prepared(as_root, paths.readable_paths(extra), abi, program)


def isolate(spec: FenceSpec) -> Cage:
    """Raise the outer part of the fence around the calling process (the keeper) and its later children.

    In tier `namespaces` the next fork is pid 1 of the guest's namespace, and every process of it dies with that one.

    Raises:
        FenceError: a part of the tier cannot be had; nothing was left behind.
    """
    ready = prepare(spec)
    with applying(Layer.SESSION):
        os.setsid()
    with applying(Layer.USER):
        uid = privileges.unused_uid(spec.lane)
    cage = Cage(spec, uid if ready.as_root and spec.tier is Tier.LANDLOCK else None)
    try:
        if spec.tier is Tier.NAMESPACES:
            with applying(Layer.NAMESPACES):
                namespaces.unshare(ready.as_root)
        if spec.tier is not Tier.NONE:
            with applying(Layer.SESSION):
                kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # before a guest of the same user exists
        cage.die_with_parent()
    except BaseException:
        cage.remove()
        raise
    return cage


def confine(spec: FenceSpec, keep_fds: Collection[int], cage: Cage) -> tuple[str, ...]:
    """Raise the inner part of the fence around the calling process (the guest), for ever.

    To be called after the last fork and before the first byte from a student is read. Only the standard streams and
    `keep_fds` stay open.

    Returns:
        The names of the layers that stand.
    Raises:
        FenceError: a layer did not apply; the process must end without reading anything.
    """
    home = cage.scratch or namespaces.SCRATCH
    if spec.tier is Tier.NONE:
        return settle_loosely(spec.limits, home, spec.gpu)
    ready = prepare(spec)
    layers = [Layer.SESSION, *([Layer.CGROUP] if cage.has_group else [])]
    _require_single_thread()
    mapped = rlimits.mapped_bytes()
    if spec.tier is Tier.NAMESPACES:
        layers += _enter_private_root(spec, ready)
    ruleset_fd = _ruleset(spec, ready, cage)
    if ready.as_root:
        with applying(Layer.USER):
            privileges.become(privileges.unused_uid(spec.lane))
        layers.append(Layer.USER)
    with applying(Layer.SESSION):
        # Where files are only watched, the keeper looks for deleted ones in /proc. No guest can look there: Landlock.
        kernel.prctl(kernel.PR_SET_DUMPABLE, int(cage.scratch is not None))
    cage.die_with_parent()
    _settle(home, spec.gpu)
    layers.append(Layer.SCRATCH)
    _require_readable(ready)
    with applying(Layer.DESCRIPTORS):
        kernel.close_all_but({0, 1, 2, *keep_fds, *([] if ruleset_fd is None else [ruleset_fd])})
    with applying(Layer.LIMITS):
        own_user = ready.as_root or spec.tier is Tier.NAMESPACES
        rlimits.apply(spec.limits, mapped, own_user, has_gpu=spec.gpu is not None)
    layers += [Layer.DESCRIPTORS, Layer.LIMITS, *_forbid(ready, ruleset_fd)]
    return tuple(layer.value for layer in layers)


def settle_loosely(limits: Limits, home: str, gpu: gpus.Gpu | None = None) -> tuple[str, ...]:
    """Raise what tier `none` has: limits that disturb no honest program, a folder of its own, a short environment.

    Works on every system. Returns and raises as `confine`.
    """
    with applying(Layer.LIMITS):
        rlimits.apply_harmless(limits)
    _settle(home, gpu)
    return Layer.SESSION.value, Layer.LIMITS.value, Layer.SCRATCH.value


def _require_single_thread() -> None:
    """Landlock and the change of user bind one thread; a second one would stay outside."""
    count = len(os.listdir("/proc/self/task"))
    if count != 1:
        raise missing(Layer.LANDLOCK, messages.FENCE_THREADS.format(count=count))


def _enter_private_root(spec: FenceSpec, ready: Prepared) -> list[Layer]:
    with applying(Layer.ROOT):
        owner = namespaces.inner_id(ready.as_root, privileges.unused_uid(spec.lane))
        has_proc = namespaces.enter_root(ready.readable, owner, spec.limits.file_bytes, _devices(spec))
        kernel.set_hostname(b"grader")
    if spec.gpu is not None and not has_proc:
        raise FenceError(Layer.PROC, messages.FENCE_GPU_NEEDS_PROC, messages.FENCE_FIX_GPU_NEEDS_PROC)
    return [Layer.NAMESPACES, Layer.ROOT, *([Layer.PROC] if has_proc else [])]


def _devices(spec: FenceSpec) -> tuple[str, ...]:
    return (*paths.DEVICES, *(spec.gpu.nodes if spec.gpu is not None else ()))


def _ruleset(spec: FenceSpec, ready: Prepared, cage: Cage) -> int | None:
    """Open every path that Landlock will allow, while they can still be opened."""
    if ready.abi == 0:
        if spec.tier is Tier.LANDLOCK:
            raise missing(Layer.LANDLOCK, messages.FENCE_LANDLOCK_ABSENT)
        return None
    own_files = [path for path in ("/proc/self", "/proc/cpuinfo", "/proc/meminfo") if os.path.exists(path)]
    grants = dict.fromkeys([*ready.readable, *own_files], landlock.READ)
    grants |= dict.fromkeys(paths.DEVICES, landlock.USE_DEVICE)
    grants[cage.scratch or namespaces.SCRATCH] = landlock.OWN
    if spec.tier is Tier.NAMESPACES:
        grants["/etc/passwd"] = landlock.READ
    if spec.gpu is not None:
        grants |= gpu_grants(spec.gpu)
    with applying(Layer.LANDLOCK):
        return landlock.ruleset(grants, ready.abi)


def gpu_grants(gpu: gpus.Gpu) -> dict[str, int]:
    """Return what Landlock allows a guest of this GPU besides; to be asked in the guest, for its own /proc/self."""
    present = [path for path in gpus.READABLE_PROC if os.path.exists(path)]
    return {
        **dict.fromkeys(present, landlock.READ),
        **dict.fromkeys(gpu.nodes, landlock.DRIVE),
        gpus.OWN_THREADS: landlock.CHANGE_FILES,
    }


def _settle(home: str, gpu: gpus.Gpu | None) -> None:
    """Move into the scratch folder, with an environment that says so."""
    with applying(Layer.SCRATCH):
        os.chdir(home)
    environment.settle(home, gpu)


def _require_readable(ready: Prepared) -> None:
    if unreadable := paths.first_unreadable(ready.readable):
        problem = messages.FENCE_UNREADABLE.format(uid=os.getuid(), path=unreadable)
        raise FenceError(Layer.USER, problem, messages.FENCE_FIX_UNREADABLE)


def _forbid(ready: Prepared, ruleset_fd: int | None) -> list[Layer]:
    """Apply the three layers after which this process can open, gain and call only what a guest may."""
    layers = []
    with applying(Layer.SECCOMP):
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if ruleset_fd is not None:
        with applying(Layer.LANDLOCK):
            kernel.landlock_restrict(ruleset_fd)
            os.close(ruleset_fd)
        layers.append(Layer.LANDLOCK)
    with applying(Layer.CAPABILITIES):
        privileges.drop_capabilities()
    with applying(Layer.SECCOMP):
        kernel.install_filter(ready.program.for_pid(os.getpid()))
    return [*layers, Layer.CAPABILITIES, Layer.SECCOMP]
