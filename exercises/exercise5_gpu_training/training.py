"""Exercise 5: a training loop for any device. Sixteen short pieces, about 110 lines; README.md has the explanations.

Models and losses are given to you; a loss is the mean over the rows of a batch, as torch.nn.CrossEntropyLoss() is.
`loader` is whatever hands out batches (x, t) when it is looped over, such as a DataLoader; batches come as CPU tensors,
and the last one may be smaller. `device` is a torch.device or its name. Whatever the device is called, the same code
must run on it: never write "cuda" but in `pick_device`.

Allowed      all of torch: torch.optim, torch.utils.data, torch.nn.utils.clip_grad_norm_, …
Not allowed  libraries that bring a training loop of their own.
Not asked    speed records. But each reading of a number from a GPU waits for it, so read once per epoch, not per batch.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
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
    # TODO: about 3 lines.
    raise NotImplementedError("linear_data")


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
    # TODO: about 3 lines.
    raise NotImplementedError("standardise")


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
    # TODO: about 1 line.
    raise NotImplementedError("make_loader")


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Split rows 0 … count - 1 for cross-validation: for each fold (rows to train on, rows held out).

    The rows are mixed first, by the generator. Each row is held out in exactly one fold, and trained on in all others;
    the sizes of what is held out differ by at most 1.

    Shapes:
        returns: `folds` pairs of int64 tensors, (rows to train on,) and (rows held out,)

    >>> sorted(len(held) for _, held in k_folds(10, 3, torch.Generator().manual_seed(0)))
    [3, 3, 4]
    """
    # TODO: about 3 lines.
    raise NotImplementedError("k_folds")


# --- devices --------------------------------------------------------------------------------------------------------


def pick_device(wanted: str | None = None) -> torch.device:
    """Return the device of that name; without a name, "cuda" where a CUDA device is there, else "cpu".

    >>> pick_device("cpu")
    device(type='cpu')
    """
    # TODO: about 2 lines. What this machine has is found out when the function runs.
    raise NotImplementedError("pick_device")


def to_device(value: Any, device: Device) -> Any:
    """Return the value with all its tensors on the device: a tensor, or a list, tuple or dict of such values, nested.

    Containers come back as new ones of the same kind, in the same order. What is neither comes back as it is.

    >>> to_device({"x": [torch.zeros(2)], "name": "row 7"}, "cpu")
    {'x': [tensor([0., 0.])], 'name': 'row 7'}
    """
    # TODO: about 7 lines. Note that `tensor.to(device)` returns a tensor and leaves the old one where it is.
    raise NotImplementedError("to_device")


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
    # TODO: about 6 lines.
    raise NotImplementedError("train_step")


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
    # TODO: about 18 lines. Write it without the last two arguments first: the checks of those come later.
    raise NotImplementedError("train_epoch")


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    """Return mean loss and accuracy over all examples, as `train_epoch` counts them, and learn nothing.

    In evaluation mode, without recording gradients; afterwards the model is in the mode in which it was before.

    >>> model, rows = nn.Linear(1, 2), [(torch.ones(2, 1), torch.tensor([0, 0])), (torch.ones(1, 1), torch.tensor([1]))]
    >>> _ = nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    >>> loss, accuracy = evaluate(model, rows, nn.CrossEntropyLoss(), "cpu")
    >>> print(f"{loss:.4f} {accuracy:.4f} {model.training}")
    0.6931 0.6667 True
    """
    # TODO: about 11 lines.
    raise NotImplementedError("evaluate")


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
    # TODO: about 6 lines.
    raise NotImplementedError("predict")


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
    # TODO: about 5 lines.
    raise NotImplementedError("warmup_cosine")


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
        # TODO: about 4 lines.
        raise NotImplementedError("EarlyStopping")

    def update(self, loss: float, model: nn.Module) -> bool:
        """Take the validation loss of one more epoch and the model as it is now; return whether to stop.

        A loss that is smaller than `best_loss` is the new best one. `patience` epochs in a row without one are enough.
        Edge: a loss of NaN is no new best one.
        """
        # TODO: about 6 lines. What happens to the tensors of `model.state_dict()` when training goes on?
        raise NotImplementedError("EarlyStopping.update")

    def restore(self, model: nn.Module) -> None:
        """Put the best weights and buffers back into the model; without any, leave it as it is."""
        # TODO: about 2 lines.
        raise NotImplementedError("EarlyStopping.restore")


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
    # TODO: about 18 lines, with the functions above.
    raise NotImplementedError("fit")


# --- stop today, go on tomorrow -------------------------------------------------------------------------------------


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    """Write one file with all that the rest of a training depends on, torch's random state (of the CPU) included.

    It holds tensors and plain values only, so that `torch.load(path, weights_only=True)` can read it.
    """
    # TODO: about 7 lines: `torch.save` takes a dict.
    raise NotImplementedError("save_checkpoint")


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
    # TODO: about 6 lines.
    raise NotImplementedError("load_checkpoint")


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
    # TODO: about 9 lines, with `make_loader` and `train_step`.
    raise NotImplementedError("fit_line")


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train a classifier of handwritten digits that does well on pictures it has not seen; return it and its history.

    Network, optimiser, schedule and how many rows you hold back for validation are up to you. The history is that of
    `fit`. A few seconds on one core of a CPU are enough, and more than 20 are too many.

    Shapes:
        x: (rows, 8, 8) float32, from 0 to 1
        t: (rows,) int64, from 0 to 9
        returns: a module for x of (batch, 8, 8) with scores of (batch, 10), and a dict for each epoch
    """
    # TODO: about 15 lines, with `make_loader` and `fit`.
    raise NotImplementedError("train_digits")


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
    # TODO: about 11 lines.
    raise NotImplementedError("mixed_step")
