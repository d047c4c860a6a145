from __future__ import annotations

import math
import random
import subprocess
import sys
import textwrap
from bdb import BdbQuit
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest
import torch
from torch import Tensor

from grader.errors import StudentRaised
from grader.limits import Limits
from grader.sandbox.fence import Tier
from grader.sandbox.host import GuestSpec, Source
from grader.sandbox.inprocess import InProcessGuests
from grader.sandbox.remote import Remote
from grader.suite.gradients import expect_gradients
from grader.suite.session import SuiteSession

from .conftest import OpenSession, begin
from .tiny_course import REFERENCE, SLUG, make_course

D = torch.float64
Opened = Callable[[str], SuiteSession]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open sessions on student code that is run in this process."""
    sessions: list[SuiteSession] = []

    def start(text: str) -> SuiteSession:
        sources = (Source("in_process_work.py", textwrap.dedent(text)),)
        session = SuiteSession(InProcessGuests(), GuestSpec(Tier.NONE, Limits(), sources))
        sessions.append(session)
        session.open(seed=1)
        session.begin_check(seed=1, deadline=math.inf)
        return session

    yield start
    for session in sessions:
        session.close()


def test_every_value_is_encoded_and_decoded_as_for_a_process_of_its_own(opened: Opened) -> None:
    """Arguments are copies, what cannot cross stays there, and an attribute is read, not shared."""
    session = opened("kept = []\ndef f(x):\n    kept.append(x)\n    x += 1\n    return x, {1, 2}\n")
    x = torch.ones(3)
    result, rest = session.submission.f(x)
    assert torch.equal(x, torch.ones(3))
    assert torch.equal(result, 2 * torch.ones(3))
    assert isinstance(rest, Remote)
    result += 5
    assert session.submission.get("kept")[0].tolist() == [2.0, 2.0, 2.0]


def test_autograd_goes_through(opened: Opened) -> None:
    """First and second order, and `.backward()` fills the guest's own leaf."""
    session = opened("import torch\ndef f(x, w):\n    return torch.tanh(x @ w)\n")
    x, w = torch.randn(4, 3, dtype=D, requires_grad=True), torch.randn(3, 2, dtype=D, requires_grad=True)
    assert torch.autograd.gradcheck(session.submission.f, (x, w))
    assert torch.autograd.gradgradcheck(session.submission.f, (x, w))
    expect_gradients(session.submission.f, (x, w))
    theirs = session.guest.tensor(torch.ones(3, dtype=D), requires_grad=True)
    session.submission.f(torch.ones(3, dtype=D), theirs).backward()
    assert theirs.get("grad").shape == (3,)


def test_an_exception_brings_the_students_frames(opened: Opened) -> None:
    """As text, like from a process of its own."""
    session = opened("def f(x):\n    return g(x)\ndef g(x):\n    raise ValueError('no')\n")
    with pytest.raises(StudentRaised, match="ValueError: no") as caught:
        session.submission.f(1)
    assert [(frame.line, frame.function, frame.code) for frame in caught.value.frames] == [
        (2, "f", "return g(x)"),
        (4, "g", "raise ValueError('no')"),
    ]


DRAWS = """
import random, numpy, torch
def draw():
    return random.random(), float(numpy.random.rand()), float(torch.rand(()))
"""


def test_draws_are_those_of_a_process_of_its_own(opened: Opened, open_session: OpenSession) -> None:
    """Neither does the suite shift what student code draws, nor the other way round."""
    fenced = open_session(DRAWS)
    begin(fenced, seed=5)
    expected = [fenced.submission.draw(), fenced.submission.draw()]
    session = opened(DRAWS)
    session.begin_check(5, math.inf)
    torch.manual_seed(3)
    alone = (random.Random(3).random(), float(torch.rand(())))
    random.seed(3), numpy.random.seed(3), torch.manual_seed(3)
    first = session.submission.draw()
    assert (random.random(), float(torch.rand(()))) == alone
    assert [first, session.submission.draw()] == expected


def test_grad_mode_of_the_suite_is_not_the_students(opened: Opened) -> None:
    """Reading an attribute under no_grad runs their property as it would there."""
    session = opened("""
        import torch
        class Net:
            @property
            def mode(self):
                return torch.is_grad_enabled()
        net = Net()
    """)
    with torch.no_grad():
        assert session.submission.net.get("mode") is True


def test_a_closed_session_leaves_no_module_behind(opened: Opened) -> None:
    """Or the next submission of that name would find it."""
    session = opened("x = 1\n")
    assert "in_process_work" in sys.modules
    finders = len(sys.meta_path)
    session.close()
    assert "in_process_work" not in sys.modules
    assert len(sys.meta_path) == finders - 1


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, BdbQuit])
def test_whoever_wants_to_leave_may(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, leaving: type[BaseException]
) -> None:
    """Ctrl-C and the debugger's q end the run; they are no exception of the student's."""

    def leave() -> None:
        raise leaving("enough")

    monkeypatch.setattr(sys, "breakpointhook", leave)
    session = opened("def f():\n    try:\n        breakpoint()\n    except ValueError:\n        pass\n")
    with pytest.raises(KeyboardInterrupt, match=r"enough|^$"):
        session.submission.f()


def test_breakpoint_stops_in_the_students_function(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the values that the suite has sent."""
    stopped: list[tuple[str, Tensor]] = []

    def stop() -> None:
        frame = sys._getframe(1)
        stopped.append((frame.f_code.co_name, frame.f_locals["x"]))

    monkeypatch.setattr(sys, "breakpointhook", stop)
    session = opened("def double(x):\n    breakpoint()\n    return 2 * x\n")
    session.submission.double(torch.ones(2))
    ((name, x),) = stopped
    assert (name, x.tolist()) == ("double", [1.0, 1.0])


HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    def test_doubles(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    def test_number(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""


def debugged(tmp_path: Path, text: str, typed: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m grader.suite.debug` on a submission, with something typed."""
    exercise = make_course(tmp_path / "course", HIDDEN)
    file = tmp_path / "mine.py"
    file.write_text(text)
    command = [sys.executable, "-m", "grader.suite.debug", str(exercise.course.root), SLUG]
    return subprocess.run(
        [*command, "--submission", str(file), *more], input=typed, capture_output=True, text=True, check=False
    )


def test_a_debugger_works_at_the_terminal(tmp_path: Path) -> None:
    """It shows the student's line and values, prints reach the terminal, and the checks go on."""
    text = "print('imported')\ndef double(x):\n    breakpoint()\n    return x * x\n"
    done = debugged(tmp_path, text, "p 'x is', x.tolist()\nlist\nc\n", "-k", "test_doubles")
    assert done.returncode == 1, done.stderr
    assert "so only run what you wrote yourself" in done.stdout
    assert "\nimported\n" in done.stdout
    assert "('x is', [1.0, 1.0])" in done.stdout
    assert "return x * x" in done.stdout
    assert "failed    Doubles a tensor. (test_doubles)\n    twice: 2 of 2 values are wrong" in done.stdout
    assert done.stdout.endswith("\n0 of 1 checks passed.\n")


def test_leaving_the_debugger_ends_the_run(tmp_path: Path) -> None:
    """With q, at a breakpoint of the file itself too, without a traceback of ours."""
    done = debugged(tmp_path, "breakpoint()\n" + REFERENCE, "q\n")
    assert (done.returncode, done.stderr) == (130, "grader: Interrupted.\n")


@pytest.mark.parametrize(
    ("text", "more", "code", "said"),
    [
        (REFERENCE, (), 0, "2 of 2 checks passed."),
        ("def double(x):\n    raise ValueError('no')\n", (), 1, '  File "work.py", line 2, in double'),
        (REFERENCE, ("-k", "test_dubbles"), 2, "Did you mean test_doubles"),
        ("def (:", (), 1, "work.py, line 1"),
        ("", (), 1, "work.py is empty"),
    ],
)
def test_the_exit_code_is_that_of_check(tmp_path: Path, text: str, more: tuple[str, ...], code: int, said: str) -> None:
    """And everything that ends a run has a sentence."""
    done = debugged(tmp_path, text, "", *more)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
