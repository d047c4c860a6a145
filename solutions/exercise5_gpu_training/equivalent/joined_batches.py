"""joined-batches: joins the batches of a step into a large one, one loss for a whole set, dispatches on types."""

import copy
import math
from collections.abc import Callable, Iterable
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import DataLoader, StackDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    sizes = (count, len(w)), (count, 1)
    x, e = (torch.randn(size, generator=generator, dtype=w.dtype) for size in sizes)
    return x, nn.functional.linear(x, w[None], w.new_tensor([b])) + noise * e


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    rows = torch.cat((train, *others))
    centred = rows - train.mean(0)
    spread = train.std(0, correction=0)
    return tuple(torch.where(spread > 0, centred / spread, centred).split([len(part) for part in (train, *others)]))


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    return DataLoader(StackDataset(x, t), batch_size, shuffle, generator=generator, num_workers=0)


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    left = torch.randperm(count, generator=generator)
    parts: list[Tensor] = []
    for to_come in range(folds, 0, -1):
        part, left = left[: len(left) // to_come], left[len(left) // to_come :]
        parts.append(part)
    everything = set(range(count))
    return [(torch.tensor(sorted(everything.difference(part.tolist()))), part) for part in parts]


def pick_device(wanted: str | None = None) -> torch.device:
    default = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(default if wanted is None else wanted)


def to_device(value: Any, device: Device) -> Any:
    return moved(value, device)


@singledispatch
def moved(value: Any, device: Device) -> Any:
    return value


@moved.register
def _(value: Tensor, device: Device) -> Any:
    return value.to(device)


@moved.register
def _(value: dict, device: Device) -> Any:  # type: ignore[type-arg]
    new = value.copy()
    new.update((name, moved(part, device)) for name, part in value.items())
    return new


@moved.register(list)
@moved.register(tuple)
def _(value: Any, device: Device) -> Any:
    new = [moved(part, device) for part in value]
    return new if isinstance(value, list) else tuple(new)


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    scores = model(x.to(device))
    loss = loss_fn(scores, t.to(device))
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    with torch.no_grad():
        return loss + 0.0


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    optimizer: Optimizer,
    device: Device,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    def step(waiting: list[tuple[Tensor, Tensor]]) -> Tensor:
        x, t = (torch.cat(parts).to(device) for parts in zip(*waiting, strict=True))
        optimizer.zero_grad()
        scores = model(x)
        loss = loss_fn(scores, t)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), math.inf if max_norm is None else max_norm)
        optimizer.step()
        right = torch.eq(torch.argmax(scores.detach(), dim=1), t)
        return torch.stack([loss.detach() * len(t), right.sum().to(loss.dtype), loss.new_tensor(len(t))]).detach()

    model.train(True)
    waiting: list[tuple[Tensor, Tensor]] = []
    sums = []
    for batch in loader:
        waiting = [*waiting, (batch[0], batch[1])]
        if len(waiting) >= accumulate:
            sums.append(step(waiting))
            waiting = []
    if waiting:
        sums.append(step(waiting))
    loss, right, rows = torch.stack(sums).sum(dim=0).cpu().tolist()
    return loss / rows, right / rows


def scores_and_targets(model: nn.Module, loader: Iterable[Any], device: Device) -> tuple[Tensor, list[Any]]:
    """Ask the model for all rows, in evaluation mode, and put it back."""
    mode = model.training
    try:
        model.train(False)
        with torch.no_grad():
            pairs = [(model(x.to(device)), t) for x, t in loader]
    finally:
        model.train(mode)
    return torch.cat([scores for scores, _ in pairs]), [t for _, t in pairs]


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    scores, targets = scores_and_targets(model, loader, device)
    t = torch.cat(targets).to(device)
    with torch.no_grad():
        loss = loss_fn(scores, t)
    return loss.item(), (scores.argmax(dim=1) == t).to(torch.float64).mean().item()


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    scores, _ = scores_and_targets(model, loader, device)
    return scores.cpu().argmax(dim=1)


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    rising = epoch < warmup
    if not rising and epoch >= epochs:
        return 0.0
    share = (epoch + 1) / warmup if rising else (epoch - warmup) / (epochs - warmup)
    return share if rising else 1 - math.sin(math.pi * share / 2) ** 2


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = self.left = patience
        self.best_loss = float("inf")
        self.best_state = None

    def update(self, loss: float, model: nn.Module) -> bool:
        if math.isnan(loss) or loss >= self.best_loss:
            self.left -= 1
        else:
            self.best_loss, self.best_state = loss, copy.deepcopy(model.state_dict())
            self.left = self.patience
        return self.left <= 0

    def restore(self, model: nn.Module) -> None:
        if self.best_state:
            model.load_state_dict(self.best_state, strict=True)


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
    nn.ModuleList([part for part in (model, loss_fn) if isinstance(part, nn.Module)]).to(device)
    optimizer = make_optimizer(model.parameters())
    schedulers = [make_scheduler(optimizer)] if make_scheduler else []
    stopping = EarlyStopping(epochs + 1 if patience is None else patience)
    columns: dict[str, list[float]] = {name: [] for name in ("lr", "loss", "accuracy", "val_loss", "val_accuracy")}
    for _ in range(epochs):
        columns["lr"].append(optimizer.param_groups[0]["lr"])
        results = train_epoch(model, train_loader, loss_fn, optimizer, device, accumulate, max_norm)
        results += evaluate(model, val_loader, loss_fn, device)
        for name, result in zip(list(columns)[1:], results, strict=True):
            columns[name].append(result)
        for scheduler in schedulers:
            scheduler.step()
        if stopping.update(columns["val_loss"][-1], model):
            break
    stopping.restore(model)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    checkpoint = dict(
        model={name: value.cpu() for name, value in model.state_dict().items()},
        optimizer=optimizer.state_dict(),
        scheduler=scheduler.state_dict(),
        rest={"epoch": epoch, "random": torch.get_rng_state()},
    )
    torch.save(checkpoint, path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    scheduler.load_state_dict(checkpoint["scheduler"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    model.load_state_dict(checkpoint["model"])
    rest = checkpoint["rest"]
    torch.set_rng_state(rest["random"])
    return rest["epoch"]


def fit_line(
    x: Tensor,
    t: Tensor,
    device: Device,
    generator: torch.Generator,
    epochs: int = 3,
    batch_size: int = 10,
    lr: float = 0.03,
) -> nn.Linear:
    line = nn.Linear(x.shape[1], 1, dtype=x.dtype)
    line.load_state_dict(
        {"weight": torch.normal(0.0, 0.01, (1, x.shape[1]), generator=generator, dtype=x.dtype), "bias": x.new_zeros(1)}
    )
    line.to(device)
    sgd = torch.optim.SGD([{"params": line.weight}, {"params": line.bias}], lr=lr)
    loader = make_loader(x, t, batch_size, shuffle=True, generator=generator)
    for _ in range(epochs):
        for batch in loader:
            train_step(line, *batch, lambda y, t: ((y - t) ** 2).mean(), sgd, device)
    return line


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    # Pictures of a few grey values, most of them 0: centred and scaled by one number, which the network carries.
    model = nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(64, affine=False), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10)
    )
    train, held = k_folds(len(x), 5, torch.default_generator)[0]
    history = fit(
        model,
        make_loader(x[train], t[train], 32, shuffle=True),
        make_loader(x[held], t[held], 400),
        nn.CrossEntropyLoss(label_smoothing=0.05),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3),
        device,
        epochs=15,
        make_scheduler=lambda sgd: LambdaLR(sgd, lambda epoch: warmup_cosine(epoch, 2, 15)),
        accumulate=2,
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
    autocast = torch.autocast(torch.device(device).type, dtype)
    optimizer.zero_grad()
    with autocast:
        loss = loss_fn(model(x.to(device)), t.to(device))
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    if max_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    with torch.no_grad():
        return loss.clone()
