"""Lets a plain `pytest tests/hidden/SLUG --submission=PATH` judge: the options, and when `suite.plain` is loaded.

Named in the course's pytest options (`addopts = -p grader.pytest_plugin`), so it is part of every pytest there and must
stay light: it imports neither torch nor a suite unless a suite's path is given. A suite is never collected by accident.
It is no conftest.py: of an option that only a conftest.py knows, pytest takes the value for a test path at first, and
would run the conftest.py that a student put beside their files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import messages
from grader.course import PUBLIC_SUITE

_ACTIVE = "grader-judges"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `grader check` calls the same."""
    group = parser.getgroup("grader", messages.PYTEST_GROUP)
    group.addoption("--submission", metavar="PATH", help=messages.PYTEST_SUBMISSION)
    group.addoption("--seed", type=int, help=messages.CLI_OPTION_SEED)
    group.addoption("--device", choices=("cpu", "sim", "cuda"), default="cpu", help=messages.PYTEST_DEVICE)
    fences = ("auto", "namespaces", "landlock", "none")
    group.addoption("--fence", choices=fences, default="auto", help=messages.CLI_OPTION_FENCE)


def pytest_configure(config: pytest.Config) -> None:
    """Load what judges, if a suite was asked for by its path."""
    given = [config.invocation_params.dir / arg.split("::")[0] for arg in config.args]
    if any(is_suite(path.resolve()) for path in given):
        from grader.suite.plain import PlainJudge

        config.pluginmanager.register(PlainJudge(config), _ACTIVE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave suites alone unless one was asked for: what they judge with is not loaded."""
    return True if is_suite(collection_path) and not config.pluginmanager.has_plugin(_ACTIVE) else None


def is_suite(path: Path) -> bool:
    """Whether a path is a hidden suite, something in one, or a public suite."""
    return exercise_of(path) is not None


def exercise_of(path: Path) -> tuple[Path, str] | None:
    """Return the course's folder and the exercise whose suite, or part of a suite, a path is."""
    for folder in (path, *path.parents):
        root = folder.parents[2] if len(folder.parents) > 2 else folder
        if folder.parent == root / "tests" / "hidden" and (root / "course.toml").is_file():
            return root, folder.name
    root = path.parents[2] if len(path.parents) > 2 else path
    if path.name == PUBLIC_SUITE and path.parent.parent == root / "exercises" and (root / "course.toml").is_file():
        return root, path.parent.name
    return None
