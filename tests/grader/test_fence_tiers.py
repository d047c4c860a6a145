"""Whole tiers: honest homework works inside, what stands is reported, what is missing is named with its fix."""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from grader.errors import FenceError, InfrastructureError
from grader.limits import Limits
from grader.sandbox import fence
from grader.sandbox.fence import Layer, Tier, kernel, namespaces, paths, privileges, recipe
from tests.grader.fence_guest import LIMITS, available, in_fence, without_fence

_PROJECT = Path(__file__).resolve().parents[2]
_CANNOT_RUN = 77
pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="only Linux has a fence")


def _run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=_PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("tier", Tier, ids=str)
def test_homework_works_inside(tier: Tier) -> None:
    """Products, Adam, linear algebra, generators, DataLoader, files, late imports: nothing of it is forbidden."""
    available(tier)
    done = _run(sys.executable, "-m", "tests.grader.fence_torch", tier, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["threads"] == 1
    if tier is Tier.NONE:
        report["results"].pop("allocate_too_much")  # without a fence the machine's own limit decides
    assert all(report["results"].values()), report
    assert "cpuinfo" not in done.stderr


def test_importing_the_fence_loads_neither_torch_nor_numpy() -> None:
    """The command line probes the fence and has to stay quick."""
    code = "import sys, grader.sandbox.fence; print({'torch', 'numpy'} & set(sys.modules))"
    assert _run(sys.executable, "-c", code).stdout.strip() == "set()"


def test_the_layers_of_tier_namespaces_are_reported() -> None:
    """Everything that stands is named, in the order it was raised."""
    layers = in_fence(available(Tier.NAMESPACES), lambda: True).layers
    assert list(layers) == [layer for layer in Layer if layer in layers]
    optional = {Layer.CGROUP, Layer.PROC, Layer.LANDLOCK, Layer.USER}
    assert set(Layer) - set(layers) <= optional
    assert (Layer.USER in layers) == (os.geteuid() == 0)
    assert (Layer.LANDLOCK in layers) == (kernel.landlock_abi() > 0)


def test_the_layers_of_tier_landlock_are_reported() -> None:
    """It claims neither namespaces nor a private root."""
    layers = set(in_fence(available(Tier.LANDLOCK), lambda: True).layers)
    assert layers >= {Layer.SCRATCH, Layer.LIMITS, Layer.LANDLOCK, Layer.CAPABILITIES, Layer.SECCOMP}
    assert not layers & {Layer.NAMESPACES, Layer.ROOT, Layer.PROC}


def test_tier_none_claims_no_protection() -> None:
    """Its own session, a scratch folder and harmless limits: nothing that a report could call a fence."""
    assert set(in_fence(Tier.NONE, lambda: True).layers) == {Layer.SESSION, Layer.SCRATCH, Layer.LIMITS}


@pytest.mark.parametrize("tier", Tier, ids=str)
def test_a_guest_works_in_an_empty_folder_of_its_own(tier: Tier) -> None:
    """It may write there, HOME and the temporary folder point there, and nothing of it stays on the machine."""
    available(tier)

    def look() -> list[object]:
        Path("mine").write_text("x")
        return [os.listdir(), os.environ["HOME"] == os.environ["TMPDIR"] == os.getcwd(), os.getcwd()]

    names, is_home, folder = in_fence(tier, look).value
    assert (names, is_home) == (["mine"], True)
    assert folder == namespaces.SCRATCH or not os.path.exists(folder)


def test_a_refused_proc_is_reported_and_does_not_stop_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested containers refuse a fresh /proc; student code runs without, and the report says so."""
    available(Tier.NAMESPACES)
    monkeypatch.setattr(namespaces, "_mount_proc", lambda target: False)
    ended = in_fence(Tier.NAMESPACES, lambda: os.path.exists("/proc/self"))
    assert ended.value is False
    assert Layer.PROC not in ended.layers


def test_tier_namespaces_stands_without_landlock_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The private root hides the machine by itself."""
    available(Tier.NAMESPACES)
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 0)
    recipe._prepare.cache_clear()
    try:
        ended = in_fence(Tier.NAMESPACES, lambda: [os.path.exists(_PROJECT / "tests"), os.listdir("/proc/1")][0])
    finally:
        recipe._prepare.cache_clear()
    assert ended.value is False
    assert Layer.LANDLOCK not in ended.layers


def test_tier_landlock_is_refused_without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is the wall, so there is no tier without it."""
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 0)
    recipe._prepare.cache_clear()
    try:
        with pytest.raises(FenceError, match=r"no Landlock.*Fix: use Linux 5\.13"):
            fence.require_tier(Tier.LANDLOCK)
    finally:
        recipe._prepare.cache_clear()


@pytest.mark.parametrize(
    ("module", "call", "tier", "primitive"),
    [
        (kernel, "install_filter", Tier.NAMESPACES, Layer.SECCOMP),
        (kernel, "landlock_restrict", Tier.NAMESPACES, Layer.LANDLOCK),
        (kernel, "swap_root", Tier.NAMESPACES, Layer.ROOT),
        (kernel, "lock_tree", Tier.NAMESPACES, Layer.ROOT),
        (kernel, "drop_capabilities", Tier.NAMESPACES, Layer.CAPABILITIES),
        (namespaces, "unshare", Tier.NAMESPACES, Layer.NAMESPACES),
        (os, "setresuid", Tier.NAMESPACES, Layer.USER),
    ],
)
def test_a_layer_that_fails_stops_the_guest_and_is_named(
    module: object, call: str, tier: Tier, primitive: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never best effort in silence: a refused call raises before anything of a student is read."""
    available(tier)
    if primitive is Layer.USER and os.geteuid() != 0:
        pytest.skip("only root becomes another user")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted", call)

    monkeypatch.setattr(module, call, refuse)
    with pytest.raises(FenceError, match=f"{primitive}: refused by this system .*{call}"):
        fence.require_tier(tier)


def test_root_with_a_private_interpreter_is_told_which_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tier landlock turns root into another user, who must be able to read Python."""
    if os.geteuid() != 0 or not kernel.landlock_abi():
        pytest.skip("needs root and Landlock")
    private = tmp_path / "private"
    (private / "lib").mkdir(parents=True)
    private.chmod(0o700)
    monkeypatch.setattr(paths, "readable_paths", lambda extra=(): (str(private / "lib"),))
    recipe._prepare.cache_clear()
    try:
        with pytest.raises(FenceError, match=r"user 60999, cannot read .*Fix: install Python .* where every user may"):
            fence.require_tier(Tier.LANDLOCK)
        assert {p.name: p.present for p in fence.probe()}["readable Python"] is False
    finally:
        recipe._prepare.cache_clear()


def test_the_probe_agrees_with_what_can_be_raised() -> None:
    """A tier is present exactly if it can be required, and what is missing has a fix."""
    primitives = {primitive.name: primitive for primitive in fence.probe()}
    for tier in (Tier.NAMESPACES, Tier.LANDLOCK):
        primitive = primitives[f"tier {tier}"]
        if primitive.present:
            assert "seccomp" in fence.rehearse(tier)
        else:
            with pytest.raises(FenceError, match="Fix: "):
                fence.require_tier(tier)
    assert all(primitive.fix for primitive in primitives.values() if not primitive.present)
    assert primitives[f"tier {fence.strongest_tier()}"].present or fence.strongest_tier() is Tier.NONE


def test_a_rehearsal_leaves_nothing_behind() -> None:
    """Neither folder nor control group nor child."""
    available(Tier.NAMESPACES)
    fence.sweep()
    before = set(psutil.Process().children(recursive=True))
    fence.probe()
    assert fence.sweep() == 0
    assert set(psutil.Process().children(recursive=True)) <= before


def test_guests_of_different_lanes_have_different_users() -> None:
    """Guests that run side by side cannot signal or read each other, even by a hole in the rest of the fence."""
    if not privileges.may_administrate():
        pytest.skip("needs root: other users share one id")
    specs = [fence.FenceSpec(Tier.NAMESPACES, Limits(), lane=lane) for lane in (0, 1)]
    assert [in_fence(Tier.NAMESPACES, os.getuid, spec=spec).value for spec in specs] == [60000, 60001]


@pytest.mark.parametrize(("flags", "tier"), [((), Tier.LANDLOCK), (("--userns",), Tier.NAMESPACES)], ids=["", "userns"])
def test_an_ordinary_user_of_a_container_gets_the_right_tier(flags: tuple[str, ...], tier: Tier) -> None:
    """With namespaces switched off it is landlock, where they are allowed it is namespaces without root."""
    code = "from grader.sandbox import fence; print(fence.strongest_tier(), *fence.rehearse(fence.strongest_tier()))"
    done = _run(sys.executable, "-m", "tests.grader.unprivileged", *flags, sys.executable, "-c", code)
    if done.returncode == _CANNOT_RUN:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    found, *layers = done.stdout.split()
    assert found == tier
    assert "seccomp" in layers


def test_limits_of_the_fence_are_those_of_the_exercise() -> None:
    """Memory, file size and threads come from the specification, soft and hard alike."""
    import resource

    def read() -> list[tuple[int, int]]:
        kinds = (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE)
        return [resource.getrlimit(kind) for kind in kinds]

    limits = in_fence(available(Tier.NAMESPACES), read).value
    assert limits == [[LIMITS.file_bytes] * 2, [LIMITS.processes] * 2, [256, 256]]
    assert without_fence(read).value != limits


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_machine_that_is_out_of_something_is_not_one_without_a_fence(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A rehearsal that ran out of descriptors chose the tier `none`, and what followed ran unfenced."""

    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(kernel, "unshare", refused)
    monkeypatch.setattr(kernel, "landlock_create_ruleset", refused, raising=False)
    with pytest.raises(InfrastructureError, match=os.strerror(number)):
        fence.strongest_tier()


def test_no_descriptor_for_a_rehearsal_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is forked, too."""

    def none_left() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pipe", none_left)
    with pytest.raises(InfrastructureError, match="could not be started: Too many open files"):
        fence.strongest_tier()
