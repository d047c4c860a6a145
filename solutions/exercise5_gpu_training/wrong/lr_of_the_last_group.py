"""lr-of-the-last-group: reports the learning rate of the last group of parameters.

H0: With two groups of parameters, "lr" in the history is that of the other group.
H1: An optimiser may have several learning rates. Which one is asked for?
H2: param_groups is a list, one dict for each group; the first one is at place 0.
zh_CN: 报告的是最后一组参数的学习率。
H0_zh_CN: 有两组参数时，历史中的 "lr" 是另一组的。
H1_zh_CN: 一个优化器可以有几个学习率。要的是哪一个？
H2_zh_CN: param_groups 是一个列表，每组一个字典；第一组在位置 0。
Fails: test_the_learning_rate_told_is_that_of_the_first_group
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, TensorDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str

# --- data -----------------------------------------------------------------------------------------------------------


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    """Draw points near a plane."""
    x = torch.randn(count, len(w), generator=generator, dtype=w.dtype)
    off = noise * torch.randn(count, 1, generator=generator, dtype=w.dtype)
    return x, x @ w.reshape(-1, 1) + b + off


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Centre and scale every set by mean and standard deviation of the first."""
    mean, sd = train.mean(0), train.std(0, correction=0)
    sd = torch.where(sd > 0, sd, 1.0)
    return tuple((part - mean) / sd for part in (train, *others))


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    """Hand out (x, t) in batches; TensorDataset keeps each row with its target when the order is drawn."""
    return DataLoader(TensorDataset(x, t), batch_size=batch_size, shuffle=shuffle, generator=generator)


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Cut the rows into folds; each is held out once."""
    parts = torch.randperm(count, generator=generator).tensor_split(folds)
    return [(torch.cat(parts[:held] + parts[held + 1 :]), parts[held]) for held in range(folds)]


# --- devices --------------------------------------------------------------------------------------------------------


def pick_device(wanted: str | None = None) -> torch.device:
    """Choose where to compute, at run time."""
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))


def to_device(value: Any, device: Device) -> Any:
    """Move all tensors of a batch, however they are packed."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: to_device(part, device) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(to_device(part, device) for part in value)
    return value


# --- one step, one epoch --------------------------------------------------------------------------------------------


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    """Take one step; return the loss before it."""
    x, t = x.to(device), t.to(device)
    optimizer.zero_grad()
    loss = loss_fn(model(x), t)
    loss.backward()
    optimizer.step()
    return loss.detach()


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    optimizer: Optimizer,
    device: Device,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    """Train on each batch once; return mean loss and accuracy over all examples."""
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
            (loss * (len(t) / size)).backward()
            total += loss.detach() * len(t)
            hits += (scores.argmax(1) == t).sum()
        if max_norm is not None:
            clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        rows += size
    return total.item() / rows, hits.item() / rows


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


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    """Return mean loss and accuracy over all examples, and leave the model as it was."""
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


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    """Return the most likely class of each row, on the CPU."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        classes = torch.cat([model(x.to(device)).argmax(1) for x, _ in loader])
    model.train(was_training)
    return classes.cpu()


# --- many epochs ----------------------------------------------------------------------------------------------------


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    """Return what the learning rate is multiplied by in an epoch."""
    if epoch < warmup:
        return (epoch + 1) / warmup
    if epoch >= epochs:
        return 0.0
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))


class EarlyStopping:
    """Remembers the best weights; says when waiting for better ones has been long enough."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = math.inf
        self._misses = 0
        self._best: dict[str, Tensor] | None = None

    def update(self, loss: float, model: nn.Module) -> bool:
        """Take the validation loss of an epoch; return whether to stop."""
        if loss < self.best_loss:
            self.best_loss, self._misses = loss, 0
            self._best = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            self._misses += 1
        return self._misses >= self.patience

    def restore(self, model: nn.Module) -> None:
        """Put the best weights back."""
        if self._best is not None:
            model.load_state_dict(self._best)


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
    """Train, validate after each epoch, stop early, end with the best weights; return what each epoch gave."""
    model.to(device)
    if isinstance(loss_fn, nn.Module):
        loss_fn.to(device)
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler else None
    stopping = EarlyStopping(epochs if patience is None else patience)
    history = []
    for _ in range(epochs):
        lr = optimizer.param_groups[-1]["lr"]
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


# --- stop today, go on tomorrow -------------------------------------------------------------------------------------


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    """Write all that the rest of a training depends on."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "epoch": epoch,
        "random": torch.get_rng_state(),
    }
    torch.save(state, path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    """Put everything back; return the number of the epoch that was saved."""
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["random"].cpu())
    return int(state["epoch"])


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
    """Fit a plane by stochastic gradient descent."""
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


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train a classifier of handwritten digits; return it and its history."""
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


# --- extra: half the bits -------------------------------------------------------------------------------------------


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
    """Take one step in mixed precision; return the loss before it."""
    x, t = x.to(device), t.to(device)
    optimizer.zero_grad()
    with torch.autocast(torch.device(device).type, dtype=dtype):
        loss = loss_fn(model(x), t)
    scaler.scale(loss).backward()
    if max_norm is not None:
        scaler.unscale_(optimizer)
        clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
