"""The simulated accelerator beside the CPU, in a real guest: operators, modules and optimisers come to the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.limits import Limits
from grader.sandbox import fence
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote

from . import sim_conformance, sim_programs

_FILES = Path(sim_conformance.__file__), Path(sim_programs.__file__)


@pytest.fixture(scope="module")
def sim(zygote: Zygote) -> Iterator[Session]:
    """A guest on the accelerator with all cases in it."""
    sources = tuple(Source(file.name, file.read_text()) for file in _FILES)
    with Session(zygote, GuestSpec(fence.strongest_tier(), Limits(check_wall_s=120.0), sources)) as session:
        session.open(0, device="sim")
        session.begin_check(0, math.inf, "sim")
        yield session


@pytest.mark.parametrize("name", sim_conformance.CASES)
def test_an_operator_is_that_of_the_cpu(sim: Session, name: str) -> None:
    """Values, shapes, strides, dtypes and gradients are those of the CPU, and all stays on the accelerator."""
    assert sim.submission.call("problem_with", name) == ""


@pytest.mark.parametrize("name", sim_conformance.MODULES)
def test_a_module_trains_as_on_the_cpu(sim: Session, name: str) -> None:
    """After three steps losses, parameters, buffers and gradients are those of the CPU."""
    assert sim.submission.call("problem_with_module", name) == ""


@pytest.mark.parametrize("name", sim_conformance.OPTIMISERS)
def test_an_optimiser_steps_as_on_the_cpu(sim: Session, name: str) -> None:
    """Every eager optimiser, element by element, for all parameters at once, or fused."""
    assert sim.submission.call("problem_with_optimiser", name) == ""


@pytest.mark.parametrize("name", sim_programs.PROGRAMS)
def test_a_program_comes_to_the_same_as_on_the_cpu(sim: Session, name: str) -> None:
    """Loops as students write them: averages, checkpoints, hooks, schedules, mixed precision, loaders."""
    assert sim.submission.module("sim_programs").call("problem_with", name) == ""
