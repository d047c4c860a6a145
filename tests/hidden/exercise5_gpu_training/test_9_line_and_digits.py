"""All of it together: a plane found by training, and the form of what train_digits returns."""

import pytest
import torch

from grader.suite import (
    device_of,
    devices,
    digits,
    expect_close,
    expect_equal,
    expect_tuple,
    limits,
    linear_data,
    needs,
    points,
)

from .draws import expect_normal
from .loops import HISTORY, normal, probe_of

PLANE = "test_fit_line_finds_the_plane"
W, B = (2.0, -3.4), 4.2
# Of 150 runs of the reference the largest error in w and b was 0.0018, the mean 0.0007.
NEAR = 0.01


@points(1)
@needs("test_steps_follow_the_gradient_of_their_own_batch")
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=devices("cpu"))])
def test_fit_line_finds_the_plane(submission, guest, device, rng, dtype):
    """fit_line finds w = [2, -3.4] and b = 4.2, nearly.

    zh_CN: fit_line 大致找到 w = [2, -3.4] 和 b = 4.2。
    """
    x, t = (part.to(getattr(torch, dtype)) for part in linear_data(rng, W, B, 600))
    model = submission.fit_line(x, t, device, probe_of(guest).generator(5))
    for name, value in (("weight", torch.tensor([W])), ("bias", torch.tensor([B]))):
        expect_close(
            model.get(name), value.to(x.dtype), rtol=NEAR / float(value.abs().max()), label=name, device=device
        )


@devices("cpu")
@points(1)
@needs(PLANE)
def test_fit_line_takes_as_many_steps_as_it_is_told(submission, guest, rng):
    """fit_line: epochs, batch_size and lr are used.

    zh_CN: fit_line：用上 epochs、batch_size 和 lr。
    """
    x, t = linear_data(rng, W, B, 40, noise=0.0)
    for epochs, lr in ((3, 0.1), (2, 0.05)):
        model = submission.fit_line(x, t, "cpu", probe_of(guest).generator(5), epochs=epochs, batch_size=40, lr=lr)
        rows = torch.cat([x, torch.ones(40, 1).double()], dim=1)
        weights = torch.zeros(3, 1).double()
        for _ in range(epochs):
            weights -= lr * 2 / 40 * rows.T @ (rows @ weights - t)
        got = model.parameters()
        # The weights start near 0, not at it: five standard deviations of that are 0.05.
        label = f"fit_line, all rows in one batch, {epochs} epochs, lr {lr}"
        expect_close(got["weight"], weights[:2].T, rtol=0.05, label=f"weight: {label}")
        expect_close(got["bias"], weights[2], rtol=0.05, label=f"bias: {label}")
    for rows in (30, 31):
        # With x = 0 and t = 1 each step takes the bias by 2 lr of the way that is left, whatever the order.
        x, t = torch.zeros(rows, 1).double(), torch.ones(rows, 1).double()
        bias = submission.fit_line(x, t, "cpu", probe_of(guest).generator(5)).parameters()["bias"]
        steps = 3 * -(-rows // 10)
        expected = torch.tensor([1 - (1 - 2 * 0.03) ** steps], dtype=torch.float64)
        expect_close(
            bias, expected, label=f"bias: fit_line(x, t, device, generator) of {rows} rows with x = 0 and t = 1"
        )


@devices("cpu")
@points(1)
def test_the_line_starts_near_zero(submission, guest, rng):
    """fit_line: weights start as N(0, 0.01²), the bias at 0.

    zh_CN: fit_line：权重从 N(0, 0.01²) 开始，偏置从 0 开始。
    """
    for dtype in (torch.float32, torch.float64):
        x, t = normal(rng, 3, 4000, dtype=dtype), normal(rng, 3, 1, dtype=dtype)
        start = submission.fit_line(x, t, "cpu", probe_of(guest).generator(5), epochs=0).parameters()
        shape = [list(start["weight"].shape), str(start["weight"].dtype)]
        expect_equal(shape, [[1, 4000], str(dtype)], label="shape and dtype of the weight")
        expect_normal(start["weight"], 0.01, "the weights before training")
        expect_close(start["bias"], torch.zeros(1, dtype=dtype), label="bias before training")


@devices("cpu")
@points(1)
@needs(PLANE)
def test_the_line_is_drawn_from_the_generator(submission, guest, rng):
    """fit_line: the generator decides, torch's own seed does not.

    zh_CN: fit_line：由生成器决定，不由 torch 自己的种子。
    """
    (x, t), probe = linear_data(rng, W, B, 60), probe_of(guest)

    def fitted(seed, own):
        probe.reseed(own)
        return submission.fit_line(x, t, "cpu", probe.generator(seed)).parameters()["weight"].detach()

    first = fitted(5, 1)
    expect_equal(fitted(5, 2), first, label="weight for the same generator once more")
    expect_equal(bool((fitted(6, 1) == first).any()), False, label="whether weight is the same for another generator")


@devices("cpu")
@points(1)
@needs(PLANE)
def test_the_line_is_fitted_to_shuffled_rows(submission, guest):
    """fit_line: rows are shuffled in each epoch.

    zh_CN: fit_line：每一轮都打乱行。
    """
    rows, probe = 30, probe_of(guest)
    x, t = torch.zeros(rows, 1).double(), torch.arange(rows).double().reshape(rows, 1)
    lasts = []
    for epochs in range(1, 6):
        model = submission.fit_line(x, t, "cpu", probe.generator(5), epochs=epochs, batch_size=1, lr=0.5)
        # With x = 0 and this learning rate a step makes the bias the t of its row: it tells which row was the last one.
        lasts.append(round(float(model.parameters()["bias"].detach()), 6))
    expect_equal(sorted(set(lasts) - set(t[:, 0].tolist())), [], label="bias that is the t of no row")
    as_they_stand = set(lasts) == {float(rows - 1)}
    expect_equal(as_they_stand, False, label="whether the row that stands last always comes last")
    # All the same by chance: once in 800,000 times.
    expect_equal(len(set(lasts)) > 1, True, label="whether different rows come last after 1, 2, 3, 4 and 5 epochs")


# --- train_digits ---------------------------------------------------------------------------------------------------


@points(1)
@limits(check_wall_s=25)
def test_train_digits_returns_a_model_and_its_history(submission, guest, device, rng):
    """train_digits: a model with 10 scores, its history.

    zh_CN: train_digits：有 10 个得分的模型，以及它的历史。
    """
    train, *_ = digits(rng, test=1437)
    model, history = expect_tuple(submission.train_digits(train.x, train.t, device), 2, "model, history")
    rows = history if isinstance(history, list) else []
    expect_equal(len(rows) > 0, True, label="whether the history is a list with a dict for each epoch")
    for epoch, row in enumerate(rows, start=1):
        kinds = {name: type(row.get(name)).__name__ for name in HISTORY} if isinstance(row, dict) else row
        label = f"history of epoch {epoch}: its names, and types of its values"
        expect_equal(kinds, dict.fromkeys(HISTORY, "float"), label=label)
    scores = model.eval()(guest.place(train.x, device))
    form = [list(scores.shape), str(scores.dtype), device_of(scores)]
    expect_equal(form, [[360, 10], "torch.float32", device], label="shape, dtype and device of the scores")
    share = float((scores.detach().argmax(1) == train.t).double().mean())
    is_that = abs(share - max(row["val_accuracy"] for row in rows)) < 0.4
    expect_equal(is_that, True, label="whether the model is as good as its history says, to within 0.4")
    # Chance gets a tenth. Of nine ordinary ways (SGD or Adam; one layer, two, a CNN) the worst got 0.84 here.
    expect_equal(share > 0.3, True, label="whether a third of the pictures of the training is recognised")
