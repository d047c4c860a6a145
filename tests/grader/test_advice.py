"""What honest code meets where it is judged: it works, or a sentence says what to do without it, in every language."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from grader import language
from grader.errors import StudentRaised
from grader.grade import Grader
from grader.results import Outcome
from grader.sandbox.fence import strongest_tier
from grader.sandbox.guest import surroundings
from grader.submission import made_submission
from grader.suite.advice import advice

from .tiny_course import make_course

# Type, text, and what the sentence is about: as Python, torch and others say it in a guest of either tier.
SAID = {
    "a worker process": ("PermissionError", "[Errno 1] Operation not permitted", "process"),
    "a lock for one": ("PermissionError", "[Errno 13] Permission denied", "process"),
    "a page": ("URLError", "<urlopen error [Errno -3] …>", "network"),
    "a name": ("gaierror", "[Errno -3] Temporary failure in name resolution", "network"),
    "an address": ("OSError", "[Errno 97] Address family not supported by protocol", "network"),
    "torch.hub": ("RuntimeError", "It looks like there is no internet connection and …", "network"),
    "a data set": ("RuntimeError", "Error downloading train-images-idx3-ubyte.gz", "network"),
    "a database": ("OperationalError", "access permission denied", "database"),
    "a window": (
        "ImportError",
        "Cannot load backend 'TkAgg' which requires the 'tk' interactive framework, as 'headless' is currently running",
        "screen",
    ),
    "tkinter": ("TclError", "no display name and no $DISPLAY environment variable", "screen"),
    "a file": ("FileNotFoundError", "[Errno 2] No such file or directory: 'data.csv'", "file"),
    "a file, by numpy": ("FileNotFoundError", "data.csv not found.", "file"),
    "a file that is hidden": ("PermissionError", "[Errno 13] Permission denied: '/home/me/a.csv'", "file"),
    "a file elsewhere": ("OSError", "[Errno 30] Read-only file system: '/usr/a'", "file"),
    "a file, by torch": ("RuntimeError", "[enforce fail at inline_container.cc:747] . open file failed with …", "file"),
    "a folder, by torch": ("RuntimeError", "Parent directory runs does not exist.", "file"),
    "a package": ("ModuleNotFoundError", "No module named 'matplotlib'", "package"),
    "somebody who types": ("EOFError", "EOF when reading a line", "nobody"),
    "a mistake": ("ValueError", "too many values to unpack (expected 2)", ""),
    "another mistake": ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied", ""),
    "one thread too many": ("RuntimeError", "can't start new thread", "threads"),
    "a full folder": ("OSError", "[Errno 28] No space left on device", "space"),
    "a full folder, with its name": ("OSError", "[Errno 28] No space left on device: 'a.pt'", "space"),
    "an error of a file's content": ("OSError", "[Errno 22] Invalid argument", ""),
}  # fmt: skip
# How the sentences begin.
SENTENCES = {
    "process": ("Nothing else can be started", "评判代码的环境里不能启动其他程序"),
    "network": ("There is no network", "评判代码的环境里没有网络"),
    "database": ("A database in a file", "文件中的数据库需要文件锁"),
    "screen": ("There is no screen", "评判代码的环境里没有屏幕"),
    "file": ("Your code is judged in", "代码在一个空文件夹中接受评判"),
    "package": ("Only the files that", "只提交练习指定的文件"),
    "nobody": ("Nobody is there", "没有人在那里输入答案"),
    "threads": ("Your code has started as many threads", "你的代码启动的线程已达到"),
    "space": ("The files that your code has written fill", "你的代码写入的文件已占满"),
    "": ("", ""),
}


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    """Leave the process as it was."""
    yield
    language.use(language.ENGLISH)


@pytest.mark.parametrize("name", SAID)
def test_what_is_missing_where_code_is_judged_is_explained(name: str) -> None:
    """By a sentence that names it, in English and in Chinese; a mistake is not excused."""
    kind, text, about = SAID[name]
    raised = StudentRaised(kind, (kind, "Exception"), text)
    for spoken, begins in zip(("en", "zh_CN"), SENTENCES[about], strict=True):
        language.use(spoken)
        assert advice(raised).startswith(begins)
        assert bool(advice(raised)) == bool(begins)


# --- in a guest ---------------------------------------------------------------------------------------------------

SUITE = """
    import torch
    from grader.suite import *

    @points(1)
    def test_it(submission):
        '''Works.'''
        expect_equal(submission.f(), 7, label="f()")

    @points(1)
    def test_gradient(submission):
        '''Has a gradient.'''
        w = torch.ones(3, requires_grad=True)
        submission.g(w).backward()
"""
LIMITS = "[limits]\ncheck_wall_s = 60\nwall_s = 300\n"
GRADIENT = "\n\ndef g(w):\n    return (w * w).sum()\n"
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
PLOT = """
import matplotlib.pyplot as plt

def f():
    plt.plot([1, 2], [3, 4])
    plt.show()
    plt.savefig("loss.png")
    return 7
"""
COMPILED = """
import sys
import torch
from torch import nn

@torch.compile
def plain():
    return 3

@torch.compile(fullgraph=True, mode="max-autotune")
def marked():
    return 4

net = nn.Linear(2, 2)
assert torch.compile(net, backend="inductor") is net
net.compile()
assert net(torch.ones(2)).shape == (2,)
assert "torch._inductor.compile_fx" not in sys.modules

def f():
    return plain() + marked()
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader with time enough for slow imports, behind the strongest fence of this machine."""
    course = make_course(tmp_path_factory.mktemp("course"), SUITE, points=2, more=LIMITS)
    with Grader(course, strongest_tier()) as grader:
        yield grader


def judged(bench: Grader, text: str) -> tuple[tuple[Outcome, str], tuple[Outcome, str]]:
    """Return outcome and message of both checks."""
    it, gradient = bench.grade(made_submission({"work.py": text + GRADIENT})).checks
    return (it.outcome, it.message), (gradient.outcome, gradient.message)


def test_a_plot_is_drawn_or_the_missing_package_is_named(bench: Grader) -> None:
    """Whether matplotlib is installed is the course's choice; `plt.show()` has nobody to show it to."""
    (outcome, message), _ = judged(bench, PLOT)
    if HAS_MATPLOTLIB:
        assert (outcome, message) == (Outcome.PASSED, "")
    else:
        assert outcome is Outcome.RAISED
        assert "No module named 'matplotlib'" in message
        assert "only torch, numpy and Python itself are installed" in message


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
def test_a_window_is_refused_with_a_sentence(bench: Grader) -> None:
    """A backend that needs a screen says what the screen is, our sentence what to do."""
    (outcome, message), _ = judged(bench, "import matplotlib\nmatplotlib.use('TkAgg')\n" + PLOT)
    assert outcome is Outcome.RAISED
    assert "There is no screen where your code is judged" in message


def test_compiled_functions_run_as_they_are_written(bench: Grader) -> None:
    """No compiler can be started, so none is looked for, which took seconds before it failed."""
    assert judged(bench, COMPILED) == ((Outcome.PASSED, ""), (Outcome.PASSED, ""))


def test_a_script_that_parses_arguments_finds_none(bench: Grader) -> None:
    """The arguments of the process that guests are forked from are none of the student's."""
    script = (
        "import argparse, sys\nargparse.ArgumentParser().parse_args()\ndef f(): return 7 if sys.argv == [''] else 0\n"
    )
    assert judged(bench, script)[0] == (Outcome.PASSED, "")


@pytest.mark.parametrize("result", ["(w * w).sum().detach()", "torch.tensor((w * w).sum().item())"])
def test_a_result_that_cannot_be_differentiated_is_told_as_that(bench: Grader, result: str) -> None:
    """A suite's own `.backward()` or `autograd.grad` is no riddle: the graph is cut in the student's code."""
    text = f"import torch\ndef f(): return 7\n\n\ndef g(w):\n    return {result}\n"
    it, gradient = bench.grade(made_submission({"work.py": text})).checks
    assert (it.outcome, gradient.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert gradient.message.startswith("Your code returned something that autograd cannot follow back")


def test_a_program_that_is_not_started_is_told(bench: Grader, capfd: pytest.CaptureFixture[str]) -> None:
    """os.system says nothing by itself: a line is printed, once, and the code goes on."""
    text = "import os\ndef f():\n    return 7 * (os.system('mkdir a') == -1 and not os.path.exists('a'))\n"
    assert judged(bench, text)[0] == (Outcome.PASSED, "")
    surroundings.no_program("true")
    surroundings.no_program("true")
    assert capfd.readouterr().err.count("os.system started nothing") == 1


def test_the_sentence_follows_the_language(bench: Grader) -> None:
    """From a worker process that cannot start, in a guest, to what a Chinese student reads."""
    loader = """
from torch.utils.data import DataLoader
def f():
    return sum(len(batch) for batch in DataLoader(range(7), num_workers=1))
"""
    language.use("zh_CN")
    (outcome, message), _ = judged(bench, loader)
    assert outcome is Outcome.RAISED
    assert "评判代码的环境里不能启动其他程序" in message
    assert "num_workers=0" in message


def test_a_question_of_pythons_ends_its_sentence(bench: Grader) -> None:
    """Some of Python's texts end in a question mark, after which no full stop follows."""
    (outcome, message), _ = judged(bench, "print 'hello'\n")
    assert outcome is Outcome.REJECTED
    assert message.startswith(
        "work.py, line 1: Missing parentheses in call to 'print'. Did you mean print(...)? Python cannot"
    )
