"""What the doctor calls good and bad."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from grader import doctor
from grader.doctor import Finding
from grader.sandbox.fence import Tier

GOOD, BAD = Finding(True, "there"), Finding(False, "not there", "Fix: get it")


def test_all_good_is_no_problem() -> None:
    """Good software, a tier that is enough and only denials: nothing to report."""
    assert doctor.problems([GOOD, GOOD], True, None, [GOOD] * 10) == []


def test_each_kind_of_problem_is_named() -> None:
    """Software, tier and each thing that was not denied are reported, all of them."""
    assert doctor.problems([GOOD, BAD], False, Tier.NAMESPACES, [GOOD, BAD, BAD]) == [
        "the software above marked no",
        "the tier namespaces is not to be had",
        "2 of 3 were not denied",
    ]


@pytest.mark.parametrize(
    ("strongest", "needed", "enough"),
    [
        (Tier.NAMESPACES, None, True),
        (Tier.LANDLOCK, None, True),
        (Tier.NONE, None, False),
        (Tier.NONE, Tier.NONE, True),
        (Tier.LANDLOCK, Tier.NAMESPACES, False),
        (Tier.NAMESPACES, Tier.NAMESPACES, True),
    ],
)
def test_what_tier_is_enough(
    monkeypatch: pytest.MonkeyPatch, strongest: Tier, needed: Tier | None, enough: bool
) -> None:
    """Unless asked for more or less, a machine needs the tier landlock."""
    monkeypatch.setattr(doctor, "strongest_tier", lambda: strongest)
    assert doctor.tier_is_enough(needed) is enough


@pytest.mark.parametrize(
    ("version", "good"), [("2.10.1", False), ("2.11.0", True), ("2.13.0+cpu", True), ("2.14.0", False), ("3.0", False)]
)
def test_torch_outside_the_supported_range_is_bad(monkeypatch: pytest.MonkeyPatch, version: str, good: bool) -> None:
    """Only versions that this project is tested with are good; the advice names them."""
    answer = SimpleNamespace(stdout=f'["{version}", [], false]', stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    torch = doctor.software()[1]
    assert (torch.good, torch.text) == (good, f"torch {version}")
    assert "torch 2.11 to 2.13" in torch.advice


def test_torch_that_cannot_be_imported_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of what Python said is shown, and no traceback."""
    answer = SimpleNamespace(stdout="", stderr="Traceback\nModuleNotFoundError: No module named 'torch'\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    (_, torch) = doctor.software()
    assert not torch.good
    assert torch.text == "torch cannot be imported: ModuleNotFoundError: No module named 'torch'"


def test_gpus_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every GPU that torch sees is a device with its name."""
    answer = SimpleNamespace(stdout='["2.13.0", ["Some GPU"], true]', stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    assert doctor.software()[2].text == "devices: cpu, cuda:0 (Some GPU)"
