"""The atlas on a tiny course: built from the wrong answers, kept, and used to name what a submission does wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.course import Exercise
from grader.diagnosis import bench
from grader.diagnosis.atlas import wrong_answers
from grader.diagnosis.cache import cache_folder
from grader.errors import CourseError
from grader.grade import Grader
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.submission import SourceFile, Submission

from .tiny_course import SLUG, make_course

SUITE = '''
    import torch
    from grader.suite import expect_close, points

    @points(1)
    def test_double(submission, rng):
        """double(x) is 2 x."""
        x = torch.randn(5, generator=rng, dtype=torch.float64)
        expect_close(submission.double(x), 2 * x, label="y")

    @points(1)
    def test_sum(submission, rng):
        """The sum of double(x) is twice the sum of x."""
        x = torch.randn(3, 4, generator=rng, dtype=torch.float64)
        expect_close(submission.double(x).sum(), 2 * x.sum(), label="sum")

    @points(1)
    def test_zero(submission):
        """double(0) is 0."""
        expect_close(submission.double(torch.zeros(2, dtype=torch.float64)), torch.zeros(2, dtype=torch.float64))
'''
FAILS = "test_double, test_sum"


def header(name: str, statement: str, fails: str) -> str:
    """Return a whole header."""
    hints = "\n".join(f"{key}{language}: {key} of {name}" for language in ("", "_zh_CN") for key in ("H0", "H1", "H2"))
    return f'"""{name}: {statement}\n\n{hints}\nzh_CN: 中文\nFails: {fails}\n"""\n'


def answer(body: str) -> str:
    """Return a file with this `double`."""
    return f"def double(x):\n    return {body}\n"


WRONG = {
    "tripled.py": header("tripled", "triples instead.", FAILS) + answer("3 * x"),
    "shifted.py": header("shifted", "adds 1 as well.", f"{FAILS}, test_zero") + answer("2 * x + 1"),
    "raises.py": header("raises", "asks for an entry that is not there.", f"{FAILS}, test_zero") + answer("x[100] * 2"),
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep atlases in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def course(root: Path, more: str = "", wrong: dict[str, str] | None = None) -> Exercise:
    """Write the course with its wrong answers."""
    files = {f"solutions/{SLUG}/wrong/{name}": text for name, text in (wrong or WRONG).items()}
    return make_course(root, SUITE, points=3, more=more, files=files)


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader for the course."""
    with Grader(course(tmp_path_factory.mktemp("course")), Tier.NONE) as started:
        yield started


def judged(grader: Grader, text: str, **how: str) -> ExerciseResult:
    """Judge a submission and name its mistakes."""
    submission = Submission("", (SourceFile("work.py", text),))
    return bench.named(grader, grader.judge(submission, **how))  # type: ignore[arg-type]


def names(result: ExerciseResult) -> list[str | None]:
    """Return the misconception of every check that did not pass."""
    failed = (check for check in result.checks if check.outcome is not Outcome.PASSED)
    return [check.diagnosis.misconception if check.diagnosis else None for check in failed]


@pytest.mark.parametrize("body", ["x + x + x", "x * 3", "sum([x, x, x])"])
def test_a_mistake_is_named_however_it_is_written(grader: Grader, body: str) -> None:
    """Matched by value: another layout of the same mistake has the same name, in every check."""
    assert names(judged(grader, answer(body))) == ["tripled", "tripled"]


def test_what_is_said_is_the_statement_and_the_ladder(grader: Grader) -> None:
    """As in the header, one hint per line."""
    check: CheckResult = judged(grader, answer("3 * x")).checks[0]
    assert check.diagnosis is not None
    assert check.diagnosis.statement == "Your code triples instead."
    assert check.diagnosis.hint.splitlines() == ["H0 of tripled", "H1 of tripled", "H2 of tripled"]


def test_a_mistake_that_nobody_wrote_down_is_unknown(grader: Grader) -> None:
    """What was measured is said instead, and no name."""
    result = judged(grader, answer("5 * x"))
    assert names(result) == [None, None]
    assert "2.5 times ours" in result.checks[0].message


def test_an_exception_is_named_if_everything_else_agrees(grader: Grader) -> None:
    """The same index asked for in another way is the same mistake; one that ends one check only is not."""
    assert names(judged(grader, "def double(x):\n    y = x[100]\n    return y * 2\n")) == ["raises"] * 3
    assert names(judged(grader, answer("2 * x if x.numel() == 5 else x[100]"))) == [None, None]


def test_of_two_mistakes_at_once_the_one_that_is_isolated_is_named(grader: Grader) -> None:
    """Tripled where the sum is taken, something unknown elsewhere."""
    result = judged(grader, answer("3 * x if x.dim() == 2 else 7 * x"))
    assert names(result) == [None, "tripled"]
    assert result.checks[1].diagnosis is not None
    assert result.checks[1].diagnosis.statement == "In this check your code triples instead."


def test_a_mistake_that_explains_some_checks_says_how_many(grader: Grader) -> None:
    """Beside a failure that it does not explain, its statement is about the checks it was seen in."""
    result = judged(grader, answer("3 * x if x.any() else x + 9"))
    assert names(result) == ["tripled", "tripled", None]
    said = {check.diagnosis.statement for check in result.checks if check.diagnosis}
    assert said == {"In 2 checks your code triples instead."}


def test_a_part_of_the_suite_names_nothing(grader: Grader) -> None:
    """Which other checks fail is what tells mistakes apart."""
    assert names(judged(grader, answer("3 * x"), keyword="test_double")) == [None]


def test_a_level_that_shows_outcomes_only_shows_no_name(tmp_path: Path) -> None:
    """Nor the measured relation."""
    with Grader(course(tmp_path, more='[feedback]\nhidden = "outcome"\n'), Tier.NONE) as grader:
        result = judged(grader, answer("3 * x"))
    assert (names(result), result.checks[0].message) == ([None, None], "")


def test_the_atlas_is_built_once(grader: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is run; a damaged entry is made anew, and only that one."""
    assert names(judged(grader, answer("3 * x"))) == ["tripled", "tripled"]
    ran: list[str] = []
    original = bench.entry_of

    def entry_of(grader: Grader, answer: bench.WrongAnswer, seed: int) -> bench.Entry:
        ran.append(answer.misconception.id)
        return original(grader, answer, seed)

    monkeypatch.setattr(bench, "entry_of", entry_of)
    assert names(judged(grader, answer("3 * x"))) == ["tripled", "tripled"]
    assert ran == []
    damaged = min((cache_folder() / "by-header").iterdir())
    damaged.write_text("{")
    assert names(judged(grader, answer("3 * x"))) == ["tripled", "tripled"]
    assert len(ran) == 1


def test_another_seed_has_an_atlas_of_its_own(grader: Grader) -> None:
    """Values depend on what was drawn."""
    submission = Submission("", (SourceFile("work.py", answer("3 * x")),))
    for seed in (7, 8):
        assert names(bench.named(grader, grader.judge(submission, seed=seed))) == ["tripled", "tripled"]
    assert len(list((cache_folder() / "by-header").iterdir())) == 2 * len(WRONG)


def test_progress_is_told_while_the_atlas_is_built(grader: Grader) -> None:
    """Once per wrong answer; not at all when there is nothing to name."""
    told: list[tuple[int, int]] = []

    def judged_with_progress(text: str) -> None:
        submission = Submission("", (SourceFile("work.py", text),))
        bench.named(grader, grader.judge(submission), lambda done, count: told.append((done, count)))

    judged_with_progress(answer("2 * x"))
    assert told == []
    judged_with_progress(answer("3 * x"))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"""No name here."""\n', "must begin with"),
        ('"""some-name: says little.\n\nH0: a\n"""\n', "lacks Fails, H1, H2[.]"),
        ('"""some-name: says.\nstray\n"""\n', "belongs to no key"),
        ("def broken(:\n", "cannot be read"),
    ],
)
def test_a_broken_header_is_the_courses_fault(tmp_path: Path, text: str, problem: str) -> None:
    """The message names the file and what it lacks."""
    exercise = course(tmp_path, wrong={"odd.py": text})
    with pytest.raises(CourseError, match=rf"odd\.py.*{problem}"):
        wrong_answers(exercise)
