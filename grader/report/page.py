"""Everything a student's page says, before it is HTML: the score, what to do next, the sections and what is in them.

Owns the order of things and what is said of each. Knows no markup.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grader import messages
from grader.course import Exercise
from grader.place import place_of
from grader.report.advice import all_unwritten, checks, meaning, next_sentence, points, side_of_first
from grader.report.article import Article, Printed, about, article, label, pictures, points_of, printed
from grader.report.causes import Cause, Item, Sorted, sort_checks
from grader.report.charts import Chart
from grader.report.heatmap import Heatmap
from grader.report.text import clipped_line
from grader.results import CheckResult, ExerciseResult, Flag, Outcome
from grader.score import number

_HASH_CHARS = 12
_NUMBERED = re.compile(r"exercise(\d+)(?=_|$)")


@dataclass(frozen=True)
class Segment:
    """One piece of the strip."""

    outcome: Outcome
    label: str
    points: float
    anchor: str
    """Where it leads; empty for what passed."""


@dataclass(frozen=True)
class Row:
    """A check that needs no article: one that waits, is open, or passed."""

    item: Item
    anchor: str
    label: str
    about: str
    points: str
    sentence: str = ""
    waits_for: tuple[str, str] | None = None
    """(anchor, title) of the check it waits for."""
    wall: str = ""
    printed: Printed | None = None
    figures: list[Heatmap | Chart] = field(default_factory=list)


@dataclass(frozen=True)
class Noticed:
    """A flag with the line it is about."""

    place: str
    message: str
    code: str


@dataclass(frozen=True)
class StudentPage:
    """What the template prints, in the order in which it prints it."""

    title: str
    heading: str
    course: str
    attempt: str
    score: str
    max_score: str
    score_label: str
    so_far: str
    tally: list[str]
    next: str
    strip: list[Segment]
    key: list[tuple[Outcome, str]]
    meanings: list[tuple[Outcome, str, str]]
    """(outcome, its word, what it means) of those on this page."""
    first: Article | None
    first_heading: str
    first_side: list[str]
    fix: list[Article]
    fix_heading: str
    fix_side: str
    blocked: list[Row]
    blocked_side: str
    open: list[Row]
    passed: list[Row]
    passed_side: str
    passed_show: str
    imported: Printed | None
    noticed: list[Noticed]
    facts: list[tuple[str, list[str]]]
    again: str
    again_one: tuple[str, str] | None
    """(sentence, command) that replays one check."""


def student_page(result: ExerciseResult, exercise: Exercise, sources: Mapping[str, str]) -> StudentPage:
    """Collect what is to be said about a result."""
    placed = sort_checks(result.checks)
    anchors = _anchors(placed)
    heading = _heading(exercise)
    score, max_score = number(result.score), number(result.max_score)
    with_device = len({check.device for check in result.checks} | set(result.environment.devices)) > 1

    first = placed.causes[0] if placed.causes else None

    def shown(cause: Cause) -> Article:
        return article(
            cause,
            sources,
            anchor=anchors[cause.items[0].index],
            command=command(result, cause.check) if cause is first and _can_be_replayed(cause.check) else "",
            with_code=cause is first or cause.check.outcome is not Outcome.TODO,
            with_device=with_device,
        )

    articles = [shown(cause) for cause in placed.causes]
    fix = articles[1:]
    of_score = messages.REPORT_SCORE if result.complete else messages.REPORT_SCORE_OPEN
    return StudentPage(
        title=messages.REPORT_PAGE_TITLE.format(score=score, max_score=max_score, title=heading),
        heading=heading,
        course=exercise.course.shown_name,
        attempt=messages.REPORT_ATTEMPT.format(attempt=result.attempt) if result.attempt > 1 else "",
        score=score,
        max_score=max_score,
        score_label=of_score.format(score=score, max_score=max_score),
        so_far="" if result.complete else messages.REPORT_SO_FAR,
        tally=_tally(result, exercise, placed),
        next=next_sentence(placed),
        strip=[_segment(item, anchors, with_device) for item in placed.items if item.max_points > 0],
        key=_key(placed),
        meanings=_meanings(placed),
        first=articles[0] if articles else None,
        first_heading=messages.REPORT_START if all_unwritten(placed.causes[:1]) else messages.REPORT_FIRST,
        first_side=side_of_first(placed.causes[0]) if articles else [],
        fix=fix,
        fix_heading=messages.REPORT_UNWRITTEN if all_unwritten(placed.causes[1:]) else messages.REPORT_FIX,
        fix_side=_counted([item for cause in placed.causes[1:] for item in cause.items]),
        blocked=_blocked(placed, anchors, with_device),
        blocked_side=messages.REPORT_BLOCKED_SIDE.format(counted=_counted(placed.blocked)),
        open=[_row(item, anchors, with_device, sentence=_why_open(item.check)) for item in placed.open],
        passed=[_row(item, anchors, with_device, sentence=item.check.message) for item in placed.passed],
        passed_side=_counted(placed.passed),
        passed_show=_passed_show(len(placed.passed)),
        imported=printed(result.stdout),
        noticed=[_noticed(flag, sources) for flag in result.flags],
        facts=_facts(result, exercise),
        again=command(result),
        again_one=_again_one(result, placed),
    )


def command(result: ExerciseResult, check: CheckResult | None = None) -> str:
    """Return what a person types to judge everything again, or one check alone."""
    found = _NUMBERED.match(result.exercise)
    words = ["grader", "check", found[0] if found else result.exercise, "--seed", str(result.seed)]
    if check is not None:
        words += ["--device", check.device] if check.device != "cpu" else []
        words += ["-k", check.id]
    return shlex.join(words)


def _again_one(result: ExerciseResult, placed: Sorted) -> tuple[str, str] | None:
    """Show how to replay one check: one that failed, rather a public one, because students have those."""
    items = placed.items
    checks = [item.check for item in items if item.outcome is not Outcome.PASSED] or [item.check for item in items]
    if not checks or checks[0].outcome is Outcome.REJECTED:
        return None
    check = next((check for check in checks if check.visibility == "public"), checks[0])
    sentence = messages.REPORT_AGAIN_ONE if check.visibility == "public" else messages.REPORT_AGAIN_HIDDEN
    return sentence, command(result, check)


def _can_be_replayed(check: CheckResult) -> bool:
    """Whether it helps a student to run this check alone: they have it, and there is something that runs."""
    return check.visibility == "public" and check.outcome not in (Outcome.TODO, Outcome.REJECTED)


def _heading(exercise: Exercise) -> str:
    found = _NUMBERED.match(exercise.slug)
    if not found:
        return exercise.title
    return messages.REPORT_NUMBERED.format(number=found[1], title=exercise.title)


def _anchors(placed: Sorted) -> dict[int, str]:
    """Name every check's place on the page. Names are ours: nothing that a course or a student wrote is in them."""
    anchors = {item.index: f"check-{item.index + 1}" for item in placed.items}
    for cause in placed.causes:
        anchors |= {item.index: anchors[cause.items[0].index] for item in cause.items}
    return anchors


def _tally(result: ExerciseResult, exercise: Exercise, placed: Sorted) -> list[str]:
    """Return what stands below the score: how many checks passed, and whether there are others elsewhere."""
    passed = messages.REPORT_TALLY.format(passed=len(placed.passed), checks=checks(len(placed.items)))
    is_part = round(result.max_score, 6) < exercise.points
    return [passed, messages.REPORT_PART.format(points=points(exercise.points))] if is_part else [passed]


# --- parts -----------------------------------------------------------------------------------------------------------


def _segment(item: Item, anchors: Mapping[int, str], with_device: bool) -> Segment:
    text = messages.REPORT_SEGMENT.format(
        title=item.check.title or item.check.id,
        outcome=label(item.check, with_device),
        points=points_of(item.points, item.max_points),
    )
    anchor = "" if item.outcome is Outcome.PASSED else anchors[item.index]
    return Segment(item.outcome, text, item.max_points, anchor)


def _key(placed: Sorted) -> list[tuple[Outcome, str]]:
    """Return how many checks ended in which way, in the order in which the page shows them."""
    counts = Counter(item.outcome for item in placed.items)
    return [
        (one, messages.REPORT_KEY_ENTRY.format(count=count, outcome=one.replace("_", " ")))
        for one, count in counts.items()
    ]


def _meanings(placed: Sorted) -> list[tuple[Outcome, str, str]]:
    outcomes = dict.fromkeys(item.outcome for item in placed.items)
    return [(one, one.replace("_", " "), meaning(one)) for one in outcomes]


def _counted(items: Iterable[Item]) -> str:
    """Return "3 checks, 4 points."."""
    found = list(items)
    worth = sum(item.max_points for item in found)
    return messages.REPORT_COUNTED.format(checks=checks(len(found)), points=points(worth))


def _row(
    item: Item,
    anchors: Mapping[int, str],
    with_device: bool,
    *,
    sentence: str = "",
    waits_for: tuple[str, str] | None = None,
) -> Row:
    check = item.check
    return Row(
        item=item,
        anchor=anchors[item.index],
        label=label(check, with_device),
        about=about(item, with_device),
        points=points_of(item.points, item.max_points),
        sentence=sentence,
        waits_for=waits_for,
        wall=_wall(sum(entry.wall_s for entry in item.entries)),
        printed=printed(item.check.stdout),
        figures=pictures(item.check),
    )


def _blocked(placed: Sorted, anchors: Mapping[int, str], with_device: bool) -> list[Row]:
    """Return the waiting checks, each with a link to the check it waits for."""
    by_id = {item.check.id: item for item in placed.items}
    rows = []
    for item in placed.blocked:
        needed = item.check.blocked_by or ""
        other = by_id.get(needed) or next((one for id, one in by_id.items() if id.partition("[")[0] == needed), None)
        link = (anchors[other.index], other.check.title or other.check.id) if other else None
        rows.append(_row(item, anchors, with_device, sentence="" if link else item.check.message, waits_for=link))
    return rows


def _why_open(check: CheckResult) -> str:
    if check.message:
        return check.message
    if check.outcome is Outcome.PENDING:
        return messages.REPORT_OPEN_PENDING.format(device=check.device)
    return meaning(check.outcome)


def _passed_show(count: int) -> str:
    return messages.REPORT_PASSED_SHOW_ONE if count == 1 else messages.REPORT_PASSED_SHOW.format(count=count)


def _noticed(flag: Flag, sources: Mapping[str, str]) -> Noticed:
    lines = sources.get(flag.file, "").split("\n")
    code = lines[flag.line - 1].strip() if 1 <= flag.line <= len(lines) else ""
    return Noticed(place_of(flag), flag.message, clipped_line(code))


# --- how it was judged -----------------------------------------------------------------------------------------------


def _facts(result: ExerciseResult, exercise: Exercise) -> list[tuple[str, list[str]]]:
    """Return (name, lines) of everything that decided the result beside the code itself."""
    where, submission = result.environment, result.submission
    judged = [name for name in submission.files if name in exercise.files]
    extra = [name for name in submission.files if name not in exercise.files]
    versions = messages.REPORT_FACT_VERSIONS_LIST.format(torch=where.torch, python=where.python, grader=where.grader)
    unfenced = messages.REPORT_FACT_UNFENCED if where.fence == "none" else where.fence
    facts = [
        (
            messages.REPORT_FACT_FILES,
            [*judged, _hash(submission.sha256)] if judged else [messages.REPORT_FACT_NO_FILES],
        ),
        (messages.REPORT_FACT_EXTRA, [", ".join(extra)] if extra else []),
        (messages.REPORT_FACT_SUITE, [_hash(result.suite_sha256)]),
        (messages.REPORT_FACT_SEED, [str(result.seed)]),
        (messages.REPORT_FACT_DEVICES, [", ".join(where.devices)]),
        (messages.REPORT_FACT_FENCE, [unfenced]),
        (messages.REPORT_FACT_VERSIONS, [versions]),
        (messages.REPORT_FACT_TIME, [_wall(sum(check.wall_s for check in result.checks))]),
    ]
    return [(name, lines) for name, lines in facts if lines]


def _hash(digest: str) -> str:
    return messages.REPORT_FACT_HASH.format(hash=digest[:_HASH_CHARS])


def _wall(wall_s: float) -> str:
    if wall_s < 1:
        return messages.REPORT_WALL_MS.format(ms=1000 * wall_s)
    return messages.REPORT_WALL_S.format(s=wall_s)
