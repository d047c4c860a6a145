"""What pages are made from: text made visible, excerpts of hostile files, which failure comes first."""

from __future__ import annotations

import random

import pytest

from grader.report.article import article
from grader.report.causes import sort_checks
from grader.report.excerpt import Excerpt, around, defined_names, definition
from grader.report.text import MAX_LINE_CHARS, MAX_LINES, clipped, paragraphs, prose, spelled, visible
from grader.results import Frame, Outcome
from tests.grader.report_samples import blocked, check, raised

# --- text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("character", "code"),
    [("\x00", "\\x00"), ("\x1b", "\\x1b"), ("\r", "\\r"), ("\u202e", "\\u202e"), ("\u2066", "\\u2066"),
     ("\u200b", "\\u200b"), ("\ufeff", "\\ufeff"), ("\xa0", "\\xa0"), ("\xad", "\\xad"), ("\ud800", "\\ud800"),
     ("\U000e0041", "\\U000e0041")],
)  # fmt: skip
def test_what_cannot_be_seen_is_written_out(character: str, code: str) -> None:
    """Control characters, bidirectional controls, blanks that are none, tags and lone surrogates become their codes."""
    assert spelled(f"a{character}b") == f"a{code}b"
    assert visible(f"a{character}b") == f'a<span class="char">{code}</span>b'


def test_letters_of_all_scripts_stay() -> None:
    """Only what cannot be seen is touched."""
    text = "∂L/∂w₁ ≤ ½, 反向传播, שלום, 🙂"
    assert spelled(text) == visible(text) == text


def test_lines_and_tabs_stay_where_they_can_be_seen() -> None:
    """In running text, line ends and tabs are as visible as blanks; in an attribute they are written out."""
    assert visible("a\n\tb") == "a\n\tb"
    assert spelled("a\n\tb") == "a\\n\\tb"


def test_names_in_sentences_are_set_as_code() -> None:
    """Backticks mark names; a name breaks behind an underscore, a small number never."""
    assert prose("Fix `relu_backward` & <b>") == "Fix <code>relu_<wbr>backward</code> &amp; &lt;b&gt;"
    assert prose("off by 1e-09.") == 'off by <span class="piece">1e-09</span>.'


def test_backticks_cannot_smuggle_markup() -> None:
    """What stands between backticks is escaped like everything else."""
    assert prose("`<img src=x>`") == "<code>&lt;img src=x&gt;</code>"


def test_lines_that_are_set_in_belong_together() -> None:
    """A message is sentences and blocks of aligned lines; blank lines only separate."""
    text = "First.\n\n  a  1\n  b  2\nThen.\n   \n  c  3"
    assert list(paragraphs(text)) == [(False, "First."), (True, "  a  1\n  b  2"), (False, "Then."), (True, "  c  3")]


def test_a_flood_of_output_is_cut_in_the_middle() -> None:
    """The first and the last lines are shown, how many are missing is said, and no line is endless."""
    lines, count = clipped("\n".join(f"line {n} " + "x" * 9000 for n in range(5000)) + "\n")
    assert count == 5000
    assert len(lines) == MAX_LINES + 1
    assert lines[0].startswith("line 0 ")
    assert lines[MAX_LINES // 2] == "… 4,800 more lines …"
    assert lines[-1].startswith("line 4999 ")
    assert max(map(len, lines)) < MAX_LINE_CHARS + 40
    assert lines[0].endswith(" … 8,607 more characters")


# --- excerpts -------------------------------------------------------------------------------------------------------

NESTED = """import torch

class Net:
    def __init__(self):
        self.w = 1

    @property
    def loss(self):
        def inner(x):
            return x / 0

        # a remark at the wrong place
        return inner(1)

print("end")
"""


def numbers(shown: Excerpt | None) -> list[int]:
    """Return the line numbers of an excerpt."""
    assert shown is not None
    return [line.number for line in shown.lines]


@pytest.mark.parametrize(
    ("line", "first", "last"), [(10, 9, 10), (13, 8, 13), (8, 8, 13), (5, 4, 5), (1, 1, 5), (15, 7, 15)]
)
def test_a_line_is_shown_with_the_function_it_stands_in(line: int, first: int, last: int) -> None:
    """The innermost function that holds the line, or its neighbours where it stands in none."""
    shown = around("net.py", NESTED, line)
    assert shown is not None
    assert numbers(shown) == list(range(first, last + 1))
    assert shown.marked == line


def test_a_long_function_is_shown_around_the_line() -> None:
    """Of a function of a hundred lines, those before and after the marked one."""
    source = "def f():\n" + "".join(f"    x = {n}\n" for n in range(100))
    assert numbers(around("a.py", source, 50)) == list(range(42, 55))


def test_a_definition_may_spread_over_lines() -> None:
    """A signature whose bracket closes at the margin does not end the function."""
    source = "def f(\n    x,\n) -> int:\n    return x\n\n\ny = 1\n"
    assert numbers(definition("a.py", source, "f")) == [1, 2, 3, 4]
    assert numbers(around("a.py", source, 4)) == [1, 2, 3, 4]


@pytest.mark.parametrize("line", [-1, 0, 4, 10**9])
def test_a_line_that_is_not_there_gives_no_excerpt(line: int) -> None:
    """A frame may name a line that the file does not have."""
    assert around("a.py", "a\nb\nc", line) is None


def test_only_top_level_names_count() -> None:
    """Methods and what stands in a string at a deeper level are no functions of the file."""
    assert defined_names(NESTED) == ["Net"]
    assert definition("net.py", NESTED, "loss") is None


def test_any_text_can_be_cut_into_excerpts() -> None:
    """No file, however broken, stops the page: each of its lines has an excerpt that holds it."""
    draw = random.Random(7)
    for _ in range(200):
        source = "".join(draw.choice(["def f(", "class ", "\n", "\n", "    ", "\t", ")", '"""', "x", "\x0c"])
                         for _ in range(60))  # fmt: skip
        for line in range(1, source.count("\n") + 2):
            assert line in numbers(around("a.py", source, line))


def test_a_deep_recursion_shows_its_ends() -> None:
    """Of a thousand frames, the first and the last are listed and the others counted."""
    frames = [Frame("a.py", n + 1, f"f{n}", "again()") for n in range(1000)]
    (cause,) = sort_checks([raised().__class__(**{**_facts(raised()), "frames": frames})]).causes
    shown = article(cause, {}, anchor="a", command="").frames
    assert [place for place, _ in shown] == [
        *(f"a.py, line {n}" for n in (1, 2, 3, 4)), "… 992 more calls …", *(f"a.py, line {n}" for n in range(997, 1001))
    ]  # fmt: skip


def _facts(made: object) -> dict[str, object]:
    return {name: getattr(made, name) for name in made.__struct_fields__}  # type: ignore[attr-defined]


# --- what comes first -----------------------------------------------------------------------------------------------


def test_what_waits_at_the_end_of_a_chain_counts_for_its_beginning() -> None:
    """A waits for B, which waits for C: fixing C unblocks both."""
    placed = sort_checks(
        [
            check(Outcome.FAILED, "test_x", max_points=3.0),
            check(Outcome.FAILED, "test_c", max_points=1.0),
            blocked("test_b", "test_c", max_points=1.0),
            blocked("test_a[1]", "test_b", max_points=1.5),
        ]
    )
    first = placed.causes[0]
    assert (first.check.id, first.lost, first.held) == ("test_c", 1.0, 2.5)
    assert [item.check.id for item in first.waiting] == ["test_b", "test_a[1]"]


def test_checks_that_wait_for_each_other_end_the_search() -> None:
    """A result that somebody made up cannot keep the page from being made."""
    placed = sort_checks([blocked("test_a", "test_b"), blocked("test_b", "test_a"), blocked("test_c", "test_c")])
    assert len(placed.blocked) == 3


def test_of_equals_the_one_with_something_to_say_comes_first() -> None:
    """A hidden check without a message helps nobody as the first thing to fix; the plan's order decides the rest."""
    silent = check(Outcome.FAILED, "test_a", visibility="hidden", message="")
    placed = sort_checks([silent, check(Outcome.FAILED, "test_b"), check(Outcome.FAILED, "test_c")])
    assert [cause.check.id for cause in placed.causes] == ["test_b", "test_a", "test_c"]


def test_a_share_of_the_points_is_not_lost() -> None:
    """A check that earned a part costs what is missing."""
    (cause,) = sort_checks([check(Outcome.FAILED, "test_a", points=1.5, max_points=2.0)]).causes
    assert cause.lost == 0.5


def test_every_check_stands_in_one_place() -> None:
    """Each outcome is something to fix, waits, is open or passed; none is dropped and none stands twice."""
    checks = [check(outcome, f"test_{outcome}") for outcome in Outcome]
    assert sorted(item.check.id for item in sort_checks(checks).items) == sorted(one.id for one in checks)
