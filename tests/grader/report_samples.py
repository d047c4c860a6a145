"""Results as they can come, made by hand: what the tests of the report render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader import messages
from grader.course import Course, Exercise
from grader.limits import Limits
from grader.results import (
    CheckResult,
    Curve,
    Curves,
    Diagnosis,
    Envelope,
    Environment,
    ExerciseResult,
    Figure,
    Flag,
    Frame,
    Outcome,
    SubmissionInfo,
    Training,
)

FILE = "backprop.py"
SOURCE = '''"""My solution."""
import torch


def softmax(z):
    """Softmax of every row."""
    e = torch.exp(z).squeeze()

    return e / e.sum(dim=1, keepdim=True)


def relu_backward(upstream, x):
    return upstream.clone()


def sgd_step(w, dw, lr):
    raise NotImplementedError("sgd_step")
'''
# Ends every kind of place in HTML that a text can stand in; holds a control character, bidi control and a lone half.
HOSTILE = (
    "</pre></style></title>--><script>alert(1)</script><img src=x onerror=alert(2)>\"'`&amp;"
    "\x1b[31m\u202egnp\ud800{{ 7 * 7 }}"
)


@dataclass(frozen=True)
class Sample:
    """A result and what else a report is made of."""

    result: ExerciseResult
    sources: Mapping[str, str] = field(default_factory=lambda: {FILE: SOURCE})


def exercise(**facts: Any) -> Exercise:
    """Return an exercise worth 20 points in a course that is nowhere on disk."""
    values: dict[str, Any] = {
        "course": Course(Path("/nowhere"), "Neural networks", 7, "en"),
        "slug": "exercise1_manual_backprop",
        "title": "Backpropagation by hand",
        "files": (FILE,),
        "points": 20.0,
        "topics": (),
        "source": "",
        "limits": Limits(),
        "devices": ("cpu",),
    }
    return Exercise(**{**values, **facts})


def check(outcome: Outcome = Outcome.PASSED, id: str = "test_a", **facts: Any) -> CheckResult:
    """Return a public check on the CPU, worth 1 point, with the points that its outcome earns."""
    values = {"title": f"What {id} claims.", "visibility": "public", "device": "cpu", "max_points": 1.0, **facts}
    values.setdefault("points", values["max_points"] if outcome is Outcome.PASSED else 0.0)
    values.setdefault("message", "" if outcome is Outcome.PASSED else f"{id} ended {outcome}.")
    return CheckResult(id=id, outcome=outcome, **values)


def result(*checks: CheckResult, **facts: Any) -> ExerciseResult:
    """Return a result with these checks; score and maximum are their sums unless given."""
    values: dict[str, Any] = {
        "exercise": "exercise1_manual_backprop",
        "submission": SubmissionInfo("9f2c41d7" * 8, [FILE]),
        "suite_sha256": "3be07a15" * 8,
        "score": sum(one.points for one in checks),
        "max_score": sum({one.id: one.max_points for one in checks}.values()),
        "complete": True,
        "seed": 7,
        "environment": Environment("0.1.0", "3.11.7", "2.13.0", ["cpu"], "namespaces"),
    }
    return ExerciseResult(checks=list(checks), **{**values, **facts})


def figure(got: Sequence[Sequence[Any]], expected: Sequence[Sequence[Any]], label: str = "dw1", **facts: Any) -> Figure:
    """Return the figure of two matrices, in which every entry that differs is wrong."""
    rows = [[*zip(*lines, strict=True)] for lines in zip(got, expected, strict=True)]
    values: dict[str, Any] = {
        "label": label,
        "dtype": "float64",
        "shape": (len(got), len(got[0])),
        "got": tuple(map(tuple, got)),
        "expected": tuple(map(tuple, expected)),
        "difference": tuple(tuple(float(a) - float(b) for a, b in row) for row in rows),
        "wrong": tuple(tuple(a != b for a, b in row) for row in rows),
    }
    return Figure(**{**values, **facts})


def curve(name: str, *trainings: Sequence[Any], right: Sequence[float] = (), spread: float = 0.1) -> Curve:
    """Return trainings of these numbers, beside right ones whose mean is `right`, within a share `spread` of it."""
    lines = [[value * (1 + share * spread * (1 - value / 3)) for value in right] for share in (-1, 0, 1)]
    epochs = tuple(range(1, len(right) + 1))
    told = tuple(Training(tuple(range(1, len(line) + 1)), tuple(line)) for line in trainings)
    return Curve(name, told, Envelope(epochs, *map(tuple, lines)) if right else None)


def falling(count: int, first: float, last: float) -> list[float]:
    """Return losses that fall from the first to about the last, ever more slowly."""
    return [last + (first - last) * 0.7**epoch for epoch in range(count)]


def raised(id: str = "test_softmax_of_one_row", **facts: Any) -> CheckResult:
    """Return a check in which line 9 of SOURCE raised, called from line 5."""
    frames = [Frame(FILE, 5, "caller", "softmax(z)"), Frame(FILE, 9, "softmax", "return e / e.sum(dim=1)")]
    return check(Outcome.RAISED, id, frames=frames, message="Your code raised IndexError: dim out of range.", **facts)


def todo(id: str = "test_sgd_step", **facts: Any) -> CheckResult:
    """Return a check whose function is not written yet."""
    frame = Frame(FILE, 17, "sgd_step", 'raise NotImplementedError("sgd_step")')
    return check(
        Outcome.TODO, id, frames=[frame], message=messages.NOT_WRITTEN_YET.format(function="sgd_step"), **facts
    )


def blocked(id: str, by: str, **facts: Any) -> CheckResult:
    """Return a check that waits for another."""
    return check(Outcome.BLOCKED, id, blocked_by=by, message=messages.WAITS_FOR.format(id=by, title=by), **facts)


def mixed() -> Sample:
    """Return a result as most are: some passed, one value wrong, one exception, one that waits, something printed."""
    return Sample(
        result(
            check(id="test_forward", max_points=2.0, stdout="a passed check printed this\n"),
            check(Outcome.FAILED, "test_first_layer", comparison="dw1", visibility="hidden", max_points=3.0,
                  message="dw1: 3 of 24 values are wrong (further off than 1e-09 of the largest expected one)."),
            check(Outcome.FAILED, "test_relu", title="relu_backward stops gradients.", comparison="dx", max_points=2.0,
                  message="dx: 22 of 42 values are wrong.\n  yours    0.10  0.20\n  rounded  0.00  0.20\nTry one row."),
            raised(stdout="<b>shape</b> torch.Size([4])\n"),
            check(Outcome.FAILED, "test_secret", visibility="hidden", message=messages.OUTCOME_ONLY),
            blocked("test_training", "test_first_layer", visibility="hidden", max_points=4.0),
            check(Outcome.TIMEOUT, "test_500_steps", message=messages.TIMEOUT.format(limit_s=5), wall_s=5.01),
            todo(),
            flags=[Flag("name", FILE, 2, "uses `ctypes`, which homework rarely needs")],
            stdout="starting\n",
            attempt=3,
        )
    )  # fmt: skip


def stub() -> Sample:
    """Return the result of a stub in which nothing is written."""
    return Sample(result(todo(), todo("test_sgd_step_is_small"), blocked("test_training", "test_sgd_step")))


def perfect() -> Sample:
    """Return the result of a right answer."""
    return Sample(result(*(check(id=f"test_{index}", wall_s=0.002) for index in range(20)), max_score=20.0))


def unreadable() -> Sample:
    """Return the result of a submission whose file is missing."""
    message = messages.FILE_MISSING.format(file=FILE, hint="")
    checks = [check(Outcome.REJECTED, f"test_{index}", message=message) for index in range(17)]
    return Sample(result(*checks, submission=SubmissionInfo("", [])), {})


def syntax_error() -> Sample:
    """Return the result of a file that Python cannot read; its message names the line."""
    source = SOURCE.replace("def softmax(z):", "def softmax(z:")
    message = messages.SYNTAX_ERROR.format(file=FILE, line=5, detail="'(' was never closed.")
    return Sample(
        result(*(check(Outcome.REJECTED, f"test_{index}", message=message) for index in range(3))), {FILE: source}
    )


def import_fails() -> Sample:
    """Return the result of a file that raises while it is imported."""
    frame = Frame(FILE, 2, "<module>", "import torch")
    message = "Your code raised RuntimeError: no (backprop.py, line 2)"
    return Sample(result(*(check(Outcome.RAISED, f"test_{n}", message=message, frames=[frame]) for n in range(17))))


def ours() -> Sample:
    """Return a result in which all is well but what we could not judge."""
    return Sample(
        result(
            check(id="test_forward"),
            check(Outcome.ERROR, "test_backward", message=messages.NOT_YOUR_FAULT),
            check(Outcome.NOT_RUN, "test_training", message=""),
            complete=False,
        )
    )


def devices() -> Sample:
    """Return a result over two devices and one that is missing."""
    return Sample(
        result(
            check(id="test_moves", device="cpu"),
            check(
                Outcome.FAILED, "test_moves", device="sim", message="loss: expected a tensor on sim, got one on cpu."
            ),
            check(Outcome.PENDING, "test_moves", device="cuda", message=""),
            check(Outcome.RAISED, "test_trains", device="cpu", message="Your code raised ValueError: on the CPU."),
            check(Outcome.RAISED, "test_trains", device="sim", message="Your code raised RuntimeError: mixed devices."),
            check(Outcome.PENDING, "test_fast", device="cuda", message=""),
            score=0.0,
            max_score=3.0,
            complete=False,
            environment=Environment("0.1.0", "3.11.7", "2.13.0", ["cpu", "sim"], "landlock"),
        )
    )


def diagnosed() -> Sample:
    """Return a result with a recognised mistake, its hints and its figures."""
    hints = "Units that output 0 received a gradient.\nCan a unit that is off matter?\nReLU's derivative is 0 there."
    diagnosis = Diagnosis("relu-mask-missing", "Your backward pass lets the gradient through closed units.", hints)
    known = {"diagnosis": diagnosis, "figures": [figure([[0.5, 1.0], [0.25, -0.125]], [[0.5, 0.0], [0.25, 0.0]])]}
    return Sample(
        result(
            check(Outcome.FAILED, "test_dw1", comparison="dw1", message="dw1: 30 of 30 values are wrong.", **known),
            check(Outcome.FAILED, "test_dx", comparison="dx", message="dx: 4 of 4 values are wrong.", **known),
            check(id="test_forward"),
        )
    )


def valued() -> Sample:
    """Return a result with a figure of each kind: small, all wrong, a part of a large one, a number, odd numbers."""
    large = [[(row * 7 + column * 3) % 11 - 5.0 for column in range(16)] for row in range(16)]
    wrong = [[1e308 if row == column else cell for column, cell in enumerate(line)] for row, line in enumerate(large)]
    odd = figure([["nan", "inf", "-inf", -1e-300, 0.0]], [[1.0, 2.0, 3.0, 4.0, 0.0]], "loss by class", shape=(5,))
    named = Diagnosis("forgotten", "Your code forgets the mean.", "All is 7 times too large.")
    figures = [
        figure([[8.0, 0.0], [16.0, 0.0]], [[8.0, 0.5], [16.0, 0.0]]),
        figure([[7.0, -14.0, 21.0, 1234567.0, 0.000123, 2.0]], [[1.0, -2.0, 3.0, 4.0, 5.0, 6.0]], shape=(6,)),
        figure(wrong, large, "weights of all layers", shape=(3, 64, 1000), slice=(2,), first_row=16, first_column=992),
        figure([[5.0]], [[4.0]], "L", shape=()),
        odd,
        figure([[True, False]], [[True, True]], "is open", dtype="bool", shape=(2,)),
    ]
    checks = [
        check(Outcome.FAILED, f"test_{n}", comparison=one.label, message=f"{one.label}: wrong.", figures=[one])
        for n, one in enumerate(figures)
    ]
    return Sample(result(*checks, check(Outcome.FAILED, "test_known", diagnosis=named, figures=[figures[0]])))


def trained() -> Sample:
    """Return a result with learning curves of many kinds: two attempts, diverging, one epoch, thinned, without ours."""
    right, wrong = falling(20, 2.3, 0.2), falling(20, 2.4, 1.1)
    rising = [0.95 - 0.85 * loss / 2.3 for loss in right]
    usual = Curves("share of right digits", (
        curve("loss", falling(20, 2.35, 1.2), wrong, right=right),
        curve("accuracy", [0.5 - 0.1 * loss for loss in wrong], [1 - 0.4 * loss for loss in wrong], right=rising),
    ))  # fmt: skip
    diverges = Curves("accuracy", (curve("loss", [2.3, 45.0, 9e3, 4e7, "inf", "nan", "nan"], right=right[:7]),))
    single = Curves("accuracy", (curve("loss", [0.5], right=[0.4]), curve("accuracy", [0.9])))
    thinned = Training(tuple(range(1, 1009, 16)), tuple(falling(63, 2.3, 0.001)))
    odd = Curves("odd", (Curve("loss", (thinned,)), curve("gap", ["-inf", 1.0, "nan", -1.0, -1e-300, 1e308])))
    good = Curves("share of right digits", (curve("loss", falling(20, 2.2, 0.21), right=right),))
    hidden = {"visibility": "hidden", "max_points": 2.0}
    return Sample(
        result(
            check(Outcome.FAILED, "test_digits", figures=[usual], message="accuracy: too low.", **hidden),
            check(Outcome.FAILED, "test_diverges", figures=[diverges], message="accuracy: too low.", **hidden),
            check(Outcome.FAILED, "test_single", figures=[single], message="accuracy: too low.", **hidden),
            check(Outcome.FAILED, "test_odd", figures=[odd], message="accuracy: too low.", **hidden),
            check(id="test_reached", figures=[good], message="accuracy: reached.", **hidden),
        )
    )


def every_outcome() -> Sample:
    """Return a result with one check for each outcome there is."""
    return Sample(result(*(check(outcome, f"test_{outcome}") for outcome in Outcome), complete=False))


def many(count: int = 60) -> Sample:
    """Return a result with many checks, a third of which fail, worth from a half to three points."""
    outcomes = [Outcome.PASSED, Outcome.FAILED, Outcome.PASSED]
    checks = [check(outcomes[n % 3], f"test_{n}", max_points=(0.5, 1, 3)[n % 3]) for n in range(count)]
    return Sample(result(*checks))


def long_names() -> Sample:
    """Return a result in which everything that has a name has a very long one, without a place to break it."""
    long = "x" * 300
    frame = Frame(f"{long}.py", 12, long, f"return {long}")
    checks = [
        check(Outcome.RAISED, f"test_{long}", title=long, message=f"{long}\n  {long}", frames=[frame, frame],
              comparison=long, stdout=long * 20),
        blocked(f"test_b_{long}", f"test_{long}", title=f"B {long}"),
        check(Outcome.FAILED, "test_c", title="word " * 80, message="word " * 200),
        check(Outcome.ERROR, f"test_e_{long}", title=long, message=long),
        check(id=f"test_d_{long}", title=long, stdout=long),
    ]  # fmt: skip
    files = SubmissionInfo("0" * 64, [f"{long}.py", f"{long}.txt"])
    source = "\n" * 11 + f"def {long}():\n    return {long}\n"
    return Sample(
        result(*checks, submission=files, flags=[Flag("rule", f"{long}.py", 13, long)], stdout=long * 9),
        {f"{long}.py": source},
    )


def hostile(text: str = HOSTILE) -> Sample:
    """Return a result in which every text that a student can choose, and some that they cannot, tries to break out."""
    frames = [Frame(text, 1, text, text), Frame(FILE, 2, text, text)]
    texts: dict[str, Any] = {"title": text, "stdout": text, "frames": frames, "comparison": text}
    said = f"{text}\n  {text}"
    diagnosis = Diagnosis(text, text, f"{text}\n{text}\n{text}")
    figures = [
        figure([[1.0, 2.0]], [[1.0, 3.0]], text, dtype=text), figure([[1.0]], [[2.0]], text, dtype=text),
        Curves(text, (curve(text, [1.0, "nan"], right=[1.0, 2.0]),)),
    ]  # fmt: skip
    checks = [
        check(Outcome.RAISED, f"a{text}", message=said, **texts),
        check(Outcome.FAILED, f"b{text}", message=said, diagnosis=diagnosis, figures=figures, **texts),
        check(Outcome.FAILED, f"h{text}", message=said, figures=figures, **texts),
        blocked(f"c{text}", f"a{text}", title=text),
        blocked(f"d{text}", text, title=text),
        check(Outcome.ERROR, f"e{text}", message=said, **texts),
        check(Outcome.PASSED, f"f{text}", message=said, **texts),
        check(Outcome.TODO, f"g{text}", message=said, **texts),
    ]  # fmt: skip
    return Sample(
        result(
            *checks,
            exercise=text,
            submission=SubmissionInfo(text, [FILE, text]),
            suite_sha256=text,
            environment=Environment(text, text, text, [text], text),
            flags=[Flag(text, FILE, 2, text), Flag(text, text, 2, text)],
            stdout=text,
        ),
        {FILE: f"{text}\n{text}\n{text}", text: text},
    )


SAMPLES = {
    made.__name__: made
    for made in (
        mixed, stub, perfect, unreadable, syntax_error, import_fails, ours, devices, diagnosed, valued, trained,
        every_outcome,
        many, long_names, hostile,
    )
}  # fmt: skip
