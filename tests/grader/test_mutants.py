"""`grader verify --mutants` on a tiny course: survivors are told, explained ones accepted, endless ones stopped."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from grader.author.explained import read_explanations
from grader.author.gate import Verified
from grader.author.mutant_gate import Fate, Ran, counts, mutant_gate
from grader.author.mutants import takes_part, verify_mutants
from grader.author.mutate import Mutant, make_mutants
from grader.author.table import table_lines
from grader.cli import main
from grader.course import Exercise
from grader.errors import CourseError, UsageError
from grader.events import PlannedCheck, Trial
from grader.grade import Grader
from grader.pool import Pool
from grader.results import CheckResult, Outcome
from grader.sandbox.fence import Tier
from grader.submission import SourceFile, Submission
from grader.terminal import console_for

from .tiny_course import SLUG, make_course

FILE = f"solutions/{SLUG}/work.py"
EXPLANATIONS = f"solutions/{SLUG}/mutants.toml"
# double(2) is 4 for 2 + x and 2 ** x too; of the loop two mutants never end.
REFERENCE = '''
    """A reference with an endless mutant."""


    def double(x: float | int) -> float:
        """Twice x."""
        return 2 * x


    def drained(n):
        while n:
            n = 0
        return n
'''
SUITE = '''
    from grader.suite import expect_close, expect_equal, needs, points

    @points(1)
    @needs("test_drained")
    def test_double(submission):
        """double(2) is 4."""
        expect_equal(submission.double(2.0), 4.0, label="y")

    @points(1)
    def test_drained(submission):
        """Nothing is left of 3."""
        expect_equal(submission.drained(3), 0, label="rest")

    def test_broken_by_seven(submission):
        """double(0) is neither 7 nor -7."""
        value = submission.double(0.0)
        1 / (value - 7.0)
        expect_close(0.0, float("nan") if value == -7.0 else 0.0, label="z")
'''
# The limits of the exercise are far away: what stops an endless mutant is its own.
SLOW = "[limits]\ncheck_wall_s = 600\nwall_s = 600\n"
SUM = '[[equivalent]]\nfunction = "double"\nwas = "return 2 * x"\nnow = "return 2+x"\nbecause = "2 + 2 is 2 * 2."\n'
POWER = SUM.replace("2+x", " 2 ** x").replace("2 + 2", "2 ** 2")
KILLED = SUM.replace("2+x", "2 - x")
NOBODY = SUM.replace('"double"', '"Other.double"')


def course(root: Path, explanations: str = "", **more: str) -> Exercise:
    """Return the exercise of this page, with these explanations if any."""
    stub = "def double(x):\n    raise NotImplementedError\n\n\ndef drained(n):\n    raise NotImplementedError\n"
    files = {f"exercises/{SLUG}/work.py": stub, FILE: REFERENCE, **more}
    files |= {EXPLANATIONS: explanations} if explanations else {}
    return make_course(root, SUITE, points=2, files=files, more=SLOW)


def ran(exercise: Exercise) -> Verified:
    """Return what the gate says of an exercise."""
    return verify_mutants(exercise, Tier.NONE, lambda done, total: None)


def said(verified: Verified) -> list[str]:
    """Return each problem's place and first line, and the changed lines of its diff."""
    lines = [(problem.file, *problem.text.splitlines()) for gate in verified.gates for problem in gate.problems]
    return [
        f"{place}|{first}|{''.join(line for line in diff if line[0] in '-+' and line[:3] not in ('---', '+++'))}"
        for place, first, *diff in lines
    ]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """An exercise whose author has not looked at its mutants yet."""
    return course(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def found(bare: Exercise) -> Verified:
    """What is found there."""
    return ran(bare)


def test_what_no_check_notices_is_listed_as_a_diff(found: Verified) -> None:
    """A mutant that passes every check is a problem with file, line, and what was changed."""
    assert said(found) == [
        f"{FILE}:7|no check notices this:|-    return 2 * x+    return 2 + x",
        f"{FILE}:7|no check notices this:|-    return 2 * x+    return 2 ** x",
    ]
    assert "@@ -5,5 +5,5 @@ double" in found.gates[0].problems[0].text
    assert not found.good


def test_an_endless_mutant_is_killed_by_its_own_limit(found: Verified) -> None:
    """A loop that never ends is stopped long before the exercise's limits, and counts as noticed."""
    assert found.mutants is not None
    assert found.mutants.killed_by_time == 2


def test_mutants_are_counted(found: Verified) -> None:
    """Every mutant is killed or survives; the rate is raw; what only changes an annotation is left out."""
    assert found.mutants is not None
    told = found.mutants
    assert (told.judged, told.killed + told.survived, told.survived, told.explained) == (16, 16, 2, 0)
    assert told.unsettled == 0
    assert told.kill_rate == round(14 / 16, 4)
    assert told.skipped == {"unreadable": 0, "unchanged": 11, "repeated": 0}
    assert told.per_s > 0


def test_entries_that_explain_nothing_are_stale(tmp_path: Path) -> None:
    """An entry about a mutant that is killed, or about none at all, is a problem; one about a survivor is accepted."""
    verified = ran(course(tmp_path, SUM + KILLED + NOBODY))
    assert said(verified) == [
        f"{FILE}:7|no check notices this:|-    return 2 * x+    return 2 ** x",
        f"{EXPLANATIONS}|the entry with `return 2 - x` in double is not needed any more: test_double notices that"
        " change. Delete it.|",
        f"{EXPLANATIONS}|the entry with `return 2+x` in Other.double is about no mutant: delete it, or correct"
        " `function`, `was` and `now`.|",
    ]


@pytest.mark.parametrize(("entry", "complaint"), [
    (SUM.replace("2 + 2 is 2 * 2.", " "), "because"),
    (SUM.replace("because", "reason"), "reason"),
    ("[[equivalent]\n", "mutants.toml cannot be read"),
])  # fmt: skip
def test_an_explanation_has_every_part(tmp_path: Path, entry: str, complaint: str) -> None:
    """A reason that is missing or empty is the course's mistake, told with the file and the key."""
    with pytest.raises(CourseError, match=complaint):
        read_explanations(course(tmp_path, entry))


def test_a_broken_explanation_is_a_failing_gate(tmp_path: Path) -> None:
    """It stops the judging before it begins, and is told as a gate."""
    verified = ran(course(tmp_path, SUM.replace("because", "reason")))
    assert [gate.name for gate in verified.gates] == ["course"]
    assert "mutants.toml: equivalent" in verified.gates[0].problems[0].text


def test_a_reference_that_fails_is_told_instead(tmp_path: Path) -> None:
    """Where the reference fails a check every mutant would look killed, so none is judged."""
    verified = ran(course(tmp_path, **{FILE: REFERENCE.replace("2 * x", "3 * x")}))
    assert said(verified) == [f"solutions/{SLUG}|failed for the reference itself; no mutant was judged.|"]
    assert verified.mutants is None


def test_a_failure_of_ours_kills_nothing(tmp_path: Path) -> None:
    """A mutant on which a check itself breaks is told with what broke; it is neither killed nor does it survive."""
    verified = ran(course(tmp_path, **{FILE: REFERENCE.replace("2 * x", "2 * x - 7 * 0")}))
    broken = [line.partition("broke (")[2] for line in said(verified) if "broke (" in line]
    nan = f"tests/hidden/{SLUG}/test_hidden.py:19: z: the expected value contains NaN"
    assert f"{nan}) at this:|-    return 2 * x - 7 * 0+    return 2 * x - 7 + 0" in broken
    assert "error) at this:|-    return 2 * x - 7 * 0+    return 2 * x - 7 * -1" in broken
    assert verified.mutants is not None
    assert verified.mutants.unsettled == len(broken)
    assert verified.mutants.killed + verified.mutants.survived + len(broken) == verified.mutants.judged


# --- making them ---------------------------------------------------------------------------------------------------


def made(text: str) -> list[Mutant]:
    """Return the mutants of a file."""
    return list(make_mutants({"work.py": text}).mutants)


def test_a_mutant_is_the_whole_file_with_one_change() -> None:
    """Text before and after the change is that of the reference, and what was changed is told as lines."""
    text = "import math\n\n\nclass A:\n    @property\n    def f(self):\n        return math.pi > 3\n\n\nX = []\n"
    mutants = made(text)
    assert {mutant.text.replace(mutant.now, mutant.was) for mutant in mutants if mutant.now} == {text}
    assert {(mutant.line, mutant.function, mutant.was) for mutant in mutants} == {
        (5, "A.f", "    @property"), (7, "A.f", "        return math.pi > 3"),
    }  # fmt: skip


def test_taking_out_a_decorator_is_told_at_its_line() -> None:
    """A change that takes lines out has nothing for `now`; empty lines above are no part of it."""
    (mutant,) = made("x = f\n\n\n@x\ndef f():\n    pass\n")
    assert (mutant.line, mutant.function, mutant.was, mutant.now) == (4, "f", "@x", "")


@pytest.mark.parametrize(("text", "reason"), [
    ("def f(a, *, b):\n    pass\n", "unreadable"),
    ("def f(a: int | None) -> str | None:\n    pass\n", "unchanged"),
])  # fmt: skip
def test_mutants_that_say_nothing_are_counted_and_left_out(text: str, reason: str) -> None:
    """What Python cannot read and what changes an annotation alone is not judged."""
    assert make_mutants({"work.py": text}).skipped[reason] > 0


def test_equal_mutants_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants that differ in blanks or parentheses only are one; equal ones of other statements are others."""
    changed = [("A", "f(x + 1)\n"), ("B", "f((x  +  1))\n"), ("C", "f( x )\n")]
    monkeypatch.setattr("grader.author.mutate._mutated", lambda statement: changed if statement.strip() else [])
    mutants = make_mutants({"work.py": "f(x)\nf(x)\n"})
    assert [(mutant.line, mutant.now) for mutant in mutants.mutants] == [(1, "f(x + 1)"), (2, "f(x + 1)")]
    assert mutants.skipped == {"unreadable": 0, "unchanged": 2, "repeated": 2}


def test_mutants_are_the_same_every_time() -> None:
    """No operator that draws at random takes part."""
    text = "def f(x):\n    y = x + 1\n    return y * 2\n"
    assert made(text) == made(text)


def test_without_cosmic_ray_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is an extra; without it the command says which."""
    monkeypatch.setitem(sys.modules, "cosmic_ray.ast", None)
    with pytest.raises(UsageError, match=r"pip install 'nn-grader\[author\]'"):
        make_mutants({"work.py": "x = 1\n"})


# --- judging them --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grader(bare: Exercise) -> Iterator[Grader]:
    """A judge's bench for the tiny exercise."""
    with Grader(bare, Tier.NONE) as started:
        yield started


def submitted(text: str) -> Submission:
    """Return this text as a submission."""
    return Submission("0" * 64, (SourceFile("work.py", text),))


def outcomes(grader: Grader, order: tuple[int, ...], text: str) -> dict[str, str]:
    """Return how every check of the plan ends for this text, judged in this order."""
    result = grader.judge(submitted(text), trial=Trial(order, 60.0)).result
    return {check.id: check.outcome.value for check in result.checks}


WRONG = "def double(x):\n    return 3 * x\n\n\ndef drained(n):\n    return n\n"


def test_a_trial_ends_at_the_first_failing_check(grader: Grader) -> None:
    """In the order asked for, and no further than to the first check that does not pass."""
    places = {planned.id: place for place, planned in enumerate(grader.plan)}
    order = tuple(places[name] for name in ("test_broken_by_seven", "test_double", "test_drained"))
    # test_double is asked for before test_drained, but needs it.
    assert outcomes(grader, order, WRONG) == {
        "test_broken_by_seven": "passed", "test_drained": "failed", "test_double": "not_run",
    }  # fmt: skip


def test_a_check_that_is_left_out_is_not_judged(grader: Grader) -> None:
    """What waits for it is blocked, which is no reason to stop."""
    places = {planned.id: place for place, planned in enumerate(grader.plan)}
    order = (places["test_double"], places["test_broken_by_seven"])
    assert outcomes(grader, order, WRONG) == {
        "test_broken_by_seven": "passed", "test_drained": "not_run", "test_double": "blocked",
    }  # fmt: skip


def test_a_grader_goes_on_after_a_trial(grader: Grader) -> None:
    """The next submission is judged by all checks again."""
    assert outcomes(grader, (0,), WRONG)["test_double"] == "not_run"
    result = grader.grade(submitted(WRONG.replace("3 *", "2 *").replace("return n", "return 0")))
    assert {check.outcome for check in result.checks} == {Outcome.PASSED}


def interrupt_an_endless_loop(exercise: Exercise) -> None:
    """Press Ctrl-C, as it were, while a worker is in a loop that only a limit of ten minutes ends."""
    began = threading.Event()
    endless = submitted("def double(x):\n    return x\n\n\ndef drained(n):\n    while True:\n        pass\n")
    with Pool(exercise, Tier.NONE, workers=1) as pool:
        pool.map(lambda grader, item: grader.judge(item, on_begin=lambda check: began.set()), [endless, endless])
        assert began.wait(60)
        raise KeyboardInterrupt("now")


def test_an_interrupt_waits_for_nothing(bare: Exercise) -> None:
    """Ctrl-C while mutants are judged ends those too; otherwise this test takes ten minutes."""
    with pytest.raises(KeyboardInterrupt, match="now"):
        interrupt_an_endless_loop(bare)


# --- telling of them -----------------------------------------------------------------------------------------------


def fate(mutant: Mutant, outcome: Outcome | None) -> Fate:
    """Return a mutant with the outcome of a check that did not pass, or None for a survivor."""
    check = None if outcome is None else CheckResult("test_a", "T", "hidden", "cpu", outcome, 0.0, 1.0)
    return Fate(mutant, check)


def test_the_gate_alone_needs_no_judging(bare: Exercise) -> None:
    """Killed, killed by the limit, survived and not settled: each is counted once."""
    ends = [Outcome.FAILED, Outcome.TIMEOUT, None, Outcome.ERROR, Outcome.NOT_RUN]
    mutants = made("def f(x):\n    return x + 1\n")
    everything = Ran([fate(*pair) for pair in zip(mutants, ends, strict=False)], {}, 1.0, 2.0, 2)
    told = counts(everything, ())
    assert (told.judged, told.killed, told.killed_by_time, told.survived, told.unsettled) == (5, 2, 1, 1, 2)
    assert told.per_s == 2.5
    problems = [problem.text.splitlines()[0] for problem in mutant_gate(bare, everything, ()).problems]
    assert problems == [
        "no check notices this:",
        "neither passed nor failed but broke (error) at this:",
        "neither passed nor failed but broke (not_run) at this:",
    ]


def test_no_mutants_are_no_reason_to_fail(bare: Exercise) -> None:
    """Where nothing can be changed, nothing survives."""
    told = counts(Ran([], {}, 1.0, 0.0, 2), ())
    assert (told.judged, told.kill_rate, told.per_s) == (0, 1.0, 0.0)


def test_the_table_shows_the_diff_as_it_is(found: Verified) -> None:
    """Lines of a diff are neither wrapped nor joined; rates and what was left out stand below."""
    lines = [str(line) for line in table_lines(found, console_for(io.StringIO()))]
    assert "    -    return 2 * x" in lines
    assert "    +    return 2 + x" in lines
    text = " ".join(" ".join(lines).split())
    assert "These gates do not hold: mutants. 14 of 16 mutants killed, raw kill rate 87.5% (2 by the limit" in text
    assert "2 survived, 0 of these explained. Not judged: 0 that Python cannot read, 11 that change nothing" in text
    assert "mutants per second," in text


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Invoke the command line in a course."""

    def invoke(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        done = CliRunner().invoke(main, ["verify", "--mutants", *arguments, "--fence", "none"])
        return done.exit_code, done.stdout, done.stderr

    return invoke


def test_the_command_accepts_explained_survivors_and_writes_json(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    """With a reason for every survivor the command ends well; its only gate is this one; the raw rate stays raw."""
    course(tmp_path, SUM + POWER)
    code, out, err = run(tmp_path, "--json", "-")
    (written,) = json.loads(out)
    assert (code, [gate["name"] for gate in written["gates"]]) == (0, ["mutants"])
    assert written["mutants"]["kill_rate"] == round(14 / 16, 4)
    assert (written["mutants"]["survived"], written["mutants"]["explained"]) == (2, 2)
    assert written["mutants"]["per_s"] > 0
    assert "2 survived, 2 of these explained." in " ".join(err.split())


def test_calibrated_and_pending_checks_judge_no_mutants() -> None:
    """The ones train for long and notice little, the others are not judged here."""
    plain = PlannedCheck("test_a", "A.", "hidden", "cpu", 1.0)
    assert takes_part(plain)
    assert not takes_part(msgspec.structs.replace(plain, attempts=4))
    assert not takes_part(msgspec.structs.replace(plain, pending=True))
