"""Which hint comes next: one step of a ladder for each time a student asks.

Owns the choice and its wording; `state` keeps what was taken, `terminal` shows it. Invariants: a hint comes from what
authors wrote, never from a solution; of a hidden check of which only the outcome is shown it says no word.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader import language, messages
from grader.course import Exercise, did_you_mean_part, load_exercise
from grader.errors import SubmissionRejected, UsageError
from grader.results import CheckResult, Outcome
from grader.state import Last, changing
from grader.submission import read_submission

GENERAL = ""
_NOT_TO_FIX = (Outcome.PASSED, Outcome.PENDING, Outcome.NOT_RUN, Outcome.ERROR)


@dataclass(frozen=True)
class Hint:
    """One step: what it is about, the step itself, and what to do after it."""

    heading: str
    about: tuple[str, ...] = ()
    step: str = ""
    text: str = ""
    after: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class _Ladder:
    """The steps of one thing to fix; `name` is by what they are counted."""

    name: str
    heading: str
    about: tuple[str, ...]
    steps: tuple[str, ...]
    kinds: tuple[str, ...] = ()


def take_hint(exercise: Exercise, name: str | None = None, lang: str | None = None) -> Hint:
    """Return the next hint for a student's own last result and remember that it was taken.

    From here on the process speaks the language of that result, which is what its diagnoses are written in, if the
    student did not ask for another.

    Args:
        name: A check, as a whole or without its parameter; None means the first whose mistake is known.
        lang: The language that the student asked for.
    Raises:
        UsageError: the last result has no such check.
    """
    with changing(exercise.course.root) as state:
        last = state.exercises.setdefault(exercise.slug, Last())
        if (spoken := lang or last.language) in language.LANGUAGES:
            language.use(spoken)
            exercise = load_exercise(exercise.course, exercise.slug)  # its title too
        check = _chosen(last.checks, name, exercise) if last.checks else None
        if last.checks and (check is None or check.outcome in _NOT_TO_FIX):
            return _nothing_to_hint(check)
        ladder = _ladder(check, exercise)
        if not ladder.steps:
            return _message_again(check, exercise)
        place = min(last.steps.get(ladder.name, 0), len(ladder.steps))
        last.steps[ladder.name] = place + 1
    return _step(ladder, place, _command(exercise, name, lang), _before_a_hint(exercise, last))


def _chosen(checks: Sequence[CheckResult], name: str | None, exercise: Exercise) -> CheckResult | None:
    """Return the check to speak about: what one waits for instead of one that waits; None if all is well."""
    if name is None:
        open_ones = [check for check in checks if check.outcome not in (*_NOT_TO_FIX, Outcome.BLOCKED)]
        return next((check for check in open_ones if check.diagnosis), next(iter(open_ones), None))
    check, seen = _named(checks, name, exercise), set[str]()
    while check.outcome is Outcome.BLOCKED and check.blocked_by and check.id not in seen:
        seen.add(check.id)
        found = _first_open(checks, check.blocked_by)
        if found is None:
            break
        check = found
    return check


def _named(checks: Sequence[CheckResult], name: str, exercise: Exercise) -> CheckResult:
    found = _first_open(checks, name)
    if found is None:
        near = did_you_mean_part(name, [check.id for check in checks])
        command = _check_command(exercise)
        raise UsageError(messages.HINT_NO_SUCH_CHECK.format(check=name, hint=near, command=command))
    return found


def _first_open(checks: Iterable[CheckResult], name: str) -> CheckResult | None:
    """Return the check of that name, of several (devices, parameters) the first that is still to be fixed."""
    found = [check for check in checks if name in (check.id, check.id.partition("[")[0])]
    return next((check for check in found if check.outcome not in _NOT_TO_FIX), next(iter(found), None))


def _ladder(check: CheckResult | None, exercise: Exercise) -> _Ladder:
    """Return the ladder of the mistake that a check shows, or the general one of the exercise."""
    about = (_about(check),) if check else ()
    if check and check.diagnosis and not _is_silent(check, exercise):
        steps = tuple(line.strip() for line in check.diagnosis.hint.splitlines() if line.strip())
        kinds = (messages.HINT_SEEN, messages.HINT_QUESTION, messages.HINT_IDEA)
        return _Ladder(check.diagnosis.misconception, check.diagnosis.statement, about, steps, kinds)
    heading = messages.HINT_GENERAL.format(title=exercise.title)
    return _Ladder(GENERAL, heading, about, exercise.hints_in(language.current()))


def _step(ladder: _Ladder, place: int, command: str, before: tuple[str, ...]) -> Hint:
    """Return one step. Past the end the last one stays, and the student is told that there is no other."""
    shown, total = min(place, len(ladder.steps) - 1), len(ladder.steps)
    step = messages.HINT_STEP.format(step=shown + 1, total=total)
    if shown < len(ladder.kinds):
        step = messages.HINT_STEP_KIND.format(step=shown + 1, total=total, kind=ladder.kinds[shown])
    is_last = shown == total - 1
    advice = messages.HINT_NO_MORE if place >= total else messages.HINT_LAST if is_last else messages.HINT_NEXT
    after = (*before, advice)
    return Hint(ladder.heading, ladder.about, step, ladder.steps[shown], after, "" if is_last else command)


def _message_again(check: CheckResult | None, exercise: Exercise) -> Hint:
    """Return what there is without any ladder: the check's own words, and where to begin."""
    command = _check_command(exercise)
    if check is None:
        return Hint(messages.HINT_NOTHING_CHECKED, command=command)
    said = "" if _is_silent(check, exercise) else check.message
    text = said or messages.OUTCOME_ONLY
    return Hint(check.title or check.id, (check.id,), "", text, (messages.HINT_TRY_PUBLIC,), command)


def _nothing_to_hint(check: CheckResult | None) -> Hint:
    if check is None:
        return Hint(messages.HINT_NOTHING_TO_FIX)
    return Hint(messages.HINT_NOT_THIS_ONE.format(check=check.id, outcome=check.outcome.replace("_", " ")))


def _before_a_hint(exercise: Exercise, last: Last) -> tuple[str, ...]:
    """Return what to know of a hint first: that nothing was checked yet, or that the files have changed since."""
    command = _check_command(exercise)
    if not last.checks:
        return (messages.HINT_BEFORE_CHECK.format(command=command),)
    said = [] if _sha256(exercise) == last.submission else [messages.HINT_FILES_CHANGED.format(command=command)]
    if last.language in language.LANGUAGES and last.language != language.current():
        said.append(messages.HINT_OTHER_LANGUAGE.format(command=f"{command} --lang {language.current()}"))
    return tuple(said)


def _sha256(exercise: Exercise) -> str:
    """Return the digest of the student's own files; "" where they cannot be read, as in a result."""
    try:
        return read_submission(exercise).sha256
    except (SubmissionRejected, UsageError):
        return ""


def _is_silent(check: CheckResult, exercise: Exercise) -> bool:
    """Whether only the outcome may be told; the judge saw to it already, but a file can be older than the policy."""
    return check.visibility == "hidden" and exercise.feedback.hidden == "outcome"


def _about(check: CheckResult) -> str:
    return messages.HINT_ABOUT.format(title=check.title or check.id, check=check.id)


def _check_command(exercise: Exercise) -> str:
    return f"grader check {exercise.course.short_name(exercise.slug)}"


def _command(exercise: Exercise, name: str | None, lang: str | None) -> str:
    words = ["grader", "hint", exercise.course.short_name(exercise.slug), *([name] if name else [])]
    words += ["--lang", lang] if lang else []
    return shlex.join(words)
