"""The simulated accelerator as student code meets it, in a real guest: what CUDA would do, without CUDA."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from grader.errors import InfrastructureError, StudentRaised
from grader.limits import Limits
from grader.sandbox import fence
from grader.sandbox.guest import sim as package
from grader.sandbox.guest.sim.memory import UnsupportedOnSim
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote

STUDENT = """
import copy, io, pickle, random
import numpy, torch
from torch import nn
from torch.nn import functional as F

def run(text):
    names = dict(globals(), S=lambda *size: torch.rand(*size).to("sim"))
    exec(text, names)
    return names["result"]
"""
TWO_DEVICES = "Expected all tensors to be on the same device, but found at least two devices, sim:0 and cpu!"


def one_differs(name: str, method: str, where: str = "cpu", others: str = "sim:0") -> str:
    """Return torch's sentence for operators that do not work element by element."""
    return (
        f"Expected all tensors to be on the same device, but got {name} is on {where}, different from other tensors on "
        f"{others} (when checking argument in method wrapper_SIM_{method})"
    )


Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def session(zygote: Zygote) -> Iterator[Session]:
    """One guest on the accelerator for all tests; each is a check of its own."""
    spec = GuestSpec(fence.strongest_tier(), Limits(check_wall_s=120.0), (Source("student.py", STUDENT),))
    with Session(zygote, spec) as session:
        session.open(0, device="sim")
        yield session


@pytest.fixture
def run(session: Session) -> Run:
    """A function that runs lines in the guest and returns what they leave in `result`."""
    session.begin_check(3, math.inf, "sim")
    return lambda text: session.submission.call("run", textwrap.dedent(text))


def raised_by(run: Run, expression: str) -> tuple[str, str]:
    """Return type and text of the exception that an expression raises."""
    with pytest.raises(StudentRaised, match=r"\S") as raised:
        run(f"result = {expression}")
    return raised.value.type_name, raised.value.text


# --- two devices ------------------------------------------------------------------------------------------------

MIXED = {
    "torch.ones(3, device='sim') + torch.ones(3)": TWO_DEVICES,
    "torch.ones(3) * torch.ones(3, device='sim')": TWO_DEVICES,
    "torch.ones(3, device='sim').add_(torch.ones(3))": TWO_DEVICES,
    "torch.ones(3).add_(torch.ones(3, device='sim'))": TWO_DEVICES,
    "torch.tensor(0.0).add_(torch.tensor(1.0, device='sim'))": TWO_DEVICES,
    "torch.ones(3) + torch.ones(3, device='sim').sum()": TWO_DEVICES,
    "torch.where(torch.ones(3) > 0, S(3), S(3))": TWO_DEVICES,
    "(S(3) == torch.ones(3)).sum()": TWO_DEVICES,
    "F.mse_loss(S(3), torch.ones(3))": TWO_DEVICES,
    "F.binary_cross_entropy_with_logits(S(3), torch.ones(3))": TWO_DEVICES,
    "S(3).masked_fill_(torch.ones(3) > 0, 0.0)": TWO_DEVICES,
    "S(3).index_put_((torch.tensor([0, 1]),), torch.ones(2))": TWO_DEVICES,
    "nn.Linear(3, 2).to('sim')(torch.ones(1, 3))": one_differs("mat1", "addmm"),
    "nn.Linear(3, 2)(S(1, 3))": one_differs("mat1", "addmm", "sim:0", "cpu"),
    "S(2, 3) @ torch.ones(3, 2)": one_differs("mat2", "mm"),
    "torch.stack([S(3), torch.ones(3)])": one_differs("tensors", "cat"),
    "F.cross_entropy(S(2, 3), torch.tensor([0, 1]))": one_differs("target", "nll_loss_forward"),
    "nn.Embedding(4, 2).to('sim')(torch.tensor(1))": one_differs("index", "index_select"),
    "nn.BatchNorm1d(3)(S(2, 3))": one_differs("weight", "native_batch_norm"),
    "nn.Conv2d(1, 1, 3).to('sim')(torch.ones(1, 1, 5, 5))": (
        "Input type (torch.FloatTensor) and weight type (torch.sim.FloatTensor) should be the same"
    ),
    "nn.Conv2d(1, 1, 3)(S(1, 1, 5, 5))": (
        "Input type (torch.sim.FloatTensor) and weight type (torch.FloatTensor) should be the same"
    ),
    "nn.LSTM(3, 2).to('sim')(torch.ones(2, 1, 3))": (
        "Input and parameter tensors are not at the same device, "
        "found input tensor at cpu and parameter tensor at sim:0"
    ),
    "nn.LSTMCell(3, 2).to('sim')(S(1, 3), (S(1, 2), torch.ones(1, 2)))": one_differs("cx", "_thnn_fused_lstm_cell"),
    "torch.ones(3).index_put_((torch.tensor([0]),), S(1))": TWO_DEVICES,
    "torch.Generator('sim:1')": "sim error: invalid device ordinal: there is one device, sim:0, not sim:1",
    "torch.ones(3)[torch.tensor([0], device='sim')]": (
        "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
    ),
    "torch.rand(3, device='sim', generator=torch.Generator())": (
        "Expected a 'sim' device type for generator but found 'cpu'"
    ),
    "S(3).pin_memory()": "cannot pin 'torch.sim.FloatTensor' only dense CPU tensors can be pinned",
    "torch.ones(3).to('sim:1')": "sim error: invalid device ordinal: there is one device, sim:0, not sim:1",
}


@pytest.mark.parametrize("expression", MIXED)
def test_tensors_of_two_devices_raise_what_cuda_raises(run: Run, expression: str) -> None:
    """The type, and torch's text with sim in the place of cuda."""
    assert raised_by(run, expression) == ("RuntimeError", MIXED[expression])


ALLOWED = [
    "S(3) + torch.tensor(1.0)",
    "torch.tensor(2.0) * S(3)",
    "S(3).mul_(torch.tensor(2.0))",
    "torch.where(S(3) > 0, S(3), torch.tensor(0.0))",
    "S(3).masked_fill(S(3) > 0, torch.tensor(0.0))",
    "S(3)[torch.tensor([0, 2])]",
    "S(3).index_put_((torch.tensor([0, 1]),), torch.tensor(1.0))",
    "S(3).lerp(S(3), torch.tensor(0.5))",
    "torch.zeros(3, device='sim').copy_(torch.ones(3))",
]


@pytest.mark.parametrize("expression", ALLOWED)
def test_a_cpu_number_may_stand_among_the_accelerators_tensors(run: Run, expression: str) -> None:
    """What CUDA lets pass: tensors without dimensions, indices, copies."""
    assert run(f"result = ({expression}).device.type") == "sim"


@pytest.mark.parametrize("expression", ["S(2).numpy()", "numpy.asarray(S(2))", "numpy.array(S(2))"])
def test_numpy_needs_the_cpu(run: Run, expression: str) -> None:
    """As on CUDA, with CUDA's TypeError."""
    text = "can't convert sim:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
    assert raised_by(run, expression) == ("TypeError", text)


def test_cuda_stays_absent(run: Run) -> None:
    """torch.cuda says no, a hard-coded "cuda" raises, and the accelerator is found by torch.accelerator."""
    assert run("result = torch.cuda.is_available()") is False
    assert raised_by(run, "torch.ones(2).to('cuda')")[0] == "AssertionError"
    assert run("result = (torch.accelerator.is_available(), torch.accelerator.current_accelerator().type)") == (
        True,
        "sim",
    )


# --- identity and shape -------------------------------------------------------------------------------------------


def test_an_optimiser_built_before_the_move_follows_it(run: Run) -> None:
    """`module.to` keeps every parameter's identity, also when a graph of theirs is still alive, and back again."""
    result = run(
        """
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
        before = [id(p) for p in model.parameters()]
        loss = model(torch.ones(1, 3)).sum()
        loss.backward()
        grads = [p.grad.device.type for p in model.to("sim").parameters()]
        optimiser.zero_grad()
        loss = model(S(4, 3)).sum()
        loss.backward()
        old = model.weight.detach().clone()
        optimiser.step()
        moved = not torch.equal(old, model.weight)
        model.to("cpu")
        kinds = [(type(p).__name__, p.requires_grad, p.is_leaf) for p in model.parameters()]
        result = grads, moved, before == [id(p) for p in model.parameters()], kinds, model.weight.device.type
        """
    )
    assert result == (["sim", "sim"], True, True, [("Parameter", True, True)] * 2, "cpu")


def test_a_tensor_is_an_ordinary_one(run: Run) -> None:
    """Its class is torch's own, it has memory, and .to its own device returns itself."""
    text = "x = S(3); result = type(x) is torch.Tensor, x.to('sim') is x, x.is_cuda, x.is_sim, x.data_ptr() > 0"
    assert run(text) == (True, True, False, True, True)


@pytest.mark.parametrize(
    ("change", "shape", "stride"),
    [
        ("x.t_()", (3, 2), (1, 3)),
        ("x.unsqueeze_(0)", (1, 2, 3), (6, 3, 1)),
        ("x.transpose_(0, 1)", (3, 2), (1, 3)),
        ("x.unsqueeze_(0).squeeze_(0)", (2, 3), (3, 1)),
        ("x.swapaxes_(0, 1)", (3, 2), (1, 3)),
        ("x.resize_(3)", (3,), (1,)),
        ("x.resize_(5, 2)", (5, 2), (2, 1)),
        ("x.as_strided_((2,), (2,))", (2,), (2,)),
        ("x.set_(torch.ones(4, device='sim'))", (4,), (1,)),
    ],
)
def test_a_shape_that_is_changed_in_place_is_seen(run: Run, change: str, shape: Any, stride: Any) -> None:
    """Shape, strides and what is computed afterwards agree."""
    found = run(f"x = S(2, 3)\n{change}\nresult = tuple(x.shape), x.stride(), tuple((x + 1).shape), len(x.tolist())")
    assert found == (shape, stride, shape, shape[0])


def test_views_share_their_memory(run: Run) -> None:
    """What is written through a view is in its base, and both are one storage."""
    text = """
    x = torch.zeros(2, 3, device="sim")
    x[0].add_(1); x.view(-1)[5] = 7; x.t()[1, 1] = 3
    result = x.tolist(), x[0].untyped_storage().data_ptr() == x.untyped_storage().data_ptr(), x._version > 0
    """
    assert run(text) == ([[1.0, 1.0, 1.0], [0.0, 3.0, 7.0]], True, True)


def test_an_empty_out_that_is_a_part_is_filled_where_it_lies(run: Run) -> None:
    """torch gives it its size in its own memory, as long as there is room; fftfreq is made so."""
    text = """
    x = torch.zeros(4, device="sim")
    torch.add(S(2) * 0, 7, out=x[2:2])
    y = torch.zeros(2, device="sim")
    out = y[1:1]
    torch.add(S(2) * 0, 7, out=out)
    result = x.tolist(), y.tolist(), out.tolist(), torch.fft.fftfreq(4, device="sim").tolist()
    """
    assert run(text) == ([0.0, 0.0, 7.0, 7.0], [0.0, 0.0], [7.0, 7.0], [0.0, 0.25, -0.5, -0.25])


def test_what_shows_one_memory_is_set_to_it(run: Run) -> None:
    """`is_set_to` tells a tensor that shows another's memory in its shape from one that holds the same values."""
    assert run("x, y = S(3), S(3).set_(S(3)); y.set_(x); result = y.is_set_to(x), y.is_set_to(x.clone())") == (
        True,
        False,
    )


def test_out_of_another_size_is_resized_or_refused(run: Run) -> None:
    """An empty `out` takes any shape and stays the same object; one that holds values is refused with a sentence."""
    text = "o = torch.empty(0, device='sim'); r = torch.add(S(2, 3), 1, out=o); result = r is o, tuple(o.shape)"
    assert run(text) == (True, (2, 3))
    name, said = raised_by(run, "torch.add(S(2, 3), 1, out=S(2))")
    assert name == "UnsupportedOnSim"
    assert said.startswith("add.out: the simulated accelerator cannot give a tensor that holds values another size")


# --- files and copies -------------------------------------------------------------------------------------------------


def test_a_state_dict_survives_a_file(run: Run) -> None:
    """Saved on the accelerator: it is loaded there, on the CPU, or from the CPU to there."""
    text = """
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).to("sim")
    def through(state, where):
        file = io.BytesIO(); torch.save(state, file); file.seek(0)
        return torch.load(file, map_location=where)
    here, cpu = through(model.state_dict(), None), through(model.state_dict(), "cpu")
    back = through(cpu, "sim")
    same = all(torch.equal(here[k], v) and torch.equal(cpu[k], v.cpu()) and torch.equal(back[k], v)
               for k, v in model.state_dict().items())
    devices = [{v.device.type for v in state.values()} for state in (here, cpu, back)]
    nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).load_state_dict(here)
    result = same, [sorted(d) for d in devices]
    """
    assert run(text) == (True, [["sim"], ["cpu"], ["sim"]])


def test_a_file_from_the_accelerator_is_read_without_it(run: Run) -> None:
    """In a process that has none, as on a laptop: with map_location, and torch says so where that is missing."""
    data = run("f = io.BytesIO(); torch.save({'w': torch.arange(3.0).to('sim')}, f); result = f.getvalue()")
    assert torch.load(io.BytesIO(data), map_location="cpu")["w"].tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(RuntimeError, match="don't know how to restore data location"):
        torch.load(io.BytesIO(data))


def test_checkpoints_resume_where_they_were(run: Run) -> None:
    """Model, optimiser and both generators restored, training goes on as if it had not stopped."""
    text = """
    def make():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1)).to("sim")
        return model, torch.optim.Adam(model.parameters(), lr=0.1)
    def step(model, optimiser):
        optimiser.zero_grad(); loss = model(torch.rand(5, 3).to("sim")).square().mean(); loss.backward()
        optimiser.step(); return loss.item()
    model, optimiser = make()
    step(model, optimiser)
    file = io.BytesIO()
    torch.save({"m": model.state_dict(), "o": optimiser.state_dict(), "g": torch.get_rng_state(),
                "s": torch.sim.get_rng_state()}, file)
    straight = [step(model, optimiser) for _ in range(3)]
    file.seek(0); kept = torch.load(file)
    model, optimiser = make()
    model.load_state_dict(kept["m"]); optimiser.load_state_dict(kept["o"])
    torch.set_rng_state(kept["g"].cpu()); torch.sim.set_rng_state(kept["s"].cpu())
    result = straight == [step(model, optimiser) for _ in range(3)]
    """
    assert run(text) is True


def test_deep_copies_are_independent(run: Run) -> None:
    """Of tensors, of modules and of an optimiser's state; what shared memory still does among the copies."""
    text = """
    x = S(4)
    pair = copy.deepcopy([x, x[1:]])
    pair[0].zero_()
    model = nn.Linear(2, 2).to("sim")
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(S(1, 2)).sum().backward(); optimiser.step()
    best, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimiser.state_dict())
    model(S(1, 2)).sum().backward(); optimiser.step()
    result = (x.sum() > 0).item(), pair[1].tolist(), torch.equal(best["weight"], model.weight), len(state["state"])
    """
    assert run(text) == (True, [0.0, 0.0, 0.0], False, 2)


def test_a_pickled_tensor_comes_back(run: Run) -> None:
    """With its device and its values."""
    text = "x = S(3); y = pickle.loads(pickle.dumps(x)); result = y.device.type, torch.equal(x, y)"
    assert run(text) == ("sim", True)


def test_a_storage_of_the_accelerator_can_be_made(run: Run) -> None:
    """torch itself would crash here; copies, loading and `new` need it."""
    text = """
    storage = torch.UntypedStorage(8, device="sim")
    made = [(s.device.type, s.nbytes()) for s in (storage, storage.clone(), storage.new(), torch.UntypedStorage(4))]
    result = made, torch.UntypedStorage([1, 2], device="sim").tolist()
    """
    assert run(text) == ([("sim", 8), ("sim", 8), ("sim", 0), ("cpu", 4)], [1, 2])


def test_pinning_is_accepted(run: Run) -> None:
    """A loader that pins, a pinned tensor and a non-blocking copy work as if there were something to pin for."""
    text = """
    data = torch.utils.data.TensorDataset(torch.arange(6.0).view(6, 1), torch.arange(6))
    seen = [x.to("sim", non_blocking=True).sum().item() for x, y in
            torch.utils.data.DataLoader(data, batch_size=4, pin_memory=True)]
    plain = torch.ones(2)
    pinned = plain.pin_memory()
    result = seen, plain.is_pinned(), pinned.is_pinned(), pinned.tolist(), pinned.pin_memory() is pinned
    """
    assert run(text) == ([6.0, 9.0], False, True, [1.0, 1.0], True)


# --- draws ------------------------------------------------------------------------------------------------------------


def test_draws_on_the_device_leave_those_on_the_host_alone(run: Run) -> None:
    """Two generators, as on CUDA; with one seed they draw the same numbers."""
    text = """
    torch.manual_seed(1); host = torch.rand(3).tolist()
    torch.manual_seed(1); here = torch.rand(3, device="sim").tolist(); after = torch.rand(3).tolist()
    result = host == here, host == after, F.dropout(torch.ones(9, device="sim")).device.type
    """
    assert run(text) == (True, True, "sim")


def test_a_check_begins_with_its_seed(session: Session) -> None:
    """The accelerator's generator is seeded with the others; another check draws otherwise."""
    draws = []
    for seed in (5, 5, 6):
        session.begin_check(seed, math.inf, "sim")
        draws.append(session.submission.call("run", "result = torch.rand(3, device='sim').tolist()"))
    assert draws[0] == draws[1] != draws[2]


def test_a_generator_of_the_device_has_a_state(run: Run) -> None:
    """It is seeded, saved, restored and cloned; the default one is forked; a CPU generator is still one."""
    text = """
    g = torch.Generator(device="sim").manual_seed(4)
    state = g.get_state()
    first = torch.rand(2, device="sim", generator=g).tolist()
    copied = g.clone_state()
    second = torch.rand(2, device="sim", generator=g).tolist()
    again = torch.rand(2, device="sim", generator=copied).tolist()
    g.set_state(state)
    with torch.random.fork_rng(device_type="sim"):
        inside = torch.rand(2, device="sim").tolist()
    deep, pickled = copy.deepcopy(g), pickle.loads(pickle.dumps(g))
    assert torch.rand(2, device="sim", generator=deep).tolist() == first and deep.device.type == "sim"
    assert torch.rand(2, device="sim", generator=pickled).tolist() == first
    result = (
        torch.rand(2, device="sim", generator=g).tolist() == first, second == again, first != second,
        torch.rand(2, device="sim").tolist() == inside, g.device.type, isinstance(g, torch.Generator),
        isinstance(torch.default_generator, torch.Generator), torch.Generator().device.type,
    )
    """
    assert run(text) == (True, True, True, True, "sim", True, True, "cpu")


# --- the rest of torch -----------------------------------------------------------------------------------------------


def test_autocast_computes_as_on_cuda(run: Run) -> None:
    """Products in the lower dtype, losses in float32, gradients in the parameters' own; a scaler steps."""
    text = """
    torch.manual_seed(0)
    model = nn.Linear(3, 2).to("sim"); optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("sim")
    old = model.weight.detach().clone()
    with torch.autocast("sim", dtype=torch.float16):
        out = model(S(4, 3)); loss = F.cross_entropy(out, torch.tensor([0, 1, 0, 1]).to("sim"))
    outside = model(S(4, 3)).dtype
    scaler.scale(loss).backward(); scaler.step(optimiser); scaler.update()
    with torch.autocast("sim"):
        default = model(S(1, 3)).dtype, torch.dot(S(2), S(2).half()).dtype, S(2).double().sum().dtype
    result = [str(d) for d in (out.dtype, loss.dtype, outside, model.weight.grad.dtype, *default)], bool(
        (model.weight != old).any())
    """
    half, single, double = "torch.float16", "torch.float32", "torch.float64"
    assert run(text) == ([half, single, single, single, half, single, double], True)


def test_autocast_refuses_what_is_unsafe(run: Run) -> None:
    """binary_cross_entropy in half precision, as on CUDA."""
    with pytest.raises(StudentRaised, match="are unsafe to autocast"):
        run("with torch.autocast('sim'):\n    result = F.binary_cross_entropy(S(3), S(3))")


def test_waiting_and_caches_can_be_asked_for(run: Run) -> None:
    """synchronize, empty_cache and the device's name, by torch.sim and by torch.accelerator."""
    text = """
    torch.sim.synchronize(); torch.accelerator.synchronize(); torch.sim.empty_cache(); torch.accelerator.empty_cache()
    torch.accelerator.set_device_index(0)
    with torch.sim.device(0), torch.device("sim"):
        inside = torch.ones(2).device.type, nn.Linear(2, 2).weight.device.type
    result = torch.sim.device_count(), torch.sim.current_device(), torch.sim.get_device_name(), inside
    """
    assert run(text) == (1, 0, "simulated accelerator", ("sim", "sim"))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("S(2).to_sparse()", "The simulated accelerator has no tensors of layout sparse_coo"),
        ("torch.eye(2).to_sparse().to('sim')", "The simulated accelerator has no tensors of layout sparse_coo"),
        ("torch.eye(2).to_sparse() @ S(2, 2)", "The simulated accelerator has no tensors of layout sparse_coo"),
        (
            "torch.eye(2).to_sparse_csr().to('sim').sum()",
            "The simulated accelerator has no tensors of layout sparse_csr",
        ),
        ("torch.nested.nested_tensor([S(2)]).cos()", "The simulated accelerator has no tensors of layout nested"),
        (
            "nn.Embedding(3, 2, sparse=True).to('sim')(torch.tensor([1]).to('sim')).sum().backward()",
            "The simulated accelerator has no tensors of layout sparse_coo",
        ),
        ("S(2).untyped_storage().resize_(0)", "The simulated accelerator cannot do UntypedStorage.resize_"),
        ("torch.accelerator.memory_allocated()", "The simulated accelerator has no torch.accelerator.memory_allocated"),
        ("torch.quantize_per_tensor(S(2), 1.0, 0, torch.qint8)", "The simulated accelerator has no tensors of layout"),
        ("torch.empty_quantized((2,), S(2))", "The simulated accelerator cannot do empty_quantized"),
        ("torch.sim.Stream()", "The simulated accelerator has no torch.sim.Stream"),
    ],
)
def test_what_it_cannot_do_is_said(run: Run, expression: str, text: str) -> None:
    """A sentence of ours, and never a wrong value."""
    assert raised_by(run, expression)[1].startswith(text)


def test_a_dtype_that_no_kernel_takes_is_not_blamed_on_the_accelerator(run: Run) -> None:
    """The CPU refuses it too, so the advice to compute there would be wrong: torch's own words stay."""
    name, said = raised_by(run, "torch.softmax(torch.tensor([1, 2], device='sim'), 0)")
    assert (name, said) == ("NotImplementedError", "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'")


def test_an_in_place_result_that_does_not_fit_is_torchs_mistake_to_name(run: Run) -> None:
    """A broadcast that an in-place operator cannot do is the student's mistake, not a limit of the accelerator."""
    said = raised_by(run, "S(5, 1).logical_or_(S(5, 5))")
    assert said == ("RuntimeError", "output with shape [5, 1] doesn't match the broadcast shape [5, 5]")


def test_an_encoder_takes_padding_in_evaluation(run: Run) -> None:
    """torch would pack what is not padded into a nested tensor; what is no padding comes to the same as on the CPU."""
    text = """
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net = nn.TransformerEncoder(layer, 2).eval()
    x, padding = torch.rand(2, 4, 8), torch.tensor([[False] * 4, [False] * 2 + [True] * 2])
    with torch.no_grad():
        wanted = net(x, src_key_padding_mask=padding)
        got = net.to("sim")(x.to("sim"), src_key_padding_mask=padding.to("sim")).cpu()
    result = tuple(got.shape), torch.allclose(got[~padding], wanted[~padding], atol=1e-6)
    """
    assert run(text) == ((2, 4, 8), True)


def test_data_parallel_is_one_copy(run: Run) -> None:
    """As on a machine with one GPU: batches of the host are moved, and gradients reach the module."""
    text = """
    model = nn.Linear(3, 2).to("sim")
    out = nn.DataParallel(model)(torch.ones(4, 3))
    out.sum().backward()
    result = out.device.type, torch.equal(out, model(torch.ones(4, 3).to("sim"))), model.bias.grad.tolist()
    """
    assert run(text) == ("sim", True, [4.0, 4.0])


def test_too_much_memory_is_too_much_memory(run: Run) -> None:
    """The accelerator's memory is the guest's, and the outcome is that of a guest that takes too much."""
    with pytest.raises(StudentRaised, match="can't allocate memory") as raised:
        run("result = torch.empty(10**12, device='sim')")
    assert raised.value.outcome == "memory"


def test_gradients_pass_gradgradcheck(run: Run) -> None:
    """First and second order, in double precision, for leaves there and leaves on the CPU."""
    text = """
    x = torch.rand(3, dtype=torch.float64).to("sim").requires_grad_()
    there = torch.autograd.gradgradcheck(lambda a: (a.sin() * a).sum(), (x,))
    leaf = torch.ones(3, requires_grad=True)
    (leaf.to("sim") ** 2).sum().backward()
    result = there, leaf.grad.tolist(), leaf.grad.device.type
    """
    assert run(text) == (True, [2.0, 2.0, 2.0], "cpu")


# --- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "to_device", "to_host", "waits"),
    [
        ("x = torch.ones(3).to('sim')", 1, 0, 0),
        ("x = torch.tensor([1.0], device='sim')", 1, 0, 0),
        ("x = torch.zeros(3, device='sim') + 1", 0, 0, 0),
        ("x = torch.zeros(3, device='sim').cpu()", 0, 1, 1),
        ("x = torch.zeros(3, device='sim').to('cpu', non_blocking=True)", 0, 1, 0),
        ("x = torch.zeros(3, device='sim').tolist()", 0, 1, 1),
        ("x = torch.zeros(3, device='sim').sum().item()", 0, 0, 1),
        ("x = bool(torch.zeros((), device='sim') > 0)", 0, 0, 1),
        ("x = torch.zeros(3, device='sim').nonzero()", 0, 0, 1),
        ("y = torch.zeros(3, device='sim'); x = y[y > 0]", 0, 0, 1),
        ("y = torch.zeros(3, device='sim'); x = y[torch.tensor([0]).to('sim')]", 1, 0, 0),
        ("y = torch.zeros(3, device='sim'); y[y > 0] = torch.zeros(0, device='sim')", 0, 0, 1),
        ("y = torch.zeros(3, device='sim'); y[y > 0] = 1.0", 0, 0, 0),
        ("y = torch.zeros(3, device='sim'); x = y[torch.tensor([0])]", 1, 0, 0),
        ("torch.sim.synchronize()", 0, 0, 1),
        ("nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).to('sim')", 7, 0, 0),
        ("a = torch.ones(3, requires_grad=True); (a.to('sim') * 2).sum().backward()", 1, 1, 1),
    ],
)
def test_transfers_and_waits_are_counted(
    session: Session, run: Run, lines: str, to_device: int, to_host: int, waits: int
) -> None:
    """Each copy and each wait once, those in the thread of backward too."""
    assert set(session.guest.transfers().values()) == {0}
    run(f"{lines}\nresult = None")
    counts = session.guest.transfers()
    assert (counts["to_device"], counts["to_host"], counts["synchronisations"]) == (to_device, to_host, waits)


def test_what_the_grader_moves_is_not_counted(session: Session, run: Run) -> None:
    """Placing a tensor there, reading it and being sent results are no transfers of the student's."""
    x = session.guest.place(torch.ones(3), "sim")
    session.guest.read(x)
    session.submission.call("run", "result = torch.zeros(2, device='sim')")
    assert set(session.guest.transfers().values()) == {0}


def test_bytes_are_counted(session: Session, run: Run) -> None:
    """By the size of what is copied."""
    run("result = torch.ones(3, dtype=torch.float64).to('sim')[:2].cpu()")
    counts = session.guest.transfers()
    assert (counts["to_device_bytes"], counts["to_host_bytes"]) == (24, 16)


# --- torch without it -------------------------------------------------------------------------------------------------


def test_a_torch_that_lacks_the_private_function_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the version and the name; nothing is changed before it is said."""
    assert package.missing() == ""
    monkeypatch.setattr(package, "_NEEDED", ("torch.Tensor", "torch.utils.backend_registration._no_such_function"))
    assert package.missing() == "torch.utils.backend_registration._no_such_function"
    with pytest.raises(UnsupportedOnSim, match=r"cannot be had with torch 2\..*has no torch.utils.*_no_such_function"):
        package.install()


def test_a_device_that_no_guest_can_have_is_our_mistake(zygote: Zygote) -> None:
    """The check cannot be judged; it is not the student's."""
    spec = GuestSpec(fence.strongest_tier(), Limits(check_wall_s=60.0), (Source("student.py", STUDENT),))
    with Session(zygote, spec) as session, pytest.raises(InfrastructureError, match="with a device abacus"):
        session.open(0, device="abacus")
