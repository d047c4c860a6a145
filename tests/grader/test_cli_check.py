"""`grader check` from end to end, as processes of their own: what is printed, written, left behind."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from grader import messages
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier, strongest_tier

from .tiny_course import make_course

ROOT = Path(__file__).resolve().parents[2]
EXERCISE1 = ROOT / "solutions" / "exercise1_manual_backprop"

HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    @points(2)
    @needs("test_double")
    def test_double_of_a_matrix(submission):
        '''Doubles a matrix.'''
        expect_close(submission.double(torch.ones(2, 3)), 2 * torch.ones(2, 3), label="twice")

    @points(1)
    @devices("cuda")
    def test_on_a_gpu(submission):
        '''Doubles where the tensor is.'''
        expect_equal(submission.double(1), 2)
"""
PUBLIC = """
    from grader.suite import *

    def test_number(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""
MORE = '[devices]\nrun = ["cpu", "cuda"]\n[limits]\ncheck_wall_s = 60\nwall_s = 100\n'
GOOD = "def double(x):\n    return 2 * x\n"
FAILING = """print('at import')

def double(x):
    print('in double')
    return helper(x)

def helper(x):
    return x[9]
"""
HANGING = "def double(x):\n    while not isinstance(x, int):\n        pass\n    return 2 * x\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small course; the stub folder is where its student stands."""
    root = tmp_path_factory.mktemp("course")
    make_course(root, HIDDEN, PUBLIC, 4, more=MORE)
    return root


def command(*arguments: object) -> list[str]:
    """Return the command line that runs `grader …`."""
    return [sys.executable, "-m", "grader", *map(str, arguments)]


def grader_run(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `grader …` in a folder, as a process of its own whose output goes into pipes."""
    told = os.environ | {"PYTHONIOENCODING": "utf-8"} | environment
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=folder, env=told, timeout=300)


def written(folder: Path, name: str, text: str) -> Path:
    """Write a submission beside the course and return its path."""
    path = folder / name
    path.write_text(text)
    return path


def outcomes(output: str) -> list[str]:
    """Return the outcomes of the lines that stand for checks."""
    return re.findall(r"^  . (\w+) +\S.* \d+(?:\.\d+)?/\d+", output, re.MULTILINE)


def test_the_stub_earns_nothing() -> None:
    """What a student sees first: a heading, one todo or blocked per check, what to write, the score, exit code 1."""
    done = grader_run(ROOT, "check", "exercise1")
    assert done.stdout.startswith("exercise1_manual_backprop: Backpropagation by hand\n")
    shown = outcomes(done.stdout)
    assert set(shown) <= {"todo", "blocked"}
    assert len(shown) >= 17
    assert "Not written yet: " in done.stdout
    assert re.search(rf"\nScore 0 / \d+, 0 of {len(shown)} checks passed\n\Z", done.stdout)
    assert (done.stderr, done.returncode) == ("", 1)


def test_the_reference_passes() -> None:
    """A full score is a heading, one line per check and the score: nothing to look at; exit code 0."""
    done = grader_run(ROOT, "check", "exercise1", "--submission", EXERCISE1 / "backprop.py")
    assert set(outcomes(done.stdout)) == {"passed"}
    assert len(done.stdout.splitlines()) == len(outcomes(done.stdout)) + 5
    assert done.returncode == 0


def test_a_whole_check_imports_no_torch(folder: Path) -> None:
    """The command line's own process never imports torch, numpy or pytest."""
    program = (
        "import atexit, sys\n"
        "heavy = {'torch', 'numpy', 'pytest'}\n"
        "atexit.register(lambda: print('IMPORTED', sorted(heavy & set(sys.modules))))\n"
        "from grader.cli import main\n"
        "main()\n"
    )
    arguments = [sys.executable, "-c", program, "check", "1", "--html", str(folder / "page.html")]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=folder, timeout=300)
    assert "Score 0 / 4" in done.stdout
    assert done.stdout.endswith("IMPORTED []\n")


def test_a_failing_check_is_explained(folder: Path) -> None:
    """Message, the student's own lines, what a public check printed, the next command: and no line of ours."""
    path = written(folder, "a_file_with_a_long_name_that_makes_commands_longer_than_eighty_columns.py", FAILING)
    # The environment asks for colour and width, but a pipe gets plain text of 80 columns; only commands may be longer.
    forced = {"FORCE_COLOR": "1", "COLUMNS": "200", "TERM": "xterm"}
    done = grader_run(folder, "check", "1", "--submission", path.name, "--seed", "3", **forced)
    out = done.stdout
    assert "Your code raised IndexError" in out
    assert "   work.py, line 8, in helper:\n       return x[9]\n" in out
    assert "   Printed:\n       in double\n" in out
    assert "Printed while the file was imported:\n    at import\n" in out
    assert f"\n  grader check 1 --submission {path.name} --seed 3 -k test_number\n" in out
    assert "grader/" not in out
    assert "Checks that were not judged this time: 4 (on cuda)." in out
    assert out.replace("\n", "").isprintable()
    assert [line for line in out.splitlines() if len(line) > 80 and not line.startswith("  grader check")] == []
    assert (done.stderr, done.returncode) == ("", 1)


def test_the_result_is_kept_and_the_report_written(folder: Path, tmp_path: Path) -> None:
    """--json FILE and --html FILE keep what was printed, for a program and for a browser."""
    page, file = tmp_path / "page.html", tmp_path / "result.json"
    path = written(folder, "failing.py", FAILING)
    done = grader_run(folder, "check", "1", "--submission", path, "--html", page, "--json", file, "--seed", "11")
    kept = ExerciseResult.from_json(file.read_bytes())
    assert (kept.score, kept.seed, len(kept.checks)) == (0, 11, 7)
    assert "return x[9]" in page.read_text().replace("&#91;", "[").replace("&#93;", "]")
    assert "--html" not in done.stdout
    assert f"The report lies in {page}." in done.stderr


def test_only_a_students_own_files_are_remembered_for_hints(folder: Path) -> None:
    """Checked without --submission, hints and the list speak of it, and the same files are packed; not of another's."""
    state = folder / ".grader" / "state.json"
    state.unlink(missing_ok=True)
    grader_run(folder, "check", "1", "--submission", written(folder, "failing.py", FAILING))
    assert not state.exists()
    judged = ExerciseResult.from_json(
        grader_run(folder, "check", "1", "--lang", "zh_CN", "--json", "-").stdout.encode()
    )
    assert f"  0 / {judged.max_score:g} points, best 0\n" in grader_run(folder, "list").stdout
    packed = grader_run(folder, "bundle", "1", "--out", folder / "handin.zip").stdout
    assert f"    submission {judged.submission.sha256}\n" in packed
    done = grader_run(folder, "hint", "1", "test_number")
    assert done.stdout.startswith("Doubles a number.\ntest_number\n\n  还没有写：double 仍然抛出")
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_file_that_cannot_be_read_has_a_report_too(folder: Path, tmp_path: Path) -> None:
    """A rejected submission is explained once, exits with 1 and gets its page."""
    page, empty = tmp_path / "page.html", tmp_path / "work.py"
    empty.write_bytes(b"caf\xe9 = 1\n")
    done = grader_run(folder, "check", "1", "--submission", empty, "--html", page, "--json", "-")
    assert done.stderr.count("work.py, line 1: a character that is not UTF-8.") == 1
    assert "work.py, line 1" in page.read_text()
    assert {check.outcome for check in ExerciseResult.from_json(done.stdout.encode()).checks} == {"rejected", "pending"}
    assert done.returncode == 1


def test_some_checks_can_be_chosen(folder: Path) -> None:
    """-k judges the named check and what it needs, and says that this is not the whole score."""
    good = written(folder, "good.py", GOOD)
    arguments = ("--submission", good, "-k", "matrix", "--device", "cpu")
    out = grader_run(folder, "check", "1", *arguments).stdout
    assert outcomes(out) == ["passed", "passed", "pending", "pending"]
    assert "Score 3 / 3, 2 of 4 checks passed" in out
    assert "Only the checks that -k chose" in out


def test_what_another_machine_judged_is_merged_in(folder: Path, tmp_path: Path) -> None:
    """An earlier result of the same files fills what is pending here; of other files it is refused."""
    good = written(folder, "good.py", GOOD)
    here = grader_run(folder, "check", "1", "--submission", good, "--device", "cpu", "--json", "-")
    earlier = ExerciseResult.from_json(here.stdout.encode())
    assert (earlier.score, earlier.max_score, earlier.complete, here.returncode) == (3, 4, False, 0)
    for check in earlier.checks:
        if check.device == "cuda":
            check.outcome, check.points = Outcome.PASSED, check.max_points
    (tmp_path / "gpu.json").write_bytes(earlier.to_json())
    both = grader_run(folder, "check", "1", "--submission", good, "--merge", tmp_path / "gpu.json", "--json", "-")
    merged = ExerciseResult.from_json(both.stdout.encode())
    assert (merged.score, merged.complete) == (4, True)
    assert "Score 4 / 4" in both.stderr


def test_without_a_fence_the_student_is_told(folder: Path) -> None:
    """--fence none judges, says that nothing is fenced in, and writes it into the result."""
    done = grader_run(folder, "check", "1", "--fence", "none", "--json", "-")
    assert "without a fence" in done.stderr
    assert ExerciseResult.from_json(done.stdout.encode()).environment.fence == "none"


@pytest.mark.skipif(strongest_tier() is Tier.NONE, reason="this machine offers no fence")
def test_a_hostile_submission_learns_and_earns_nothing() -> None:
    """The demo's hostile submission: everything it tries is denied, nothing passes, exit code 1."""
    hostile = ROOT / "tests/hostile/exercise1/looks_around.py"
    done = grader_run(ROOT, "check", "exercise1", "--json", "-", "--submission", hostile)
    judged = ExerciseResult.from_json(done.stdout.encode())
    assert Outcome.PASSED not in {check.outcome for check in judged.checks}
    printed = judged.stdout.splitlines()
    assert len(printed) == 6
    assert all(": denied (" in line for line in printed)
    assert (judged.score, done.returncode) == (0, 1)


@pytest.fixture
def hanging(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A `grader check` whose second check never ends, in a process group of its own."""
    path = written(folder, "hanging.py", HANGING)
    process = subprocess.Popen(
        command("check", "1", "--submission", path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=folder, start_new_session=True,
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_leaves_nothing_behind(hanging: subprocess.Popen[str]) -> None:
    """Interrupted in an endless check, the command says so, ends with 130, and every process it started is gone."""
    assert hanging.stdout is not None
    while "Doubles a number." not in hanging.stdout.readline():
        assert hanging.poll() is None
    started = psutil.Process(hanging.pid).children(recursive=True)
    assert len(started) >= 4  # zygote, worker, judge, guest, and keepers between them
    os.killpg(hanging.pid, signal.SIGINT)
    _, stderr = hanging.communicate(timeout=60)
    assert (stderr, hanging.returncode) == (f"grader: {messages.CLI_INTERRUPTED}\n", 130)
    gone, alive = psutil.wait_procs(started, timeout=30)
    assert (len(gone), alive) == (len(started), [])


def test_two_at_once_do_not_disturb_each_other(folder: Path) -> None:
    """Started together on different files, each command judges its own."""
    texts = {0: "def double(x):\n    return 3 * x\n", 3: GOOD}
    running = {}
    for score, text in texts.items():
        path = written(folder, f"scores_{score}.py", text)
        arguments = command("check", "1", "--submission", path, "--json", "-")
        running[score] = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder
        )
    for score, process in running.items():
        output, _ = process.communicate(timeout=300)
        assert ExerciseResult.from_json(output.encode()).score == score


def test_no_network_is_needed(folder: Path) -> None:
    """In a network namespace of its own, without even a loopback device, a check is judged like anywhere else."""
    cut_off = ["unshare", "--net", "--map-root-user"] if os.geteuid() else ["unshare", "--net"]
    if not shutil.which("unshare") or subprocess.run([*cut_off, "true"], capture_output=True).returncode:
        pytest.skip("this system does not let us take the network away")
    arguments = [*cut_off, *command("check", "1", "--json", "-", "--submission", written(folder, "good.py", GOOD))]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=folder, timeout=300)
    assert ExerciseResult.from_json(done.stdout.encode()).score == 3


@pytest.mark.parametrize(("kind", "can"), [("xterm", True), ("dumb", False)])
def test_a_terminal_gets_what_it_can_show(folder: Path, kind: str, can: bool) -> None:
    """Colour and a moving line on a terminal, no control character at all on a dumb one."""
    output = on_a_terminal(command("check", "1"), folder, {"TERM": kind})
    assert ("\x1b[36m" in output) is can
    assert ("Doubles a number." in output.partition("todo")[0]) is can
    assert can or "\x1b" not in output
    assert "Score 0 / 4" in output


def on_a_terminal(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> str:
    """Run a command on a pseudo-terminal and return everything it wrote."""
    ours, theirs = pty.openpty()
    told = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environment
    process = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=told)
    os.close(theirs)
    written = bytearray()
    try:
        while chunk := os.read(ours, 4096):
            written += chunk
    except OSError:  # how Linux says that the other end is closed
        process.wait(60)
    os.close(ours)
    return written.decode()
