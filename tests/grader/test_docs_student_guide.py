"""docs/student-guide.md is true: followed in a released course it leads where it says, and shows what is shown."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import language
from grader.author.own_wheel import wheel_name
from grader.author.release import release
from grader.author.released_folder import write_release
from grader.course import load_course, load_exercise
from grader.diagnosis.atlas import wrong_answers
from grader.sandbox import fence
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote

from .at_a_terminal import Student
from .conftest import starts_nothing
from .replayed import DOCS, blocks, change, is_shown

PAGE = DOCS / "student-guide.md"
BLOCKS = [(kind, block) for kind, block in blocks(PAGE) if kind in ("console", "diff", "screen")]
FIRST, SECOND = "exercise1_manual_backprop", "exercise2_autograd"
CHECK = "test_activations_worked_example"
FILE = f"exercises/{FIRST}/backprop.py"
WATCHED = re.compile(r"grader check 1 --watch")
KEY = re.compile(r"\[key: (.)\]")
DIFFERS = {
    r"\d\d:\d\d:\d\d in \d+\.\d s": "00:00:00 in 0.0 s",
    r"fence: \w+": "fence: strong",
    r"[0-9a-f]{64}": "0" * 64,
    r"[\d,]+ bytes": "0 bytes",
    r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d": "1900-01-01_00-00-00",
}


def alike(text: str) -> str:
    """Return a text without times, sizes, digests and the strength of the fence."""
    for pattern, same in DIFFERS.items():
        text = re.sub(pattern, same, text)
    return text


class Reader:
    """Somebody who follows the page in a copy of what students get, with the grader of its own wheel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.student: Student | None = None
        package = folder.parent / "installed"
        with zipfile.ZipFile(folder / wheel_name()) as archive:
            archive.extractall(package)
        self.told = {"PYTHONPATH": str(package)}

    def does(self, kind: str, block: str) -> str | None:
        """Do what a block says; return what is printed or stands on the screen, None for a change of a file."""
        if kind == "diff":
            if self.student is not None:
                self.student.seen = ""
            change(block)
            return None
        first, _, shown = block.partition("\n")
        if kind == "screen":
            assert self.student is not None
            if key := KEY.fullmatch(first):
                self.student.presses(key[1])
            return self.student.sees(lambda screen: is_shown(shown, screen, alike))
        command = first.removeprefix("$ ")
        if WATCHED.fullmatch(command):
            self.student = Student(self.folder, FILE, rows=30, **self.told)
            return self.student.sees(lambda screen: is_shown(shown, screen, alike))
        return self.types(command)

    def types(self, command: str) -> str:
        """Type a command, after leaving what is watched."""
        self.leaves()
        program, *arguments = shlex.split(command)
        assert program == "grader"
        told = os.environ | self.told | {"PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "grader", *arguments], cwd=self.folder, env=told, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        return done.stdout

    def leaves(self) -> None:
        """Press q where something is watched."""
        if self.student is not None:
            self.student.presses("q")
            assert self.student.ends() == 1
            self.close()

    def close(self) -> None:
        """Leave nothing behind."""
        if self.student is not None:
            self.student.close()
            self.student = None


def given_out(root: Path, zygote: Zygote) -> Path:
    """Return a student's copy of two exercises, which knows every mistake that fails the check of the page's mistake.

    The others cannot be taken for it, and judging them takes time.
    """
    ours = DOCS.parent
    for slug in (FIRST, SECOND):
        for place in ("exercises", "solutions", "tests/hidden"):
            shutil.copytree(ours / place / slug, root / "ours" / place / slug)
    shutil.copy(ours / "course.toml", root / "ours")
    course = load_course(root / "ours")
    exercises = [load_exercise(course, slug) for slug in (FIRST, SECOND)]
    for answer in (answer for exercise in exercises for answer in wrong_answers(exercise)):
        if CHECK not in answer.misconception.fails:
            answer.path.unlink()
    made = release(course, exercises, Tier.NONE, lambda done, total: None)
    write_release(made.files, root / "course", force=False)
    return root / "course"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[list[str | None]]:
    """What came of each block of the page; mistakes get their names as in any release."""
    if fence.strongest_tier() is Tier.NONE:
        pytest.skip("without a fence every check says so, which the page does not show")
    root = tmp_path_factory.mktemp("guide")
    with starts_nothing(zygote):
        copy = given_out(root, zygote)
    reader = Reader(copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy)
        try:
            yield [reader.does(kind, block) for kind, block in BLOCKS]
        finally:
            reader.close()
    language.use(language.ENGLISH)


SHOWN = [place for place, (kind, _) in enumerate(BLOCKS) if kind != "diff"]


@pytest.mark.parametrize("place", SHOWN, ids=[BLOCKS[place][1].partition("\n")[0] for place in SHOWN])
def test_the_page_shows_what_a_student_reads(followed: list[str | None], place: int) -> None:
    """Commands, saves and keys lead to what stands on the page, from the stub to the file that is handed in."""
    printed = followed[place]
    assert printed is not None
    assert is_shown(BLOCKS[place][1].partition("\n")[2], printed, alike), printed


def test_the_page_installs_as_the_release_says() -> None:
    """The lines to type first are those of the release's own README.md."""
    from grader import messages

    [(_, lines), *_] = [block for block in blocks(PAGE) if block[0] == "sh"]
    assert f"```\n{lines}```\n" in messages.STUDENT_README
