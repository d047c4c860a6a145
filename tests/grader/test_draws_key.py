"""What hidden checks draw follows from a key that students do not have; what public ones draw does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.draws_key import FILE, NONE, new_draws_key, read_draws_key
from grader.errors import CourseError

from .tiny_course import SLUG, FakeSession, judge_events, make_course, results

KEYS = {"a": "a" * 64, "b": "b" * 64, "none": ""}
SUITE = """
    import torch
    from grader.suite import once, points

    @points(1)
    def test_{name}(submission, rng):
        '''double(x) is 2 x.'''
        x = torch.randn(3, generator=rng)
        submission.double(x)
        submission.double(torch.randn(3))
        submission.double(once("shared", lambda: torch.randn(3)))
"""


def drawn(root: Path, key: str) -> tuple[list[str], list[int]]:
    """Return what a public check and then a hidden one hand to the student, and what they seed the guest with."""
    files = {f"tests/hidden/{SLUG}/{FILE}": key} if key else {}
    suites = {which: SUITE.format(name=which) for which in ("public", "hidden")}
    exercise = make_course(root, points=2, files=files, **suites)
    seen: list[str] = []
    session = FakeSession({"double": lambda x: seen.append(str(x.tolist()))})
    told = results(judge_events(exercise, root / "private", session))
    assert {check.outcome.value for check in told.values()} == {"passed"}
    return seen, session.seeds


@pytest.fixture(scope="module")
def by_key(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], list[int]]]:
    """What is drawn with two keys and with none."""
    return {name: drawn(tmp_path_factory.mktemp(name) / "course", key) for name, key in KEYS.items()}


def test_hidden_draws_follow_from_the_key(by_key: dict[str, tuple[list[str], list[int]]]) -> None:
    """From `rng`, from torch itself, in `once` and in the guest."""
    (*seen, seeds), (*others, other_seeds) = ((*by_key[name][0][3:], by_key[name][1][3:]) for name in "ab")
    assert len(seen) == len(seeds) == 3
    assert not set(seen) & set(others)
    assert not set(seeds) & set(other_seeds)


def test_public_draws_do_not(by_key: dict[str, tuple[list[str], list[int]]]) -> None:
    """A student without the key sees the same numbers as whoever grades them."""
    public = [(seen[:3], seeds[:3]) for seen, seeds in by_key.values()]
    assert public[0] == public[1] == public[2]


def test_a_new_key_can_be_read(tmp_path: Path) -> None:
    """And no two are the same; without a file there is none."""
    exercise = make_course(tmp_path, hidden=SUITE.format(name="hidden"))
    assert read_draws_key(exercise) == NONE
    (exercise.hidden_folder / FILE).write_text(text := new_draws_key())
    assert read_draws_key(exercise) == text.strip()
    assert text != new_draws_key()


@pytest.mark.parametrize("text", [b"", b"7", b"g" * 64, b"a" * 63, b"\xff" * 64])
def test_a_damaged_key_is_told(tmp_path: Path, text: bytes) -> None:
    """It must not pass for another key: all hidden draws would change without a word."""
    exercise = make_course(tmp_path, hidden=SUITE.format(name="hidden"))
    (exercise.hidden_folder / FILE).write_bytes(text)
    with pytest.raises(CourseError, match=rf"tests/hidden/{SLUG}/draws.key must hold 64 hexadecimal digits"):
        read_draws_key(exercise)
