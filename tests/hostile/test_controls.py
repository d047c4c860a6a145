"""Attacks that are stopped do succeed where nothing stops them, or their being stopped would prove nothing.

Layer by layer (`controls`), without any fence, and with a canary planted where they look for one.
"""

from __future__ import annotations

import importlib
import itertools
import operator
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from grader.sandbox.fence import Tier

from . import __main__, switches
from .bench import Bench
from .canaries import SUCCEEDED
from .controls import CONTROLS, Control, Controls, End, Shown
from .entries import Entry, Layer, load_entries
from .switches import COMMAND, SWITCHES

_GRADER = Path(__file__).resolve().parents[2] / "grader"
# Where a secret might come to lie by a mistake of ours: a variable, the environment of Python and that of C.
_PLANTED = """
import os as _os
LEFT_BEHIND = {canary!r}
_os.environ["LEFT_BEHIND"] = LEFT_BEHIND
"""


def controlled(control: str) -> list[Entry]:
    """Return the entries that name this control."""
    return [entry for entry in load_entries() if entry.expect.control == control]


@pytest.fixture(scope="module")
def controls() -> Iterator[Controls]:
    """A zygote whose layers can be switched off."""
    with Controls() as shows:
        yield shows


@pytest.fixture(scope="module")
def fenced(controls: Controls) -> Bench:
    """A bench with every layer: no fence keeps a process from what is in it."""
    return controls.bench()


@pytest.fixture(scope="module")
def unfenced(controls: Controls) -> Bench:
    """A bench without a fence."""
    return controls.bench(tier=Tier.NONE)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.layer)
def test_a_layer_stops_what_succeeds_without_it(controls: Controls, control: Control) -> None:
    """Everything else is alike in both states, and nothing passes in both."""
    shown = controls.show(control)
    if shown.skipped:
        pytest.skip(shown.skipped)
    assert shown.proves_it, str(shown)


def test_every_layer_has_a_control_and_a_switch() -> None:
    """Each by a submission of the corpus that names the layer, unless the exercise needs a rule besides."""
    assert list(dict.fromkeys(control.layer for control in CONTROLS)) == list(get_args(Layer)) == list(SWITCHES)
    foreign = [each for each in CONTROLS if not each.forbids and each.layer not in each.read().expect.layer]
    assert foreign == []


def test_what_happens_in_both_states_proves_nothing() -> None:
    """A layer that changes nothing, an attack that never works, and one that could not be judged at all."""
    states = list(itertools.product(get_args(End), repeat=2))
    assert [state for state in states if Shown(CONTROLS[0], *state).proves_it] == [("succeeded", "stopped")]


@pytest.mark.parametrize(("without", "code"), [("succeeded", 0), ("stopped", 1)])
def test_a_whole_run_ends_with_the_controls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], without: End, code: int
) -> None:
    """One that proves nothing fails it, however well the submissions ended."""
    monkeypatch.setattr(__main__, "_at", lambda tier, *_: {tier.value: 1})
    monkeypatch.setattr(__main__.controls, "run", lambda: [Shown(CONTROLS[0], without)])
    assert __main__.main([]) == code
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"layers that no control proves: {code}"
    assert said[-2].startswith("intake ")
    assert said[-2].endswith(f"without: {without}, with: stopped")


def test_what_is_off_here_is_on_again() -> None:
    """Functions of the command's own process are put back, those of others are never touched in it."""
    known = [switch for each in SWITCHES.values() for switch in each]
    owners = {
        (switch.module, switch.name): switch.process
        for switch in known
        if switch.process == COMMAND or switch.module in sys.modules
    }
    before = {place: _found(*place) for place in owners}
    with switches.here(tuple(SWITCHES)):
        changed = {place for place in owners if _found(*place) is not before[place]}
    assert changed == {place for place, process in owners.items() if process == COMMAND} != set()
    assert {place: _found(*place) for place in owners} == before


def _found(module: str, name: str) -> object:
    return operator.attrgetter(name)(importlib.import_module(module))


def test_nothing_that_is_installed_knows_of_switches() -> None:
    """They are reached from here only: no setting, no variable, no submission."""
    assert [path for path in _GRADER.rglob("*.py") if "tests.hostile" in path.read_text("utf-8")] == []


@pytest.mark.parametrize("entry", controlled("planted"), ids=lambda entry: entry.name)
def test_an_attack_finds_what_was_planted_for_it(fenced: Bench, entry: Entry) -> None:
    """It recognises a canary where it looks for one. One of three tries is enough, as below."""
    planted = _PLANTED.format(canary="hostile-canary-" + "5" * 32)
    folder = fenced.hand_in(entry, planted)
    assert any(SUCCEEDED in fenced.judge(folder).shown for _ in range(3))


@pytest.mark.parametrize("entry", controlled("unfenced"), ids=lambda entry: entry.name)
def test_an_attack_succeeds_without_a_fence(unfenced: Bench, entry: Entry) -> None:
    """It is the fence that stops it. One of three tries is enough: a busy machine may be too slow for an attack."""
    folder = unfenced.hand_in(entry)
    assert any(SUCCEEDED in unfenced.judge(folder).shown for _ in range(3))
