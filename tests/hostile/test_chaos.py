"""What happens while somebody is killed, disk or descriptors run out, or the clock jumps: `make chaos` in small."""

from __future__ import annotations

import ast
import os
import resource
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from grader.classroom import run, store
from grader.commands import common
from grader.course import Course
from grader.errors import UsageError
from grader.events import Finished, Line
from grader.results import Outcome
from grader.sandbox.fence import strongest_tier
from grader.whole_file import write_whole
from tests.grader.graded_class import ANSWERS, grade, make_class, outcome_of

from . import chaos, scene
from .scene import Role, Scene

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261121
Graded = tuple[Course, Path, Path]
FEW = {student: ANSWERS[student] for student in ("ann", "ben")}


@pytest.fixture(scope="module")
def stage() -> Iterator[Scene]:
    """One scene for all kills of this module."""
    with scene.set_up(strongest_tier()) as made:
        yield made


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    """A class that was graded without a break."""
    root = tmp_path_factory.mktemp("graded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        course, handed_in = make_class(root, FEW)
        grade(course, handed_in, root / "whole")
        yield course, handed_in, root / "whole"


@pytest.mark.parametrize("role", scene.ROLES)
def test_a_kill_in_the_middle_never_makes_a_wrong_score(stage: Scene, role: Role) -> None:
    """Killed at a drawn event of judging: the right outcomes, or open ones, and the next time all is right."""
    draw = Random(f"{SEED} {role}")
    killed = chaos.KillAtEvent(stage, role, draw.randrange(3), draw.random() < 0.5)  # what is told lags behind
    assert stage.disturbed("right", killed) == []
    assert killed.happened


def test_nothing_is_left_of_all_that_was_killed(stage: Scene) -> None:
    """After the next start has swept, the census finds no process, mount, group, file or descriptor."""
    assert stage.debris() == []


def test_the_claim_can_be_wrong(stage: Scene) -> None:
    """Another outcome, more points, and open checks in a complete result are found."""
    right, raises = stage.expected["right"], stage.expected["raises"]
    assert [problem.split(" ")[0] for problem in scene.wrong(right, raises)] == [
        "test_double",
        "test_draw",
        "test_last",
    ]
    assert scene.wrong(raises, right)[-1] == "7 points instead of 3"
    last = replace(right.checks[-1], outcome=Outcome.ERROR)
    assert scene.wrong(right, replace(right, checks=[*right.checks[:-1], last])) == [
        "checks are open and the result is called complete"
    ]


# --- no room ----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_room() -> Iterator[None]:
    """Let no file of this process grow beyond a hundred bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_could_not_be_written_leaves_nothing_unfinished(no_room: None, tmp_path: Path) -> None:
    """The file of before is whole, and there is no other."""
    write_whole(tmp_path / "file", b"before")
    with pytest.raises(OSError, match="File too large"):
        write_whole(tmp_path / "file", bytes(1000))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"before")]


def test_a_result_that_does_not_fit_leaves_the_last_one(no_room: None, tmp_path: Path) -> None:
    """`--json FILE` on a full disk says so; half a file would be read as a broken result."""
    common.write(b"before", str(tmp_path / "result.json"))
    with pytest.raises(UsageError, match=r"result.json cannot be written: File too large"):
        common.write(bytes(1000), str(tmp_path / "result.json"))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("result.json", b"before")]


def test_a_device_and_a_link_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    """`--json /dev/stderr` and a link to somewhere else stay what they are."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"before")
    link.symlink_to(target)
    common.write(b"after", str(link))
    common.write(b"after", "/dev/null")
    assert (link.is_symlink(), target.read_bytes()) == (True, b"after")
    assert Path("/dev/null").is_char_device()


def let_the_clock_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every look at the clock say years more or less."""
    draw = Random(SEED)
    for module in (store, run):
        jumps = lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=draw.randrange(-9999, 9999))  # noqa: E731
        monkeypatch.setattr(module, "now", jumps)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="a full disk is made in a mount namespace")
def test_a_class_on_a_full_disk_goes_on_where_there_is_room_whatever_the_clock_says(
    graded: Graded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends with a sentence, what it kept is whole, and it ends elsewhere as without a break or a jump."""
    course, handed_in, whole = graded
    kept = tmp_path / "kept"
    done = chaos.on_small_disk(course.root, handed_in, kept, room_kib=76)
    if "unshare" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    assert done.returncode != 0
    assert "cannot be read or written: database or disk is full" in done.stderr
    let_the_clock_jump(monkeypatch)
    assert grade(course, handed_in, kept).judged()  # something was left to do
    assert outcome_of(course, kept) == outcome_of(course, whole)


# --- no descriptors ---------------------------------------------------------------------------------------------


def test_many_open_descriptors_are_no_hindrance() -> None:
    """A line with a number above 1023, where select ends, is waited for like any other."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        pytest.skip("this machine allows too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    ours, theirs = socket.socketpair()
    high = os.dup2(ours.fileno(), 1500)
    ours.close()
    try:
        with theirs, socket.socket(fileno=high) as sock:
            line = Line(sock)
            with pytest.raises(TimeoutError, match="timed out"):
                line.receive(time.monotonic())
            Line(theirs).send(Finished())
            assert line.receive(time.monotonic() + 10) == Finished()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("count", [8, 16])
def test_too_few_descriptors_end_in_a_sentence_or_the_right_score(tmp_path: Path, count: int) -> None:
    """Never in another score, a traceback or a process that stays."""
    assert chaos.few_descriptors(tmp_path, count) == []


# --- another time -----------------------------------------------------------------------------------------------


def test_no_deadline_depends_on_the_wall_clock() -> None:
    """Only what is written down for people looks at it: the store, its lock, the name of a backup."""
    looks = set()
    for path in (ROOT / "grader").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "time.time",
                "datetime.now",
                "datetime.utcnow",
            ):
                looks.add(path.relative_to(ROOT / "grader").as_posix())
    assert looks == {"classroom/lock.py", "classroom/store.py", "commands/student.py"}


@pytest.mark.parametrize(("found", "code"), [([], 0), (["one thing"], 1)])
def test_the_program_tells_what_it_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: list[str], code: int
) -> None:
    """`make chaos` fails on a finding and prints it."""
    monkeypatch.setattr(chaos, "_kills", lambda *_: found)
    assert chaos.main(["--tier", strongest_tier().value, "--classes", "0"]) == code
    assert f"findings: {len(found)}\n" + "".join(f"    {line}\n" for line in found) in capsys.readouterr().out
