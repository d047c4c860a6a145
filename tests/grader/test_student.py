"""The student's exceptions and files as the guest sees them; everything here runs in this process."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from grader.results import Outcome
from grader.sandbox.guest.objects import MAX_OBJECTS, Objects, new_ids
from grader.sandbox.guest.student import MAX_FRAMES, MAX_TEXT, MissingName, Submission, describe, resolve
from grader.sandbox.wire import Caps, HandleRef, TooLarge, decode, encode

FILE = "student_of_test.py"
FILES = frozenset({FILE})


def student(text: str) -> dict[str, Any]:
    """Run a student's file and return its names."""
    names: dict[str, Any] = {"__name__": "student_of_test"}
    exec(compile(text, FILE, "exec", dont_inherit=True), names)
    return names


def described(function: Callable[..., object], *args: object) -> dict[str, Any]:
    """Call something of the student's that raises, and describe what comes out, as plain values that can cross."""
    try:
        function(*args)
    except BaseException as error:
        facts = describe(error, FILES)
        encode(facts, Caps(1 << 16))
        return facts
    raise AssertionError("nothing was raised")


def raised(text: str) -> dict[str, Any]:
    """Describe what a student's `f()` raises."""
    return described(student(text)["f"])


# --- texts ------------------------------------------------------------------------------------------------------


def test_an_exception_is_described_by_type_classes_text_and_frames() -> None:
    """The ordinary case, in full."""
    facts = raised("class Mine(ValueError): pass\ndef f():\n    g()\ndef g():\n    raise Mine('shape (2,)')\n")
    assert facts == {
        "type_name": "Mine",
        "mro": ["Mine", "ValueError", "Exception", "BaseException", "object"],
        "text": "shape (2,)",
        "frames": [[FILE, 3, "f"], [FILE, 5, "g"]],
        "outcome": "raised",
    }


@pytest.mark.parametrize("kind", ["ValueError", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "MemoryError"])
def test_a_str_that_raises_is_named_in_the_text(kind: str) -> None:
    """Also when it raises what usually ends Python."""
    facts = raised(f"class E(Exception):\n    def __str__(self): raise {kind}('x')\ndef f(): raise E\n")
    assert facts["text"] == f"(its text cannot be read: __str__ raised {kind})"
    assert facts["type_name"] == "E"


def test_a_long_text_is_cut() -> None:
    """A megabyte becomes 16 KiB."""
    assert raised("def f(): raise ValueError('x' * 1_000_000)\n")["text"] == "x" * MAX_TEXT


def test_a_str_that_is_no_str_is_reported() -> None:
    """Python itself refuses it, and that is what is said."""
    assert (
        "__str__ raised TypeError"
        in raised("class E(Exception):\n    __str__ = lambda self: 5\ndef f(): raise E\n")["text"]
    )


LYING_STR = """
class S(str):
    def __getitem__(self, index): raise SystemExit
    def __str__(self): return self
    def __len__(self): return 1 << 60
    def encode(self, *_): return b"lie"
    def lower(self): raise SystemExit
    def __format__(self, spec): raise SystemExit
class E(RuntimeError):
    def __str__(self): return S("the truth")
def f(): raise E
"""


def test_a_lying_str_is_read_as_what_it_is() -> None:
    """No method of a str subclass is asked."""
    facts = raised(LYING_STR)
    assert (facts["text"], type(facts["text"])) == ("the truth", str)


def test_a_lone_surrogate_in_a_text_crosses() -> None:
    """The codec makes it safe."""
    facts = raised("def f(): raise ValueError('a\\ud800')\n")
    encoded = encode(facts, Caps(1 << 16))
    assert decode(b"".join(encoded.buffers), Caps(1 << 16)).value["text"] == "a?"


END = "\ndef f(): raise E('t')"
LYING_META = "class M(type):\n    {} = property(lambda cls: 1 / 0)\nclass E(Exception, metaclass=M): pass"
HOSTILE_CLASSES = {
    "name": LYING_META.format("__name__") + END,
    "mro": LYING_META.format("__mro__") + END,
    "name that lies": "class S(str):\n    def __str__(self): raise SystemExit\nE = type(S('E'), (Exception,), {})" + END,  # noqa: E501
    "long name": "E = type('E' * 100_000, (Exception,), {})" + END,
    "traceback": "class E(Exception):\n    __traceback__ = property(lambda self: 1 / 0)" + END,
    "class": "class E(Exception):\n    __class__ = property(lambda self: 1 / 0)" + END,
    "everything": "class E(Exception):\n    def __getattribute__(self, name): raise SystemExit" + END,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_CLASSES)
def test_no_exception_class_makes_describing_fail(name: str) -> None:
    """At worst the description says little; it always has its five parts, and they can cross."""
    facts = raised(HOSTILE_CLASSES[name] + "\n")
    assert set(facts) == {"type_name", "mro", "text", "frames", "outcome"}
    assert facts["outcome"] == "raised"
    assert len(facts["type_name"]) <= 200


# --- frames -----------------------------------------------------------------------------------------------------


def test_frames_are_only_the_students() -> None:
    """What torch, Python and we did on the way is left out; the line is the student's own."""
    facts = raised("import torch\ndef f():\n    x = torch.ones(2, 3)\n    torch.nn.functional.linear(x, x.T)\n")
    assert facts["frames"] == [[FILE, 4, "f"]]
    assert facts["type_name"] == "RuntimeError"


def test_a_method_is_named_with_its_class() -> None:
    """Every class of an exercise has an __init__: which one is not written yet has to be said."""
    facts = raised("def f(): Net()\nclass Net:\n    def __init__(self): raise NotImplementedError('Net')\n")
    assert facts["frames"] == [[FILE, 1, "f"], [FILE, 3, "Net.__init__"]]


def test_a_callback_has_the_frames_on_both_sides_of_the_library() -> None:
    """Outermost first."""
    facts = raised("import functools\ndef f():\n    functools.reduce(g, [1, 2])\ndef g(a, b):\n    return a / 0\n")
    assert facts["frames"] == [[FILE, 3, "f"], [FILE, 5, "g"]]


def test_of_a_deep_recursion_both_ends_are_kept() -> None:
    """The first frames say how it began, the last where it ended."""
    facts = raised("def f():\n    return g()\ndef g():\n    return g()\n")
    assert len(facts["frames"]) == MAX_FRAMES
    assert facts["frames"][0] == [FILE, 2, "f"]
    assert facts["type_name"] == "RecursionError"


def test_an_exception_without_frames_has_none() -> None:
    """One that was never raised in student code."""
    assert describe(ValueError("x"), FILES)["frames"] == []


# --- how it counts ----------------------------------------------------------------------------------------------

TODO = {
    "class": "def f(): raise NotImplementedError",
    "instance": "def f(): raise NotImplementedError('softmax')",
    "called": "def f(): g()\ndef g(): raise NotImplementedError('softmax')",
    "subclass": "class Later(NotImplementedError): pass\ndef f(): raise Later",
    "in with": "import torch\ndef f():\n    with torch.no_grad():\n        raise NotImplementedError",
    "in finally": "def f():\n    try:\n        raise NotImplementedError\n    finally:\n        x = 1",
    "raised again": "def f():\n  try:\n    raise NotImplementedError\n  except NotImplementedError:\n    raise",
    "from another": "def f():\n  try:\n    1 / 0\n  except ZeroDivisionError as e:\n    raise NotImplementedError from e",  # noqa: E501
    "behind torch": "from torch import nn\nclass N(nn.Module):\n  def forward(self): raise NotImplementedError\ndef f(): N()()",  # noqa: E501
}


@pytest.mark.parametrize("name", TODO)
def test_a_raise_of_the_students_own_is_todo(name: str) -> None:
    """The stub's line, wherever it stands."""
    assert raised(TODO[name] + "\n")["outcome"] == Outcome.TODO


NOT_TODO = {
    "torch, in C++": "import torch\ndef f(): torch.ones(2).to_sparse().view(2)",
    "torch, meta": "import torch\ndef f(): torch.empty(2, device='meta').to('cpu')",
    "torch, in Python": "import torch\ndef f(): torch.nn.Module()(1)",
    "library": "import numbers, asyncio\ndef f(): asyncio.AbstractEventLoop().run_forever()",
    "other": "def f(): raise ValueError('NotImplementedError')",
}


@pytest.mark.parametrize("name", NOT_TODO)
def test_a_not_implemented_error_of_somebody_else_is_raised(name: str) -> None:
    """torch raises the same type for what it cannot do."""
    facts = raised(NOT_TODO[name] + "\n")
    assert facts["outcome"] == Outcome.RAISED
    assert name == "other" or "NotImplementedError" in facts["mro"]


MEMORY = {
    "MemoryError": "def f(): raise MemoryError",
    "huge list": "def f(): [0] * (1 << 60)",
    "huge tensor": "import torch\ndef f(): torch.empty(1 << 55)",
    "huge array": "import numpy\ndef f(): numpy.empty(1 << 55)",
}


@pytest.mark.parametrize("name", MEMORY)
def test_running_out_of_memory_is_memory(name: str) -> None:
    """Python's, numpy's and torch's own way to say so."""
    assert raised(MEMORY[name] + "\n")["outcome"] == Outcome.MEMORY


def test_another_runtime_error_is_raised() -> None:
    """Only an allocation that failed counts as memory."""
    assert raised("def f(): raise RuntimeError('size mismatch')\n")["outcome"] == Outcome.RAISED
    assert raised("def f(): raise ValueError('out of memory')\n")["outcome"] == Outcome.RAISED


# --- names ------------------------------------------------------------------------------------------------------


class Trained:
    """A class whose properties fail."""

    weights = property(lambda self: self._wieghts)

    @property
    def bias(self) -> float:
        """Fail in its own words."""
        raise AttributeError("not trained yet")


class TrainedModule(nn.Module):
    """The same on a module, which looks names up in a way of its own."""

    @property
    def bias(self) -> float:
        """Fail in its own words."""
        raise AttributeError("not trained yet")


@pytest.fixture
def submission() -> Iterator[Submission]:
    """Two files of a student; the import system is left as it was found."""
    path, modules, lines = list(sys.meta_path), set(sys.modules), set(linecache.cache)
    yield Submission(
        [(FILE, "import other_of_test\ndef soft_max(x):\n    return x\n"), ("other_of_test.py", "RATE = 1\n")]
    )
    sys.meta_path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    for name in set(linecache.cache) - lines:
        del linecache.cache[name]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("softmax", "student_of_test.py has no `softmax`. Did you mean `soft_max`?"),
        ("Soft_Max", "student_of_test.py has no `Soft_Max`. Did you mean `soft_max`?"),
        ("SOFT_MAX", "student_of_test.py has no `SOFT_MAX`. Did you mean `soft_max`?"),
        ("backward", "student_of_test.py has no `backward`."),
    ],
)
def test_a_missing_name_says_where_and_names_a_near_one(submission: Submission, asked: str, text: str) -> None:
    """The commonest mistake there is: a wrong name."""
    module = submission.load("student_of_test")
    with pytest.raises(MissingName) as caught:
        resolve(module, asked)
    assert str(caught.value) == text


def test_a_missing_name_of_an_object_names_its_class() -> None:
    """As far along the path as it got."""
    with pytest.raises(MissingName, match=r"^Linear has no `wieght`\. Did you mean `weight`\?$"):
        resolve(nn.Sequential(nn.Linear(1, 1)), "0.wieght")


def test_a_missing_name_is_described_without_frames() -> None:
    """It is nobody's line."""
    facts = described(resolve, nn.ReLU(), "wieght")
    assert (facts["type_name"], facts["frames"], facts["outcome"]) == ("MissingName", [], "raised")


@pytest.mark.parametrize(("owner", "name", "text"), [
    (Trained(), "weights", "no attribute '_wieghts'"),
    (Trained(), "bias", "^not trained yet$"),
    (TrainedModule(), "bias", "no attribute 'bias'"),
])  # fmt: skip
def test_an_attribute_error_inside_a_property_is_passed_on(owner: object, name: str, text: str) -> None:
    """The name exists, so saying that it does not would send the student the wrong way."""
    with pytest.raises(AttributeError, match=text) as caught:
        resolve(owner, name)
    assert type(caught.value) is AttributeError


def test_a_path_is_followed() -> None:
    """Names one after the other; no name is the object itself."""
    net = nn.Sequential(nn.Linear(2, 3))
    assert resolve(net, "0.weight.shape") == torch.Size([3, 2])
    assert resolve(net, "") is net


# --- files ------------------------------------------------------------------------------------------------------


def test_files_import_each_other_and_only_once(submission: Submission) -> None:
    """A second load is the same module, and a traceback can show its lines."""
    module = submission.load("student_of_test")
    assert submission.load("student_of_test") is module
    assert module.other_of_test is submission.load("other_of_test")
    assert linecache.getline(FILE, 2) == "def soft_max(x):\n"


def test_a_file_named_like_an_imported_module_is_the_students(submission: Submission) -> None:
    """`statistics.py` of a student is not Python's own."""
    kept = sys.modules.pop("colorsys", None)
    try:
        import colorsys

        submission.texts["colorsys"] = ("colorsys.py", "MINE = 1\n")
        assert submission.load("colorsys").MINE == 1
        assert not hasattr(colorsys, "MINE")
    finally:
        del sys.modules["colorsys"]
        if kept is not None:
            sys.modules["colorsys"] = kept


# --- objects that stay ------------------------------------------------------------------------------------------


def test_a_number_never_means_another_object() -> None:
    """Also after the first one was freed; what is pinned survives."""
    objects = Objects(new_ids())
    first = objects.add("a", "str")
    objects.pin(0, "module")
    objects.free(first.id)
    assert objects.add("b", "str").id > first.id
    objects.clear()
    objects.free(first.id)
    assert objects.find(HandleRef(0, "module")) == "module"


def test_the_table_of_objects_is_bounded() -> None:
    """A student who returns objects without end gets a sentence."""
    objects = Objects(new_ids())
    for _ in range(MAX_OBJECTS):
        objects.add(None, "")
    with pytest.raises(TooLarge, match="more than 10,000 objects in use at once"):
        objects.add(None, "")
