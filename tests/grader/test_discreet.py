"""What is told of an exception in a hidden check: enough to mend it, and no input of the check."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import nn

from grader import language, messages
from grader.errors import StudentRaised
from grader.grade import Grader
from grader.policy import FeedbackLevel
from grader.results import Frame, Outcome
from grader.sandbox.fence import Tier
from grader.submission import SourceFile, Submission
from grader.suite.discreet import Discretion

from .tiny_course import make_course

SOURCE = """import torch


class NotSquare(ValueError):
    pass


def invert(w, rate):
    if w.shape[0] != w.shape[1]:
        raise NotSquare(f"expected a square w, got {tuple(w.shape)} with {w}")
    raise ValueError("w has no inverse")
"""
DISCRETION = Discretion({"work.py": SOURCE}, frozenset({"def", "double", "x"}), ["Write it yourself."])


def told(text: str, line: int = 0, kind: str = "RuntimeError", how: Outcome = Outcome.RAISED) -> tuple[str, str]:
    """Return type and text as they are told of an exception, raised at a line if one is given."""
    frames = (Frame("work.py", line, "invert", ""),) if line else ()
    raised = DISCRETION.raised(StudentRaised(kind, (kind, "ValueError", "Exception"), text, frames, how))
    return raised.type_name, raised.text


X, W, V = torch.ones(3, 4), torch.ones(5, 6, requires_grad=True), torch.ones(7)
NOTHING: Any = None
# What honest code meets: said by the libraries that are installed here, not copied from them.
ORDINARY: tuple[Callable[[], object], ...] = (
    lambda: X @ W,
    lambda: X + V,
    lambda: X @ V,
    lambda: X.reshape(5, 2),
    lambda: X.sum(2),
    lambda: X[3],
    lambda: X[0, 0, 0],
    lambda: V[torch.tensor(9)],
    lambda: torch.cat([X, X[0]]),
    lambda: torch.stack([X, V]),
    lambda: X @ W.double(),
    lambda: X.T @ X.double(),
    lambda: X.sum().backward(),
    lambda: W.backward(),
    lambda: W.add_(1),
    lambda: W.numpy(),
    lambda: V.item(),
    lambda: bool(V),
    lambda: torch.arange(3).mean(),
    lambda: torch.arange(3, requires_grad=True),
    lambda: X.t().view(12),
    lambda: nn.Linear(3, 2)(X),
    lambda: nn.Conv2d(1, 6, 5)(torch.ones(1, 3, 28, 28)),
    lambda: nn.functional.cross_entropy(X, torch.tensor([0, 1, 9])),
    lambda: nn.functional.cross_entropy(X, torch.tensor([0, 1])),
    lambda: nn.functional.relu(None),
    lambda: torch.optim.SGD([], lr=0.1),
    lambda: numpy.ones(3) + numpy.ones(4),
    lambda: X.requires_grad.w,  # type: ignore[attr-defined]
    lambda: [1, 2][2],
    lambda: 1 / 0,
    lambda: NOTHING + X,
    lambda: NOTHING[0],
    lambda: (lambda w: w)(),  # type: ignore[call-arg]
    lambda: (lambda: None)(1),  # type: ignore[call-arg]
    lambda: (lambda w: None)(1, 2),  # type: ignore[call-arg]
    lambda: int.w,  # type: ignore[attr-defined]
    lambda: Path("/no such file w").read_bytes(),
)


@pytest.mark.parametrize("mistake", ORDINARY, ids=range(len(ORDINARY)))
def test_ordinary_texts_of_libraries_are_told(mistake: Callable[[], object]) -> None:
    """A student reads what they would read at home, sizes included."""
    with pytest.raises(Exception, match=r".") as caught:
        mistake()
    text = str(caught.value)
    wanted = re.sub(r": '/no such file w'$", "", text).replace("test_discreet.<locals>.", "")
    kind = type(caught.value).__name__
    assert told(text, kind=kind) == (kind, wanted)


INPUTS = repr(torch.linspace(0.1, 0.9, 4).tolist())
READ_OUT = {
    "as a text": (INPUTS, "ValueError"),
    "in digits": (re.sub(r"\D", "", INPUTS), "ValueError"),
    "in a type's name": ("x", INPUTS),
    "in a word": ("abcdbabdbabdabadb", "ValueError"),
    "where a library names something": ("'Tensor' object has no attribute 'x0123abcab'", "AttributeError"),
    "where a library shows a value": (f"invalid literal for int() with base 10: '{INPUTS}'", "ValueError"),
    "as sizes": ("shape '[123456789, 987654321]' is invalid for input of size 12", "RuntimeError"),
    "behind what a library says": (f"division by zero {INPUTS}", "ZeroDivisionError"),
    "as a path": (f"[Errno 2] No such file or directory: '{INPUTS}'", "FileNotFoundError"),
    "behind a sentence of the exercise": (f"{INPUTS} is not allowed here: Write it yourself.", "ForbiddenUse"),
}


@pytest.mark.parametrize("way", READ_OUT)
@pytest.mark.parametrize("line", [0, 10, 11])
def test_no_input_is_told(way: str, line: int) -> None:
    """Whatever code writes into a text that it was not in before; the type falls back to one that is known."""
    text, kind = READ_OUT[way]
    shown = " ".join(told(text, line, kind))
    assert not re.search(r"\d{5}|0\.\d|abc", shown), shown
    assert "Error" in shown or "NotSquare" in shown


def test_own_words_are_told_and_what_was_put_into_them_is_not() -> None:
    """The words of the line that raised, in their order, one mark for the rest; a text without any is kept back."""
    text = f"expected a square w, got (3, 4) with {INPUTS}"
    assert told(text, 10, "NotSquare") == ("NotSquare", "expected a square w got … with …")
    assert told("w has no inverse", 11)[1] == "w has no inverse"
    assert told(INPUTS, 11)[1] == messages.TEXT_KEPT_BACK
    assert told("", 11)[1] == ""


def test_what_an_exercise_forbids_is_told_in_its_words() -> None:
    """Name and sentence, whoever says them."""
    for spoken in ("en", "zh_CN"):
        language.use(spoken)
        text = messages.FORBIDDEN.format(name="torch.nn.functional.relu", sentence="Write it yourself.")
        assert told(text, 10, "ForbiddenUse", Outcome.FORBIDDEN)[1] == text
    language.use(language.ENGLISH)
    assert told("work.py has no `double`. Did you mean `invert`?", 0, "MissingName")[1].endswith("`invert`?")


def test_a_way_through_many_lines_tells_its_ends_only() -> None:
    """Which functions called each other can be chosen too, and what they are called."""
    frames = tuple(Frame("work.py", line, "q" * line, "") for line in range(1, 9))
    ends = DISCRETION.frames(frames)
    assert [(frame.line, frame.function) for frame in ends] == [(1, "…"), (8, "…")]
    assert DISCRETION.frames(frames[:1])[0].line == 1


HIDDEN = """
    import torch
    from grader.suite import *
    @points(1)
    def test_keeps(submission, rng):
        '''Claim.'''
        submission.keeps(torch.rand(3, generator=rng))
    @points(1)
    def test_raises(submission, rng):
        '''Claim.'''
        submission.raises(torch.rand(3, generator=rng))
    @points(1)
    def test_typed(submission, rng):
        '''Claim.'''
        expect_close(submission.typed(torch.rand(3, generator=rng)), torch.ones(3))
"""
PUBLIC_AFTER_THEM = """
    import torch
    from grader.suite import *
    @points(1)
    @needs("test_keeps")
    def test_public(submission):
        '''Claim.'''
        submission.tells()
"""
SPY = """
import torch
kept = []
def keeps(x):
    kept.append(x)
    open("kept", "w").write(str(x.tolist()))
def raises(x):
    raise ValueError(x.tolist())
def typed(x):
    return type(str(x.tolist()), (), {})()
def tells():
    try:
        print("kept", kept, open("kept").read())
    except OSError:
        print("kept", kept)
    raise ValueError(str(kept))
"""


@pytest.mark.parametrize("level", ["hint", "full"])
def test_inputs_of_a_hidden_check_do_not_come_out(level: FeedbackLevel, tmp_path: Path, strongest: Tier) -> None:
    """Not by exceptions, types, or what is printed in a public check that comes later."""
    exercise = make_course(tmp_path, HIDDEN, PUBLIC_AFTER_THEM, points=4, more=f'[feedback]\nhidden = "{level}"\n')
    with Grader(exercise, strongest) as grader:
        result = grader.grade(Submission("0" * 64, (SourceFile("work.py", SPY),)), seed=7)
    checks = {check.id: check for check in result.checks}
    said = {name: f"{check.message} {check.stdout} {check.frames}" for name, check in checks.items()}
    inputs_in = {name for name, text in said.items() if re.search(r"0\.\d{3}", text)}
    assert inputs_in == ({"test_raises", "test_typed"} if level == "full" else set()), said
    assert "kept []" in checks["test_public"].stdout
    assert checks["test_raises"].message.startswith("Your code raised ValueError: ")
    assert "expected a tensor, got " in checks["test_typed"].message
