"""From collected checks to the plan: ids, titles, points, needs and the order. Pure data, no pytest, no torch.

Owns every rule a suite must keep before anything is judged; a broken one is a CourseError that names file and line.
The plan is fixed before the guest starts: points come from it, and a check missing from the answers is `not_run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from grader import messages
from grader.course import Exercise, did_you_mean
from grader.errors import CourseError
from grader.events import PlannedCheck, Visibility


@dataclass(frozen=True)
class SuiteCheck:
    """One check as its author wrote it. `points` is the total of all parameters of the test function."""

    id: str
    function: str
    title: str
    visibility: Visibility
    where: str
    points: float = 0.0
    needs: tuple[str, ...] = ()
    check_wall_s: float | None = None
    devices: tuple[str, ...] | None = None
    attempts: int = 0  # how often a calibrated check may train; 0 for any other check
    twins: Mapping[str, str] = field(default_factory=dict, hash=False)  # the title in other languages


@dataclass(frozen=True)
class Step:
    """One line of the plan and the check it came from; `item` is its place among the collected checks."""

    item: int
    check: SuiteCheck
    planned: PlannedCheck


def make_plan(
    checks: Sequence[SuiteCheck], exercise: Exercise, absent: Mapping[str, str] = MappingProxyType({"cuda": ""})
) -> list[Step]:
    """Validate the checks and return the steps in the order in which they are judged.

    Args:
        absent: The devices on which nothing is judged here; with each the name of what torch lacks, if that is why.
    Raises:
        CourseError: a rule for suites is broken; the message names file and line.
    """
    if not checks:
        raise CourseError(messages.SUITE_EMPTY.format(slug=exercise.slug))
    _require_unique(checks)
    _require_known_devices(checks, exercise)
    order = dependency_order(checks)
    parameters = {name: sum(check.function == name for check in checks) for name in order}
    steps = [
        Step(item, check, _planned(check, device, parameters[check.function], absent))
        for name in order
        for item, check in enumerate(checks)
        if check.function == name
        for device in check.devices or exercise.devices
    ]
    _require_points(checks, exercise)
    return steps


def _planned(check: SuiteCheck, device: str, parameters: int, absent: Mapping[str, str]) -> PlannedCheck:
    points = check.points / parameters
    lacks = absent.get(device, "")
    twins = dict(check.twins)
    return PlannedCheck(
        check.id, check.title, check.visibility, device, points, device in absent, lacks, check.attempts, twins
    )


def _require_unique(checks: Iterable[SuiteCheck]) -> None:
    places: dict[str, str] = {}
    seen: set[str] = set()
    for check in checks:
        if check.id in seen or places.setdefault(check.function, check.where) != check.where:
            raise CourseError(messages.CHECK_TWICE.format(where=check.where, id=check.id, other=places[check.function]))
        seen.add(check.id)


def _require_known_devices(checks: Iterable[SuiteCheck], exercise: Exercise) -> None:
    for check in checks:
        unknown = [device for device in check.devices or () if device not in exercise.devices]
        if unknown:
            raise CourseError(
                messages.CHECK_DEVICE_NOT_LISTED.format(where=check.where, id=check.id, device=unknown[0])
            )


def _require_points(checks: Iterable[SuiteCheck], exercise: Exercise) -> None:
    """Compare with exercise.toml where the whole suite is present; a student's copy has the public checks only."""
    if not exercise.hidden_folder.is_dir():
        return
    total = sum({check.function: check.points for check in checks}.values())
    if abs(total - exercise.points) > 1e-9:
        raise CourseError(
            messages.POINTS_DO_NOT_ADD_UP.format(slug=exercise.slug, declared=exercise.points, total=total)
        )


def dependency_order(checks: Sequence[SuiteCheck]) -> list[str]:
    """Return the test functions so that each comes after those it needs, otherwise in the order written.

    Calibrated ones, which train for long, come last.
    """
    needs = {check.function: check for check in checks}
    order: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in path:
            cycle = " -> ".join([*path[path.index(name) :], name])
            raise CourseError(messages.NEEDS_CYCLE.format(where=needs[name].where, cycle=cycle))
        path.append(name)
        for needed in needs[name].needs:
            if needed not in needs:
                hint = did_you_mean(needed, list(needs))
                raise CourseError(
                    messages.NEEDS_UNKNOWN.format(where=needs[name].where, id=name, needed=needed, hint=hint)
                )
            visit(needed)
        path.pop()
        order.append(name)

    for check in sorted(checks, key=lambda check: check.attempts > 0):
        visit(check.function)
    return order


def shown_path(path: Path, root: Path) -> str:
    """Return `path` relative to the course where it lies in it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
