"""autograd = "off" through a real guest: no ordinary way gives a gradient, and everything else works."""

from __future__ import annotations

import textwrap

import pytest
import torch

from grader.policy import Policy
from tests.grader.conftest import OpenSession, begin
from tests.grader.test_policy import BY_HAND, X, outcome_of, refused

LAZY = {
    "backward": "w = x.clone().requires_grad_(); (w * w).sum().backward(); return w.grad",
    "enable_grad": """
        with torch.enable_grad():
            w = x.clone().requires_grad_()
            (w * w).sum().backward()
            return w.grad
    """,
    "inference_mode(False)": """
        with torch.inference_mode(False):
            w = x.clone().requires_grad_()
            (w * w).sum().backward()
            return w.grad
    """,
    "autograd.grad": "w = x.clone().requires_grad_(); return torch.autograd.grad((w * w).sum(), w)[0]",
    "autograd.backward": "w = x.clone().requires_grad_(); torch.autograd.backward((w * w).sum()); return w.grad",
    "func.grad": "return torch.func.grad(lambda w: (w * w).sum())(x)",
    "func.jacrev": "from torch.func import jacrev; return jacrev(lambda w: (w * w).sum())(x)",
    "functional": "return torch.autograd.functional.vjp(lambda w: (w * w).sum(), x)[1]",
}


@pytest.mark.parametrize("way", LAZY)
def test_with_autograd_off_no_ordinary_way_gives_a_gradient(open_session: OpenSession, way: str) -> None:
    """Each is refused with a sentence that says what to do instead, not with torch's own error."""
    body = textwrap.indent(textwrap.dedent(LAZY[way]).strip(), "    ")
    text = refused(open_session, f"import torch\ndef f(x):\n{body}\n", Policy("off"), X)
    assert text.endswith("not allowed here: autograd is switched off in this exercise. Write the gradient by hand.")


def test_with_autograd_off_results_have_no_graph(open_session: OpenSession) -> None:
    """Also if the host's own tensor requires a gradient, and through attributes and objects that stay there."""
    text = """
        import torch
        class Model:
            def __init__(self): self.w = torch.ones(3, dtype=torch.float64, requires_grad=True)
            @property
            def twice(self): return self.w * 2
            def step(self, x): self.w -= x.sum(0); return self.w
        def f(x): return x * 2, x.T, x.to(torch.bfloat16), (x > 0), torch.empty(0, 3), Model()
    """
    doubled, transposed, rounded, positive, empty, model = outcome_of(
        open_session, text, Policy("off"), X.clone().requires_grad_()
    )
    assert not doubled.requires_grad
    assert torch.equal(doubled, 2 * X)
    assert torch.equal(transposed, X.T)
    assert torch.equal(rounded, X.to(torch.bfloat16))
    assert torch.equal(positive, X > 0)
    assert empty.shape == (0, 3)
    assert torch.equal(model.step(X), 1 - X.sum(0))
    twice = model.get("twice")
    assert not twice.requires_grad
    assert torch.equal(twice, 2 - 2 * X.sum(0))
    assert torch.equal(model.step(model.get("w")), model.get("w"))


def test_with_autograd_off_tensors_that_live_there_can_be_changed_and_read(open_session: OpenSession) -> None:
    """In place, by two calls, also one that requires a gradient and one that the student made."""
    session = open_session(
        "import torch\ndef add(x):\n    x += 1\ndef make(): return {1, 2}, torch.ones(2)\ndef same(x): return x\n",
        policy=Policy("off"),
    )
    for requires_grad in (False, True):
        kept = session.guest.tensor(X, requires_grad=requires_grad)
        session.submission.add(kept)
        session.submission.add(kept)
        assert torch.equal(session.guest.read(kept), X + 2)
        assert kept.get("_version") == 2
    made = session.submission.make()[1]
    assert torch.equal(session.submission.same(made), torch.ones(2))


def test_a_parameter_made_with_autograd_off_can_be_read(open_session: OpenSession) -> None:
    """Modules keep working as containers; their parameters just never have a gradient."""
    session = open_session("from torch import nn\ndef f(): return nn.Linear(3, 2)\n", policy=Policy("off"))
    net = session.submission.f()
    assert {name: tuple(value.shape) for name, value in net.parameters().items()} == {"weight": (2, 3), "bias": (2,)}
    assert net.gradients() == {"weight": None, "bias": None}
    assert net.state_dict()["weight"].shape == (2, 3)


DELIBERATE = {
    "sys.modules": "import sys\ndef f(x): return sys.modules['torch.nn'].functional.relu(x)",
    "importlib": "import importlib\ndef f(x): return importlib.import_module('torch.nn').functional.relu(x)",
    "torch._C": "import torch\ndef f(x): return torch._C._nn.gelu(x)",
    "torch.ops": "import torch as t\ndef f(x): return t.ops.aten.relu(x)",
    "threading": """
        import threading, torch
        def f(x):
            found = []
            def work():
                w = x.clone().requires_grad_()
                found.append(sys_grad((w * w).sum(), w))
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            return found[0][0]
        def sys_grad(y, w):
            import sys
            return sys.modules["torch.autograd"].grad(y, w)
    """,
    "inference_mode(False)": """
        import torch
        def f(x):
            with torch.inference_mode(False):
                w = x.clone().requires_grad_()
                return torch.Tensor.grad_fn.__get__((w * w).sum()).__call__(torch.ones(())).sum()
    """,
}


@pytest.mark.parametrize("way", DELIBERATE)
def test_a_deliberate_way_around_is_flagged_for_a_person(open_session: OpenSession, way: str) -> None:
    """It works, because the student's code can change everything in its own process; it does not stay unseen."""
    session = open_session(DELIBERATE[way], policy=BY_HAND, opened_too=False)
    flags = session.open(seed=1)
    begin(session)
    assert isinstance(session.submission.f(X), torch.Tensor)
    assert any(way in flag.message for flag in flags)
