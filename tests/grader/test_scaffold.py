"""`grader new`: what a new exercise may be called, that it is written whole or not at all, and what is said of it.

That what it writes passes `grader verify` is shown where docs/authoring.md is followed (test_docs_authoring.py).
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.author.scaffold import _TREES, scaffold
from grader.cli import main
from grader.course import load_course, load_exercise
from grader.errors import UsageError

from .tiny_course import make_course

TEMPLATES = Path(__file__).resolve().parents[2] / "grader" / "author" / "templates"
NAMES = {
    "Attention": r"'Attention' cannot be the name .* Try: grader new attention$",
    "7-Self-Attention": r"Try: grader new exercise7_self_attention$",
    "6": r"Try: grader new attention$",
    "exercise6": r"Try: grader new attention$",
    "exercise06_attention": r"Try: grader new exercise6_attention$",
    "../attention": r"Try: grader new attention$",
    "a" * 61: r"60 at most\. Try: grader new attention$",
    "exercise12345_attention": r"Try: grader new attention$",
    "注意力": r"Try: grader new attention$",
    "torch": r"has the file torch\.py, .* such as torch_by_hand\.$",
    "exercise6_random": r"has the file random\.py, .* such as random_by_hand\.$",
    "lambda": r"has the file lambda\.py, .* such as lambda_by_hand\.$",
    "test_public": r"has the file test_public\.py, .* such as the_test_public\.$",
    "tinny": r"exercise1_tiny is there already, .* give its number too: grader new exercise2_tinny$",
    "exercise1_attention": r"exercise1_tiny has that number already\. Try: grader new exercise2_attention$",
    "exercise1_tiny": r"exercises/exercise1_tiny is there already .* nothing is replaced\.",
}


def tree(root: Path) -> dict[str, str]:
    """Return every path below a folder with what it holds."""
    return {str(path.relative_to(root)): path.read_text() if path.is_file() else "" for path in sorted(root.rglob("*"))}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with exercise1_tiny."""
    make_course(tmp_path)
    return tmp_path


@pytest.mark.parametrize("asked", NAMES)
def test_a_name_that_cannot_be_says_why_and_what_to_type(course: Path, asked: str) -> None:
    """No name for files, one that hides a module, a number or a name that is there: each has its sentence."""
    before = tree(course)
    with pytest.raises(UsageError, match=NAMES[asked]):
        scaffold(asked, None, course)
    assert tree(course) == before


def test_a_new_exercise_gets_the_next_number_or_its_own(course: Path) -> None:
    """A name counts on from the highest number; with a number the names may be nearly alike."""
    assert scaffold("self_attention", None, course).name.slug == "exercise2_self_attention"
    assert scaffold("exercise9_attention", None, course / "exercises").name.slug == "exercise9_attention"
    assert scaffold("loss", None, course).name.slug == "exercise10_loss"
    assert load_course(course).slugs() == [
        "exercise1_tiny", "exercise2_self_attention", "exercise9_attention", "exercise10_loss",
    ]  # fmt: skip
    assert load_exercise(load_course(course), "2").title == "Self attention"


def test_what_is_left_of_an_exercise_is_not_replaced(course: Path) -> None:
    """Solutions without an exercise are somebody's work too."""
    (course / "solutions" / "exercise2_loss").mkdir()
    with pytest.raises(UsageError, match=r"^solutions/exercise2_loss is there already"):
        scaffold("loss", None, course)


def test_a_course_is_begun_only_where_there_is_none(tmp_path: Path) -> None:
    """Without a course its name is asked for, within one it is refused, and it may hold any printable character."""
    with pytest.raises(UsageError, match=r"grader new 'self attention' --course 'Name of the course'$"):
        scaffold("self attention", None, tmp_path)
    with pytest.raises(UsageError, match=r"^--course: a name with at least one letter"):
        scaffold("attention", "two\nlines", tmp_path)
    assert tree(tmp_path) == {}
    made = scaffold("attention", r'Networks \ "by hand", 注意力', tmp_path)
    assert made.files[0] == "course.toml"
    assert load_course(tmp_path).name == r'Networks \ "by hand", 注意力'
    with pytest.raises(UsageError, match=r"^This folder is part of the course 'Networks "):
        scaffold("loss", "Another", tmp_path / "exercises")


@pytest.mark.parametrize("broken", range(3))
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_what_cannot_be_finished_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: int, error: BaseException
) -> None:
    """Whichever of the three folders cannot be put in its place, none of them is there, nor the folders around."""
    rename, left = Path.rename, [broken]

    def fail(self: Path, target: Path) -> Path:
        if not left[0]:
            raise error
        left[0] -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    is_full = isinstance(error, OSError)
    with pytest.raises(UsageError if is_full else KeyboardInterrupt, match="No space left" if is_full else "^$"):
        scaffold("attention", "A course", tmp_path)
    assert tree(tmp_path) == {}


def test_a_file_in_the_way_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    """Folders that were made before it came into the way are taken back."""
    (tmp_path / "exercises").write_text("mine")
    with pytest.raises(UsageError, match=r"exercises: File exists\. Nothing was written\.$"):
        scaffold("attention", "A course", tmp_path)
    assert tree(tmp_path) == {"exercises": "mine"}


def test_the_command_says_what_it_wrote_as_one_types_it_from_here(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file that is new is listed by a path that leads to it, and three commands follow."""
    monkeypatch.chdir(course / "exercises")
    before = tree(course)
    ended = CliRunner().invoke(main, ["new", "attention"])
    listed = [line.strip() for line in ended.output.splitlines() if line.startswith("  ") and "grader " not in line]
    new = [name for name in tree(course).keys() - before.keys() if (course / name).is_file()]
    assert sorted(Path(line).resolve() for line in listed) == sorted((course / name).resolve() for name in new)
    assert ended.output.count("\n  grader ") == 3
    assert ended.exit_code == 0


def test_every_template_is_written_by_somebody() -> None:
    """A template that nobody fills in would be a file that the author thinks is there."""
    used = {template for files in _TREES.values() for template in files} | {"course.toml.j2"}
    assert used == {path.name for path in TEMPLATES.iterdir()}
