"""The public checks of exercise 5: small examples by hand, nothing random."""

import math

import torch

from grader.suite import devices, expect_close, expect_equal, expect_tuple, points


def rows(*values) -> torch.Tensor:
    """Return a matrix of these rows, in float64."""
    return torch.tensor(values, dtype=torch.float64)


def linear(guest, device, *weight):
    """Return nn.Linear without bias, in float64 and on the device, with these rows of weights."""
    model = guest.build("torch.nn.Linear", len(weight[0]), len(weight), bias=False)
    model.call("double")
    model.call("load_state_dict", {"weight": rows(*weight)})
    model.to(device)
    return model


def sgd(guest, model, lr):
    """Return an optimiser for the model."""
    return guest.build("torch.optim.SGD", model.call("parameters"), lr=lr)


def cross_entropy(guest):
    """Return the loss of a classifier."""
    return guest.build("torch.nn.CrossEntropyLoss")


# Two rows of class 0 with x = 1, one row of class 1 with x = 2. A network of one weight for each class, w and -w, has
# the scores (wx, -wx); then p of class 0 is s(2wx), with s(z) = 1/(1 + exp(-z)), the loss of class 0 is -ln s(2wx) and
# that of class 1 is -ln s(-2wx); the slope of a row's loss for w is half of it in each weight: x (p - y).
BATCHES = [(rows((1,), (1,)), torch.tensor([0, 0])), (rows((2,)), torch.tensor([1]))]


def s(z):
    """The sigmoid."""
    return 1 / (1 + math.exp(-z))


def mean_loss(first, second):
    """The mean loss of the three rows: w is `first` for the first batch, `second` for the other one."""
    return (-2 * math.log(s(2 * first)) - math.log(s(-4 * second))) / 3


@points(1)
def test_data_worked_example(submission, guest):
    """Rows 1 and 3 become −1 and 1; 3 rows in batches.

    zh_CN: 行 1 和 3 变成 −1 和 1；3 行分成批次。
    """
    train, other = expect_tuple(submission.standardise(rows((1,), (3,)), rows((5,))), 2, "standardise(train, other)")
    expect_close(train, rows((-1,), (1,)), label="train")
    expect_close(other, rows((3,)), label="other")
    w, generator = torch.tensor([2.0, -3.4]), guest.build("torch.Generator")
    x, t = expect_tuple(submission.linear_data(w, 4.2, 5, generator, noise=0.0), 2, "linear_data")
    expect_close(t, (2.0 * x[:, :1] - 3.4 * x[:, 1:] + 4.2), label="t without noise")
    loader = submission.make_loader(rows((1,), (2,), (3,)), torch.tensor([10, 20, 30]), 2)
    batches = guest.build("builtins.list", loader).call("copy")
    (first, _), (last, t) = expect_tuple(batches, 2, "batches of make_loader")
    expect_close(first, rows((1,), (2,)), label="x of the first batch")
    expect_close(last, rows((3,)), label="x of the last batch")
    expect_equal(t, torch.tensor([30]), label="t of the last batch")


@devices("sim", "cuda")
@points(1)
def test_devices_worked_example(submission, device):
    """A batch in a dict and a list goes to the device.

    zh_CN: 装在 dict 和 list 里的批次移到设备上。
    """
    expect_close(submission.to_device(rows((3, 4)), device), rows((3, 4)), label="a tensor alone", device=device)
    batch = {"x": [rows((1, 2))], "name": "row 7"}
    moved = submission.to_device(batch, device)
    expect_equal(sorted(moved), ["name", "x"], label="keys of the batch")
    expect_equal([moved["name"], len(moved["x"])], ["row 7", 1], label="name, and number of tensors in the list")
    expect_close(moved["x"][0], rows((1, 2)), label="tensor in the list", device=device)


@points(1)
def test_a_step_worked_example(submission, guest, device):
    """Weight 1, x = 1, t = 3, lr ½: the weight is then 3.

    zh_CN: 权重 1，x = 1，t = 3，lr ½：之后权重是 3。
    """
    model = linear(guest, device, (1,))
    optimizer, loss = sgd(guest, model, 0.5), guest.build("torch.nn.MSELoss")
    for number, (value, weight) in enumerate(((4.0, 3.0), (0.0, 3.0)), start=1):
        got = submission.train_step(model, rows((1,)), rows((3,)), loss, optimizer, device)
        expect_close(got, torch.tensor(value).double(), label=f"loss of step {number}", device=device)
        expect_close(model.parameters()["weight"], rows((weight,)), label=f"weight after step {number}")


@points(1)
def test_an_epoch_worked_example(submission, guest, device):
    """Batches of 2 and 1 rows: two steps, or together one.

    zh_CN: 2 行和 1 行的批次：两步，或者合成一步。
    """
    p, q = s(1.0), s(2.0)
    first = 0.5 + (1 - p)
    for accumulate, second, end in (
        (1, first, first - 2 * s(4 * first)),
        (2, 0.5, 0.5 + (2 * (1 - p) - 2 * q) / 3),
    ):
        model = linear(guest, device, (0.5,), (-0.5,))
        things = model, BATCHES, cross_entropy(guest), sgd(guest, model, 1.0), device
        loss, accuracy = expect_tuple(submission.train_epoch(*things, accumulate=accumulate), 2, "train_epoch")
        label = f"accumulate={accumulate}"
        expect_close(loss, mean_loss(0.5, second), label=f"mean loss, {label}")
        expect_close(accuracy, 2 / 3, label=f"accuracy, {label}")
        expect_close(model.parameters()["weight"], rows((end,), (-end,)), label=f"weights, {label}")


@points(1)
def test_an_evaluation_worked_example(submission, guest, device):
    """w = ½: loss, accuracy and classes of three rows.

    zh_CN: w = ½：三行的损失、正确率和类别。
    """
    model = linear(guest, device, (0.5,), (-0.5,))
    loss, accuracy = expect_tuple(submission.evaluate(model, BATCHES, cross_entropy(guest), device), 2, "evaluate")
    expect_close(loss, mean_loss(0.5, 0.5), label="mean loss")
    expect_close(accuracy, 2 / 3, label="accuracy")
    batches = [(rows((1,), (-2,)), None), (rows((-3,)), None)]
    expect_close(submission.predict(model, batches, device), torch.tensor([0, 1, 1]), label="classes", device="cpu")


@devices("cpu")
@points(1)
def test_early_stopping_worked_example(submission, guest):
    """Patience 2: losses ½, 0.3, 0.3, 0.4 stop the training.

    zh_CN: patience 2：损失 ½、0.3、0.3、0.4 使训练停止。
    """
    model, stopping = linear(guest, "cpu", (0,)), submission.EarlyStopping(2)
    for weight, loss, stop in ((1, 0.5, False), (2, 0.3, False), (3, 0.3, False), (4, 0.4, True)):
        model.call("load_state_dict", {"weight": rows((weight,))})
        expect_equal(stopping.update(loss, model), stop, label=f"whether to stop at weight {weight}, loss {loss}")
    stopping.restore(model)
    expect_close(model.parameters()["weight"], rows((2,)), label="weight after restore")
    expect_close(stopping.get("best_loss"), 0.3, label="best_loss")
    for epoch, factor in enumerate((0.5, 1, 1, (1 + math.sqrt(0.5)) / 2, 0.5)):
        label = f"warmup_cosine({epoch}, 2, 6)"
        expect_close(submission.warmup_cosine(epoch, 2, 6), float(factor), label=label)


@points(1)
def test_fit_worked_example(submission, guest, device):
    """One epoch of two steps with lr 1, then validation.

    zh_CN: 一轮两步，lr 为 1，然后验证。
    """
    model = linear(guest, "cpu", (0.5,), (-0.5,))
    optim = guest.build("importlib.import_module", "torch.optim")
    make_optimizer = guest.build("functools.partial", optim.SGD, lr=1.0)
    history = submission.fit(model, BATCHES, BATCHES, cross_entropy(guest), make_optimizer, device, 1)
    (epoch,) = expect_tuple(history, 1, "history of one epoch")
    first = 0.5 + (1 - s(1.0))
    end = first - 2 * s(4 * first)
    expected = {"lr": 1.0, "loss": mean_loss(0.5, first), "accuracy": 2 / 3}
    # w is now negative: the two rows of class 0 are wrong, the other one is right.
    expected |= {"val_loss": mean_loss(end, end), "val_accuracy": 1 / 3}
    for name, value in expected.items():
        expect_close(epoch[name], value, label=name)


@devices("cpu")
@points(1)
def test_a_checkpoint_worked_example(submission, guest):
    """Weight 2 and epoch 7 are saved, and come back.

    zh_CN: 保存权重 2 和轮次 7，再读回来。
    """

    def made(weight):
        model = linear(guest, "cpu", (weight,))
        optimizer = sgd(guest, model, 0.5)
        return model, optimizer, guest.build("torch.optim.lr_scheduler.StepLR", optimizer, 1)

    folder = guest.build("tempfile.TemporaryDirectory")
    path = folder.get("name") + "/checkpoint.pt"
    submission.save_checkpoint(path, *made(2), 7)
    things = made(5)
    expect_equal(submission.load_checkpoint(path, *things, "cpu"), 7, label="epoch")
    expect_close(things[0].parameters()["weight"], rows((2,)), label="weight")
