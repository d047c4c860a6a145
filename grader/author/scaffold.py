"""`grader new`: the files of an exercise to begin with, small and green, with comments that teach how to go on.

Owns which files these are and that all of them are written or none. What stands in them is in templates/. Never
replaces anything.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grader import draws_key, messages
from grader.author.exercise_name import ExerciseName, name_exercise
from grader.course import PUBLIC_SUITE, Course, course_around
from grader.errors import UsageError

_COURSE = "course.toml"
_SEED = 7
# Folder, then file by template. The exercise is put in its place last: by its exercise.toml it is found.
_TREES = {
    "tests/hidden/{slug}": {"test_hidden.py.j2": "test_{name}.py", "draws.key.j2": draws_key.FILE},
    "solutions/{slug}": {
        "reference.py.j2": "{name}.py",
        "wrong.py.j2": "wrong/averaged_over_the_batch.py",
        "equivalent.py.j2": "equivalent/row_by_row.py",
    },
    "exercises/{slug}": {
        "README.md.j2": "README.md",
        "exercise.toml.j2": "exercise.toml",
        "stub.py.j2": "{name}.py",
        "test_public.py.j2": PUBLIC_SUITE,
    },
}


@dataclass(frozen=True)
class Scaffolded:
    """What was written: the files, relative to the course, the course's own first if it was made too."""

    course: Course
    name: ExerciseName
    files: tuple[str, ...]

    @property
    def wrong_answer(self) -> str:
        """The file with the known mistake."""
        return next(file for file in self.files if "/wrong/" in file)


def scaffold(asked: str, course_name: str | None, here: Path) -> Scaffolded:
    """Write a new exercise into the course around `here`, or into a new course there that is called `course_name`.

    Raises:
        UsageError: it cannot be called so, it is there already, there is no course (or there is one), or a folder
            cannot be written to. Then nothing was written.
        CourseError: course.toml is broken.
    """
    course = _course(asked, course_name, here.resolve())
    name = name_exercise(course, asked)
    trees = {folder.format(slug=name.slug): _rendered(files, course, name) for folder, files in _TREES.items()}
    for folder in reversed(trees):
        if (course.root / folder).exists() or (course.root / folder).is_symlink():
            raise UsageError(messages.NEW_IS_THERE.format(folder=folder, root=course.root))
    try:
        _write_all(course, trees, is_new=course_name is not None)
    except OSError as error:
        place = error.filename2 or error.filename or course.root
        raise UsageError(messages.NEW_CANNOT_WRITE.format(place=place, problem=error.strerror)) from error
    written = sorted(f"{folder}/{file}" for folder, files in trees.items() for file in files)
    return Scaffolded(course, name, (*([_COURSE] if course_name is not None else []), *written))


def _course(asked: str, course_name: str | None, here: Path) -> Course:
    """Return the course to write into; a new one is not on disk yet."""
    found = course_around(here)
    if course_name is None:
        if found is None:
            raise UsageError(messages.NEW_NEEDS_COURSE.format(folder=here, asked=shlex.quote(asked)))
        return found
    if found is not None:
        raise UsageError(messages.NEW_IN_COURSE.format(name=found.name, root=found.root))
    if not course_name.strip() or not course_name.isprintable():
        raise UsageError(messages.NEW_COURSE_NAME)
    return Course(here, course_name, _SEED, "en")


def _rendered(files: Mapping[str, str], course: Course, name: ExerciseName) -> dict[str, str]:
    """Return text by path, relative to the folder."""
    short = f"exercise{name.number}"
    facts = {"course": course, "slug": name.slug, "name": name.name, "title": name.title, "short": short}
    facts["draws_key"] = draws_key.new_draws_key()
    return {file.format(name=name.name): _render(template, facts) for template, file in files.items()}


def _render(template: str, facts: Mapping[str, object]) -> str:
    engine = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # what is made is TOML, Python and Markdown; what is not ours goes through `toml`
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    # A JSON string is a TOML string, but for one control character, which no printable name has.
    engine.filters["toml"] = lambda text: json.dumps(text, ensure_ascii=False)
    return engine.get_template(template).render(facts)


def _write_all(course: Course, trees: Mapping[str, Mapping[str, str]], is_new: bool) -> None:
    """Write everything, or take back what was written."""
    with ExitStack() as undo:
        for folder, files in trees.items():
            _make_parents(course.root / folder, course.root, undo)
            _write_tree(course.root / folder, files)
            undo.callback(shutil.rmtree, course.root / folder, ignore_errors=True)
        if is_new:
            with (course.root / _COURSE).open("x", encoding="utf-8") as file:
                undo.callback((course.root / _COURSE).unlink, missing_ok=True)
                file.write(_render("course.toml.j2", {"course": course}))
        undo.pop_all()  # all is there: nothing to take back


def _make_parents(folder: Path, root: Path, undo: ExitStack) -> None:
    """Make the folders between the course and `folder`; those that were not there are taken back while empty."""
    for parent in reversed(folder.parents):
        if parent.is_relative_to(root) and not parent.is_dir():
            parent.mkdir()
            undo.callback(_remove_if_empty, parent)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else has put something there meanwhile
        folder.rmdir()


def _write_tree(folder: Path, files: Mapping[str, str]) -> None:
    """Write a folder beside its place and move it there, so that nobody finds a part of it, even if we are killed."""
    with _beside(folder) as unfinished:
        for name, text in files.items():
            path = unfinished / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        unfinished.rename(folder)


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Give a place on the same disk that is not looked at, one folder deeper than an exercise, and clear it away."""
    around = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        yield around / folder.name
    finally:
        shutil.rmtree(around, ignore_errors=True)
