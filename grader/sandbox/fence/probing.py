"""What this machine can do: every primitive tried in a child that ends at once, every tier rehearsed as a whole.

Owns the answers that `grader doctor` prints and the choice of a tier. Never imports torch: the command line calls it.
Invariant: a tier counts as present only if `isolate` and `confine` themselves have just raised it; nothing is
concluded from version numbers or files.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

import msgspec

from grader import messages
from grader.errors import FenceError, InfrastructureError
from grader.limits import Limits
from grader.sandbox.fence import cgroup, kernel, namespaces, paths, privileges, seccomp
from grader.sandbox.fence.cage import Cage
from grader.sandbox.fence.failure import FIXES, Layer, applying
from grader.sandbox.fence.recipe import confine, isolate, prepare
from grader.sandbox.fence.spec import FenceSpec, Tier

# What there is too little of for the moment. Nothing follows from it about what the machine can do.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_LAST_LANE = privileges.LANES - 1  # a rehearsal must not share its user with a guest at work


class Primitive(msgspec.Struct, frozen=True):
    """One thing a fence is made of: whether it is there, what was found, and how to get it."""

    name: str
    present: bool
    detail: str
    fix: str = ""


def probe() -> tuple[Primitive, ...]:
    """Try every primitive and every tier; takes some hundredths of a second."""
    if sys.platform != "linux":
        problem = messages.FENCE_NOT_LINUX.format(platform=sys.platform)
        return (Primitive("Linux", False, problem, messages.FENCE_FIX_LINUX),)
    return (
        _tried(Layer.SECCOMP, _install_filter),
        _tried(Layer.LANDLOCK, _find_landlock),
        _tried(Layer.NAMESPACES, lambda: namespaces.unshare(privileges.may_administrate())),
        *([_tried(Layer.USER, _become_unused), _interpreter()] if privileges.is_root() else []),
        _control_groups(),
        *_tiers(),
    )


def strongest_tier() -> Tier:
    """Return the strongest tier that this machine can raise.

    Raises:
        InfrastructureError: there is no room to find out.
    """
    if sys.platform != "linux":
        return Tier.NONE
    for tier in (Tier.NAMESPACES, Tier.LANDLOCK):
        try:
            rehearse(tier)
        except FenceError:
            continue
        return tier
    return Tier.NONE


def require_tier(tier: Tier) -> None:
    """Make sure that the tier can be raised here, by raising it.

    Raises:
        FenceError: it cannot; the error names the missing primitive and the fix.
    """
    if tier is Tier.NONE and sys.platform != "linux":
        return  # there is nothing to be raised, and no fork to raise it in
    rehearse(tier)


def require_hidden(folders: Iterable[str]) -> None:
    """Make sure that none of the folders (tests, solutions, submissions) lies where every guest may read.

    Raises:
        FenceError: one does; the error names both folders.
    """
    readable = paths.readable_paths()
    for folder in map(os.path.realpath, folders):
        for root in readable:
            if paths.is_inside(folder, {root}):
                problem = messages.FENCE_EXPOSED.format(path=folder, folder=root)
                raise FenceError(Layer.ROOT, problem, messages.FENCE_FIX_EXPOSED)


def rehearse(tier: Tier) -> tuple[str, ...]:
    """Fence a guest that does nothing, through the production path, and return the layers that stood around it.

    Raises:
        FenceError: the tier cannot be raised here.
    """
    spec = FenceSpec(tier, Limits(), lane=_LAST_LANE)
    if sys.platform != "linux":
        prepare(spec)
    return _report_of_child(lambda report_fd: _keep(spec, report_fd))


def _keep(spec: FenceSpec, report_fd: int) -> None:
    """The keeper of a rehearsal, with the same forks as a real one."""
    cage = isolate(spec)
    try:
        _in_child(lambda: _reporting(report_fd, lambda: _guest(spec, cage, report_fd)))
    finally:
        cage.remove()


def _guest(spec: FenceSpec, cage: Cage, report_fd: int) -> None:
    cage.join()
    _send(report_fd, {"layers": confine(spec, {report_fd}, cage)})


def _report_of_child(body: Callable[[int], None]) -> tuple[str, ...]:
    """Run `body` in a forked child and return the layers it reports, or raise the failure it reports.

    Raises:
        FenceError: that is the report. InfrastructureError: the machine has no room for it now, which says nothing of
            what it can do: nobody must be judged without a fence because of that.
    """
    try:
        read_fd, write_fd = os.pipe()
        status = _in_child(lambda: _reporting(write_fd, lambda: body(write_fd)))
    except OSError as error:
        raise InfrastructureError(messages.MACHINE_EXHAUSTED.format(problem=error.strerror)) from error
    os.close(write_fd)
    with open(read_fd, "rb") as pipe:
        report = json.loads(pipe.readline() or b"{}")
    if "layers" in report:
        return tuple(report["layers"])
    if "exhausted" in report:
        raise InfrastructureError(messages.MACHINE_EXHAUSTED.format(problem=report["exhausted"]))
    problem = messages.FENCE_NO_REHEARSAL.format(status=status)
    raise FenceError(*report.get("failure", (Layer.SESSION, problem)))


def _reporting(report_fd: int, body: Callable[[], None]) -> None:
    try:
        body()
    except (FenceError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, OSError) and cause.errno in _EXHAUSTED:
            _send(report_fd, {"exhausted": cause.strerror})
        elif isinstance(error, FenceError):
            _send(report_fd, {"failure": (error.primitive, error.problem, error.fix)})
        else:
            raise


def _send(report_fd: int, report: dict[str, object]) -> None:
    os.write(report_fd, json.dumps(report).encode() + b"\n")


def _in_child(body: Callable[[], None]) -> int:
    """Run `body` in a forked child that never returns into our code; return its wait status."""
    pid = os.fork()
    if pid == 0:
        _end_with(body)
    return os.waitpid(pid, 0)[1]


def _end_with(body: Callable[[], None]) -> NoReturn:
    status = 1
    try:
        body()
        status = 0
    finally:
        os._exit(status)


def _tried(layer: Layer, body: Callable[[], str | None]) -> Primitive:
    """Try one primitive in a child of its own."""

    def attempt(report_fd: int) -> None:
        with applying(layer):
            _send(report_fd, {"layers": [body() or ""]})

    try:
        (detail,) = _report_of_child(attempt)
    except FenceError as error:
        return Primitive(layer, False, error.problem, error.fix)
    return Primitive(layer, True, detail)


def _install_filter() -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.install_filter(seccomp.build().for_pid(os.getpid()))


def _find_landlock() -> str:
    abi = kernel.landlock_abi()
    if not abi:
        raise OSError(messages.FENCE_LANDLOCK_ABSENT)
    return messages.DOCTOR_LANDLOCK_ABI.format(abi=abi)


def _become_unused() -> None:
    privileges.become(privileges.unused_uid(_LAST_LANE))


def _interpreter() -> Primitive:
    """Whether the user that root turns a guest into can read Python; only tier `landlock` needs it."""

    def look(report_fd: int) -> None:
        readable = paths.readable_paths()  # what exists is found as root, not as the user who may not see it
        with applying(Layer.USER):
            _become_unused()
        _send(report_fd, {"layers": [paths.first_unreadable(readable) or ""]})

    try:
        (path,) = _report_of_child(look)
    except FenceError as error:
        return Primitive("readable Python", False, error.problem, error.fix)
    if not path:
        return Primitive("readable Python", True, messages.DOCTOR_READABLE)
    problem = messages.FENCE_UNREADABLE.format(uid=privileges.unused_uid(_LAST_LANE), path=path)
    return Primitive("readable Python", False, problem, messages.FENCE_FIX_UNREADABLE)


def _control_groups() -> Primitive:
    found = [
        messages.DOCTOR_CGROUP.format(version=home.version, controllers=", ".join(home.controllers))
        for home in cgroup.homes()
    ]
    if found:
        return Primitive(Layer.CGROUP, True, "; ".join(found))
    return Primitive(Layer.CGROUP, False, messages.DOCTOR_NO_CGROUP, FIXES[Layer.CGROUP])


def _tiers() -> list[Primitive]:
    found = []
    for tier in (Tier.NAMESPACES, Tier.LANDLOCK):
        try:
            layers = rehearse(tier)
        except FenceError as error:
            found.append(Primitive(f"tier {tier}", False, f"{error.primitive}: {error.problem}", error.fix))
            continue
        found.append(Primitive(f"tier {tier}", True, messages.DOCTOR_TIER_WORKS.format(layers=", ".join(layers))))
        if tier is Tier.NAMESPACES and Layer.PROC not in layers:
            found.append(Primitive(Layer.PROC, False, messages.DOCTOR_PROC_ABSENT, FIXES[Layer.PROC]))
    return found
