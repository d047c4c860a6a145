"""The course on disk: where it is, which exercises it has, what each exercise.toml says.

Owns the folder layout and the strict reading of course.toml and exercise.toml. Must not know how anything is judged,
and never opens a student's file (`submission` does that).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from grader import language, messages
from grader.errors import CourseError, UsageError
from grader.late_policy import NO_LATE_POLICY, LatePolicy
from grader.limits import Limits
from grader.policy import DEFAULT_FEEDBACK, NO_POLICY, Feedback, Policy

DEVICES = ("cpu", "sim", "cuda")
PUBLIC_SUITE = "test_public.py"
GRADER_DATA = "GRADER_DATA"  # the environment variable that names the folder of data sets that no course includes

_T = TypeVar("_T")
_Hints = tuple[Annotated[str, msgspec.Meta(min_length=1)], ...]
_FILE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.py")
_DOTTED_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_LEADING_NUMBER = re.compile(r"exercise(\d+)(?:_|$)")


class CourseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What course.toml says. `canvas` names the column of an exercise in Canvas' gradebook, by title or number."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    name_zh_CN: str = ""
    seed: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] = 0
    language: str = "en"
    late: LatePolicy = NO_LATE_POLICY
    canvas: dict[str, str | int] = {}


class Devices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[devices]` table: where the checks of an exercise run."""

    run: tuple[str, ...] = ("cpu",)


class ExerciseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What exercise.toml says. `points` is the sum over the public and the hidden suite.

    `hints` help whoever is stuck, whatever the mistake: each says a little more than the one before. What students read
    may stand in another language under `title_zh_CN` and the like.
    """

    title: Annotated[str, msgspec.Meta(min_length=1)]
    files: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    points: Annotated[float, msgspec.Meta(gt=0)]
    topics: tuple[str, ...] = ()
    source: str | tuple[str, ...] = ""
    limits: Limits = Limits()
    devices: Devices = Devices()
    policy: Policy = Policy()
    feedback: Feedback = Feedback()
    hints: _Hints = ()
    title_zh_CN: str = ""
    topics_zh_CN: tuple[str, ...] = ()
    hints_zh_CN: _Hints = ()

    def translated_hints(self) -> dict[str, tuple[str, ...]]:
        """Return the general hints by language, where there are some."""
        return {"zh_CN": self.hints_zh_CN} if self.hints_zh_CN else {}


@dataclass(frozen=True)
class Course:
    """A folder with course.toml, exercises/ and, for instructors, solutions/ and tests/hidden/."""

    root: Path
    name: str
    seed: int
    language: str
    late: LatePolicy = field(default=NO_LATE_POLICY, hash=False)
    canvas: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    name_zh_CN: str = ""

    @property
    def shown_name(self) -> str:
        """What a student reads, in the language in use if there is that."""
        shown: str = language.twin(self, "name")
        return shown

    @property
    def data_folder(self) -> Path:
        """Where the data sets that come with the course are."""
        return self.root / "exercises" / "data"

    def slugs(self) -> list[str]:
        """Return the folder names of all exercises, in the order of their numbers."""
        found = [toml.parent.name for toml in (self.root / "exercises").glob("*/exercise.toml")]
        return sorted(found, key=lambda slug: (int(_number(slug) or 1 << 31), slug))

    def short_name(self, slug: str) -> str:
        """Return what one has to type for an exercise: `exercise1`, or its whole name if others share that."""
        number = _number(slug)
        return f"exercise{number}" if number and [*map(_number, self.slugs())].count(number) == 1 else slug

    def exercise_around(self, folder: Path) -> str | None:
        """Return the name of the exercise whose folder `folder` is or lies in."""
        inside = [slug for slug in self.slugs() if folder.resolve().is_relative_to(self.root / "exercises" / slug)]
        return inside[0] if inside else None


@dataclass(frozen=True)
class Exercise:
    """One exercise and where its parts are; title and topics are in the language that was in use when it was loaded."""

    course: Course
    slug: str
    title: str
    files: tuple[str, ...]
    points: float
    topics: tuple[str, ...]
    source: str | tuple[str, ...]
    limits: Limits
    devices: tuple[str, ...]
    policy: Policy = NO_POLICY
    feedback: Feedback = DEFAULT_FEEDBACK
    hints: tuple[str, ...] = ()
    translated_hints: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    titles: tuple[str, ...] = ()  # in every language

    def hints_in(self, spoken: str) -> tuple[str, ...]:
        """Return the general hints in a language, in English where there is no translation."""
        return self.translated_hints.get(spoken, self.hints)

    @property
    def number(self) -> str | None:
        """The number in its folder's name, where there is one."""
        return _number(self.slug)

    @property
    def stub_folder(self) -> Path:
        """Where the statement and the stub are, and where a student works."""
        return self.course.root / "exercises" / self.slug

    @property
    def statement(self) -> Path:
        """The statement in the language in use, if there is that."""
        own = self.stub_folder / f"README.{language.current()}.md"
        return own if own.is_file() else self.stub_folder / "README.md"

    @property
    def solution_folder(self) -> Path:
        """Where the reference is; a student's copy of the course has none."""
        return self.course.root / "solutions" / self.slug

    @property
    def hidden_folder(self) -> Path:
        """Where the hidden suite is; a student's copy of the course has none."""
        return self.course.root / "tests" / "hidden" / self.slug

    @property
    def public_suite(self) -> Path:
        """The file with the public checks."""
        return self.stub_folder / PUBLIC_SUITE


def find_course(start: Path | None = None) -> Course:
    """Return the course that `start` (default: the working directory) lies in.

    Raises:
        UsageError: neither the folder nor one above it has a course.toml.
        CourseError: course.toml cannot be read.
    """
    here = start or Path.cwd()
    course = course_around(here)
    if course is None:
        raise UsageError(messages.NO_COURSE.format(folder=here.resolve()))
    return course


def course_around(folder: Path) -> Course | None:
    """Return the course that a folder lies in, if any; raises CourseError as `find_course` does."""
    here = folder.resolve()
    root = next((one for one in (here, *here.parents) if (one / "course.toml").is_file()), None)
    return load_course(root) if root is not None else None


def load_course(root: Path) -> Course:
    """Read the course.toml in `root`.

    Raises:
        CourseError: it is missing or says something it cannot say; the message names file and key.
    """
    said = read_toml(root / "course.toml", CourseFile, root)
    return Course(root, said.name, said.seed, said.language, said.late, said.canvas, said.name_zh_CN)


def load_exercise(course: Course, name: str) -> Exercise:
    """Return the exercise called `name`: `1`, `exercise1` or the whole folder name.

    Raises:
        UsageError: there is no such exercise; near names are suggested.
        CourseError: its exercise.toml is broken.
    """
    slug = _slug_of(course, name)
    path = course.root / "exercises" / slug / "exercise.toml"
    said = read_toml(path, ExerciseFile, course.root)
    _validate(said, path.relative_to(course.root))
    return Exercise(
        course=course,
        slug=slug,
        title=language.twin(said, "title"),
        files=said.files,
        points=said.points,
        topics=language.twin(said, "topics"),
        source=said.source,
        limits=said.limits,
        devices=said.devices.run,
        policy=said.policy,
        feedback=said.feedback,
        hints=said.hints,
        translated_hints=said.translated_hints(),
        titles=tuple(filter(None, (said.title, said.title_zh_CN))),
    )


def choose_exercise(course: Course, name: str | None, command: str = "check") -> Exercise:
    """Return the exercise called `name` or, without a name, the one in whose folder the working directory lies.

    Args:
        command: What is to be done with it, as it is typed.
    Raises:
        UsageError: there is none; the message lists what could be typed.
        CourseError: its exercise.toml is broken.
    """
    name = name if name is not None else course.exercise_around(Path.cwd())
    if name is not None:
        return load_exercise(course, name)
    exercises = [load_exercise(course, slug) for slug in course.slugs()]
    commands = "".join(
        messages.WHICH_COMMAND.format(command=command, name=course.short_name(exercise.slug), title=exercise.title)
        for exercise in exercises
    )
    raise UsageError(messages.WHICH_EXERCISE.format(here=Path.cwd(), commands=commands))


def slug_named(course: Course, name: str, file: str, key: str) -> str:
    """Return the slug of the exercise that a file of the course names.

    Raises:
        CourseError: there is no such exercise; the message names file and key.
    """
    try:
        return _slug_of(course, name)
    except UsageError as error:
        raise CourseError(messages.TOML_KEY.format(file=file, key=key, problem=error)) from error


def did_you_mean(word: str, candidates: list[str]) -> str:
    """Return " Did you mean a or b?" for the candidates near `word`, or nothing."""
    near = difflib.get_close_matches(word, candidates, n=3, cutoff=0.6)
    return messages.NEAR_NAMES.format(names=messages.NAMES_OR.join(near)) if near else ""


def did_you_mean_part(word: str, names: Iterable[str]) -> str:
    """Return the same for a word that may be meant for a part of a name: `sigmod` where there is `test_sigmoid`."""
    whole = list(names)
    parts = [name.partition("[")[0].split("_") for name in whole]
    length = word.count("_") + 1
    runs = {"_".join(one[start : start + length]) for one in parts for start in range(len(one) - length + 1)}
    return did_you_mean(word, whole) or did_you_mean(word, sorted(runs))


def _number(slug: str) -> str | None:
    match = _LEADING_NUMBER.match(slug)
    return match.group(1) if match else None


def _short_names(slug: str) -> list[str]:
    number = _number(slug)
    return [slug, f"exercise{number}", number] if number else [slug]


def _slug_of(course: Course, name: str) -> str:
    slugs = course.slugs()
    matches = [slug for slug in slugs if name in _short_names(slug)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(messages.AMBIGUOUS_EXERCISE.format(name=name, names=", ".join(matches)))
    hint = did_you_mean(name, [short for slug in slugs for short in _short_names(slug) if len(short) > 2])
    raise UsageError(messages.UNKNOWN_EXERCISE.format(name=name, hint=hint, names=", ".join(slugs) or "none"))


def read_toml(path: Path, kind: type[_T], root: Path) -> _T:
    """Read a file of the course below `root` as this kind of struct.

    Raises:
        CourseError: it is missing or says something it cannot say; the message names file and key.
    """
    shown = path.relative_to(root)
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise CourseError(messages.TOML_UNREADABLE.format(file=shown, problem=error.strerror)) from error
    except UnicodeDecodeError as error:
        raise CourseError(messages.TOML_UNREADABLE.format(file=shown, problem="it is not UTF-8")) from error
    except msgspec.ValidationError as error:
        key, problem = _key_and_problem(str(error))
        raise CourseError(messages.TOML_KEY.format(file=shown, key=key, problem=problem)) from error
    except msgspec.DecodeError as error:
        raise CourseError(messages.TOML_UNREADABLE.format(file=shown, problem=error)) from error


def _key_and_problem(text: str) -> tuple[str, str]:
    """Split msgspec's sentence into the key it is about and the rest."""
    problem, _, place = text.partition(" - at `$")
    keys = [part for part in place.rstrip("`").split(".") if part]
    if field := re.search(r"(?:unknown|missing required) field `([^`]*)`", problem):
        keys.append(field.group(1))
    return ".".join(keys) or "the file", problem.replace("Object", "the table", 1)


def _validate(said: ExerciseFile, path: Path) -> None:
    """Check what types cannot say."""

    def broken(key: str, problem: str) -> CourseError:
        return CourseError(messages.TOML_KEY.format(file=path, key=key, problem=problem))

    for name in said.files:
        if not _FILE_NAME.fullmatch(name):
            raise broken("files", messages.TOML_BAD_FILE_NAME.format(name=name))
    if len(set(said.files)) != len(said.files):
        raise broken("files", messages.TOML_TWICE)
    unknown = [device for device in said.devices.run if device not in DEVICES]
    if unknown or not said.devices.run or len(set(said.devices.run)) != len(said.devices.run):
        raise broken("devices.run", messages.TOML_BAD_DEVICES.format(devices=", ".join(DEVICES)))
    for key in Limits.__struct_fields__:
        if not getattr(said.limits, key) > 0:
            raise broken(f"limits.{key}", messages.TOML_NOT_POSITIVE)
    for index, rule in enumerate(said.policy.forbid):
        if wrong := [name for name in (*rule.names, *rule.within) if not _DOTTED_NAME.fullmatch(name)]:
            raise broken(f"policy.forbid[{index}]", messages.TOML_BAD_NAME.format(name=wrong[0]))
    _validate_hints(said, path)


def _validate_hints(said: ExerciseFile, path: Path) -> None:
    for spoken, translated in said.translated_hints().items():
        if len(translated) != len(said.hints):
            problem = messages.TOML_HINTS_UNEQUAL.format(count=len(translated), expected=len(said.hints))
            raise CourseError(messages.TOML_KEY.format(file=path, key=f"hints_{spoken}", problem=problem))
