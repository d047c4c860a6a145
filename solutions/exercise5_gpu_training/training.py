# <ours>
# Reference solution of exercise 5. Comments say why, not what. What stands between marks is not in the stub, which
# `grader release --from-solutions` makes of this file; see docs/release.md.
# </ours>
"""Exercise 5: a training loop for any device. Sixteen short pieces, about 110 lines; README.md has the explanations.

Models and losses are given to you; a loss is the mean over the rows of a batch, as torch.nn.CrossEntropyLoss() is.
`loader` is whatever hands out batches (x, t) when it is looped over, such as a DataLoader; batches come as CPU tensors,
and the last one may be smaller. `device` is a torch.device or its name. Whatever the device is called, the same code
must run on it: never write "cuda" but in `pick_device`.

Allowed      all of torch: torch.optim, torch.utils.data, torch.nn.utils.clip_grad_norm_, …
Not allowed  libraries that bring a training loop of their own.
Not asked    speed records. But each reading of a number from a GPU waits for it, so read once per epoch, not per batch.
"""

import math  # ours
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_  # ours
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str

# --- data -----------------------------------------------------------------------------------------------------------


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    """Draw points near a plane: t = x w + b + e, each x_nk ~ N(0, 1), each e_n ~ N(0, noise^2).

    Shapes:
        w: (features,)
        returns: x (count, features) and t (count, 1), both of the dtype of w

    All draws are the generator's, so that the same seed gives the same data.

    >>> x, t = linear_data(torch.tensor([2.0, -3.4]), 4.2, 5, torch.Generator().manual_seed(0), noise=0.0)
    >>> torch.allclose(t[:, 0], 2.0 * x[:, 0] - 3.4 * x[:, 1] + 4.2)
    True
    """
    # <todo: about 3 lines.>
    x = torch.randn(count, len(w), generator=generator, dtype=w.dtype)
    off = noise * torch.randn(count, 1, generator=generator, dtype=w.dtype)
    return x, x @ w.reshape(-1, 1) + b + off  # (count, 1): a plain (count,) would broadcast against predictions
    # </todo>


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Centre and scale every feature of all sets by the mean and standard deviation that it has in `train`.

    The variance divides by the number of rows. A feature that is the same in all rows of `train` is only centred.

    Shapes:
        train: (rows, features)
        others: each (any number of rows, features)
        returns: train and the others in the same order, standardised; the inputs are not changed

    >>> standardise(torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0]]))
    (tensor([[-1.],
            [ 1.]]), tensor([[3.]]))
    """
    # <todo: about 3 lines.>
    mean, sd = train.mean(0), train.std(0, correction=0)
    sd = torch.where(sd > 0, sd, 1.0)  # a feature that never changes is centred, not divided by 0
    return tuple((part - mean) / sd for part in (train, *others))
    # </todo>


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    """Hand out batches (x, t): every row once per epoch, with its own target; the last batch may be smaller.

    With `shuffle`, each epoch has an order of its own, drawn from the generator (None means torch's own); without, rows
    come as they stand.

    Shapes:
        x: (rows, *features)
        t: (rows, *)

    >>> for x, t in make_loader(torch.arange(3), torch.arange(3) * 10, batch_size=2):
    ...     print(x, t)
    tensor([0, 1]) tensor([ 0, 10])
    tensor([2]) tensor([20])
    """
    # <todo: about 1 line.>
    return DataLoader(torch.utils.data.TensorDataset(x, t), batch_size=batch_size, shuffle=shuffle, generator=generator)
    # </todo>


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Split rows 0 … count - 1 for cross-validation: for each fold (rows to train on, rows held out).

    The rows are mixed first, by the generator. Each row is held out in exactly one fold, and trained on in all others;
    the sizes of what is held out differ by at most 1.

    Shapes:
        returns: `folds` pairs of int64 tensors, (rows to train on,) and (rows held out,)

    >>> sorted(len(held) for _, held in k_folds(10, 3, torch.Generator().manual_seed(0)))
    [3, 3, 4]
    """
    # <todo: about 3 lines.>
    parts = torch.randperm(count, generator=generator).tensor_split(folds)  # sizes differ by at most one
    return [(torch.cat(parts[:held] + parts[held + 1 :]), parts[held]) for held in range(folds)]
    # </todo>


# --- devices --------------------------------------------------------------------------------------------------------


def pick_device(wanted: str | None = None) -> torch.device:
    """Return the device of that name; without a name, "cuda" where a CUDA device is there, else "cpu".

    >>> pick_device("cpu")
    device(type='cpu')
    """
    # <todo: about 2 lines. What this machine has is found out when the function runs.>
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))
    # </todo>


def to_device(value: Any, device: Device) -> Any:
    """Return the value with all its tensors on the device: a tensor, or a list, tuple or dict of such values, nested.

    Containers come back as new ones of the same kind, in the same order. What is neither comes back as it is.

    >>> to_device({"x": [torch.zeros(2)], "name": "row 7"}, "cpu")
    {'x': [tensor([0., 0.])], 'name': 'row 7'}
    """
    # <todo: about 7 lines. Note that `tensor.to(device)` returns a tensor and leaves the old one where it is.>
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: to_device(part, device) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(to_device(part, device) for part in value)
    return value
    # </todo>


# --- one step, one epoch --------------------------------------------------------------------------------------------


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    """Train on one batch: one step along the gradient of this batch alone; return the loss before the step.

    The model is on the device already; the batch may not be. The mode of the model stays as it is.

    Shapes:
        x: (batch, *features)
        t: (batch, *)
        returns: (), on the device, without a graph: not a float

    >>> model = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(model.weight)
    >>> sgd = torch.optim.SGD(model.parameters(), lr=0.5)
    >>> train_step(model, torch.tensor([[1.0]]), torch.tensor([[3.0]]), nn.MSELoss(), sgd, "cpu")
    tensor(4.)
    >>> model.weight.item()
    3.0
    """
    # <todo: about 6 lines.>
    x, t = x.to(device), t.to(device)
    optimizer.zero_grad()
    loss = loss_fn(model(x), t)
    loss.backward()
    optimizer.step()
    return loss.detach()  # not .item(): that would wait for the device; not loss: that would keep the graph
    # </todo>


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    optimizer: Optimizer,
    device: Device,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    """Train a classifier on each batch once, in training mode; return mean loss and accuracy over all examples.

    Both are collected on the way, from the scores (batch, classes) that the step is made from: an example counts as
    right if its largest score is that of its class. Every example counts the same, also those of a smaller last batch.

    `accumulate`: one step for so many batches; the last step of an epoch is made from what is left. Each step is the
        one that a single large batch of these rows would give: its gradient is that of the mean loss over all of them.
    `max_norm`: before each step the gradient, all parameters together, is scaled down to at most this norm.

    Edge: on an accelerator, all batches together may wait for the device only a few times.

    >>> model, rows = nn.Linear(1, 2), [(torch.ones(2, 1), torch.tensor([0, 0])), (torch.ones(1, 1), torch.tensor([1]))]
    >>> _ = nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    >>> still = torch.optim.SGD(model.parameters(), lr=0.0)
    >>> loss, accuracy = train_epoch(model, rows, nn.CrossEntropyLoss(), still, "cpu")
    >>> print(f"{loss:.4f} {accuracy:.4f}")
    0.6931 0.6667
    """
    # <todo: about 18 lines. Write it without the last two arguments first: the checks of those come later.>
    model.train()
    total = torch.zeros((), device=device, dtype=torch.float64)
    hits = torch.zeros((), device=device, dtype=torch.int64)
    rows = 0
    for group in _groups(loader, accumulate):
        size = sum(len(t) for _, t in group)
        optimizer.zero_grad()
        for x, t in to_device(group, device):
            scores = model(x)
            loss = loss_fn(scores, t)
            (loss * (len(t) / size)).backward()  # together the gradient of the mean over the group's rows
            total += loss.detach() * len(t)
            hits += (scores.argmax(1) == t).sum()
        if max_norm is not None:
            clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        rows += size
    return total.item() / rows, hits.item() / rows  # read once: each reading waits for the device
    # </todo>


# <ours>
def _groups(loader: Batches, size: int) -> Iterable[list[tuple[Tensor, Tensor]]]:
    """Return so many batches at a time; the last group may be smaller."""
    group = []
    for batch in loader:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


# </ours>
def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    """Return mean loss and accuracy over all examples, as `train_epoch` counts them, and learn nothing.

    In evaluation mode, without recording gradients; afterwards the model is in the mode in which it was before.

    >>> model, rows = nn.Linear(1, 2), [(torch.ones(2, 1), torch.tensor([0, 0])), (torch.ones(1, 1), torch.tensor([1]))]
    >>> _ = nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    >>> loss, accuracy = evaluate(model, rows, nn.CrossEntropyLoss(), "cpu")
    >>> print(f"{loss:.4f} {accuracy:.4f} {model.training}")
    0.6931 0.6667 True
    """
    # <todo: about 11 lines.>
    was_training = model.training
    model.eval()
    total, hits, rows = 0.0, 0, 0
    with torch.no_grad():
        for x, t in loader:
            x, t = x.to(device), t.to(device)
            scores = model(x)
            total += loss_fn(scores, t) * len(t)
            hits += (scores.argmax(1) == t).sum()
            rows += len(t)
    model.train(was_training)
    return float(total) / rows, float(hits) / rows
    # </todo>


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    """Return the class with the largest score for each row, in the order of the loader; its targets are not looked at.

    In evaluation mode, without recording gradients; afterwards the model is in the mode in which it was before.

    Shapes:
        returns: (rows,) int64, on the CPU

    >>> model = nn.Linear(2, 2, bias=False)
    >>> _ = nn.init.eye_(model.weight)
    >>> predict(model, [(torch.tensor([[1.0, 3.0], [2.0, 0.0]]), None)], "cpu")
    tensor([1, 0])
    """
    # <todo: about 6 lines.>
    was_training = model.training
    model.eval()
    with torch.no_grad():
        classes = torch.cat([model(x.to(device)).argmax(1) for x, _ in loader])
    model.train(was_training)
    return classes.cpu()
    # </todo>


# --- many epochs ----------------------------------------------------------------------------------------------------


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    """Return what the learning rate is multiplied by in an epoch, counted from 0: up in steps, then down a cosine.

    f(e) = (e + 1) / warmup                                             where e < warmup
    f(e) = (1 + cos(pi (e - warmup) / (epochs - warmup))) / 2           where warmup <= e < epochs
    f(e) = 0                                                            from there on

    0 <= warmup < epochs. Made for torch.optim.lr_scheduler.LambdaLR.

    >>> [round(warmup_cosine(epoch, 2, 6), 3) for epoch in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    # <todo: about 5 lines.>
    if epoch < warmup:
        return (epoch + 1) / warmup
    if epoch >= epochs:
        return 0.0
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))
    # </todo>


class EarlyStopping:
    """Remembers the weights with the smallest loss so far, and says when it has waited long enough for better ones.

    >>> model, stopping = nn.Linear(1, 1, bias=False), EarlyStopping(patience=2)
    >>> for weight, loss in [(1.0, 0.5), (2.0, 0.3), (3.0, 0.3), (4.0, 0.4)]:
    ...     _ = nn.init.constant_(model.weight, weight)
    ...     print(loss, stopping.update(loss, model))
    0.5 False
    0.3 False
    0.3 False
    0.4 True
    >>> stopping.restore(model)
    >>> model.weight.item(), stopping.best_loss
    (2.0, 0.3)
    """

    def __init__(self, patience: int) -> None:
        """Wait for at most `patience` epochs in a row; `best_loss` is infinite as long as nothing is known."""
        # <todo: about 4 lines.>
        self.patience = patience
        self.best_loss = math.inf
        self._misses = 0
        self._best: dict[str, Tensor] | None = None
        # </todo>

    def update(self, loss: float, model: nn.Module) -> bool:
        """Take the validation loss of one more epoch and the model as it is now; return whether to stop.

        A loss that is smaller than `best_loss` is the new best one. `patience` epochs in a row without one are enough.
        Edge: a loss of NaN is no new best one.
        """
        # <todo: about 6 lines. What happens to the tensors of `model.state_dict()` when training goes on?>
        if loss < self.best_loss:  # never true of NaN
            self.best_loss, self._misses = loss, 0
            # state_dict() holds the parameters' own memory: without clone, the kept weights would go on training.
            self._best = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            self._misses += 1
        return self._misses >= self.patience
        # </todo>

    def restore(self, model: nn.Module) -> None:
        """Put the best weights and buffers back into the model; without any, leave it as it is."""
        # <todo: about 2 lines.>
        if self._best is not None:
            model.load_state_dict(self._best)
        # </todo>


def fit(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches,
    loss_fn: Loss,
    make_optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
    device: Device,
    epochs: int,
    make_scheduler: Callable[[Optimizer], LRScheduler] | None = None,
    patience: int | None = None,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> list[dict[str, float]]:
    """Train for at most so many epochs, validate after each, and end with the best weights.

    - Model, and loss if it is a module, are moved to the device. `make_optimizer` is called once, with the model's
      parameters; `make_scheduler`, if there is one, once with the optimiser. It steps once after each epoch.
    - An epoch is `train_epoch` (with accumulate and max_norm) on train_loader, then `evaluate` on val_loader.
    - With `patience`, training ends as `EarlyStopping` says. With or without, the model ends with the weights of the
      epoch whose validation loss was smallest.

    Returns for each epoch that was run: "lr", the learning rate that its steps had (that of the first group), "loss"
    and "accuracy" of training, "val_loss" and "val_accuracy". All are floats.
    """
    # <todo: about 18 lines, with the functions above.>
    model.to(device)
    if isinstance(loss_fn, nn.Module):
        loss_fn.to(device)  # class weights are a buffer of the loss
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler else None
    stopping = EarlyStopping(epochs if patience is None else patience)
    history = []
    for _ in range(epochs):
        lr = optimizer.param_groups[0]["lr"]
        loss, accuracy = train_epoch(model, train_loader, loss_fn, optimizer, device, accumulate, max_norm)
        val_loss, val_accuracy = evaluate(model, val_loader, loss_fn, device)
        if scheduler is not None:
            scheduler.step()
        history.append(
            {"lr": lr, "loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}
        )
        if stopping.update(val_loss, model):
            break
    stopping.restore(model)
    return history
    # </todo>


# --- stop today, go on tomorrow -------------------------------------------------------------------------------------


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    """Write one file with all that the rest of a training depends on, torch's random state (of the CPU) included.

    It holds tensors and plain values only, so that `torch.load(path, weights_only=True)` can read it.
    """
    # <todo: about 7 lines: `torch.save` takes a dict.>
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),  # momentum lives here
        "scheduler": scheduler.state_dict(),
        "epoch": epoch,
        "random": torch.get_rng_state(),  # of shuffling and dropout on the CPU
    }
    torch.save(state, path)
    # </todo>


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    """Put everything back that `save_checkpoint` wrote; return the epoch.

    Training then goes on exactly as if it had never been interrupted. The file may come from another device than the
    one the model is on now.

    >>> def made():
    ...     model = nn.Linear(1, 1)
    ...     sgd = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    ...     return model, sgd, torch.optim.lr_scheduler.StepLR(sgd, 1)
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "checkpoint.pt")
    ...     save_checkpoint(path, *made(), epoch=7)
    ...     load_checkpoint(path, *made(), device="cpu")
    7
    """
    # <todo: about 6 lines.>
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["random"].cpu())  # map_location has moved it, too
    return int(state["epoch"])
    # </todo>


# --- all of it together ---------------------------------------------------------------------------------------------


def fit_line(
    x: Tensor,
    t: Tensor,
    device: Device,
    generator: torch.Generator,
    epochs: int = 3,
    batch_size: int = 10,
    lr: float = 0.03,
) -> nn.Linear:
    """Fit a plane to points by stochastic gradient descent on the mean squared error; return the model.

    One nn.Linear of the dtype of x; its weights start as N(0, 0.01^2), its bias at 0. Rows are shuffled in each epoch.
    All draws are the generator's.

    Shapes:
        x: (rows, features)
        t: (rows, 1)
    """
    # <todo: about 9 lines, with `make_loader` and `train_step`.>
    model = nn.Linear(x.shape[1], 1, dtype=x.dtype)
    nn.init.normal_(model.weight, std=0.01, generator=generator)
    nn.init.zeros_(model.bias)
    model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loader = make_loader(x, t, batch_size, shuffle=True, generator=generator)
    for _ in range(epochs):
        for rows, targets in loader:
            train_step(model, rows, targets, nn.MSELoss(), optimizer, device)
    return model
    # </todo>


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train a classifier of handwritten digits that does well on pictures it has not seen; return it and its history.

    Network, optimiser, schedule and how many rows you hold back for validation are up to you. The history is that of
    `fit`. A few seconds on one core of a CPU are enough, and more than 20 are too many.

    Shapes:
        x: (rows, 8, 8) float32, from 0 to 1
        t: (rows,) int64, from 0 to 9
        returns: a module for x of (batch, 8, 8) with scores of (batch, 10), and a dict for each epoch
    """
    # <todo: about 15 lines, with `make_loader` and `fit`.>
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    held = len(x) // 5
    history = fit(
        model,
        make_loader(x[held:], t[held:], 64, shuffle=True),
        make_loader(x[:held], t[:held], 256),
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.Adam(parameters, lr=3e-3),
        device,
        epochs=20,
        make_scheduler=lambda optimizer: torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda epoch: warmup_cosine(epoch, 2, 20)
        ),
        patience=5,
        max_norm=1.0,
    )
    return model, history
    # </todo>


# --- extra, without points: half the bits ---------------------------------------------------------------------------


def mixed_step(
    model: nn.Module,
    x: Tensor,
    t: Tensor,
    loss_fn: Loss,
    optimizer: Optimizer,
    scaler: torch.amp.GradScaler,
    device: Device,
    dtype: torch.dtype = torch.float16,
    max_norm: float | None = None,
) -> Tensor:
    """Do as `train_step` does, but compute scores and loss under torch.autocast in `dtype`.

    The loss is scaled by the scaler for the backward pass, and the scaler makes the step and is updated. `max_norm`
    means the norm of the gradient that is not scaled.

    Shapes:
        returns: () float32, the loss without the scale and without a graph
    """
    # <todo: about 11 lines.>
    x, t = x.to(device), t.to(device)
    optimizer.zero_grad()
    with torch.autocast(torch.device(device).type, dtype=dtype):
        loss = loss_fn(model(x), t)
    scaler.scale(loss).backward()  # scaled up, so that small gradients do not become 0 in half precision
    if max_norm is not None:
        scaler.unscale_(optimizer)  # max_norm is meant for the true gradients
        clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)  # leaves the step out where a gradient is infinite
    scaler.update()
    return loss.detach()
    # </todo>
