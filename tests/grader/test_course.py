from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from grader.course import Course, Exercise, find_course, load_course, load_exercise
from grader.errors import CourseError, UsageError
from grader.limits import Limits
from grader.policy import Forbid, Policy

from .classroom_data import ROOT

GOOD = 'title = "T"\nfiles = ["work.py"]\npoints = 3\n'


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with three exercises."""
    (tmp_path / "course.toml").write_text('name = "C"\nseed = 11\nlanguage = "en"\n')
    for slug in ("exercise10_losses", "exercise1_manual_backprop", "exercise2_autograd"):
        folder = tmp_path / "exercises" / slug
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(GOOD)
    return load_course(tmp_path)


@pytest.fixture
def with_toml(course: Course) -> Callable[[str], Exercise]:
    """Load exercise 1 with this exercise.toml."""

    def load(text: str) -> Exercise:
        (course.root / "exercises/exercise1_manual_backprop/exercise.toml").write_text(text)
        return load_exercise(course, "1")

    return load


def test_the_course_is_found_from_a_folder_inside_it(course: Course) -> None:
    """course.toml is looked for upwards, as git looks for its folder."""
    assert find_course(course.root / "exercises" / "exercise2_autograd") == course


def test_outside_a_course_the_message_says_where_was_looked(tmp_path: Path) -> None:
    """No course.toml anywhere above is a mistake in using the command."""
    with pytest.raises(UsageError, match=f"No course.toml in {tmp_path}"):
        find_course(tmp_path)


def test_exercises_are_ordered_by_their_numbers(course: Course) -> None:
    """10 comes after 2."""
    assert [slug.split("_")[0] for slug in course.slugs()] == ["exercise1", "exercise2", "exercise10"]


@pytest.mark.parametrize("name", ["1", "exercise1", "exercise1_manual_backprop"])
def test_an_exercise_has_three_names(course: Course, name: str) -> None:
    """The number, the short name and the folder's name mean the same exercise, and 1 is not 10."""
    assert load_exercise(course, name).slug == "exercise1_manual_backprop"


@pytest.mark.parametrize(("name", "meant"), [("exercise3", "exercise1"), ("exercise2_autogard", "exercise2_autograd")])
def test_an_unknown_exercise_gets_near_names(course: Course, name: str, meant: str) -> None:
    """A misspelt name is answered with what may have been meant."""
    with pytest.raises(UsageError, match=f"no exercise '{name}'. Did you mean .*{meant}"):
        load_exercise(course, name)


def test_two_exercises_with_one_number_need_the_whole_name(course: Course) -> None:
    """An ambiguous number is refused with the candidates."""
    twin = course.root / "exercises" / "exercise2_other"
    twin.mkdir()
    (twin / "exercise.toml").write_text(GOOD)
    with pytest.raises(UsageError, match="'2' could be any of exercise2_autograd, exercise2_other"):
        load_exercise(course, "2")


def test_paths_mirror_each_other(course: Course) -> None:
    """Stub, reference and hidden suite lie under the same folder name."""
    exercise = load_exercise(course, "1")
    folders = (exercise.stub_folder, exercise.solution_folder, exercise.hidden_folder)
    assert [str(folder.relative_to(course.root)) for folder in folders] == [
        "exercises/exercise1_manual_backprop",
        "solutions/exercise1_manual_backprop",
        "tests/hidden/exercise1_manual_backprop",
    ]
    assert exercise.public_suite == exercise.stub_folder / "test_public.py"


def test_limits_and_devices_come_from_the_file(with_toml: Callable[[str], Exercise]) -> None:
    """What [limits] does not say has its default."""
    exercise = with_toml(GOOD + '[limits]\ncheck_wall_s = 2\n[devices]\nrun = ["cpu", "cuda"]\n')
    assert (exercise.limits.check_wall_s, exercise.limits.wall_s, exercise.devices) == (2.0, 60.0, ("cpu", "cuda"))


def test_every_limit_and_its_default_are_documented() -> None:
    """An author finds in docs/suites.md what may be said; a limit that was added or changed is added there too."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs/suites.md").read_text(), re.MULTILINE)
    assert {key: float(default) for key, default in rows} == msgspec.to_builtins(Limits())


def test_policy_and_feedback_come_from_the_file(with_toml: Callable[[str], Exercise]) -> None:
    """Each [[policy.forbid]] is one rule; without the tables everything is allowed and hints are given."""
    plain = with_toml(GOOD)
    assert (plain.policy.autograd, plain.policy.forbid, plain.feedback.hidden) == ("on", (), "hint")
    exercise = with_toml(
        GOOD
        + '[policy]\nautograd = "off"\n'
        + '[[policy.forbid]]\nnames = ["torch.nn", "torch.optim"]\nsentence = "By hand."\n'
        + '[[policy.forbid]]\nnames = ["torch.mm"]\nwithin = ["MyLinear"]\nsentence = "S."\n'
        + '[feedback]\nhidden = "outcome"\n'
    )
    assert exercise.policy.forbid == (
        Forbid(("torch.nn", "torch.optim"), "By hand."),
        Forbid(("torch.mm",), "S.", ("MyLinear",)),
    )
    assert (exercise.policy.autograd, exercise.feedback.hidden) == ("off", "outcome")


def test_general_hints_come_from_the_file(with_toml: Callable[[str], Exercise]) -> None:
    """In the language asked for, in English where there is no translation; an exercise may have none."""
    assert with_toml(GOOD).hints_in("en") == ()
    both = with_toml(GOOD + 'hints = ["First.", "Then."]\nhints_zh_CN = ["先。", "后。"]\n')
    assert (both.hints_in("en"), both.hints_in("zh_CN")) == (("First.", "Then."), ("先。", "后。"))
    assert with_toml(GOOD + 'hints = ["First."]\n').hints_in("zh_CN") == ("First.",)
    assert len({both, both}) == 1


def test_autograd_off_forbids_what_differentiates_after_the_exercises_own_rules() -> None:
    """So that an exercise can say it in its own words."""
    own = Forbid(("torch.autograd",), "Ours.")
    assert Policy("on", (own,)).rules == (own,)
    first, second = Policy("off", (own,)).rules
    assert first == own
    assert {"torch.Tensor.backward", "torch.autograd.grad", "torch.func.grad"} <= set(second.names)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title = ", "cannot be read: Invalid value"),
        ('files = ["work.py"]\npoints = 3\n', "title: the table missing required field"),
        (GOOD + "colour = 1\n", "colour: the table contains unknown field"),
        (GOOD + "[limits]\nwall = 3\n", "limits.wall: the table contains unknown field"),
        (GOOD + '[limits]\nwall_s = "long"\n', "limits.wall_s: Expected `float`, got `str`"),
        (GOOD + "[limits]\nwall_s = 0\n", "limits.wall_s: expected a number above 0"),
        (GOOD + "[limits]\nwall_s = nan\n", "limits.wall_s: expected a number above 0"),
        (GOOD + "[limits]\nsource_bytes = 0\n", "limits.source_bytes: expected a number above 0"),
        (GOOD + "[limits]\nsource_bytes = 1.5\n", "limits.source_bytes: Expected `int`, got `float`"),
        (GOOD + '[limits]\nsource_bytes = "1 MB"\n', "limits.source_bytes: Expected `int`, got `str`"),
        (GOOD + "[limits]\nsource_bytes = 33554433\n", "limits.source_bytes: Expected `int` <= 33554432"),
        (GOOD + '[devices]\nrun = ["tpu"]\n', "devices.run: expected different devices out of cpu, sim, cuda"),
        (GOOD + "[devices]\nrun = []\n", "devices.run: expected different devices"),
        (GOOD + '[policy]\nautograd = "maybe"\n', "policy.autograd: Invalid enum value 'maybe'"),
        (GOOD + '[policy]\nforbidden = ["a"]\n', "policy.forbidden: the table contains unknown field"),
        (
            GOOD + '[[policy.forbid]]\nnames = ["torch.nn"]\n',
            "policy.forbid[0].sentence: the table missing required field",
        ),
        (
            GOOD + '[[policy.forbid]]\nnames = []\nsentence = "S."\n',
            "policy.forbid[0].names: Expected `array` of length",
        ),
        (
            GOOD + '[[policy.forbid]]\nnames = ["a b"]\nsentence = "S."\n',
            "policy.forbid[0]: 'a b' is not a dotted name",
        ),
        (GOOD + '[[policy.forbid]]\nnames = ["a"]\nwithin = ["*"]\nsentence = "S."\n', "'*' is not a dotted name"),
        (GOOD + 'hints = "one"\n', "hints: Expected `array`, got `str`"),
        (GOOD + 'hints = [""]\n', "hints[0]: Expected `str` of length >= 1"),
        (GOOD + 'hints = ["a"]\nhints_de = ["b"]\n', "hints_de: the table contains unknown field"),
        (GOOD + 'hints = ["a", "b"]\nhints_zh_CN = ["c"]\n', "hints_zh_CN: it has 1 hints, `hints` has 2"),
        (GOOD + '[feedback]\nhidden = "some"\n', "feedback.hidden: Invalid enum value 'some'"),
        ('title = "T"\nfiles = []\npoints = 3\n', "files: Expected `array` of length >= 1"),
        ('title = "T"\nfiles = ["../a.py"]\npoints = 3\n', "files: '../a.py' is not the plain name"),
        ('title = "T"\nfiles = ["a.py", "a.py"]\npoints = 3\n', "files: the same name stands there twice"),
        ('title = "T"\nfiles = ["a.py"]\npoints = 0\n', "points: Expected `float` > 0"),
    ],
)
def test_a_broken_exercise_file_is_named_with_its_key(
    with_toml: Callable[[str], Exercise], text: str, complaint: str
) -> None:
    """File and key stand in the message, whatever is wrong."""
    with pytest.raises(CourseError, match=r"exercises/exercise1_manual_backprop/exercise.toml") as caught:
        with_toml(text)
    assert complaint in str(caught.value)


def test_a_broken_course_file_is_named_with_its_key(tmp_path: Path) -> None:
    """course.toml is read as strictly."""
    (tmp_path / "course.toml").write_text("seed = -1\n")
    with pytest.raises(CourseError, match=r"course\.toml: (name|seed): "):
        load_course(tmp_path)


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    """Bytes that are no text are no reason for a traceback."""
    (tmp_path / "course.toml").write_bytes(b'name = "\xff"\n')
    with pytest.raises(CourseError, match=r"course\.toml cannot be read: it is not UTF-8"):
        load_course(tmp_path)
