"""The gates of `grader verify` one by one, on results written down here; nothing is judged."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from grader.author.canary import canary_gate, long_numbers, significant_digits
from grader.author.gate import Gate
from grader.author.gates import alone_gate, caught_gate, points_gate
from grader.author.hollow import KINDS, hollow
from grader.author.naming_gates import named_gate, neighbours_gate
from grader.author.runs import AloneSeen, Everything, Seen, WrongSeen
from grader.author.sources import comparisons_gate, judged_gate, public_definitions, signatures_gate
from grader.diagnosis.evidence import PROJECTIONS, Evidence, Sketch
from grader.diagnosis.misconception import Misconception
from grader.events import PlannedCheck
from grader.results import CheckResult, Environment, ExerciseResult, Outcome, SubmissionInfo

FAILED, PASSED, BLOCKED = Outcome.FAILED, Outcome.PASSED, Outcome.BLOCKED


def value(size: float, structure: str = "") -> Evidence:
    """Return the evidence of a float64 value of this size."""
    sketch = Sketch("tensor", "float64", (3,), size, (size,) * PROJECTIONS)
    return Evidence("y", sketch, scale=1.0, structure=structure)


def seen(outcomes: dict[str, Outcome], evidence: dict[str, Evidence], said: str = "") -> Seen:
    """Return a judged submission with these outcomes of hidden checks."""
    checks = [CheckResult(id, "", "hidden", "cpu", outcome, 0.0, 1.0, message=said) for id, outcome in outcomes.items()]
    environment = Environment("", "", "", ["cpu"], "none")
    result = ExerciseResult("e", SubmissionInfo("", []), "", 0.0, 1.0, True, 7, environment, checks)
    return Seen(result, evidence)


def wrong(name: str, values: dict[str, float], part_of: tuple[str, ...] = (), checks: str = "abc") -> WrongSeen:
    """Return a wrong answer that fails the checks of `values`, with a value of that size at each."""
    outcomes = {check: FAILED if check in values else PASSED for check in checks}
    evidence = {check: value(size) for check, size in values.items()}
    return WrongSeen(f"{name}.py", Misconception(name, "", (), tuple(values), part_of), seen(outcomes, evidence))


def said(gate: Gate) -> list[tuple[str, str, str]]:
    """Return the problems of a gate."""
    return [(problem.file, problem.check, problem.text) for problem in gate.problems]


def test_different_mistakes_are_named_and_not_confused() -> None:
    """Two wrong answers with different values keep their names and stay unknown without them."""
    zoo = [wrong("one", {"a": 2.0}), wrong("two", {"a": 3.0, "b": 1.0})]
    assert named_gate(zoo).good
    gate = neighbours_gate(zoo)
    assert gate.good
    assert gate.notes == (
        "Left out of the atlas, 2 of 2 wrong answers are unknown; "
        "for 0 of these a sentence says how a value relates to ours.",
    )


def test_a_part_may_lend_its_name_only_if_it_is_declared() -> None:
    """What a smaller mistake explains of a bigger one is a confusion, or a declared part."""
    small, big = {"a": 2.0}, {"a": 2.0, "b": 1.0}
    gate = neighbours_gate([wrong("small", small), wrong("big", big)])
    assert said(gate) == [("big.py", "a", "left out of the atlas, it is called small.")]
    declared = neighbours_gate([wrong("small", small, part_of=("big",)), wrong("big", big)])
    assert declared.good
    assert declared.notes[0] == "Left out of the atlas, big.py is called small, declared to be a part of it."


def test_another_name_beside_its_own_is_refused() -> None:
    """A wrong answer that is called by its name in one check and by another's in the next is told."""
    zoo = [
        wrong("whole", {"a": 2.0, "b": 5.0, "c": 1.0}),
        wrong("left", {"a": 2.0, "b": 6.0}),
    ]
    assert named_gate(zoo).good  # `whole` shows in more checks, so it is what all of them say
    twins = [dataclasses.replace(zoo[0], seen=seen(dict.fromkeys("abc", FAILED), {"a": value(2.0)})), zoo[1]]
    assert ("whole.py", "", "no failing check calls it by its name.") in said(named_gate(twins))


def test_a_name_is_given_once() -> None:
    """Two files of one name cannot be told apart by it."""
    gate = named_gate([wrong("one", {"a": 1.0}), wrong("one", {"b": 2.0})])
    assert ("one.py", "", "one is the name of another wrong answer too.") in said(gate)


def test_an_outcome_that_tells_needs_no_name() -> None:
    """A wrong answer that is only ever forbidden is listed, not held against the suite; one that fails is."""
    forbidden = dataclasses.replace(wrong("forbidden", {}), seen=seen({"a": Outcome.FORBIDDEN}, {}))
    gate = named_gate([forbidden])
    assert gate.good
    assert gate.notes == ("forbidden.py is told by its outcome (forbidden), which needs no name.",)
    silent = dataclasses.replace(wrong("silent", {}), seen=seen({"a": FAILED, "b": Outcome.FORBIDDEN}, {}))
    assert said(named_gate([silent])) == [("silent.py", "", "no failing check calls it by its name.")]


@pytest.mark.parametrize(("number", "digits"), [
    ("0.001", 1), ("1000", 1), ("1,024", 4), ("3.14159", 6), ("1.2345e-07", 5), ("0.1000", 1), ("7", 1),
])  # fmt: skip
def test_digits_that_say_something_are_counted(number: str, digits: int) -> None:
    """Neither an exponent nor zeros at the ends make a number longer."""
    assert significant_digits(number) == digits


@pytest.mark.parametrize(("message", "numbers"), [
    ("y: 1234 of 6789 values are wrong; the shape (1234, 5678) and dtype float64 are right.", []),
    ("y: further off than 1e-06 of the largest one (line 12).", []),
    ("The first entry is 0.73105858, yours 0.5.", ["0.73105858"]),
    ("w1234 and x2.3456 are names.", []),
    ("expected 12345.", ["12345"]),
])  # fmt: skip
def test_long_numbers_are_taken_for_expected_values(message: str, numbers: list[str]) -> None:
    """Counts, shapes, tolerances and names are harmless; a number with many digits is not."""
    assert long_numbers(message, None) == numbers


def test_a_relation_may_have_four_digits_and_no_more() -> None:
    """The sentence that was measured is allowed a ratio, not a value."""
    for sentence, numbers in (("2.333 times ours.", []), ("2.33333 times ours.", ["2.33333"])):
        assert long_numbers(f"y is wrong.\n{sentence}", value(1.0, sentence)) == numbers


def test_the_submissions_own_exception_is_no_leak() -> None:
    """A number that the student's own exception says is theirs."""
    raised = Evidence("y", raised=("ValueError", "got 3.14159"))
    assert long_numbers("expected IndexError, got ValueError: got 3.14159", raised) == []


def test_the_canary_looks_at_hidden_failures() -> None:
    """A leaking message of a wrong answer is told with its check; an exception's own text is not."""
    leaking = seen({"a": FAILED, "b": Outcome.RAISED}, {}, "It is 2.71828.")
    gate = canary_gate([dataclasses.replace(wrong("one", {}), seen=leaking)])
    assert said(gate) == [("one.py", "a", "its message holds 2.71828.")]


def test_points_must_add_up() -> None:
    """A parametrised check counts by its ids, one on two devices once."""
    plan = tuple(PlannedCheck("a", "", "hidden", device, 1.5) for device in ("cpu", "sim"))
    nothing = seen({}, {})
    everything = Everything(plan, nothing, {}, (), {}, {}, ())
    assert points_gate(everything, 1.5, "exercise.toml").good
    assert said(points_gate(everything, 3, "e.toml")) == [("e.toml", "", "it says 3, the checks are worth 1.5.")]


def test_a_header_that_names_a_check_for_a_gpu_only_is_told() -> None:
    """Such a check leaves no value and is pending elsewhere: it cannot be what a mistake is known by."""
    plan = tuple(PlannedCheck(id, "", "hidden", device, 1.0) for id, device in (("a", "cpu"), ("g", "cuda")))
    one = WrongSeen("one.py", Misconception("one", "", (), ("a", "g"), ()), seen({"a": FAILED}, {"a": value(2.0)}))
    gate = caught_gate(Everything(plan, seen({}, {}), {}, [one], {}, {}, ()))
    assert said(gate) == [("one.py", "g", "`Fails:` names it, but it ended pending.")]


def test_alone_is_compared_by_outcome_and_value() -> None:
    """An outcome or a value that differs from that in the suite is told; blocked on both sides is the same."""
    fails, other = seen({"a": FAILED}, {"a": value(1.0)}), seen({"a": FAILED}, {"a": value(2.0)})
    passes, blocked = seen({"a": PASSED}, {}), seen({"a": BLOCKED}, {})
    pairs = [(fails, fails), (blocked, blocked), (passes, fails), (fails, other)]
    gate = alone_gate(AloneSeen("f.py", "a", alone, whole) for alone, whole in pairs)
    assert said(gate) == [
        ("f.py", "a", "alone it ended passed, in the suite failed."),
        ("f.py", "a", "it fails alone and in the suite, but with another value."),
    ]


STUB = """
class Net:
    def __init__(self, size: int) -> None: ...

    def forward(self, x): ...


def train(net: Net, steps: int = 3) -> float: ...


def _helper(): ...
"""


def test_what_is_asked_for_is_public() -> None:
    """Functions and classes of the stub without those that begin with an underscore."""
    assert [node.name for node in public_definitions(STUB)] == ["Net", "train"]


def test_signatures_go_down_to_methods() -> None:
    """Arguments, defaults, annotations and methods are compared; private helpers are the reference's own business."""
    other = STUB.replace("steps: int = 3", "steps: int = 4").replace("forward", "backward").replace("_helper", "_mine")
    assert signatures_gate({"stub.py": STUB}, {"ours.py": STUB}).good
    assert [text for _, _, text in said(signatures_gate({"stub.py": STUB}, {"ours.py": other}))] == [
        "Net.forward is missing, stub.py asks for it.",
        "train is (net: Net, steps: int=4) -> float here, (net: Net, steps: int=3) -> float in the stub.",
    ]


@pytest.mark.parametrize("call", [
    "submission.train(1)", "submission.call('train', 1)", "submission.module('work').train(1)",
    "submission.train.twice",
])  # fmt: skip
def test_every_way_of_calling_counts(call: str) -> None:
    """By attribute, by name, from another file of the submission."""
    gate = judged_gate({"stub.py": STUB}, {"test.py": f"def test_a(submission):\n    submission.Net(3)\n    {call}\n"})
    assert gate.good


def test_a_name_in_passing_is_no_call() -> None:
    """A function that is only mentioned is not judged."""
    gate = judged_gate({"stub.py": STUB}, {"test.py": "def test_a(submission):\n    reference.train('Net')\n"})
    assert [text for _, _, text in said(gate)] == ["no suite calls submission.Net.", "no suite calls submission.train."]


def test_raises_with_a_real_exception_is_careful() -> None:
    """Only what any exception satisfies is told."""
    assert comparisons_gate({"t.py": "def test_a():\n    with pytest.raises(ValueError, match='x'): f()\n"}).good


def run(kind: str, stub: str, reference: str) -> dict[str, Any]:
    """Return the names of a made submission, imported here."""
    (source,) = hollow(kind, {"work.py": stub}, {"work.py": reference}).sources
    names: dict[str, Any] = {}
    exec(source.text, names)
    return names


SHAPES = """
import torch
from typing import NamedTuple

class Pair(NamedTuple):
    loss: float
    grad: torch.Tensor

def many(x, w):
    return {"y": inner(x) @ w, "n": 3, "list": [x > 0, "text"], "pair": Pair(1.5, x)}

def inner(x):
    return 2 * x

def step(w):
    w -= 1
    return None

class Layer:
    def __init__(self):
        self.w = torch.ones(2)
    def forward(self, x):
        self.w += 1
        return x * self.w
"""
SHAPES_STUB = """
def many(x, w): ...
def inner(x): ...
def step(w): ...

class Layer:
    def __init__(self): ...
    def forward(self, x): ...
"""


@pytest.mark.parametrize(("kind", "entry"), [("zeros", 0.0), ("ones", 1.0)])
def test_a_right_shaped_answer_has_the_form_and_nothing_else(kind: str, entry: float) -> None:
    """Tensors, numbers and containers keep their form; every entry is made up."""
    names = run(kind, SHAPES_STUB, SHAPES)
    made = names["many"](torch.full((4, 3), 2.0), torch.ones(3, 5))
    assert (made["y"] == entry).all()
    assert made["y"].shape == (4, 5)
    assert (made["n"], made["list"][0].dtype, made["list"][1]) == (int(entry), torch.bool, str(int(entry)))
    assert (type(made["pair"]).__name__, made["pair"].loss, made["pair"].grad.shape) == ("Pair", entry, (4, 3))


THINGS = """
import torch
from torch.utils.data import DataLoader, TensorDataset

def fitted(x):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    model(x)
    return model

def loader(x):
    return DataLoader(TensorDataset(x), batch_size=2)

def place():
    return torch.device("cpu")
"""
THINGS_STUB = """
def fitted(x): ...
def loader(x): ...
def place(): ...
"""


def test_what_holds_an_answer_is_hollow_too() -> None:
    """A network has learned nothing, batches hold nothing, a device is none to compute on."""
    names, x = run("ones", THINGS_STUB, THINGS), torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    values = [value for name, value in names["fitted"](x).state_dict().items() if "num_batches" not in name]
    assert len(values) == 6
    assert all((value == 1).all() for value in values)
    assert [len(batch) for (batch,) in names["loader"](x)] == [2, 1]
    assert all((batch == 1).all() for (batch,) in names["loader"](x))
    assert names["place"]().type == "meta"


def test_noise_is_neither_the_answer_nor_constant() -> None:
    """Random entries differ from each other and from the right ones."""
    torch.manual_seed(0)
    made = run("random", SHAPES_STUB, SHAPES)["inner"](torch.ones(50))
    assert made.shape == (50,)
    assert len(made.unique()) > 40


def test_a_hollow_function_changes_nothing() -> None:
    """What would have been done to an argument or to an object is not done."""
    names = run("zeros", SHAPES_STUB, SHAPES)
    w, layer = torch.ones(2), names["Layer"]()
    assert names["step"](w) is None
    assert layer.forward(torch.ones(2)).tolist() == [0.0, 0.0]
    assert w.tolist() == layer.w.tolist() == [1.0, 1.0]


def test_nothing_and_the_first_argument_need_no_reference() -> None:
    """None whatever is asked, or what came in; of a method, what came after self."""
    first, none = run("first", SHAPES_STUB, SHAPES), run("none", SHAPES_STUB, SHAPES)
    x = torch.ones(2)
    assert first["inner"](x) is x
    assert first["inner"](x=x) is x
    assert first["Layer"]().forward(x) is x
    assert none["many"](x, x) is none["Layer"]().forward(x) is None


def test_gradients_flow_through_a_hollow_answer() -> None:
    """Where autograd is on, a hollow answer fails by its value, not because its graph is cut."""
    x = torch.ones(3, requires_grad=True)
    run("ones", SHAPES_STUB, SHAPES)["inner"](x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_there_are_five_kinds() -> None:
    """The kinds that DESIGN's word vacuity stands for."""
    assert KINDS == ("zeros", "ones", "random", "none", "first")
