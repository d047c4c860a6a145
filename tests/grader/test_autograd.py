"""Autograd across the boundary: every rule of DESIGN section 4.2, each seen from a suite's side."""

from __future__ import annotations

import textwrap

import pytest
import torch
from torch import Tensor, nn

from grader.errors import CourseError, GraphCut, GuestLost, ProxyMisuse, StudentRaised, UnsupportedAcrossBoundary
from grader.results import Outcome
from grader.sandbox.autograd import with_advice
from grader.sandbox.host import Session
from tests.grader.conftest import OpenSession, begin

STUDENT = """
    import os
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(3)
            self.first = nn.Linear(3, 4, dtype=torch.float64)
            self.second = nn.Linear(4, 2, dtype=torch.float64)

        def forward(self, x):
            return self.second(torch.tanh(self.first(x)))

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return 3 * x ** 2 * g

    class WrongCube(Cube):
        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return 2 * x ** 2 * g

    class ForgetsSecondOrder(Cube):
        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return 3 * x.detach() ** 2 * g

    class Fragile(Cube):
        @staticmethod
        def backward(ctx, g):
            raise ValueError("backward fell over")

    class Fatal(Cube):
        @staticmethod
        def backward(ctx, g):
            os._exit(3)

    def smooth(x, y):
        return torch.sin(x) * y.exp()

    def double_in_place(x):
        return x.mul_(2)

    def cut(x):
        return (x * 2).detach()

    def two(x):
        hidden = x * 3
        return {"hidden": hidden, "loss": hidden.pow(2).sum(), "name": "two"}

    def ignores_second(x, y):
        return x * 2

    def identity(x):
        return x

    W = torch.ones(3, dtype=torch.float64, requires_grad=True)

    def scaled(x):
        return (x * W).sum()

    def change_weight():
        with torch.no_grad():
            W.add_(1)

    embedding = nn.Embedding(5, 3, sparse=True)

    def embedded():
        return embedding(torch.tensor([1, 3])).sum()

    def number(x):
        return float(x.sum())

    def conjugate(z):
        return z * z.conj()
"""


@pytest.fixture
def session(open_session: OpenSession) -> Session:
    """A guest with the student code above, in a check."""
    return open_session(STUDENT)


def local(name: str) -> object:
    """Return one of the student's names, run in this process: what ordinary PyTorch would do."""
    namespace: dict[str, object] = {}
    exec(textwrap.dedent(STUDENT), namespace)
    return namespace[name]


def leaf(*shape: int, seed: int = 0) -> Tensor:
    """Return a float64 leaf that requires a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()


def test_gradcheck_and_gradgradcheck_pass_for_a_plain_function(session: Session) -> None:
    """Unmodified gradcheck and gradgradcheck work on a function of two arguments."""
    inputs = (leaf(4, 3), leaf(4, 3, seed=1))
    assert torch.autograd.gradcheck(session.submission.smooth, inputs)
    assert torch.autograd.gradgradcheck(session.submission.smooth, inputs)


def test_gradcheck_and_gradgradcheck_pass_for_a_module_and_leave_its_gradients_alone(session: Session) -> None:
    """Checking a module's input gradient never writes to `.grad` of its parameters."""
    net = session.submission.Net()
    assert torch.autograd.gradcheck(net, (leaf(5, 3),))
    assert torch.autograd.gradgradcheck(net, (leaf(5, 3),))
    assert set(net.gradients().values()) == {None}


def test_gradcheck_and_gradgradcheck_pass_for_a_custom_function(session: Session) -> None:
    """`submission.Cube.apply` is a lazy dotted name and can be differentiated twice."""
    assert torch.autograd.gradcheck(session.submission.Cube.apply, (leaf(4),))
    assert torch.autograd.gradgradcheck(session.submission.Cube.apply, (leaf(4),))


def test_gradcheck_rejects_a_wrong_backward(session: Session) -> None:
    """A custom Function whose backward has the wrong factor is caught."""
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(session.submission.WrongCube.apply, (leaf(4),))


def test_gradgradcheck_rejects_a_wrong_backward(session: Session) -> None:
    """A backward that is right at first order but cuts the graph is caught at second order."""
    assert torch.autograd.gradcheck(session.submission.ForgetsSecondOrder.apply, (leaf(4),))
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradgradcheck(session.submission.ForgetsSecondOrder.apply, (leaf(4),))


def test_complex_gradients_cross(session: Session) -> None:
    """gradcheck passes for a function of a complex tensor."""
    z = torch.randn(3, dtype=torch.complex128, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(session.submission.conjugate, (z,))


def test_backward_fills_the_gradients_of_the_students_parameters(session: Session) -> None:
    """`.backward()` on the host gives the parameters the gradients that it would give them in one process."""
    net, x = session.submission.Net(), leaf(5, 3)
    net(x).pow(2).sum().backward()
    twin = local("Net")()  # type: ignore[operator]
    own = x.detach().clone().requires_grad_()
    twin(own).pow(2).sum().backward()
    for name, parameter in twin.named_parameters():
        assert torch.allclose(net.gradients()[name], parameter.grad, rtol=1e-12), name
    assert torch.allclose(x.grad, own.grad, rtol=1e-12)


def test_backward_twice_accumulates_in_the_guest(session: Session) -> None:
    """A second call and backward doubles `.grad` of the student's parameters."""
    net, x = session.submission.Net(), leaf(5, 3).detach()
    net(x).sum().backward()
    once = net.gradients()
    net(x).sum().backward()
    assert all(torch.allclose(value, 2 * once[name]) for name, value in net.gradients().items())


def test_autograd_grad_fills_nothing(session: Session) -> None:
    """`autograd.grad` leaves `.grad` alone on both sides."""
    net, x = session.submission.Net(), leaf(5, 3)
    torch.autograd.grad(net(x).sum(), x)
    assert set(net.gradients().values()) == {None}
    assert x.grad is None


def test_backward_with_inputs_fills_only_these(session: Session) -> None:
    """`.backward(inputs=[x])` gives x a gradient and the student's parameters none."""
    net, x = session.submission.Net(), leaf(5, 3)
    net(x).sum().backward(inputs=[x])
    assert x.grad is not None
    assert set(net.gradients().values()) == {None}


def test_parameters_are_leaves_that_autograd_grad_accepts(session: Session) -> None:
    """`net.parameters()` gives the values, and gradients with respect to them equal those of one process."""
    net, x = session.submission.Net(), leaf(5, 3).detach()
    parameters = net.parameters()
    gradients = torch.autograd.grad(net(x).pow(2).sum(), list(parameters.values()))
    twin = local("Net")()  # type: ignore[operator]
    expected = torch.autograd.grad(twin(x).pow(2).sum(), list(twin.parameters()))
    assert all(torch.equal(mine, own) for mine, own in zip(parameters.values(), twin.parameters(), strict=True))
    assert all(torch.allclose(mine, own) for mine, own in zip(gradients, expected, strict=True))


def test_gradient_penalty_fills_what_it_fills_in_one_process(session: Session) -> None:
    """A gradient taken with create_graph and then back-propagated reaches the parameters at second order."""

    def penalty(net: object, x: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)  # type: ignore[operator]
        return gradient.pow(2).sum()

    net, twin = session.submission.Net(), local("Net")()  # type: ignore[operator]
    penalty(net, leaf(5, 3)).backward()
    penalty(twin, leaf(5, 3)).backward()
    for name, parameter in twin.named_parameters():
        remote = net.gradients()[name]
        assert (remote is None) == (parameter.grad is None), name
        assert remote is None or torch.allclose(remote, parameter.grad, rtol=1e-10), name


def test_an_argument_that_is_no_leaf_may_be_changed_in_place(session: Session) -> None:
    """A non-leaf arrives as a clone, so in-place change works there as in one process and the gradient flows on."""
    x = leaf(3)
    session.submission.double_in_place(x.exp()).sum().backward()
    assert torch.allclose(x.grad, 2 * x.detach().exp())


def test_a_leaf_argument_refuses_in_place_change_as_in_one_process(session: Session) -> None:
    """Changing a leaf that requires a gradient in place raises there, and arrives as the student's exception."""
    with pytest.raises(StudentRaised, match="in-place operation"):
        session.submission.double_in_place(leaf(3))


def test_the_same_leaf_in_two_calls_accumulates(session: Session) -> None:
    """A host leaf used in two calls, and twice in one, receives the sum."""
    x = leaf(3)
    (session.submission.identity(x) + session.submission.smooth(x, x)).sum().backward()
    own = x.detach().clone().requires_grad_()
    (own + torch.sin(own) * own.exp()).sum().backward()
    assert torch.allclose(x.grad, own.grad)


def test_an_output_without_a_graph_arrives_without_one(session: Session) -> None:
    """A student who cut the graph returns a tensor that requires no gradient."""
    assert not session.submission.cut(leaf(3)).requires_grad


def test_an_argument_that_was_not_used_has_an_undefined_gradient(session: Session) -> None:
    """Like in one process, the gradient of an ignored argument is None and not zero."""
    x, y = leaf(3), leaf(3, seed=1)
    gradients = torch.autograd.grad(session.submission.ignores_second(x, y).sum(), (x, y), allow_unused=True)
    assert torch.equal(gradients[0], torch.full((3,), 2.0, dtype=torch.float64))
    assert gradients[1] is None


def test_an_output_that_was_not_used_sends_an_undefined_gradient(session: Session) -> None:
    """Only one of two outputs is differentiated; the other's upstream gradient travels as None."""
    x = leaf(3)
    result = session.submission.two(x)
    (gradient,) = torch.autograd.grad(result["hidden"].sum(), x, retain_graph=True)
    assert torch.equal(gradient, torch.full((3,), 3.0, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(result["loss"], x)
    assert torch.allclose(gradient, 18 * x.detach())
    assert result["name"] == "two"


def test_a_second_backward_needs_retain_graph(session: Session) -> None:
    """Back-propagating twice through one result raises what PyTorch raises in one process."""
    result = session.submission.smooth(leaf(3), leaf(3)).sum()
    result.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        result.backward()


def test_under_no_grad_nothing_is_kept(session: Session) -> None:
    """A call under no_grad gives a result without a graph, and the guest keeps no node for it."""
    with torch.no_grad():
        result = session.submission.smooth(leaf(3), leaf(3))
    assert not result.requires_grad
    assert session.request("call", session.submission, "identity", (leaf(3),), {}, False).graph is None


def test_a_graph_that_went_stale_raises_the_students_error(session: Session) -> None:
    """Changing a weight in place between forward and backward is noticed by the guest's own autograd."""
    result = session.submission.scaled(leaf(3))
    session.submission.change_weight()
    with pytest.raises(StudentRaised, match="modified by an inplace operation"):
        result.backward()


def test_an_exception_of_a_students_backward_reaches_the_suite(session: Session) -> None:
    """An exception raised in a custom backward crosses the autograd engine as StudentRaised with its frames."""
    with pytest.raises(StudentRaised, match="backward fell over") as raised:
        session.submission.Fragile.apply(leaf(3)).sum().backward()
    assert raised.value.type_name == "ValueError"
    assert [frame.function for frame in raised.value.frames] == ["Fragile.backward"]


def test_a_guest_lost_inside_the_autograd_engine_is_lost_for_the_check(session: Session) -> None:
    """GuestLost crosses the engine as itself, and every later request of the check raises it again."""
    with pytest.raises(GuestLost, match="exit status 3") as lost:
        session.submission.Fatal.apply(leaf(3)).sum().backward()
    assert lost.value.outcome is Outcome.CRASHED
    with pytest.raises(GuestLost, match="exit status 3"):
        session.submission.identity(leaf(3))
    assert session.lost is lost.value


def test_retain_grad_and_hooks_work_on_received_tensors(session: Session) -> None:
    """A received tensor is an ordinary autograd tensor: retain_grad and register_hook work."""
    x, seen = leaf(3), []
    y = session.submission.identity(x)
    y.retain_grad()
    y.register_hook(lambda gradient: seen.append(gradient.clone()))
    (y * 2).sum().backward()
    assert torch.equal(y.grad, torch.full((3,), 2.0, dtype=torch.float64))
    assert torch.equal(seen[0], y.grad)


def test_a_returned_parameter_stands_for_the_students_own(session: Session) -> None:
    """Reading a parameter gives a tensor whose backward fills the student's parameter."""
    net = session.submission.Net()
    net.get("first.bias").sum().backward()
    assert torch.equal(net.gradients()["first.bias"], torch.ones(4, dtype=torch.float64))


def test_guest_grad_differentiates_one_output_with_respect_to_another(session: Session) -> None:
    """Outputs of one call are siblings on the host; the guest has their graph."""
    result = session.submission.two(leaf(3))
    (gradient,) = session.guest.grad(result["loss"], [result["hidden"]])
    assert torch.allclose(gradient, 2 * result["hidden"].detach())


def test_two_outputs_of_one_call_are_not_connected_on_the_host_and_the_author_is_told(session: Session) -> None:
    """torch says that a tensor was not used; the note says where its graph is and what to call."""
    result = session.submission.two(leaf(3))
    with pytest.raises(RuntimeError, match="not have been used in the graph") as raised:
        torch.autograd.grad(result["loss"], result["hidden"])
    assert "use `guest.grad(loss, [h])`" in with_advice(raised.value).__notes__[0]


def test_guest_grad_refuses_what_does_not_come_from_the_guest(session: Session) -> None:
    """A host tensor has no graph there; the sentence says so."""
    with pytest.raises(CourseError, match=r"guest\.grad wants results of student code"):
        session.guest.grad(leaf(3).sum(), [leaf(3)])


def vectorised_jacobian(function: object, x: Tensor) -> object:
    """Jacobian with vmap over the backward."""
    return torch.autograd.functional.jacobian(function, x, vectorize=True)


def batched_gradcheck(function: object, x: Tensor) -> object:
    """gradcheck that also runs its backward under vmap."""
    return torch.autograd.gradcheck(function, (x,), check_batched_grad=True)


def forward_mode(function: object, x: Tensor) -> object:
    """A dual tensor as argument."""
    with torch.autograd.forward_ad.dual_level():
        return function(torch.autograd.forward_ad.make_dual(x, torch.ones_like(x)))  # type: ignore[operator]


# torch's own first use of functorch and forward mode imports torch.jit decompositions, which warn about themselves.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (lambda function, x: torch.func.grad(lambda t: function(t).sum())(x), "torch.func, vmap"),
        (lambda function, x: torch.func.vmap(function)(x), "torch.func, vmap"),
        (lambda function, x: torch.func.jvp(function, (x,), (x,)), "torch.func, vmap"),
        (vectorised_jacobian, "torch.func, vmap"),
        (batched_gradcheck, "torch.func, vmap"),
        (forward_mode, "Forward-mode differentiation"),
    ],
    ids=["func.grad", "vmap", "func.jvp", "jacobian(vectorize)", "gradcheck(batched)", "forward-mode"],
)
def test_each_unsupported_request_says_so_in_its_own_sentence(
    session: Session, request_: object, sentence: str
) -> None:
    """What cannot cross raises UnsupportedAcrossBoundary before anything is sent, never a wrong value."""
    with pytest.raises((UnsupportedAcrossBoundary, RuntimeError), match=sentence):
        request_(session.submission.identity, leaf(3))  # type: ignore[operator]


def test_a_graph_of_an_earlier_check_is_refused(session: Session) -> None:
    """All graphs are freed at the end of a check; a result kept beyond it says so in its backward."""
    result = session.submission.smooth(leaf(3), leaf(3)).sum()
    session.end_check()
    begin(session)
    with pytest.raises(ProxyMisuse, match="belongs to an earlier check"):
        result.backward()


MEMORY_PROBE = """
    import gc, torch
    from torch import nn

    net = nn.Linear(256, 256)

    def step(x):
        return net(x).sum() + torch.ones(1, requires_grad=True).sum()

    def table_sizes():
        from grader.sandbox.guest.operations import Operations
        gc.collect()
        state = next(item for item in gc.get_objects() if isinstance(item, Operations))
        return [len(state.objects._objects), len(state.graphs._nodes), len(state.graphs._leaves)]

    def resident_pages():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])
"""


def test_graphs_are_freed_so_memory_is_flat_over_ten_thousand_calls(open_session: OpenSession) -> None:
    """Dropping a result frees its graph in the guest with the next frame; neither side grows."""
    session = open_session(MEMORY_PROBE, check_wall_s=120.0)
    x = torch.ones(64, 256, requires_grad=True)
    for _ in range(1_000):
        session.submission.step(x)
    warm_pages = session.submission.resident_pages()
    for _ in range(9_000):
        session.submission.step(x)
    grown_pages = session.submission.resident_pages() - warm_pages
    assert grown_pages < 4096  # 16 MiB, some huge pages; a graph kept by one call in thirty would be 20 MiB
    assert all(size < 5 for size in session.submission.table_sizes())
    assert len(session.bridge._mirrors) < 5


def test_gradients_can_be_used_by_an_optimiser_of_the_suite(session: Session) -> None:
    """A training loop on the host, with a host leaf in front of student code, lowers its loss."""
    weight = nn.Parameter(leaf(3).detach())
    optimiser = torch.optim.SGD([weight], lr=0.1)
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = session.submission.two(weight)["loss"]
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_a_received_tensor_can_be_changed_in_place(session: Session) -> None:
    """Whatever its shape: `y += 1` on a result behaves as in one process, and the gradient flows on."""
    for shape in ((), (3,), (2, 3)):
        x = leaf(*shape)
        y = session.submission.identity(x)
        y *= 2
        y.sum().backward()
        assert torch.equal(x.grad, torch.full(shape, 2.0, dtype=torch.float64))


def test_changing_an_argument_after_the_call_is_no_error(session: Session) -> None:
    """The guest has its own copy, so the gradient is that of the values that were sent."""
    x = leaf(3)
    result = session.submission.two(x)["loss"]
    sent = x.detach().clone()
    with torch.no_grad():
        x.add_(1)
    result.backward()
    assert torch.allclose(x.grad, 18 * sent)


def test_changing_an_argument_is_an_error_where_its_graph_is_wanted_again(session: Session) -> None:
    """With create_graph the argument becomes part of a second graph, and a changed one would be the wrong part."""
    x = leaf(3)
    result = session.submission.two(x)["loss"]
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(result, x, create_graph=True)


def test_reading_changed_parameters_spoils_a_graph_that_saved_the_old_values(session: Session) -> None:
    """A loss of the suite's own on a parameter is refused after the student changed it, as in one process."""
    net = session.submission.Net()
    bias = net.parameters()["first.bias"]
    loss = (bias**2).sum()
    net.get("first.bias.data").add_(0)
    net.call("first.bias.data.add_", 1.0)
    assert torch.allclose(net.parameters()["first.bias"], bias)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, bias)


def test_sparse_gradients_of_the_students_modules_cross_as_dense_ones(session: Session) -> None:
    """An honest sparse embedding is no protocol violation."""
    session.submission.embedded().backward()
    gradient = session.submission.get("embedding.weight.grad")
    assert torch.equal(gradient.sum(dim=1), torch.tensor([0.0, 3.0, 0.0, 3.0, 0.0]))


@pytest.mark.parametrize("function", ["cut", "number"])
def test_guest_grad_of_a_cut_result_is_the_students_mistake(session: Session, function: str) -> None:
    """A detached tensor or a number is what such a check exists for: it fails, and the course is not broken."""
    with pytest.raises(GraphCut, match="cannot follow back") as raised:
        session.guest.grad(session.submission.call(function, leaf(3)), [leaf(3)])
    assert raised.value.outcome is Outcome.FAILED


@pytest.mark.parametrize("function", ["identity", "cut"])
def test_guest_grad_of_unpacked_rows_is_the_students_mistake(session: Session, function: str) -> None:
    """One tensor where the suite unpacks two results must not stop the course: found by fuzzing."""
    loss, hidden = session.submission.call(function, leaf(2))
    with pytest.raises(GraphCut, match="cannot follow back"):
        session.guest.grad([loss], [hidden])


def test_guest_grad_refuses_results_of_an_earlier_check(session: Session) -> None:
    """Numbers of kept graphs begin anew with each guest, so an old one must not be looked up."""
    result = session.submission.two(leaf(3))
    begin(session)
    with pytest.raises(ProxyMisuse, match="belongs to an earlier check"):
        session.guest.grad(result["loss"], [result["hidden"]])
