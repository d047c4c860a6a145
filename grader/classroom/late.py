"""How late work came, and what that costs: from times of hand-ins to a `Lateness` for each student and exercise.

Owns due dates, days and the bank of late days. `lateness` and `apply` are pure; `deadlines_of` reads extensions.toml.
Invariant: the raw score is never changed, and nothing is guessed: work that is late nobody knows how much is unsettled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from grader import messages
from grader.classroom.handin import Student
from grader.classroom.view import ClassView, Lateness, Standing
from grader.course import Course, did_you_mean, read_toml, slug_named
from grader.errors import CourseError
from grader.late_policy import EXTENSIONS_FILE, NO_LATE_POLICY, Extensions, LatePolicy

_DAY = timedelta(days=1)
_COURSE_FILE = "course.toml"
Key = tuple[str, str]
"""A student's id and the slug of an exercise."""


@dataclass(frozen=True)
class Arrival:
    """When somebody's work for an exercise came, as far as anybody knows; `marked` if the platform calls it late."""

    student: str
    exercise: str
    at: datetime | None = None
    marked: bool = False


@dataclass(frozen=True)
class Deadlines:
    """A late policy with every name looked up and every time a point in time.

    `due` and `extended` are aware; days are counted on the clocks of `zone`, or of the due date where there is none.
    """

    policy: LatePolicy = NO_LATE_POLICY
    zone: tzinfo | None = None
    due: Mapping[str, datetime] = field(default_factory=dict)
    extended: Mapping[Key, datetime] = field(default_factory=dict)
    arrived: Mapping[Key, datetime] = field(default_factory=dict)

    def due_for(self, student: str, exercise: str) -> datetime | None:
        """Return when this student's work is due; None where the course does not say."""
        return self.extended.get((student, exercise)) or self.due.get(exercise)


def deadlines_of(course: Course, students: Iterable[Student]) -> Deadlines:
    """Look up what course.toml and extensions.toml say of due dates.

    Raises:
        CourseError: an exercise, student or time zone is not known, or a time has neither offset nor time zone.
    """
    policy = course.late
    zone = _zone(policy.timezone) if policy.timezone else None
    due = _times(course, policy.due, zone, _COURSE_FILE, "late.due")
    said = Extensions()
    if (course.root / EXTENSIONS_FILE).exists():
        said = read_toml(course.root / EXTENSIONS_FILE, Extensions, course.root)
    ids = sorted({student.id for student in students})
    extended = _times_of_students(course, said.due, zone, "due", ids)
    return Deadlines(policy, zone, due, extended, _times_of_students(course, said.handed_in, zone, "handed_in", ids))


def lateness(deadlines: Deadlines, arrivals: Iterable[Arrival]) -> dict[Key, Lateness]:
    """Return how late each arrival is and what that costs. Of several of one exercise the last counts.

    With a bank, a student's days are spent in the order of that student's due dates. Whatever is late after something
    unsettled is unsettled too, as the days that are left by then are not known.
    """
    last: dict[Key, Arrival] = {}
    for arrival in arrivals:
        key = (arrival.student, arrival.exercise)
        last[key] = _later(last[key], arrival) if key in last else arrival
    by_student: dict[str, list[Arrival]] = {}
    for arrival in last.values():
        by_student.setdefault(arrival.student, []).append(arrival)
    return {
        (one.student, one.exercise): late
        for own in by_student.values()
        for one, late in _settled_in_turn(deadlines, own)
    }


def apply(view: ClassView) -> ClassView:
    """Return the class with every standing's lateness and counted points as course.toml has them now.

    What the platform marked is taken from the lateness that is there. Applying it twice changes nothing.

    Raises:
        CourseError: as `deadlines_of`.
    """
    arrivals = [
        Arrival(one.student.id, one.exercise, one.submitted_at, one.lateness.marked)
        for one in view.standings.values()
        if one.handed_in
    ]
    late = lateness(deadlines_of(view.course, view.students), arrivals)
    standings = {key: _counted(one, late.get(key, Lateness())) for key, one in view.standings.items()}
    return replace(view, standings=standings)


def days_late(at: datetime, due: datetime, zone: tzinfo | None, grace: timedelta = timedelta()) -> int:
    """Return how many days after `due` have begun: the first ends at the same time of the clock one date later.

    So a day on which the clocks change has 23 or 25 hours. The grace lengthens each of these days alike.
    """
    # Aware times of one zone are compared by their clocks; only in UTC is it what really passed.
    at_utc, local = at.astimezone(UTC), due.astimezone(zone) if zone else due
    days = max(0, int((at_utc - due.astimezone(UTC) - grace) / _DAY) - 1)
    while at_utc > (local + days * _DAY).astimezone(UTC) + grace:
        days += 1
    return days


def _counted(standing: Standing, late: Lateness) -> Standing:
    counted = None
    if standing.score is not None and not late.unsettled:
        counted = round(standing.score * late.factor, 6)
    return replace(standing, lateness=late, counted=counted)


def _later(one: Arrival, other: Arrival) -> Arrival:
    # One whose time nobody knows may have been the last: it hides the others rather than being hidden by them.
    if one.at is None or other.at is None:
        return one if one.at is None else other
    return max(one, other, key=lambda arrival: arrival.at.astimezone(UTC) if arrival.at else datetime.min)


def _settled_in_turn(deadlines: Deadlines, own: list[Arrival]) -> Iterable[tuple[Arrival, Lateness]]:
    """Yield one student's arrivals in the order in which they draw on the bank."""
    left: int | None = deadlines.policy.bank_days  # None: nobody knows any more
    far = datetime.max.replace(tzinfo=UTC)
    for one in sorted(own, key=lambda a: (deadlines.due_for(a.student, a.exercise) or far, a.exercise)):
        late = _one(deadlines, one, left)
        if late.unsettled and left != 0:
            left = None
        elif left is not None:
            left -= int(late.days_used)
        yield one, late


def _one(deadlines: Deadlines, arrival: Arrival, left: int | None) -> Lateness:
    """Return the lateness of one arrival, with so many days left in the bank."""
    policy = deadlines.policy
    due = deadlines.due_for(arrival.student, arrival.exercise)
    at = _aware(deadlines.arrived.get((arrival.student, arrival.exercise)) or arrival.at, deadlines.zone)
    costs = policy.policy != "none"
    if at is None or due is None:
        # Without a time an unmarked hand-in was on time, as far as anybody says.
        unclear = arrival.marked or (due is not None and arrival.at is not None)
        return Lateness(marked=arrival.marked, unsettled=costs and unclear)
    days = days_late(at, due, deadlines.zone, timedelta(minutes=policy.grace_minutes))
    if not days:
        return Lateness(late_s=0.0, marked=arrival.marked)
    late_s = (at.astimezone(UTC) - due.astimezone(UTC)).total_seconds()
    if costs and policy.policy == "bank" and left is None:
        return Lateness(late_s, arrival.marked, unsettled=True)
    used, factor = _cost(policy, days, left or 0)
    return Lateness(late_s, arrival.marked, float(used), factor)


def _cost(policy: LatePolicy, days: int, left: int) -> tuple[int, float]:
    """Return the days taken from the bank and the factor on the points."""
    if policy.policy == "none":
        return 0, 1.0
    used = min(days, left) if policy.policy == "bank" else 0
    factor = _factor(policy, days - used)
    # Days that would change nothing stay in the bank.
    return (0, factor) if factor == _factor(policy, days) else (used, factor)


def _factor(policy: LatePolicy, days: int) -> float:
    percent = 100.0 if policy.percent_per_day is None else policy.percent_per_day
    return round(max(policy.floor_percent, 100.0 - days * percent) / 100.0, 6) if days else 1.0


def _aware(at: datetime | None, zone: tzinfo | None) -> datetime | None:
    """Return a time without an offset as one on the course's clocks; None where there are none."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=zone) if zone else None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError; a bad path is an OSError
        problem = messages.LATE_NO_ZONE.format(name=name)
        raise CourseError(messages.TOML_KEY.format(file=_COURSE_FILE, key="late.timezone", problem=problem)) from error


def _times(
    course: Course, said: Mapping[str, datetime], zone: tzinfo | None, file: str, table: str
) -> dict[str, datetime]:
    """Return aware times by slug."""
    found: dict[str, datetime] = {}
    for name, time in said.items():
        key = f"{table}.{name}"
        slug = slug_named(course, name, file, key)
        aware = _aware(time, zone)
        if slug in found or aware is None:
            problem = messages.TOML_TWICE_NAMED.format(slug=slug) if slug in found else messages.LATE_NEEDS_ZONE
            raise CourseError(messages.TOML_KEY.format(file=file, key=key, problem=problem))
        found[slug] = aware
    return found


def _times_of_students(
    course: Course, said: Mapping[str, Mapping[str, datetime]], zone: tzinfo | None, table: str, ids: list[str]
) -> dict[Key, datetime]:
    """Return aware times by student and slug; a student nobody knows is a slip that would cost somebody points."""
    if unknown := [id for id in said if id not in ids]:
        problem = messages.LATE_UNKNOWN_STUDENT.format(hint=did_you_mean(unknown[0], ids))
        key = f"{table}.{unknown[0]}"
        raise CourseError(messages.TOML_KEY.format(file=EXTENSIONS_FILE, key=key, problem=problem))
    return {
        (id, slug): time
        for id, own in said.items()
        for slug, time in _times(course, own, zone, EXTENSIONS_FILE, f"{table}.{id}").items()
    }
