"""`grader hint`: one step at a time, about the student's own last result, and never more than a course wants to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader import language
from grader.cli import main
from grader.course import Exercise
from grader.errors import UsageError
from grader.hints import Hint, take_hint
from grader.results import CheckResult, Diagnosis, Outcome, SubmissionInfo
from grader.state import FOLDER, remember
from grader.submission import read_submission

from .report_samples import blocked, check, result
from .tiny_course import SLUG, make_course

GENERAL = 'hints = ["Start at the top.", "Write the shapes."]\nhints_zh_CN = ["从头开始。", "写下形状。"]\n'
OUTCOME_ONLY = '[feedback]\nhidden = "outcome"\n'
MASK = Diagnosis("mask-missing", "Your code misses the mask.", "Zeros have a gradient.\nMay they?\nNo: the slope is 0.")
MEAN = Diagnosis("mean-missing", "Your code forgets the mean.", "Twice as large.\nWho divides?\nThe loss does.")


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    """A hint is given in the language of the last result; leave the process as it was."""
    yield
    language.use(language.ENGLISH)


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    """An exercise with two general hints."""
    return make_course(tmp_path, more=GENERAL)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """A function that runs `grader hint …` in the course's folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["hint", *arguments])


def failed(id: str = "test_dx", diagnosis: Diagnosis | None = MASK, **facts: object) -> CheckResult:
    """Return a failed check."""
    return check(Outcome.FAILED, id, diagnosis=diagnosis, **facts)


def checked(exercise: Exercise, *checks: CheckResult, spoken: str = "en") -> None:
    """Let these be the results of the last check of the student's files as they are now."""
    files = SubmissionInfo(read_submission(exercise).sha256, ["work.py"])
    remember(exercise.course.root, result(*checks, exercise=exercise.slug, submission=files), spoken)


def said(hint: Hint) -> str:
    """Return everything that a hint says."""
    return "\n".join([hint.heading, *hint.about, hint.step, hint.text, *hint.after, hint.command])


def test_each_call_goes_one_step_further(exercise: Exercise) -> None:
    """What was seen, a question, the idea; then the last step stays, with a word that there is no other."""
    checked(exercise, check(), failed())
    hints = [take_hint(exercise) for _ in range(5)]
    assert [hint.text for hint in hints] == ["Zeros have a gradient.", "May they?", *["No: the slope is 0."] * 3]
    steps = ["Hint 1 of 3: what we saw", "Hint 2 of 3: a question", *["Hint 3 of 3: the idea"] * 3]
    assert [hint.step for hint in hints] == steps
    assert [hint.command for hint in hints] == ["grader hint exercise1"] * 2 + [""] * 3
    assert "This is the last hint" in hints[2].after[0]
    assert "You have seen every hint" in hints[3].after[0]
    assert {hint.heading for hint in hints} == {"Your code misses the mask."}


def test_the_first_known_mistake_is_spoken_about(exercise: Exercise) -> None:
    """Without a name, a check that nobody recognised does not come before one with a diagnosis."""
    checked(exercise, failed("test_a", None), failed("test_b", MEAN), failed("test_c"))
    assert take_hint(exercise).about == ("Check: What test_b claims. (test_b)",)


def test_a_named_check_has_its_own_ladder(exercise: Exercise) -> None:
    """Each mistake counts its own steps; two checks that show one mistake share them."""
    checked(exercise, failed("test_b", MEAN), failed("test_c"), failed("test_d[2-3]"))
    assert [take_hint(exercise, name).text for name in ("test_c", "test_b", "test_d", "test_c")] == [
        "Zeros have a gradient.",
        "Twice as large.",
        "May they?",
        "No: the slope is 0.",
    ]
    assert take_hint(exercise, "test_b").command == "grader hint exercise1 test_b"


def test_a_name_is_quoted_where_a_shell_needs_it(exercise: Exercise) -> None:
    """The next command can be copied, also for one check of several."""
    checked(exercise, failed("test_d[2-3]"))
    assert take_hint(exercise, "test_d[2-3]").command == "grader hint exercise1 'test_d[2-3]'"


def test_a_check_that_waits_leads_to_what_it_waits_for(exercise: Exercise) -> None:
    """A blocked check has no mistake of its own: the hint is for the one at the end of the chain."""
    checked(exercise, failed(), blocked("test_b", "test_dx"), blocked("test_c", "test_b"))
    assert take_hint(exercise, "test_c").about == ("Check: What test_dx claims. (test_dx)",)


def test_checks_that_wait_for_each_other_end(exercise: Exercise) -> None:
    """A file that somebody changed by hand cannot send us round in circles, nor to a check that is not there."""
    checked(exercise, blocked("test_b", "test_c"), blocked("test_c", "test_b"), blocked("test_d", "gone"))
    for name in ("test_b", "test_d"):
        assert take_hint(exercise, name).text


def test_new_files_and_another_mistake_begin_anew(exercise: Exercise) -> None:
    """After a change of the files or of the diagnosis the first step comes first."""
    checked(exercise, failed())
    assert [take_hint(exercise).text for _ in range(2)][-1] == "May they?"
    (exercise.stub_folder / "work.py").write_text("x = 1\n")
    checked(exercise, failed())
    assert take_hint(exercise).text == "Zeros have a gradient."
    checked(exercise, failed(diagnosis=MEAN))
    assert take_hint(exercise).text == "Twice as large."


def test_files_that_changed_since_are_noticed(exercise: Exercise) -> None:
    """A hint about older files says so, also where they cannot be read any more."""
    checked(exercise, failed())
    assert "have changed" not in said(take_hint(exercise))
    (exercise.stub_folder / "work.py").write_text("x = 1\n")
    assert "have changed since they were last checked; `grader check exercise1` says" in said(take_hint(exercise))
    (exercise.stub_folder / "work.py").unlink()
    assert "have changed" in said(take_hint(exercise))


def test_without_a_diagnosis_the_exercise_has_general_hints(exercise: Exercise) -> None:
    """They go step by step too, whichever check is named, and say which check is meant."""
    checked(exercise, failed("test_a", None), failed("test_b", None))
    first, second, third = take_hint(exercise), take_hint(exercise, "test_b"), take_hint(exercise)
    assert (first.heading, first.step, first.text) == ("Tiny: a general hint", "Hint 1 of 2", "Start at the top.")
    assert (second.about, second.text) == (("Check: What test_b claims. (test_b)",), "Write the shapes.")
    assert third.text == "Write the shapes."


def test_before_anything_was_checked_there_are_general_hints(exercise: Exercise) -> None:
    """They are counted too, and the hint says that it is not about the student's code."""
    assert [take_hint(exercise).text for _ in range(2)] == ["Start at the top.", "Write the shapes."]
    assert "Nothing was checked yet" in said(take_hint(exercise, "test_whatever"))


def test_an_exercise_without_hints_says_what_there_is(tmp_path: Path) -> None:
    """First to check at all; then the check's own words again, with advice to try the public checks."""
    plain = make_course(tmp_path)
    assert "nothing was checked" in take_hint(plain).heading
    checked(plain, failed("test_a", None))
    hint = take_hint(plain)
    assert (hint.heading, hint.text, hint.command) == (
        "What test_a claims.", "test_a ended failed.", "grader check exercise1",
    )  # fmt: skip
    assert "Try the public checks first" in hint.after[0]


@pytest.mark.parametrize("more", ["", GENERAL])
def test_of_a_hidden_check_with_only_an_outcome_nothing_is_said(tmp_path: Path, more: str) -> None:
    """Even a file that knows more (the policy may be younger) gives neither diagnosis nor message away."""
    exercise = make_course(tmp_path, more=more + OUTCOME_ONLY)
    checked(exercise, failed(visibility="hidden", message="dx: 3 of 4 are wrong."))
    whole = said(take_hint(exercise)) + said(take_hint(exercise, "test_dx"))
    for secret in ("mask", "Zeros", "May they", "3 of 4"):
        assert secret not in whole
    assert ("Start at the top." if more else "only the outcome of hidden checks") in whole


def test_a_public_check_of_such_an_exercise_is_hinted_at(tmp_path: Path) -> None:
    """The feedback level is about hidden checks."""
    exercise = make_course(tmp_path, more=OUTCOME_ONLY)
    checked(exercise, failed())
    assert take_hint(exercise).text == "Zeros have a gradient."


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.PENDING, Outcome.ERROR, Outcome.NOT_RUN])
def test_where_nothing_can_be_fixed_there_is_no_hint(exercise: Exercise, outcome: Outcome) -> None:
    """Neither for everything nor for one check; and no step is used up."""
    checked(exercise, check(outcome))
    assert "nothing to fix" in take_hint(exercise).heading
    assert take_hint(exercise, "test_a").heading.startswith(f"test_a ended {outcome.replace('_', ' ')}")
    checked(exercise, check(outcome), failed("test_b", None))
    assert take_hint(exercise).text == "Start at the top."


def test_an_unknown_check_gets_near_names(exercise: Exercise) -> None:
    """A misspelt check is a wrong command line, and costs no step."""
    checked(exercise, failed("test_first_layer"))
    with pytest.raises(UsageError, match=r"no 'test_first_layr'. Did you mean test_first_layer\?"):
        take_hint(exercise, "test_first_layr")
    assert take_hint(exercise).step.startswith("Hint 1")


def test_a_damaged_state_is_as_if_nothing_was_checked(exercise: Exercise) -> None:
    """No error, and hints go on."""
    checked(exercise, failed())
    (exercise.course.root / FOLDER / "state.json").write_text("{")
    assert "Nothing was checked yet" in said(take_hint(exercise))


def test_hints_speak_the_language_of_the_result(exercise: Exercise) -> None:
    """Diagnoses are kept as they were said, so everything around them, and general hints, follow."""
    checked(exercise, failed("test_a", None), spoken="zh_CN")
    hint = take_hint(exercise)
    assert (hint.heading, hint.step, hint.text) == ("Tiny：一般提示", "提示 1 / 2", "从头开始。")
    checked(exercise, failed("test_a", None), spoken="tlh")
    assert take_hint(exercise).text == "写下形状。"


def test_another_language_can_be_asked_for(exercise: Exercise) -> None:
    """What is said now follows; what the last check left stays as it is, and the student is told how to change that."""
    checked(exercise, failed())
    hint = take_hint(exercise, lang="zh_CN")
    assert (hint.heading, hint.text) == ("Your code misses the mask.", "Zeros have a gradient.")
    assert "`grader check exercise1 --lang zh_CN`" in said(hint)
    assert hint.command == "grader hint exercise1 --lang zh_CN"
    checked(exercise, failed(), spoken="zh_CN")
    assert "上次检查用的是另一种语言" not in said(take_hint(exercise, lang="zh_CN"))


def test_the_command_prints_a_hint(exercise: Exercise, run: Callable[..., Result]) -> None:
    """Mistake, check, step, hint, and the command for the next one."""
    checked(exercise, failed())
    done = run("1", "test_dx")
    assert done.exit_code == 0
    assert done.stdout == (
        "Your code misses the mask.\nCheck: What test_dx claims. (test_dx)\n"
        "\nHint 1 of 3: what we saw\n  Zeros have a gradient.\n"
        "\nThe next hint:\n  grader hint exercise1 test_dx\n"
    )
    assert "May they?" in run(SLUG).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["2"], "There is no exercise '2'"),
        (["1", "test_nothing"], "no 'test_nothing'"),
        ([], "  grader hint exercise1 "),
    ],
)
def test_a_wrong_command_line_exits_with_2(exercise: Exercise, run: Callable[..., Result], arguments: list[str],
                                           sentence: str) -> None:  # fmt: skip
    """An exercise or a check that is not there is named."""
    checked(exercise, failed())
    done = run(*arguments)
    assert done.exit_code == 2
    assert sentence in done.output
