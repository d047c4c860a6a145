"""Devices: which one, and everything onto it."""

import pytest
import torch

from grader.suite import device_of, devices, expect_close, expect_equal, needs, points

from .loops import normal, probe_of

MOVED = "test_to_device_moves_tensors_wherever_they_are_packed"


@pytest.fixture
def batch(rng):
    """Pictures and classes."""
    return normal(rng, 4, 3), torch.arange(4)


# --- pick_device ----------------------------------------------------------------------------------------------------


@devices("cpu")
@points(1)
@pytest.mark.parametrize("there", [False, True], ids=["absent", "present"])
def test_pick_device_takes_cuda_where_it_is(submission, guest, there):
    """pick_device() is cuda where there is one, else cpu.

    zh_CN: pick_device() 在有 cuda 的地方是 cuda，否则是 cpu。
    """
    found = probe_of(guest).with_cuda(there, submission.pick_device)
    label = f"pick_device() where a CUDA device is {'there' if there else 'absent'}"
    expect_equal(found, ["device", "cuda" if there else "cpu"], label=label)


@points(1)
def test_pick_device_gives_the_device_that_was_asked_for(submission, guest, device):
    """pick_device("…") is the device of that name.

    zh_CN: pick_device("…") 是叫那个名字的设备。
    """
    probe = probe_of(guest)
    for name in (device, "meta"):
        expect_equal(probe.where(submission.pick_device(name)), ["device", name], label=f'pick_device("{name}")')


# --- to_device ------------------------------------------------------------------------------------------------------


def expect_tensor(got, wanted, label, device=None):
    """Compare a moved tensor."""
    expect_close(got, wanted, label=label, device=device)


def expect_nested(got, x, t, device=None):
    """Compare a batch of `probe.nested`."""
    plain = got if isinstance(got, dict) else {}
    expect_equal(list(plain), ["pictures", "weights", "none"], label="keys of the batch")
    kinds = [type(part).__name__ for part in (plain["pictures"], plain["weights"], plain["none"])]
    expect_equal(kinds, ["list", "dict", "NoneType"], label="kinds of what is in the batch")
    expect_equal(len(plain["pictures"]), 2, label="length of the list in the batch")
    first, pair = plain["pictures"]
    expect_tensor(first, x, "tensor in a list", device)
    expect_equal([type(pair).__name__, len(pair)], ["tuple", 2], label="tuple in a list: its kind and length")
    expect_tensor(pair[0], t, "tensor in a tuple in a list", device)
    expect_equal(pair[1], "row 7", label="text in a tuple")
    expect_equal(list(plain["weights"]), ["all", "count"], label="keys of a dict in a dict")
    expect_tensor(plain["weights"]["all"], x, "tensor in a dict in a dict", device)
    expect_equal(plain["weights"]["count"], 3, label="number in a dict")


@devices("cpu")
@points(1)
def test_to_device_keeps_kinds_and_order_in_new_containers(submission, guest, batch):
    """to_device: new containers of the same kinds, same order.

    zh_CN: to_device：新的容器，种类相同，顺序相同。
    """
    probe = probe_of(guest)
    before = probe.Kept(probe.nested, *batch)
    after = probe.Kept(submission.to_device, before.value, "cpu")
    expect_nested(after.get("value"), *batch)
    expect_equal(probe.shared(before.value, after.value), [], label="containers that are not new")


@devices("sim", "cuda")
@points(1)
def test_to_device_moves_tensors_wherever_they_are_packed(submission, guest, device, batch):
    """to_device: tensors in lists, tuples, dicts are moved.

    zh_CN: to_device：list、tuple、dict 中的张量都移过去。
    """
    x, t = batch
    expect_close(submission.to_device(x, device), x, label="a tensor alone", device=device)
    expect_nested(submission.to_device(probe_of(guest).nested(x, t), device), x, t, device)


@devices("sim", "cuda")
@points(1)
@needs(MOVED)
def test_to_device_leaves_its_input_where_it_is(submission, guest, device, batch):
    """to_device: what was given stays where it was.

    zh_CN: to_device：给它的东西留在原处。
    """
    x, _ = batch
    kept, given = guest.tensor(x), [guest.place(x, device)]
    there = submission.to_device({"x": kept}, probe_of(guest).device(device))
    expect_close(there["x"], x, label="tensor in a dict", device=device)
    expect_equal(device_of(guest.read(kept)), "cpu", label="where the tensor that was given is afterwards")
    expect_close(submission.to_device(given, "cpu")[0], x, label="tensor that was moved back", device="cpu")
