"""What an exercise forbids, through a real guest: used or only imported, within a class, with autograd off."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from grader.errors import GuestLost, StudentRaised
from grader.limits import Limits
from grader.policy import NO_POLICY, Forbid, Policy
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.guest.policy import unenforceable
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote
from tests.grader.conftest import OpenSession, begin

SENTENCE = "Write it by hand once."
BY_HAND = Policy(
    autograd="off", forbid=(Forbid(("torch.autograd", "torch.nn", "torch.optim", "torch.func"), SENTENCE),)
)
X = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]], dtype=torch.float64)


def forbidding(*names: str, within: tuple[str, ...] = ()) -> Policy:
    """Return a policy with one rule."""
    return Policy(forbid=(Forbid(names, SENTENCE, within),))


def outcome_of(open_session: OpenSession, text: str, policy: Policy, *args: Any) -> StudentRaised | Any:
    """Return what `f(*args)` of a student's file returns or raises under a policy; importing it must not raise."""
    session = open_session(text, policy=policy)
    try:
        return session.submission.f(*args)
    except StudentRaised as raised:
        return raised


def refused(open_session: OpenSession, text: str, policy: Policy, *args: Any) -> str:
    """Return the text of the refusal that `f(*args)` meets."""
    raised = outcome_of(open_session, text, policy, *args)
    assert isinstance(raised, StudentRaised)
    assert raised.outcome is Outcome.FORBIDDEN, raised
    assert raised.type_name == "ForbiddenUse"
    return raised.text


# --- what keeps working -----------------------------------------------------------------------------------------

HARMLESS = {
    "import as": "import torch\nimport torch.nn as nn\ndef f(x): return (x @ x.T).sum()",
    "from import": "import torch\nfrom torch import Tensor, nn\ndef f(x: Tensor): return torch.exp(x).sum()",
    "function import": "from torch.nn.functional import relu\ndef f(x): return x.sum()",
    "star import": "from torch import *\ndef f(x): return exp(x)",
    "star import without __all__": "from torch.nn.functional import *\ndef f(x): return torch.exp(x)",
    "print": "def f(x):\n    print(x)\n    return x.norm()",
    "isinstance": "import torch\ndef f(x): return isinstance(x, torch.Tensor)",
    "isinstance of a forbidden class": "from torch import nn\ndef f(x): return isinstance(x, nn.Module)",
    "dtypes and generators": """
        import torch
        @torch.no_grad()
        def f(x):
            return torch.randn(2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    """,
    "in place": "def f(x):\n    y = x.clone()\n    y[y < 0] = 0\n    y += 1\n    return y",
    "argument in place": "def f(x):\n    x += 1\n    return x",
    "annotations": """
        from __future__ import annotations
        from typing import Optional
        import torch.nn as nn
        def f(x: nn.Module, y: Optional[nn.Module] = None) -> nn.Linear: return 3
    """,
    "evaluated annotations": """
        from typing import Callable, Optional, Union, get_type_hints
        from dataclasses import dataclass
        import torch
        from torch import nn
        @dataclass
        class Pair:
            first: nn.Module
            second: nn.Linear | None = None
        def f(x: nn.Module, y: Optional[nn.Module] = None, z: list[nn.Linear] | None = None,
              u: torch.Tensor | nn.Module = None, v: Callable[[nn.Module], Union[nn.Module, int]] = None) -> nn.Linear:
            return str(get_type_hints(f)["x"])
    """,
    "settings": """
        import sys, torch
        def f(x):
            torch.backends.cudnn.deterministic = True
            return torch.backends.cudnn.deterministic, sys.modules["torch.backends.cudnn"].deterministic
    """,
    "the same module twice": "import torch\nimport torch.nn as a\nfrom torch import nn as b\ndef f(x): return a is b",
    "modules are modules": "import types, torch\ndef f(x): return isinstance(torch.nn, types.ModuleType)",
    "dir": "import torch\ndef f(x): return 'nn' in dir(torch)",
    "repr": "import torch\ndef f(x): return repr(torch), str(torch.nn)[:17]",
    "other libraries": "import math, numpy as np\ndef f(x): return math.sqrt(np.float64(4.0))",
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_is_not_used_is_not_forbidden(open_session: OpenSession, text: str) -> None:
    """Unused imports, annotations, printing and ordinary torch give what they give without a policy."""
    expected = outcome_of(open_session, text, NO_POLICY, X)
    actual = outcome_of(open_session, text, BY_HAND, X)
    assert not isinstance(actual, StudentRaised), actual
    assert str(actual) == str(expected)


def test_every_file_of_a_submission_is_under_the_policy(zygote: Zygote, strongest: Tier) -> None:
    """A helper that the first file imports, a file that the suite asks for, and code that is exec'ed."""
    use = "import torch.nn.functional as F\ndef relu(x): return F.relu(x)\n"
    main = f"import helper\ndef f(x): return helper.relu(x)\ndef g(x): exec({use!r}, names := {{}}); names['relu'](x)"
    sources = (Source("main.py", main), Source("helper.py", use))
    with Session(zygote, GuestSpec(strongest, Limits(), sources, policy=BY_HAND)) as session:
        session.open(seed=1)
        begin(session)
        for call in (session.submission.f, session.submission.g, session.submission.module("helper").relu):
            with pytest.raises(StudentRaised, match=r"torch\.nn\.functional\.relu is not allowed here"):
                call(X)


# --- what is refused --------------------------------------------------------------------------------------------

USES = {
    "torch.nn.functional.relu": "import torch.nn.functional as F\ndef f(x): return F.relu(x)",
    "torch.nn.functional.gelu": "from torch.nn.functional import gelu\ndef f(x): return gelu(x)",
    "torch.nn.Linear": "import torch\ndef f(x): return torch.nn.Linear(3, 2)",
    "torch.nn.Module": "from torch import nn\ndef f(x):\n    class Net(nn.Module): pass",
    "torch.nn.init.xavier_normal_": "from torch.nn.init import *\ndef f(x): return list(map(xavier_normal_, [x]))",
    "torch.autograd.grad": "import torch\ndef f(x): return torch.autograd.grad(x.sum(), x)",
    "torch.optim.SGD": "from torch import optim as o\ndef f(x): return o.SGD([x], lr=0.1)",
    "torch.autograd.Function": "from torch.autograd import Function\ndef f(x): return Function.apply",
    "torch.func.grad": "from torch.func import grad\ndef f(x): return grad(lambda t: (t * t).sum())(x)",
    "torch.nn.functional.relu6": "from torch.nn.functional import *\ndef f(x): return relu6(x)",
    "torch.nn.Parameter": "import torch as t\ndef f(x):\n    from torch import nn\n    return nn.Parameter(x)",
    "torch.nn.modules.linear.Linear": "import torch\ndef f(x): return getattr(torch.nn.modules.linear, 'Linear')(1, 2)",
}


@pytest.mark.parametrize("name", USES)
def test_a_forbidden_name_raises_where_it_is_used(open_session: OpenSession, name: str) -> None:
    """The refusal names what was used and says the exercise's own sentence, at the student's line."""
    raised = outcome_of(open_session, USES[name], BY_HAND, X)
    assert isinstance(raised, StudentRaised)
    assert (raised.outcome, raised.text) == (Outcome.FORBIDDEN, f"{name} is not allowed here: {SENTENCE}")
    assert name.rpartition(".")[2] in raised.frames[-1].code
    assert raised.frames[-1].function in ("f", "<lambda>")


def test_a_use_at_import_is_the_outcome_of_the_import(open_session: OpenSession) -> None:
    """A module-level class that inherits from something forbidden raises before any check."""
    session = open_session("from torch import nn\nclass Net(nn.Module): pass\n", policy=BY_HAND, opened_too=False)
    with pytest.raises(StudentRaised, match=r"torch\.nn\.Module is not allowed here") as caught:
        session.open(seed=1)
    assert (caught.value.outcome, caught.value.frames[-1].line) == (Outcome.FORBIDDEN, 2)


def test_a_function_is_forbidden_under_every_name_it_has(open_session: OpenSession) -> None:
    """torch.nn.modules.linear.Linear is torch.nn.Linear."""
    text = "import torch\ndef f(x): return torch.nn.modules.linear.Linear(1, 2)"
    assert refused(open_session, text, forbidding("torch.nn.Linear"), X).startswith("torch.nn.modules.linear.Linear is")


@pytest.mark.parametrize(
    "call", ["x.softmax(1)", "torch.Tensor.softmax(x, 1)", "list(map(torch.Tensor.softmax, [x], [1]))"]
)
def test_a_method_of_tensors_can_be_forbidden(open_session: OpenSession, call: str) -> None:
    """However it is reached from the student's file."""
    text = f"import torch\ndef f(x): return {call}"
    assert (
        refused(open_session, text, forbidding("torch.Tensor.softmax"), X)
        == f"torch.Tensor.softmax is not allowed here: {SENTENCE}"
    )


def test_a_forbidden_method_still_works_for_torch_itself(open_session: OpenSession) -> None:
    """Printing takes the absolute value of a tensor, although the student may not."""
    policy = forbidding("torch.Tensor.abs", "torch.Tensor.__matmul__", "torch.Tensor.grad")
    assert outcome_of(open_session, "def f(x): return str(x * 4)", policy, X) == str(X * 4)
    assert refused(open_session, "def f(x): return x.abs()", policy, X).startswith("torch.Tensor.abs")
    assert refused(open_session, "def f(x): return x @ x.T", policy, X).startswith("torch.Tensor.__matmul__")
    assert refused(open_session, "def f(x): x.grad = None", policy, X).startswith("torch.Tensor.grad")


def test_a_function_may_be_forbidden_where_its_method_is_not(open_session: OpenSession) -> None:
    """Only what is listed is refused."""
    policy = forbidding("torch.softmax")
    assert torch.equal(outcome_of(open_session, "def f(x): return x.softmax(1)", policy, X), X.softmax(1))
    assert refused(open_session, "import torch\ndef f(x): return torch.softmax(x, 1)", policy, X).startswith(
        "torch.softmax"
    )


def test_the_first_rule_that_applies_gives_the_sentence(open_session: OpenSession) -> None:
    """An exercise's own sentence goes before the one that autograd = "off" brings."""
    text = "import torch\ndef f(x): return torch.autograd.grad(x, x)"
    names = ("torch.autograd.grad", "torch.Tensor.backward")
    own = Policy("off", (Forbid(names, "Ours."), Forbid(("torch.autograd",), "Later.")))
    assert refused(open_session, text, own, X).endswith("Ours.")
    assert refused(open_session, "def f(x): x.backward()", own, X).endswith("Ours.")
    assert refused(open_session, text, Policy("off"), X).endswith(
        "autograd is switched off in this exercise. Write the gradient by hand."
    )


# --- within -----------------------------------------------------------------------------------------------------

OWN_LINEAR = """
    import torch
    from torch import nn
    import torch.nn.functional as F

    class Linear(nn.Module):
        def __init__(self, way="honest"):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, 3, dtype=torch.float64))
            if way == "inside": self.inner = nn.Linear(3, 2)
            if way == "helper": self.inner = make()
            if way == "comprehension": self.inner = [nn.Linear(3, 2) for _ in range(2)]
            if way == "other name": self.inner = nn.modules.linear.Linear(3, 2)
            self.way = way

        def forward(self, x):
            return F.linear(x, self.weight) if self.way == "function" else x @ self.weight.T

    class Cheap(nn.Linear):
        pass

    def make():
        return nn.Linear(3, 2)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(Linear(), nn.Linear(2, 2).double())
            self.apply(lambda layer: nn.init.ones_(layer.weight) if type(layer) is nn.Linear else None)

        def forward(self, x):
            return F.linear(self.layers(x), torch.eye(2, dtype=torch.float64))

    def f(x, way):
        if way == "net": return Net()(x)
        if way == "cheap": return Cheap(3, 2)
        return Linear(way)(x)
"""
SCOPED = forbidding("torch.nn.Linear", "torch.nn.functional.linear", within=("Linear", "Cheap"))


@pytest.mark.parametrize("way", ["inside", "helper", "comprehension", "other name", "function", "cheap"])
def test_within_a_class_a_name_is_refused(open_session: OpenSession, way: str) -> None:
    """In its methods, in what they call, and by inheriting."""
    assert refused(open_session, OWN_LINEAR, SCOPED, X, way).endswith(f"is not allowed here: {SENTENCE}")


@pytest.mark.parametrize("way", ["honest", "net"])
def test_outside_that_class_the_name_is_allowed(open_session: OpenSession, way: str) -> None:
    """The same file builds a network from torch's own layers, and `type(layer) is nn.Linear` holds as ever."""
    expected = outcome_of(open_session, OWN_LINEAR, NO_POLICY, X, way)
    assert torch.equal(outcome_of(open_session, OWN_LINEAR, SCOPED, X, way), expected)


def test_torch_may_build_within_what_the_student_may_not(open_session: OpenSession) -> None:
    """Attention makes a linear layer of its own; the rule speaks of the student's."""
    text = """
        from torch import nn
        layer = nn.Linear(1, 1)
        class Heads(nn.Module):
            def __init__(self):
                super().__init__()
                self.attention = nn.MultiheadAttention(4, 2)
        def f(x): return len(list(Heads().parameters()))
    """
    assert outcome_of(open_session, text, forbidding("torch.nn.Linear", within=("Heads",)), X) == 4


# --- across the boundary ----------------------------------------------------------------------------------------


def test_backward_on_the_host_works_where_the_student_may_not_call_it(open_session: OpenSession) -> None:
    """The rule speaks of the student's code, not of gradients that cross."""
    text = "import torch\ndef f(w): return (w * w).sum()\ndef g(w): f(w).backward()\n"
    policy = forbidding("torch.Tensor.backward", "torch.autograd", "torch.nn")
    session = open_session(text, policy=policy)
    leaf = X.clone().requires_grad_()
    session.submission.f(leaf).backward()
    assert torch.equal(leaf.grad, 2 * X)
    with pytest.raises(StudentRaised, match=r"torch\.Tensor\.backward is not allowed here"):
        session.submission.g(leaf)


def test_a_fresh_guest_has_the_same_policy(open_session: OpenSession) -> None:
    """One that replaces a lost guest forbids as much."""
    session = open_session("import os, torch\ndef f(x): return x.backward()\ndef end(): os._exit(1)\n", policy=BY_HAND)
    with pytest.raises(GuestLost, match="ended Python"):
        session.submission.end()
    begin(session)
    with pytest.raises(StudentRaised, match=r"torch\.Tensor\.backward is not allowed here"):
        session.submission.f(X)


def test_a_forbidden_name_that_does_not_exist_is_found() -> None:
    """It would forbid nothing, silently."""
    assert unenforceable(BY_HAND) is None
    assert unenforceable(forbidding("torch.nn.Linaer")) == "there is nothing called 'torch.nn.Linaer' to forbid"
    assert unenforceable(forbidding("torhc")) == "there is nothing called 'torhc' to forbid"
    assert "belongs to a built-in class" in str(unenforceable(forbidding("numpy.ndarray.sum")))
