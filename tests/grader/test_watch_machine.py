"""What happens when, without a terminal, a file or a process: events in, actions out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader import messages
from grader.errors import CourseError, InfrastructureError, SubmissionRejected, UsageError
from grader.hints import Hint
from grader.results import CheckResult, Environment, ExerciseResult, Outcome, SubmissionInfo
from grader.submission import made_submission
from grader.watch import machine as to
from grader.watch.machine import Machine

PASSED, FAILED, REJECTED = Outcome.PASSED, Outcome.FAILED, Outcome.REJECTED


def check(outcome: Outcome, name: str = "test_a") -> CheckResult:
    """One line of a result."""
    return CheckResult(name, f"Title of {name}.", "hidden", "cpu", outcome, float(outcome is PASSED), 1.0)


def result(*outcomes: Outcome) -> ExerciseResult:
    """A result with checks test_a, test_b, … that ended like this."""
    checks = [check(outcome, f"test_{chr(ord('a') + place)}") for place, outcome in enumerate(outcomes)]
    return ExerciseResult(
        "exercise1_tiny", SubmissionInfo("0" * 64, ["work.py"]), "1" * 64, float(outcomes.count(PASSED)),
        float(len(outcomes)), True, 7, Environment("0", "3", "2", ["cpu"], "none"), checks,
    )  # fmt: skip


def look(text: str, course: str = "c") -> to.Look:
    """The student's file with this text."""
    return to.Look(made_submission({"work.py": text}), text, course)


def missing(why: str = "work.py is missing.") -> to.Look:
    """A file that cannot be read."""
    return to.Look(SubmissionRejected(why), f"rejected: {why}", "c")


def judging(text: str = "a") -> Machine:
    """A machine that has begun with a file of this text."""
    machine = Machine()
    (judge,) = machine.on(look(text))
    assert isinstance(judge, to.Judge)
    return machine


def judged(*outcomes: Outcome) -> Machine:
    """A machine that has its first result."""
    machine = judging()
    machine.on(to.Judged(1, result(*outcomes)))
    return machine


def test_a_save_is_judged_once() -> None:
    """However often the system says that something changed: what counts is whether the content did."""
    machine = judged(FAILED)
    assert machine.on(look("a")) == []
    (judge,) = machine.on(look("b"))
    assert isinstance(judge, to.Judge)
    assert judge.run == 2
    assert machine.on(look("b")) == []


def test_a_save_during_a_run_calls_it_off() -> None:
    """The new run begins at once, and whatever the old one still says is not heard."""
    machine = judging()
    off, judge = machine.on(look("b"))
    assert (off, judge.run) == (to.CallOff(), 2)  # type: ignore[union-attr]
    assert machine.on(to.Judged(1, result(PASSED))) == []
    assert machine.on(to.Ended(1, check(FAILED))) == machine.on(to.Slow(1)) == []
    assert machine.on(to.Broke(1, CourseError("old"))) == machine.on(to.Named(1, result(PASSED))) == []
    assert machine.view.result is None
    machine.on(to.Judged(2, result(FAILED)))
    assert machine.view.result == result(FAILED)


def test_back_to_what_was_judged_before_is_a_save_too() -> None:
    """Undone while the change is judged: the old content is judged again, because its verdict is not on the screen."""
    machine = judged(FAILED)
    machine.on(look("b"))
    off, judge = machine.on(look("a"))
    assert (off, judge.run) == (to.CallOff(), 3)  # type: ignore[union-attr]


def test_a_file_that_is_gone_is_believed_at_the_second_look() -> None:
    """An editor that removes or empties a file for a moment costs nothing; one that stays away gets its sentence."""
    machine = judged(PASSED)
    assert machine.on(missing()) == [to.LookAgain()]
    assert machine.on(look("a")) == []
    assert machine.on(missing()) == [to.LookAgain()]
    (judge,) = machine.on(missing())
    assert isinstance(judge, to.Judge)
    assert isinstance(judge.given, SubmissionRejected)
    assert machine.on(missing("work.py is empty.")) == [to.LookAgain()]


def test_a_slow_run_shows_the_first_thing_to_fix() -> None:
    """Nothing of a quick run is shown before its result; of a slow one the first failure, once."""
    machine = judging()
    assert machine.on(to.Ended(1, check(FAILED))) == []
    assert machine.on(to.Slow(1)) == [to.Show()]
    assert machine.view.so_far == (check(FAILED),)
    assert machine.on(to.Ended(1, check(FAILED, "test_b"))) == []
    machine.on(look("b"))
    assert machine.on(to.Ended(2, check(PASSED))) == machine.on(to.Slow(2)) == []
    assert machine.on(to.Ended(2, check(FAILED, "test_b"))) == [to.Show()]


def test_a_verdict_is_kept_and_shown_with_what_changed() -> None:
    """Newly passing and failing checks by title, and the points; the first verdict has nothing to compare with."""
    machine = judged(FAILED, PASSED, FAILED)
    assert not machine.view.news
    machine.on(look("b"))
    second = result(PASSED, FAILED, PASSED)
    assert machine.on(to.Judged(2, second, "12:00:00", 0.1)) == [to.Keep(second), to.Show()]
    new = machine.view.news
    assert (new.passes, new.fails, new.points) == (("Title of test_a.", "Title of test_c."), ("Title of test_b.",), 1.0)


def test_a_file_that_could_not_be_read_is_no_step_back() -> None:
    """After a syntax error, news are about the last result that found something out."""
    machine = judged(PASSED, FAILED)
    machine.on(look("b"))
    machine.on(to.Judged(2, result(REJECTED, REJECTED)))
    assert not machine.view.news
    machine.on(look("c"))
    machine.on(to.Judged(3, result(PASSED, PASSED)))
    assert machine.view.news.passes == ("Title of test_b.",)


def test_names_that_come_later_replace_the_verdict() -> None:
    """The hint on the screen stays; a name for what is being judged anew does not count any more."""
    machine = judged(FAILED)
    machine.on(to.Hinted(Hint("Mask")))
    known = result(FAILED)
    assert machine.on(to.Named(1, known)) == [to.Keep(known), to.Show()]
    assert machine.view.hint == Hint("Mask")
    machine.on(look("b"))
    assert machine.on(to.Named(1, known)) == []


def test_another_course_starts_afresh_and_says_so() -> None:
    """The run is called off, the course read again, the same file judged; the sentence stands by the verdict too."""
    machine = judging()
    off, restart, show, judge = machine.on(look("a", "other"))
    assert (off, restart, show) == (to.CallOff(), to.Restart(), to.Show())
    assert isinstance(judge, to.Judge)
    assert machine.view.notes == (messages.WATCH_COURSE_CHANGED,)
    machine.on(to.Judged(2, result(PASSED)))
    assert machine.view.notes == (messages.WATCH_COURSE_CHANGED,)
    machine.on(look("b", "other"))
    machine.on(to.Judged(3, result(PASSED)))
    assert machine.view.notes == ()


def test_what_cannot_be_judged_is_told_and_tried_again() -> None:
    """A broken course or a failure of ours leaves the watch open: the same content is judged again when touched."""
    machine = judging()
    assert machine.on(to.Broke(1, CourseError("exercise.toml: points"))) == [to.Show()]
    assert (machine.view.error, machine.on(to.Pressed("q"))) == ("exercise.toml: points", [to.Leave(3)])
    (judge,) = machine.on(look("a"))
    assert isinstance(judge, to.Judge)
    machine.on(to.Broke(2, InfrastructureError("no room")))
    assert machine.on(to.Pressed("q")) == [to.Leave(4)]


def test_a_wrong_command_line_ends_the_watch() -> None:
    """`-k typo` will never match: nothing to wait for."""
    error = UsageError("-k 'typo' matches no check.")
    assert judging().on(to.Broke(1, error)) == [to.Leave(2, error)]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [((PASSED,), 0), ((PASSED, Outcome.PENDING), 0), ((FAILED,), 1), ((Outcome.ERROR,), 4), ((), 0)],
)
def test_leaving_returns_the_exit_code_of_the_last_result(outcomes: tuple[Outcome, ...], code: int) -> None:
    """q, Ctrl-C and Ctrl-D alike, also while the next run goes on."""
    machine = judged(*outcomes)
    machine.on(look("b"))
    assert [machine.on(to.Pressed(key)) for key in ("q", "\x03", "\x04")] == [[to.Leave(code)]] * 3


def test_leaving_before_any_result_is_an_interruption() -> None:
    """Nothing is known, so the code says neither that it passes nor that it does not."""
    assert judging().on(to.Pressed("q")) == [to.Leave(130)]


def test_keys_ask_for_what_the_legend_says() -> None:
    """h about the first thing to fix, n, l, o; space draws anew; any other key means nothing."""
    machine = judged(PASSED, FAILED, FAILED)
    assert machine.on(to.Pressed("h")) == [to.GiveHint("test_b")]
    assert machine.on(to.Pressed("o")) == [to.OpenPage(result(PASSED, FAILED, FAILED))]
    assert [machine.on(to.Pressed(key)) for key in "nl \nx"] == [
        [to.GoOn()], [to.ShowList()], [to.Show()], [to.Show()], [],
    ]  # fmt: skip
    assert judged(PASSED).on(to.Pressed("h")) == [to.GiveHint(None)]
    assert judging().on(to.Pressed("h")) == judging().on(to.Pressed("o")) == []


def test_r_judges_the_same_files_again() -> None:
    """Also while they are being judged."""
    machine = judged(FAILED)
    assert machine.on(to.Pressed("r")) == [to.LookAgain(soon=False)]
    (judge,) = machine.on(look("a"))
    assert isinstance(judge, to.Judge)
    machine.on(to.Pressed("r"))
    off, judge = machine.on(look("a"))
    assert (off, judge.run) == (to.CallOff(), 3)  # type: ignore[union-attr]


def test_hints_and_notes_go_with_the_verdict_they_are_about() -> None:
    """They stand below it until the next one comes."""
    machine = judged(FAILED)
    assert machine.on(to.Noted("The page lies there.")) == machine.on(to.Hinted(Hint("Mask"))) == [to.Show()]
    assert machine.view == replace(to.View(result(FAILED)), hint=Hint("Mask"))
    assert machine.on(to.Listed()) == []
    machine.on(look("b"))
    machine.on(to.Judged(2, result(FAILED)))
    assert machine.view.hint is None
