"""closures: optimiser steps that take a closure, one backward pass for several batches, functions of functions."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    normal = partial(torch.normal, generator=generator, dtype=w.dtype)
    e = normal(0.0, noise, (count, 1))
    x = normal(0.0, 1.0, (count, len(w)))
    return x, torch.addmm(e + b, x, w.unsqueeze(1))


def ruler(train: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what measures a set as `train` is to be measured."""
    mean = train.sum(0) / len(train)
    deviation = torch.linalg.vector_norm(train - mean, dim=0) / math.sqrt(len(train))
    constant = (train == train[0]).all(0)
    return lambda x: torch.where(constant, x - train[0], (x - mean) / deviation.masked_fill(constant, 1.0))


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    return tuple(map(ruler(train), (train, *others)))


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    data = TensorDataset(x, t)
    rows = RandomSampler(data, generator=generator) if shuffle else SequentialSampler(data)
    # A whole batch of row numbers at once is an index; then there is nothing left to collate.
    return DataLoader(data, batch_size=None, sampler=BatchSampler(rows, batch_size, drop_last=False))


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.rand(count, generator=generator).argsort()

    def without(held: Tensor) -> Tensor:
        return order[~torch.isin(order, held)]

    return [(without(held), held) for held in (order[first::folds] for first in range(folds))]


def pick_device(wanted: str | None = None) -> torch.device:
    return torch.device(wanted or ["cpu", "cuda"][torch.cuda.is_available()])


def to_device(value: Any, device: Device) -> Any:
    there = partial(to_device, device=device)
    packers: dict[type, Callable[[Any], Any]] = {
        Tensor: lambda tensor: tensor.to(device),
        dict: lambda parts: {name: there(parts[name]) for name in parts},
        list: lambda parts: list(map(there, parts)),
        tuple: lambda parts: tuple(map(there, parts)),
    }
    return next((pack for kind, pack in packers.items() if isinstance(value, kind)), lambda same: same)(value)


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_fn(model(x.to(device)), t.to(device))
        loss.backward()
        return loss

    return optimizer.step(closure).detach()  # type: ignore[arg-type, union-attr, return-value]


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    optimizer: Optimizer,
    device: Device,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    model.train()
    totals = torch.zeros(3, dtype=torch.float64, device=device)

    def gradient_of(group: list[tuple[Tensor, Tensor]]) -> Callable[[], Tensor]:
        def closure() -> Tensor:
            moved = [to_device(batch, device) for batch in group]
            scores = [model(x) for x, _ in moved]
            sums = [loss_fn(y, t) * len(t) for y, (_, t) in zip(scores, moved, strict=True)]
            rows = sum(len(t) for _, t in moved)
            loss = torch.stack(sums).sum() / rows
            parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = gradient
            if max_norm is not None:
                clip_grad_norm_(parameters, max_norm)
            hits = sum((y.argmax(1) == t).sum() for y, (_, t) in zip(scores, moved, strict=True))
            totals.add_(torch.stack([loss.detach().double() * rows, hits.double(), torch.full_like(totals[0], rows)]))
            return loss

        return closure

    group: list[tuple[Tensor, Tensor]] = []
    for batch in loader:
        group.append(batch)
        if len(group) == accumulate:
            optimizer.step(gradient_of(group))  # type: ignore[arg-type]
            group = []
    if group:
        optimizer.step(gradient_of(group))  # type: ignore[arg-type]
    loss, hits, rows = totals.tolist()
    return loss / rows, hits / rows


@contextlib.contextmanager
def only_looking(model: nn.Module) -> Iterator[None]:
    """Let a model be asked, and be afterwards as it was."""
    training = model.training
    with torch.no_grad():
        yield model.eval()
    model.train(training)


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    def count(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, int]:
        scores = model(x)
        return loss_fn(scores, t) * len(t), (scores.argmax(1) == t).sum(), len(t)

    with only_looking(model):
        losses, hits, rows = zip(*(count(*to_device((x, t), device)) for x, t in loader), strict=True)
    return float(sum(losses)) / sum(rows), int(sum(hits)) / sum(rows)


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    with only_looking(model):
        return torch.cat([model(to_device(x, device)).max(dim=-1).indices.cpu() for x, _ in loader])


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    def falling(share: float) -> float:
        return 0.5 + 0.5 * math.cos(math.pi * share)

    if epoch >= epochs:
        return 0.0
    return (epoch + 1) / warmup if epoch < warmup else falling((epoch - warmup) / (epochs - warmup))


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.losses: list[float] = []
        self.patience = patience
        self.best_loss = math.inf
        self.restore: Callable[[nn.Module], None] = lambda model: None

    def update(self, loss: float, model: nn.Module) -> bool:
        if not loss < self.best_loss:
            self.losses.append(loss)
            return len(self.losses) >= self.patience
        self.best_loss = loss
        self.losses = []
        kept = {name: value.clone() for name, value in model.state_dict().items()}

        def restore(model: nn.Module) -> None:
            model.load_state_dict(kept)

        self.restore = restore
        return False


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
    model.to(device)
    if isinstance(loss_fn, nn.Module):
        loss_fn.to(device)
    optimizer = make_optimizer(model.parameters())
    step_scheduler = make_scheduler(optimizer).step if make_scheduler else lambda: None
    stopping = EarlyStopping(patience if patience else epochs + 1)

    def epoch() -> dict[str, float]:
        lr = optimizer.param_groups[0]["lr"]
        loss, accuracy = train_epoch(model, train_loader, loss_fn, optimizer, device, accumulate, max_norm)
        step_scheduler()
        val_loss, val_accuracy = evaluate(model, val_loader, loss_fn, device)
        return {"lr": lr, "loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}

    history = []
    for _ in range(epochs):
        history.append(epoch())
        if stopping.update(history[-1]["val_loss"], model):
            break
    stopping.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    states = {name: part.state_dict() for name, part in parts.items()}
    with open(path, "wb") as file:
        torch.save(states | {"random": torch.default_generator.get_state(), "epoch": torch.tensor(epoch)}, file)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    states = torch.load(path, map_location=lambda storage, _: storage)  # a storage is read on the CPU, and stays there
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    for name, part in parts.items():
        part.load_state_dict(states[name])
    torch.default_generator.set_state(states["random"])
    return int(states["epoch"])


def fit_line(
    x: Tensor,
    t: Tensor,
    device: Device,
    generator: torch.Generator,
    epochs: int = 3,
    batch_size: int = 10,
    lr: float = 0.03,
) -> nn.Linear:
    model = nn.Linear(x.shape[1], 1, dtype=x.dtype)
    with torch.no_grad():
        model.weight.normal_(std=0.01, generator=generator)
        model.bias.fill_(0.0)
    model.to(device)
    learn = partial(
        train_step, model, loss_fn=nn.MSELoss(), optimizer=torch.optim.SGD(model.parameters(), lr), device=device
    )
    loader = make_loader(x, t, batch_size, True, generator)
    for _ in range(epochs):
        for batch in loader:
            learn(*batch)
    return model


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    train, held = k_folds(len(x), 5, torch.default_generator)[0]
    history = fit(
        model,
        make_loader(x[train], t[train], 64, shuffle=True),
        make_loader(x[held], t[held], 256),
        nn.CrossEntropyLoss(),
        partial(torch.optim.Adam, lr=3e-3),
        device,
        epochs=20,
        make_scheduler=partial(LambdaLR, lr_lambda=partial(warmup_cosine, warmup=2, epochs=20)),
        patience=5,
        max_norm=1.0,
    )
    return model, history


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
    @torch.autocast(torch.device(device).type, dtype=dtype)
    def forward() -> Tensor:
        return loss_fn(model(x.to(device)), t.to(device))

    optimizer.zero_grad()
    loss = forward()
    scaler.scale(loss).backward()
    if max_norm is not None:
        scaler.unscale_(optimizer)
        clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
