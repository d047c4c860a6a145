"""What tests of several parts share: this repository as a course, and one grader that is started once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.course import Course, Exercise, load_course, load_exercise
from grader.grade import Grader
from grader.language import VARIABLES
from grader.results import ExerciseResult
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[1]

Judge = Callable[..., ExerciseResult]


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep atlases out of the user's own cache, in this process and in those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_language_of_the_user() -> Iterator[None]:
    """Let course.toml say in which language the grader speaks, whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("LC_ALL", "C.UTF-8")
        yield


@pytest.fixture(scope="session")
def course() -> Course:
    """This repository is a course itself."""
    return load_course(ROOT)


@pytest.fixture(scope="session")
def exercise1(course: Course) -> Exercise:
    """The first exercise."""
    return load_exercise(course, "exercise1")


@pytest.fixture(scope="session")
def judge(exercise1: Exercise) -> Iterator[Judge]:
    """A function that judges a file or folder for exercise 1, at the strongest tier that this machine has."""
    with Grader(exercise1) as grader:

        def grade(path: Path | None, seed: int | None = None, keyword: str = "") -> ExerciseResult:
            return grader.grade(read_submission(exercise1, path), seed=seed, keyword=keyword)

        yield grade
