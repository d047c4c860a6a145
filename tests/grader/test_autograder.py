"""The autograder for Gradescope: what its zip holds, what its scripts do in a folder in place of /autograder."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader import __version__, language, messages
from grader.author.gradescope import autograder
from grader.author.own_wheel import pinned, wheel_files, wheel_name
from grader.classroom import autograder as container
from grader.course import Exercise
from grader.errors import CourseError, FenceError, InfrastructureError, UsageError
from grader.grade import Grader
from grader.results import Outcome
from grader.sandbox.fence import Tier

from .classroom_data import made_check, made_result
from .handed_in import notebook
from .test_cli_check import grader_run
from .test_export_gradescope import read
from .test_unprivileged import as_nobody
from .tiny_course import REFERENCE, SLUG, make_course

HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    @points(2)
    def test_double_of_a_number(submission, reference):
        '''Doubles a number as we do.'''
        expect_equal(submission.double(3), reference.double(3))
"""
WRONG = '''"""not-doubled: gives back what it was given.

H0: Every result equals its argument.
H1: What does doubling mean?
H2: Multiply by 2.
zh_CN: 原样返回了参数。
H0_zh_CN: 每个结果都等于它的参数。
H1_zh_CN: 加倍是什么意思？
H2_zh_CN: 乘以 2。
Fails: test_double, test_double_of_a_number
"""


def double(x):
    return x
'''
FILES = {f"solutions/{SLUG}/wrong/not_doubled.py": WRONG, f"solutions/{SLUG}/equivalent/other.py": REFERENCE}


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """A small exercise with a known mistake."""
    return make_course(tmp_path_factory.mktemp("course"), HIDDEN, points=3, files=FILES)


@pytest.fixture(scope="module")
def zipped(exercise: Exercise) -> bytes:
    """Its autograder."""
    return autograder(exercise).data


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave language and cache of this process as they were: the container's program sets both."""
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ["XDG_CACHE_HOME"])
    yield
    language.use(language.ENGLISH)


def unpacked(zipped: bytes, root: Path, submission: dict[str, str]) -> Path:
    """Lay out a folder as Gradescope does: the zip below source, run_autograder beside it, what was handed in."""
    (root / "upload.zip").write_bytes(zipped)
    source = root / "source"
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-q", str(root / "upload.zip"), "-d", str(source)], check=True, timeout=60)
    else:
        shutil.unpack_archive(root / "upload.zip", source)
    shutil.copy(source / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    for name, text in submission.items():
        path = root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "submission").mkdir(exist_ok=True)
    return root


def run(root: Path, python: str = sys.executable) -> tuple[dict[str, Any], str]:
    """Run run_autograder; return results.json, held against the specification, and what the instructor sees."""
    told = os.environ | {"AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": python}
    ended = subprocess.run(
        [root / "run_autograder"], cwd=root, env=told, capture_output=True, text=True, timeout=300, check=True
    )
    return read((root / "results" / "results.json").read_bytes()), ended.stdout + ended.stderr


# --- the zip ---------------------------------------------------------------------------------------------------------


def test_the_scripts_stand_at_the_root_executable_with_unix_line_ends(zipped: bytes) -> None:
    """Gradescope looks for them there, and Linux runs neither without its bit nor with a carriage return."""
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        for name in ("setup.sh", "run_autograder"):
            assert archive.getinfo(name).external_attr >> 16 == 0o100755
            text = archive.read(name)
            assert text.startswith(b"#!/usr/bin/env bash\n")
            assert b"\r" not in text


def test_bash_can_read_the_scripts(zipped: bytes, tmp_path: Path) -> None:
    """Neither has a syntax error."""
    root = unpacked(zipped, tmp_path, {})
    for name in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", str(root / "source" / name)], check=True, timeout=60)


def test_the_zip_holds_what_judging_needs_and_no_other_exercise(exercise: Exercise, zipped: bytes) -> None:
    """Course, statement, suite, reference, known mistakes; no equivalents, no caches."""
    names = zipfile.ZipFile(io.BytesIO(zipped)).namelist()
    assert {name for name in names if name.startswith("course/")} == {
        "course/course.toml",
        f"course/exercises/{SLUG}/exercise.toml",
        f"course/exercises/{SLUG}/work.py",
        f"course/solutions/{SLUG}/work.py",
        f"course/solutions/{SLUG}/wrong/not_doubled.py",
        f"course/tests/hidden/{SLUG}/test_hidden.py",
    }
    assert len(names) == len(set(names))


def test_the_same_course_makes_the_same_zip(exercise: Exercise, zipped: bytes) -> None:
    """Whoever makes it again can compare."""
    assert autograder(exercise).data == zipped


def test_arguments_for_torch_are_words_on_one_line(exercise: Exercise, tmp_path: Path) -> None:
    """A line break in them starts nothing of its own."""
    made = autograder(exercise, "--index-url  https://example.org/cpu\n--pre")
    text = zipfile.ZipFile(io.BytesIO(made.data)).read("torch-pip-args")
    assert text == b"--index-url https://example.org/cpu --pre\n"


def test_a_students_copy_makes_no_autograder(tmp_path: Path) -> None:
    """Without the hidden suite there is nothing to judge with, and the message says what is missing."""
    exercise = make_course(tmp_path, public="", points=1)
    with pytest.raises(UsageError, match=r"tests/hidden/exercise1_tiny is not there"):
        autograder(exercise)


def test_a_broken_header_is_found_before_anything_is_uploaded(tmp_path: Path) -> None:
    """A known mistake that cannot be read would leave every submission without a grade."""
    exercise = make_course(tmp_path, HIDDEN, points=3, files={f"solutions/{SLUG}/wrong/odd.py": "x = 1\n"})
    with pytest.raises(CourseError, match=r"odd\.py"):
        autograder(exercise)


def test_pip_installs_the_wheel_and_its_grader_runs(tmp_path: Path) -> None:
    """Every file is there with the hash that its record says, and the command starts from it."""
    wheel = tmp_path / wheel_name()
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in wheel_files().items():
            archive.writestr(path, data)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(tmp_path / "site"), str(wheel)], check=True, timeout=300)
    (found,) = importlib.metadata.distributions(path=[str(tmp_path / "site")])
    assert (found.metadata["Name"], found.version) == ("nn-grader", __version__)
    told = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    code = (
        "import grader, sys; print(grader.__file__); from grader.cli import main; sys.argv[1:] = ['--version']; main()"
    )
    asked = subprocess.run(
        [sys.executable, "-P", "-c", code], env=told, cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert asked.stdout.splitlines() == [
        str(tmp_path / "site" / "grader" / "__init__.py"),
        f"grader, version {__version__}",
    ]


def test_everything_the_grader_requires_is_pinned_to_what_is_installed() -> None:
    """Also what its requirements require; no build of torch is named, and no tools for tests of ours."""
    versions = pinned()
    assert {"torch", "numpy", "pytest", "pluggy", "jinja2", "markupsafe"} <= set(versions)
    assert versions["torch"] == importlib.metadata.version("torch").partition("+")[0]
    assert not {"ruff", "mypy", "hypothesis", "cosmic-ray"} & set(versions)


def test_the_command_writes_the_zip(exercise: Exercise, tmp_path: Path) -> None:
    """It says what it made, and warns of handing it to students."""
    ran = grader_run(exercise.course.root, "release", "--gradescope", "1", "--out", tmp_path / "auto.zip")
    assert ran.returncode == 0, ran.stderr
    assert "do not give it to students" in ran.stdout
    assert "setup.sh" in zipfile.ZipFile(tmp_path / "auto.zip").namelist()
    assert "release" in grader_run(tmp_path, "--help").stdout


def test_the_command_names_what_is_wrong(exercise: Exercise, tmp_path: Path) -> None:
    """An unknown exercise, and a folder that is not there, before anything is made."""
    ran = grader_run(exercise.course.root, "release", "--gradescope", "exercise9", "--out", tmp_path / "auto.zip")
    assert ran.returncode == 2
    ran = grader_run(exercise.course.root, "release", "--gradescope", "1", "--out", tmp_path / "none" / "auto.zip")
    assert (ran.returncode, "auto.zip cannot be written" in ran.stderr) == (2, True)


# --- in the container ------------------------------------------------------------------------------------------------


def test_a_right_submission_gets_everything(zipped: bytes, tmp_path: Path) -> None:
    """In a folder within the upload, beside what an operating system left there."""
    handed_in = {"homework/work.py": REFERENCE, "__MACOSX/homework/work.py": "x", "homework/notes.txt": "hello"}
    said, log = run(unpacked(zipped, tmp_path, handed_in))
    assert (said["score"], [test["status"] for test in said["tests"]]) == (3.0, ["passed", "passed"])
    assert said["execution_time"] > 0
    assert said["extra_data"]["environment"]["fence"] != "none"
    assert log == messages.AUTOGRADER_DONE.format(slug=SLUG, score="3", max_score="3") + "\n"


def test_a_known_mistake_is_named_and_no_expected_value_told(zipped: bytes, tmp_path: Path) -> None:
    """The sentence of the wrong answer stands in the output of the hidden check."""
    said, _ = run(unpacked(zipped, tmp_path, {"work.py": "def double(x):\n    return x + 0\n"}))
    assert said["score"] == 0.0
    assert "Your code gives back what it was given." in said["tests"][0]["output"]


def test_what_cannot_be_read_is_the_students_to_correct(zipped: bytes, tmp_path: Path) -> None:
    """A missing file is judged: every check says what is missing, for no points."""
    said, _ = run(unpacked(zipped, tmp_path, {"notes.txt": REFERENCE}))
    assert said["score"] == 0.0
    assert {test["extra_data"]["outcomes"]["cpu"] for test in said["tests"]} == {"rejected"}
    assert "Nothing was found that could be work.py." in said["tests"][0]["output"]


def test_the_only_python_file_is_taken_whatever_its_name(zipped: bytes, tmp_path: Path) -> None:
    """As in a class, and the student is told."""
    said, _ = run(unpacked(zipped, tmp_path, {"wrok.py": REFERENCE}))
    assert said["score"] == 3.0
    assert "wrok.py was taken as work.py." in said["output"]


def notebook_of(*cells: str) -> str:
    """Return a notebook with these code cells as text."""
    return notebook(*cells).decode()


def test_a_notebook_is_judged_as_in_a_class(zipped: bytes, tmp_path: Path) -> None:
    """Its code cells count, also in a folder and under the name that a browser gave it, and the student is told."""
    handed_in = {"hw/work (1).ipynb": notebook_of("%matplotlib inline\nimport math", REFERENCE)}
    said, _ = run(unpacked(zipped, tmp_path, handed_in))
    assert said["score"] == 3.0
    assert "work (1).ipynb is a notebook: its code cells were judged as work.py." in said["output"]
    assert "left out: 1" in said["output"]


def test_places_in_a_notebook_are_told_by_cell(zipped: bytes, tmp_path: Path) -> None:
    """In the message and in the call: there is no work.py in which line 4 could be looked up."""
    cells = ("import math", "# see above\ndef double(x):\n    return halve(x)")
    said, _ = run(unpacked(zipped, tmp_path, {"work.ipynb": notebook_of(*cells)}))
    output = said["tests"][0]["output"]
    assert said["score"] == 0.0
    assert output.count("work.py, line 5 (cell 2, line 3)") == 2, output


def test_a_notebook_that_cannot_be_read_is_the_students_to_correct(zipped: bytes, tmp_path: Path) -> None:
    """The sentence is that of a class."""
    said, _ = run(unpacked(zipped, tmp_path, {"work.ipynb": "{"}))
    assert said["score"] == 0.0
    assert "work.ipynb is not a readable notebook: the file is damaged" in said["tests"][0]["output"]


def test_what_is_handed_in_is_found_by_the_rules_of_a_class(exercise: Exercise, tmp_path: Path) -> None:
    """The file's own name comes before others and a notebook; of two with that name none is chosen."""

    def chosen(**files: str) -> str:
        root = Path(tempfile.mkdtemp(dir=tmp_path))
        for name, text in files.items():
            path = root / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = container.handed_in(exercise, root)
        return found.submission.sources[0].text if found.submission else found.problem

    assert chosen(work_dot_py="a = 1", work_dot_ipynb=notebook_of("b = 1")) == "a = 1"
    assert chosen(work_dot_py="a = 1", helper_dot_py="c = 1") == "a = 1"
    assert chosen(a__work_dot_py="a = 1", b__notes_dot_txt="x") == "a = 1"
    assert chosen(a__work_dot_py="a = 1", b__work_dot_py="a = 1") == "a = 1"
    assert "Several files could be work.py" in chosen(a__work_dot_py="a = 1", b__work_dot_py="b = 1")
    for nothing in (chosen(), chosen(notes_dot_txt="hello")):
        assert nothing.startswith("Nothing was found that could be work.py. Expected a .py or .ipynb file")


def test_links_of_a_submission_are_not_followed(exercise: Exercise, tmp_path: Path) -> None:
    """A git submission may hold them; what they lead to is not the student's."""
    (tmp_path / "elsewhere.py").write_text("a = 1")
    (tmp_path / "submission" / "folder").mkdir(parents=True)
    (tmp_path / "submission" / "work.py").symlink_to(tmp_path / "elsewhere.py")
    assert "is a link" in container.handed_in(exercise, tmp_path / "submission").problem


def test_a_submission_cannot_write_its_own_result(zipped: bytes, tmp_path: Path) -> None:
    """Neither results.json nor suite nor environment can be reached from a student's code."""
    hostile = f"""
import os
seen = []
for path in ({str(tmp_path / "results" / "results.json")!r}, {str(tmp_path / "source" / "not-graded.json")!r}):
    try:
        open(path, "w").write('{{"score": 100}}')
        seen.append(path)
    except OSError:
        pass
try:
    seen += os.listdir({str(tmp_path / "source" / "course")!r})
except OSError:
    pass
seen += [name for name in os.environ if name.startswith("AUTOGRADER")]

def double(x):
    return 2 * x if not seen else seen
"""
    said, _ = run(unpacked(zipped, tmp_path, {"work.py": hostile}))
    assert said["score"] == 3.0  # it saw nothing, and could write nowhere


def test_a_grader_that_dies_leaves_a_sentence_and_no_grade(zipped: bytes, tmp_path: Path) -> None:
    """Also an old results.json must not be taken for this submission's."""
    root = unpacked(zipped, tmp_path, {"work.py": REFERENCE})
    (root / "results").mkdir()
    (root / "results" / "results.json").write_text('{"score": 100}')
    said, log = run(root, python="/bin/false")
    assert "score" not in said
    assert said["tests"] == []
    assert messages.AUTOGRADER_NO_WORD in said["output"]
    assert "the grader ended with 1" in log


def test_a_broken_suite_is_told_to_the_instructor_and_costs_nobody(exercise: Exercise, tmp_path: Path) -> None:
    """The log names file and line; the submission has no grade."""
    broken = make_course(tmp_path / "course", "def test_it(submission):\n    pass\n", points=1)
    said, log = run(unpacked(autograder(broken).data, tmp_path, {"work.py": REFERENCE}))
    assert "score" not in said
    assert "test_hidden.py" in said["output"]
    assert "test_hidden.py" in log


def test_without_any_fence_nothing_is_judged(
    zipped: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container that denies every primitive: what is missing is said, student code does not run, no grade."""

    def refuses(tier: Tier) -> None:
        raise FenceError("Landlock", "not in this kernel", "choose another image")

    monkeypatch.setattr(container, "strongest_tier", lambda: Tier.NONE)
    monkeypatch.setattr(container, "require_tier", refuses)
    witness = tmp_path / "ran"
    root = unpacked(zipped, tmp_path, {"work.py": f"open({str(witness)!r}, 'w')\n{REFERENCE}"})
    assert container.main([str(root)]) == InfrastructureError.exit_code
    said = read((root / "results" / "results.json").read_bytes())
    assert "score" not in said
    assert "Landlock: not in this kernel Fix: choose another image" in said["output"]
    assert "Landlock" in capsys.readouterr().out
    assert not witness.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="has to be started by root, to become an ordinary user")
def test_a_default_container_judges_behind_landlock(zipped: bytes) -> None:
    """Without root and without namespaces, as container engines have it by default, the next tier is taken."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own is private, and the user another one
        root = unpacked(zipped, Path(folder), {"work.py": REFERENCE})
        for path in (root, *root.rglob("*")):
            path.chmod(0o777)
        said = [f"AUTOGRADER_ROOT={root}", f"AUTOGRADER_PYTHON={sys.executable}"]
        ended = as_nobody("env", *said, str(root / "run_autograder"))
        assert ended.returncode == 0, ended.stderr
        result = read((root / "results" / "results.json").read_bytes())
    assert (result["score"], result["extra_data"]["environment"]["fence"]) == (3.0, "landlock"), ended.stdout


def test_a_failure_of_ours_is_tried_again_and_then_gives_no_grade(
    zipped: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three tries; the third decides, here an error, so there is no score anywhere."""
    tries = []

    def fails(exercise: Exercise, folder: Path, tier: Tier) -> Any:
        tries.append(tier)
        if len(tries) < 3:
            raise InfrastructureError("the worker is gone")
        return made_result(exercise, [made_check("test_double", Outcome.ERROR, 3.0)]), "line 7 of the log"

    monkeypatch.setattr(container, "_result", fails)
    root = unpacked(zipped, tmp_path, {"work.py": REFERENCE})
    assert container.main([str(root)]) == 0
    said = json.loads((root / "results" / "results.json").read_text())
    assert "score" not in said
    assert not [test for test in said["tests"] if "score" in test]
    assert len(tries) == 3
    told = capsys.readouterr().out
    assert "after 3 tries; the first is test_double" in told
    assert "line 7 of the log" in told


def test_a_mistake_in_our_own_code_is_a_sentence_too(
    zipped: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised, the file is written, without a grade and without a traceback."""

    def breaks(*arguments: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Grader, "judge", breaks)
    root = unpacked(zipped, tmp_path, {"work.py": REFERENCE})
    assert container.main([str(root)]) == InfrastructureError.exit_code
    said = read((root / "results" / "results.json").read_bytes())
    assert "score" not in said
    assert "ZeroDivisionError: division by zero" in said["output"]


def test_preparing_records_the_known_mistakes_and_leaves_no_result(
    zipped: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What setup.sh does while the image is built."""
    root = unpacked(zipped, tmp_path, {})
    assert container.main(["--prepare", str(root)]) == 0
    assert "1 known mistakes are recorded" in capsys.readouterr().out
    assert len(list((root / "cache").rglob("by-header/*"))) == 1
    assert not (root / "results").exists()


def test_two_exercises_in_a_zip_are_the_courses_mistake(zipped: bytes, tmp_path: Path) -> None:
    """Nothing is guessed."""
    root = unpacked(zipped, tmp_path, {"work.py": REFERENCE})
    exercises = root / "source" / "course" / "exercises"
    shutil.copytree(exercises / SLUG, exercises / "exercise2_other")
    assert container.main([str(root)]) == 3
    assert "holds 2 exercises" in read((root / "results" / "results.json").read_bytes())["output"]
