"""Checkpoints: what was interrupted goes on as if it had not been."""

import pytest

from grader.suite import devices, expect_close, expect_equal, needs, points

from . import probe as own
from .loops import labelled, probe_of

WEIGHTS = "test_a_checkpoint_brings_back_weights_buffers_and_epoch"
BEFORE, AFTER = 3, 3


@pytest.fixture
def data(rng):
    """Examples and classes."""
    return labelled(rng)


def saved(submission, probe, data, device="cpu", **how):
    """Train, save; return the training, its folder and the path."""
    training, folder = probe.Training(*data, 1, device, **how), probe.Folder()
    training.epochs(BEFORE)
    path = folder.path("checkpoint.pt")
    submission.save_checkpoint(path, training.model, training.optimizer, training.scheduler, BEFORE)
    return training, folder, path


def loaded(submission, probe, data, path, device="cpu", **how):
    """Load a checkpoint into other objects, which have trained too; return them and what was returned."""
    training = probe.Training(*data, 2, device, **how)
    training.epochs(2)  # not 3, nor 1: the learning rate changes in every second epoch
    epoch = submission.load_checkpoint(path, training.model, training.optimizer, training.scheduler, device)
    return training, epoch


def expect_epochs(got, wanted, label):
    """Compare learning rate and weights after each epoch."""
    for number, (one, other) in enumerate(zip(got, wanted, strict=True), start=1):
        where = f"{label}, epoch {number} after the checkpoint"
        expect_close(one["lr"], other["lr"], label=f"{where}: lr")
        for name, value in other["weights"].items():
            expect_close(one["weights"][name], value, rtol=1e-8, label=f"{where}: {name}")


def expect_resumed(submission, guest, data, device="cpu", **how):
    """See that training goes on alike in what was saved, and in what it was loaded into."""
    probe = probe_of(guest)
    training, folder, path = saved(submission, probe, data, device, **how)
    expected = own.Training(*data, 1, "cpu", **how).epochs(BEFORE + AFTER)[BEFORE:]
    expect_epochs(training.epochs(AFTER), expected, "uninterrupted")
    resumed, _ = loaded(submission, probe, data, path, device, **how)
    expect_epochs(resumed.epochs(AFTER), expected, "resumed")
    expect_equal(folder.names(), ["checkpoint.pt"], label="files that save_checkpoint has written")


@points(1)
def test_a_checkpoint_brings_back_weights_buffers_and_epoch(submission, guest, device, data):
    """Checkpoint: weights, buffers and epoch come back.

    zh_CN: 检查点：权重、缓冲区和轮次都能读回。
    """
    probe = probe_of(guest)
    training, _folder, path = saved(submission, probe, data, device)
    kept = training.weights()
    training.epochs(1)
    resumed, epoch = loaded(submission, probe, data, path, device)
    expect_equal(epoch, BEFORE, label="epoch that load_checkpoint returns")
    got = resumed.weights()
    for name, value in kept.items():
        expect_close(got[name], value, label=f"{name} after load_checkpoint")


@points(1)
@needs(WEIGHTS)
def test_a_resumed_training_keeps_its_momentum(submission, guest, device, data):
    """Checkpoint: training keeps its momentum.

    zh_CN: 检查点：训练保持它的动量。
    """
    expect_resumed(submission, guest, data, device, momentum=0.9)


@devices("cpu")
@points(1)
@needs(WEIGHTS)
def test_a_resumed_training_keeps_its_schedule(submission, guest, data):
    """Checkpoint: the learning rate goes on where it was.

    zh_CN: 检查点：学习率从原来的地方继续。
    """
    expect_resumed(submission, guest, data, gamma=0.5)


@devices("cpu")
@points(1)
@needs(WEIGHTS)
def test_a_resumed_training_draws_what_it_would_have_drawn(submission, guest, data):
    """Checkpoint: shuffling and dropout go on as they would.

    zh_CN: 检查点：打乱和 dropout 接着原来的随机数。
    """
    expect_resumed(submission, guest, data, shuffle=True, dropout=0.3)


@devices("sim", "cuda")
@points(1)
@needs(WEIGHTS)
@pytest.mark.parametrize("there", [True, False], ids=["from", "to"])
def test_a_checkpoint_goes_to_another_device(submission, guest, device, data, there):
    """Checkpoint: saved on one device, resumed on another.

    zh_CN: 检查点：在一个设备上保存，在另一个上继续。
    """
    probe, ends = probe_of(guest), (device, "cpu") if there else ("cpu", device)
    _training, _folder, path = saved(submission, probe, data, ends[0], momentum=0.9)
    resumed, epoch = loaded(submission, probe, data, path, ends[1], momentum=0.9)
    expect_equal(epoch, BEFORE, label="epoch that load_checkpoint returns")
    expected = own.Training(*data, 1, "cpu", momentum=0.9).epochs(BEFORE + AFTER)[BEFORE:]
    label = f"from {ends[0]} to {ends[1]}"
    expect_epochs(resumed.epochs(AFTER), expected, label)
    expect_equal(resumed.devices(), [ends[1]], label=f"{label}: where weights and momentum are")


@devices("cpu", "sim")
@points(1)
@needs(WEIGHTS)
def test_a_checkpoint_of_cuda_is_read_without_cuda(submission, guest, device, data):
    """Checkpoint: one from CUDA is read without CUDA.

    zh_CN: 检查点：来自 CUDA 的，没有 CUDA 也能读。
    """
    probe = probe_of(guest)
    training, _folder, path = saved(submission, probe, data)
    kept = training.weights()
    probe.as_if_from_cuda(path)
    resumed, epoch = loaded(submission, probe, data, path, device)
    expect_equal(epoch, BEFORE, label="epoch that load_checkpoint returns")
    got = resumed.weights()
    for name, value in kept.items():
        expect_close(got[name], value, label=f"{name} after load_checkpoint")


@devices("cpu")
@points(1)
@needs(WEIGHTS)
def test_a_checkpoint_holds_only_tensors_and_plain_values(submission, guest, data):
    """Checkpoint: torch.load with weights_only=True reads it.

    zh_CN: 检查点：torch.load 用 weights_only=True 能读。
    """
    probe = probe_of(guest)
    _training, _folder, path = saved(submission, probe, data, momentum=0.9, gamma=0.5)
    expect_equal(probe.readable(path), "", label="what torch.load(path, weights_only=True) says against the file")
    _, epoch = loaded(submission, probe, data, path)
    expect_equal(epoch, BEFORE, label="epoch that load_checkpoint returns")
