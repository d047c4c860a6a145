"""What happens when: a state machine from events (a save, a verdict, a key) to actions. Pure.

Owns which run counts, when files are believed, what a key means and what the student is shown. Knows no clock, no
terminal, no file and no process: whoever drives it does what the actions say and tells it what came of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from grader import messages
from grader.errors import GraderError, SubmissionRejected, UsageError
from grader.hints import Hint
from grader.results import NOT_TO_FIX, CheckResult, ExerciseResult
from grader.submission import Submission
from grader.watch.news import NOTHING_NEW, News, code_of, is_unread, news

NO_VERDICT = 130
"""The exit code of whoever leaves before there was one; what Ctrl-C always means."""
LEAVE = ("q", "\x03", "\x04")


Given = Submission | SubmissionRejected
"""What there is to judge, or why there is nothing."""

# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """The student's files as they are now, the course's as `course`; `key` differs whenever the student's differ."""

    given: Given
    key: str
    course: str


@dataclass(frozen=True)
class Slow:
    """A run takes so long that it is worth to show what it has found out so far."""

    run: int


@dataclass(frozen=True)
class Ended:
    """One check has ended in a run that goes on."""

    run: int
    check: CheckResult


@dataclass(frozen=True)
class Judged:
    """A run is over: its result, when and after how long. `wall_s` is what a student waited after saving."""

    run: int
    result: ExerciseResult
    at: str = ""
    wall_s: float = 0.0


@dataclass(frozen=True)
class Named:
    """The known mistakes in the result of a run that is over were found only now."""

    run: int
    result: ExerciseResult


@dataclass(frozen=True)
class Broke:
    """A run ended without a result."""

    run: int
    error: GraderError


@dataclass(frozen=True)
class Pressed:
    """A key."""

    key: str


@dataclass(frozen=True)
class Hinted:
    """The hint that was asked for."""

    hint: Hint


@dataclass(frozen=True)
class Noted:
    """A sentence for the student about what came of a key."""

    text: str


@dataclass(frozen=True)
class Listed:
    """The list of exercises stands in the place of the verdict, until a key or the next verdict."""


Event = Look | Slow | Ended | Judged | Named | Broke | Pressed | Hinted | Noted | Listed

# --- actions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CallOff:
    """Nobody wants the run that is going on any more."""


@dataclass(frozen=True)
class Restart:
    """The course is another one: read it again before anything is judged."""


@dataclass(frozen=True)
class Judge:
    """Judge this; what comes of it is told with this number."""

    run: int
    given: Given


@dataclass(frozen=True)
class LookAgain:
    """Look at the files once more, a moment later or at once."""

    soon: bool = True


@dataclass(frozen=True)
class Show:
    """Draw everything anew."""


@dataclass(frozen=True)
class ShowList:
    """Print the list of exercises in the place of the verdict."""


@dataclass(frozen=True)
class Keep:
    """Remember a result for hints and lists."""

    result: ExerciseResult


@dataclass(frozen=True)
class GiveHint:
    """Find the next hint for a check; None means that everything is well."""

    check: str | None


@dataclass(frozen=True)
class OpenPage:
    """Write the report of the last result and open it."""

    result: ExerciseResult


@dataclass(frozen=True)
class GoOn:
    """Change to the next exercise that is not finished."""


@dataclass(frozen=True)
class Leave:
    """It is over, with this exit code; an error is what ended it."""

    code: int
    error: GraderError | None = None


Action = CallOff | Restart | Judge | LookAgain | Show | ShowList | Keep | GiveHint | OpenPage | GoOn | Leave

# --- the machine -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """What a student is to be shown.

    `so_far` are the checks of a slow run that goes on; without it and without `result` nothing is known yet. `error`
    says why there is no result.
    """

    result: ExerciseResult | None = None
    so_far: tuple[CheckResult, ...] = ()
    news: News = NOTHING_NEW
    hint: Hint | None = None
    notes: tuple[str, ...] = ()
    error: str = ""
    at: str = ""
    wall_s: float = 0.0


@dataclass
class Machine:
    """One exercise being watched. Everything that is remembered stands here."""

    run: int = 0
    running: bool = False
    target: str | None = None  # the key of what is judged, or was last
    course: str | None = None
    doubted: str | None = None  # the key of what cannot be read, until it was looked at twice
    slow: bool = False
    told: bool = False  # something of this run is on the screen already
    so_far: list[CheckResult] = field(default_factory=list)
    baseline: ExerciseResult | None = None  # the last result that found something out
    remark: tuple[str, ...] = ()  # what the next verdict is to say besides
    code: int = NO_VERDICT
    view: View = View()

    def on(self, event: Event) -> list[Action]:
        """Take an event; return what is to be done, in this order."""
        match event:
            case Look():
                return self._looked(event)
            case Pressed():
                return self._pressed(event.key)
            case Hinted():
                return self._shows(hint=event.hint, notes=())
            case Noted():
                return self._shows(notes=(event.text,))
            case Listed():
                return []
            case Slow() | Ended() | Judged() | Named() | Broke():
                return self._heard(event) if event.run == self.run else []

    def _looked(self, look: Look) -> list[Action]:
        if look.course != self.course:
            return [*self._call_off(), *self._restart(look.course), self._begin(look)]
        if look.key == self.target:
            self.doubted = None
            return []
        if isinstance(look.given, SubmissionRejected) and look.key != self.doubted:
            # Many editors empty or remove a file for a moment while they save it.
            self.doubted = look.key
            return [LookAgain()]
        return [*self._call_off(), self._begin(look)]

    def _restart(self, course: str) -> list[Action]:
        is_first, self.course = self.course is None, course
        if is_first:
            return []
        self.remark = (messages.WATCH_COURSE_CHANGED,)
        return [Restart(), *self._shows(notes=self.remark)]

    def _call_off(self) -> list[Action]:
        return [CallOff()] if self.running else []

    def _begin(self, look: Look) -> Judge:
        self.run += 1
        self.target, self.doubted = look.key, None
        self.running, self.slow, self.told, self.so_far = True, False, False, []
        return Judge(self.run, look.given)

    def _heard(self, event: Slow | Ended | Judged | Named | Broke) -> list[Action]:
        match event:
            case Judged():
                return self._judged(event)
            case Named(result=result) if not self.running:
                self.baseline = result
                return [Keep(result), *self._shows(result=result)]
            case Broke(error=error):
                return self._broke(error)
            case Slow() if self.running:
                self.slow = True
                return self._show_so_far()
            case Ended(check=check) if self.running:
                self.so_far.append(check)
                return self._show_so_far() if self.slow and not self.told else []
        return []

    def _judged(self, event: Judged) -> list[Action]:
        self.running = False
        self.code = code_of(event.result) or 0
        new = news(self.baseline, event.result)
        self.view = View(event.result, news=new, notes=self.remark, at=event.at, wall_s=event.wall_s)
        self.remark = ()
        if not is_unread(event.result):
            self.baseline = event.result
        return [Keep(event.result), Show()]

    def _broke(self, error: GraderError) -> list[Action]:
        self.running, self.target = False, None  # the same files are worth another try
        self.code, self.view = error.exit_code, View(error=str(error))
        return [Leave(error.exit_code, error)] if isinstance(error, UsageError) else [Show()]

    def _show_so_far(self) -> list[Action]:
        """Show what a slow run has found out once there is something to do; the rest follows with its result."""
        if all(check.outcome in NOT_TO_FIX for check in self.so_far):
            return []
        self.told, self.view = True, View(so_far=tuple(self.so_far), notes=self.remark)
        return [Show()]

    def _shows(self, **changed: object) -> list[Action]:
        self.view = replace(self.view, **changed)  # type: ignore[arg-type]  # each call names fields of a View
        return [Show()]

    def _pressed(self, key: str) -> list[Action]:
        if key in LEAVE:
            return [Leave(self.code)]
        match key:
            case "h":
                return [GiveHint(_first_to_fix(self._checks()))] if self._checks() else []
            case "o":
                return [OpenPage(self.view.result)] if self.view.result else []
            case "n":
                return [GoOn()]
            case "l":
                return [ShowList()]
            case "r":
                self.target = None
                return [LookAgain(soon=False)]
            case " " | "\n" | "\r":
                return [Show()]
        return []

    def _checks(self) -> Sequence[CheckResult]:
        return self.view.result.checks if self.view.result else ()


def _first_to_fix(checks: Sequence[CheckResult]) -> str | None:
    return next((check.id for check in checks if check.outcome not in NOT_TO_FIX), None)
