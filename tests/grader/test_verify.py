"""`grader verify` on a tiny course: all gates hold on a good one, and each is seen to fail on a bad one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.author.gate import Gate, Verified, to_json
from grader.author.runs import SEEDS, reference_seeds
from grader.author.table import table_lines
from grader.author.verify import verify
from grader.cli import main
from grader.course import Exercise
from grader.errors import UsageError
from grader.sandbox.fence import Tier
from grader.terminal import console_for

from .tiny_course import SLUG, make_course

WRONG, EQUIVALENT = f"solutions/{SLUG}/wrong", f"solutions/{SLUG}/equivalent"
SUITE = '''
    import torch
    from grader.suite import expect_close, expect_raises, needs, points

    @points(1)
    def test_double(submission, rng):
        """double(x) is 2 x."""
        x = torch.randn(5, generator=rng, dtype=torch.float64)
        expect_close(submission.double(x), 2 * x, label="y")

    @points(1)
    @needs("test_double")
    def test_zero(submission):
        """double(0) is 0."""
        expect_close(submission.double(torch.zeros(2, dtype=torch.float64)), torch.zeros(2, dtype=torch.float64))
'''
# Every gate but `course` and `signatures` is hurt: see the test for which line hurts which.
BAD_SUITE = '''
    import pytest
    import torch
    from grader.suite import award, expect_close, expect_equal, points

    @points(1)
    def test_double(submission, rng):
        """double(x) is 2 x."""
        x = torch.randn(5, generator=rng, dtype=torch.float64)
        value = submission.double(x)
        award(float(abs(value - 2 * x).max() < 1e-9), f"The first entry is {float(2 * x[0])}.")

    @points(1)
    def test_shape(submission):
        """double keeps the shape."""
        expect_equal(tuple(submission.double(torch.zeros(3)).shape), (3,))

    @points(1)
    def test_luck(submission, rng):
        """double(x) is 2 x for some x."""
        x = torch.randint(6, (), generator=rng)
        expect_close(submission.double(x), 2 * x if x else x + 1, label="lucky")

    def test_one(submission):
        """double(1) is 2."""
        one = torch.ones(1, dtype=torch.float64)
        expect_close(submission.double(one), 2 * one, label="y")

    def test_careless(submission):
        """double refuses nothing."""
        submission.double(torch.zeros(1))
        assert True
        with pytest.raises(Exception):
            raise ValueError
'''


def header(name: str, fails: str, part_of: str = "") -> str:
    """Return the header of a wrong answer."""
    hints = "\n".join(f"{key}: {key}" for key in ("H0", "H1", "H2"))
    part = f"part_of: {part_of}\n" if part_of else ""
    return f'"""{name}: is wrong.\n\n{hints}\nFails: {fails}\n{part}"""\n'


def answer(body: str, name: str = "", fails: str = "", part_of: str = "") -> str:
    """Return a file with this `double`, below a header if it has a name."""
    return (header(name, fails, part_of) if name else "") + f"def double(x):\n    return {body}\n"


GOOD_FILES = {
    f"tests/hidden/{SLUG}/draws.key": "0123456789abcdef" * 4,
    f"{WRONG}/tripled.py": answer("3 * x", "tripled", "test_double"),
    f"{WRONG}/shifted.py": answer("2 * x + 1", "shifted", "test_double"),
    f"{EQUIVALENT}/sum.py": answer("x + x"),
}


def gates(exercise: Exercise) -> dict[str, Gate]:
    """Return the gates of an exercise by name."""
    return {gate.name: gate for gate in verify(exercise, Tier.NONE, lambda done, total: None).gates}


def said(gate: Gate) -> list[str]:
    """Return the problems of a gate as one line each, files without their folders."""
    return [f"{problem.file.rpartition('/')[2]}|{problem.check}|{problem.text}" for problem in gate.problems]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """An exercise that is as it should be."""
    return make_course(tmp_path_factory.mktemp("good"), SUITE, points=2, files=GOOD_FILES)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gate]:
    """The gates of an exercise that is not."""
    files = {
        f"exercises/{SLUG}/work.py": f"{answer('2 * x')}\n\ndef half(x: float):\n    raise NotImplementedError\n",
        f"solutions/{SLUG}/work.py": f"{answer('2 * x')}\n\ndef half(x):\n    return x / 2\n",
        f"{WRONG}/tripled.py": answer("3 * x", "tripled", "test_double, test_shape, test_gone"),
        f"{WRONG}/thrice.py": answer("x + 2 * x", "thrice", "test_double, test_luck, test_one", "nobody"),
        f"{EQUIVALENT}/not_so.py": answer("x"),
    }
    files |= {f"exercises/{SLUG}/README{language}.md": "# Tiny\n" for language in ("", ".zh_CN")}
    more = 'title_zh_CN = "小"\nhints = ["Think."]\n'
    return gates(make_course(tmp_path_factory.mktemp("bad"), BAD_SUITE, points=3, files=files, more=more))


def test_a_good_exercise_passes_every_gate(good: Exercise) -> None:
    """Nothing speaks against an exercise that is as it should be, and the second time wrong answers are known."""
    seen: list[tuple[int, int]] = []
    first = verify(good, Tier.NONE, lambda done, total: seen.append((done, total)))
    assert {gate.name: said(gate) for gate in first.gates if not gate.good} == {}
    assert [gate.name for gate in first.gates] == [
        "settled", "reference", "stub", "equivalents", "caught", "named", "neighbours", "layouts", "vacuity", "alone",
        "reversed", "canary", "points", "signatures", "judged", "comparisons", "languages", "draws",
    ]  # fmt: skip
    assert first.cached == 0
    assert seen == [(done, first.runs) for done in range(first.runs + 1)]
    again = verify(good, Tier.NONE, lambda done, total: None)
    # Each of the two wrong answers by the whole suite, rewritten, and backwards.
    assert (again.gates, again.cached) == (first.gates, 6)


def test_the_seeds_are_different_and_the_courses_is_among_them() -> None:
    """Twenty seeds, whatever the course's own is."""
    for own in (0, 7, 99):
        seeds = reference_seeds(own)
        assert seeds[0] == own
        assert len(set(seeds)) == len(seeds) == SEEDS


def test_the_reference_gate_names_seeds(bad: dict[str, Gate]) -> None:
    """A check that fails right answers for some draws is named with the seeds."""
    (line,) = said(bad["reference"])
    file, check, text = line.split("|")
    assert (file, check) == (SLUG, "test_luck")
    assert text.startswith("failed for the seeds ")


def test_the_stub_gate_sees_what_the_stub_earns(bad: dict[str, Gate]) -> None:
    """A stub that answers is told check by check, and with what it earns."""
    lines = said(bad["stub"])
    assert f"{SLUG}|test_double|passed, expected todo or blocked." in lines
    assert lines[-1].endswith(" points, expected 0.")


def test_the_equivalents_gate_says_why(bad: dict[str, Gate]) -> None:
    """An equivalent that is none is told with the check and its message."""
    assert any(line.startswith("not_so.py|test_one|failed: y: ") for line in said(bad["equivalents"]))


def test_the_caught_gate_compares_with_the_header(bad: dict[str, Gate]) -> None:
    """A check that is promised and passes, one that is not promised and fails, one that does not exist."""
    lines = said(bad["caught"])
    assert "tripled.py|test_shape|`Fails:` names it, but it ended passed." in lines
    assert "tripled.py|test_gone|`Fails:` names it, but there is no such check." in lines
    assert "tripled.py|test_one|ended failed, but `Fails:` does not name it." in lines
    assert (
        "No wrong answer fails test_shape; write one, or the check may be weaker than it looks." in bad["caught"].notes
    )


def test_the_named_gate_lists_collisions(bad: dict[str, Gate]) -> None:
    """Two files with one mistake are told as such; so is a part of something that does not exist."""
    lines = said(bad["named"])
    collision = (
        "cannot be told apart from solutions/exercise1_tiny/wrong/thrice.py: the same checks fail with the same values."
    )
    assert f"tripled.py||{collision}" in lines
    assert "thrice.py||`part_of:` names nobody, which no wrong answer is called." in lines


def test_the_neighbours_gate_prints_confusions(bad: dict[str, Gate]) -> None:
    """Left out of the atlas, one of two equal mistakes gets the other's name."""
    assert "tripled.py|test_one|left out of the atlas, it is called thrice." in said(bad["neighbours"])


def test_the_vacuity_gate_names_what_passes(bad: dict[str, Gate]) -> None:
    """A check that looks at the shape alone is passed by every right-shaped answer, and by the argument itself."""
    assert said(bad["vacuity"]) == ["exercise1_tiny|test_shape|passed by answers made of: zeros, ones, random, first."]


def test_the_canary_sees_an_expected_value(bad: dict[str, Gate]) -> None:
    """An author's own sentence that tells the expected value is caught."""
    assert any(line.startswith("tripled.py|test_double|its message holds ") for line in said(bad["canary"]))


@pytest.mark.parametrize(("gate", "line"), [
    ("signatures", "work.py||half is (x) here, (x: float) in the stub."),
    ("judged", "work.py||no suite calls submission.half."),
    ("languages", "exercise.toml|hints|this has no twin in zh_CN."),
    ("comparisons", "test_hidden.py:32|test_careless|a bare assert."),
    ("draws", "draws.key||There is no such file: who knows the seed of a run can draw what the checks draw."),
    ("comparisons", "test_hidden.py:33|test_careless|`pytest.raises(Exception)` is satisfied by any exception."),
])  # fmt: skip
def test_what_can_be_read_off_the_files(bad: dict[str, Gate], gate: str, line: str) -> None:
    """Unequal signatures, a function nobody calls, careless comparisons, half a translation: each with its place."""
    assert line in said(bad[gate])


def test_a_check_that_remembers_ends_differently_alone(tmp_path: Path) -> None:
    """A guest that is kept over several checks shows in a check that ends differently alone."""
    suite = (
        SUITE
        + '''
    def test_memory(submission):
        """double forgets."""
        expect_close(submission.count(), torch.tensor(1.0), label="count")
    '''
    )
    body = "\n\n_calls = [0]\n\n\ndef double(x):\n    _calls[0] += 1\n    return 2 * x\n"
    body += "\n\ndef count():\n    return torch.tensor(float(not _calls[0]))\n"
    stub = "def double(x):\n    raise NotImplementedError\n\n\ndef count():\n    raise NotImplementedError\n"
    files = {f"exercises/{SLUG}/work.py": stub, f"solutions/{SLUG}/work.py": "import torch" + body}
    found = gates(make_course(tmp_path, suite, points=2, files=files))
    assert said(found["alone"]) == ["exercise1_tiny|test_memory|alone it ended passed, in the suite failed."]
    assert said(found["reversed"]) == ["exercise1_tiny|test_memory|now it ended passed, before failed."]


def test_an_answer_that_is_known_by_its_layout_only_is_told(tmp_path: Path) -> None:
    """What is wrong only as long as a name stays what it is loses its name, and the gate says so."""
    peeking = header("peeking", "test_double") + (
        "def double(x):\n    added = 1\n    return 2 * x + added * ('added' in double.__code__.co_varnames)\n"
    )
    found = gates(make_course(tmp_path, SUITE, points=2, files={f"{WRONG}/peeking.py": peeking}))
    assert found["named"].good
    assert said(found["layouts"]) == [
        "peeking.py|test_double|now it ended passed, before failed.",
        "peeking.py|test_double|now it is called nothing, before peeking.",
    ]


def test_a_header_that_names_no_check_stops_nothing(tmp_path: Path) -> None:
    """There is nothing to run a second time; the gate that compares with the header says what is wrong."""
    tripled = answer("3 * x", "tripled", "test_gone")
    found = gates(make_course(tmp_path, SUITE, points=2, files={f"{WRONG}/tripled.py": tripled}))
    assert found["layouts"].counted == 0
    assert "tripled.py|test_gone|`Fails:` names it, but there is no such check." in said(found["caught"])


def test_the_statement_is_held_against_the_stub(tmp_path: Path) -> None:
    """A README that calls a function otherwise than the stub has it fails the gate on signatures, with its line."""
    readme = {f"exercises/{SLUG}/README.md": "# Tiny\n\nWrite `double(x, factor)`.\n"}
    found = gates(make_course(tmp_path, SUITE, points=2, files=readme))
    assert said(found["signatures"]) == [
        "README.md:3||`double(x, factor)` does not fit double(x) of the stub.",
    ]


def test_a_check_that_breaks_is_ours(tmp_path: Path) -> None:
    """A check that cannot be judged is told before anything is concluded from it."""
    suite = (
        SUITE
        + '''
    def test_broken(submission):
        """This one breaks."""
        {}["missing"]
    '''
    )
    found = gates(make_course(tmp_path, suite, points=2))
    assert "exercise1_tiny|test_broken|error, for stub." in said(found["settled"])


def test_a_broken_course_is_a_failing_gate(tmp_path: Path) -> None:
    """Points that do not add up stop the judging; what can be read off the files is said all the same."""
    found = gates(make_course(tmp_path, SUITE, points=3))
    assert list(found) == ["course", "signatures", "judged", "comparisons", "languages", "draws"]
    assert said(found["course"]) == [
        f"{SLUG}||{SLUG}/exercise.toml says points = 3, but its checks are worth 2 together."
    ]


def test_a_students_copy_cannot_be_verified(tmp_path: Path) -> None:
    """Without solutions there is nothing to prove anything with."""
    exercise = make_course(tmp_path, SUITE, points=2)
    (exercise.solution_folder / "work.py").unlink()
    exercise.solution_folder.rmdir()
    with pytest.raises(UsageError, match="verified with its solutions"):
        verify(exercise, Tier.NONE, lambda done, total: None)


def test_the_table_says_where_and_what_to_do(bad: dict[str, Gate]) -> None:
    """A row for every gate; below, each problem with its file, and what to do about it."""
    console = console_for(io.StringIO())
    verified = Verified(SLUG, 7, (bad["vacuity"], bad["points"]), runs=3, cached=1, wall_s=2.5)
    text = " ".join(" ".join(str(line) for line in table_lines(verified, console)).split())
    assert text.startswith("exercise1_tiny (seed 7) FAIL answers of the right form without content earn nothing; ")
    assert "ok points add up to those of exercise.toml; checks (5)" in text
    assert "tests/hidden/exercise1_tiny: test_shape: passed by answers made of: zeros" in text
    assert "What to do: compare with an expected value besides" in text
    assert text.endswith("These gates do not hold: vacuity. 2 submissions judged, 1 known from before, in 2.5 s.")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Invoke the command line in a course."""

    def invoke(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        done = CliRunner().invoke(main, ["verify", *arguments, "--fence", "none"])
        return done.exit_code, done.stdout, done.stderr

    return invoke


def test_the_command_ends_well_and_writes_json(good: Exercise, run: Callable[..., tuple[int, str, str]]) -> None:
    """Without EXERCISE all are verified; --json - owns standard output; exit code 0."""
    code, out, err = run(good.course.root, "--json", "-")
    (written,) = json.loads(out)
    assert (code, written["schema"], written["exercise"]) == (0, "grader.verify/1", SLUG)
    assert {gate["name"]: gate["problems"] for gate in written["gates"] if gate["problems"]} == {}
    assert "Every gate holds." in err


def test_the_command_fails_where_a_gate_does(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    """A gate that does not hold is exit code 1, not a traceback and not a usage error."""
    make_course(tmp_path, SUITE, points=3, files=GOOD_FILES)
    code, out, _ = run(tmp_path, "1")
    assert code == 1
    assert "These gates do not hold: course." in out


def test_gates_can_be_written_as_data(bad: dict[str, Gate]) -> None:
    """Every problem keeps file, check and text."""
    written = json.loads(to_json([Verified(SLUG, 7, (bad["vacuity"],), 1, 0, 1.0)]))
    assert list(written[0]["gates"][0]["problems"][0]) == ["file", "check", "text"]
