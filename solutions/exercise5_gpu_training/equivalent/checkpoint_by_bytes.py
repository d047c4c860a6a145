"""checkpoint-by-bytes: checkpoints go through memory and a second file; datasets and samplers of its own."""

import io
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler
from torch.utils.data import DataLoader, Dataset, Sampler

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    x = torch.zeros(count, len(w), dtype=w.dtype)
    t = torch.zeros(count, 1, dtype=w.dtype)
    for n in range(count):
        x[n] = torch.randn(len(w), generator=generator, dtype=w.dtype)
        t[n] = x[n] @ w + b + noise * torch.randn((), generator=generator, dtype=w.dtype)
    return x, t


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    columns = []
    for feature in range(train.shape[1]):
        column = train[:, feature]
        mean = column.mean()
        spread = (column - mean).pow(2).mean().sqrt().item()
        columns.append([(each[:, feature] - mean) / (spread or 1.0) for each in (train, *others)])
    return tuple(torch.stack(part, dim=1) for part in zip(*columns, strict=True))


class _Rows(Dataset[tuple[Tensor, Tensor]]):
    """Hands out whole batches of rows."""

    def __init__(self, x: Tensor, t: Tensor) -> None:
        self.x, self.t = x, t

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        return self.x[rows], self.t[rows]


class _Order(Sampler[list[int]]):
    """Draws an order for each epoch and cuts it into batches."""

    def __init__(self, count: int, batch_size: int, shuffle: bool, generator: torch.Generator | None) -> None:
        self.count, self.batch_size, self.shuffle, self.generator = count, batch_size, shuffle, generator

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.arange(self.count)
        if self.shuffle:
            order = torch.rand(self.count, generator=self.generator).argsort()
        for start in range(0, self.count, self.batch_size):
            yield order[start : start + self.batch_size].tolist()

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size)


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    return DataLoader(_Rows(x, t), batch_size=None, sampler=_Order(len(x), batch_size, shuffle, generator))


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.rand(count, generator=generator).argsort()
    ends = [round(fold * count / folds) for fold in range(folds + 1)]
    pairs = []
    for start, end in itertools.pairwise(ends):
        held = torch.zeros(count, dtype=torch.bool)
        held[start:end] = True
        pairs.append((order[~held], order[held]))
    return pairs


def pick_device(wanted: str | None = None) -> torch.device:
    if wanted is None and torch.cuda.is_available():
        wanted = "cuda"
    return torch.device(wanted or "cpu")


def to_device(value: Any, device: Device) -> Any:
    if torch.is_tensor(value):
        there = torch.empty_like(value, device=device)
        return there.copy_(value)
    if type(value) in (list, tuple):
        return type(value)(map(lambda part: to_device(part, device), value))
    if type(value) is dict:
        moved = value.copy()
        moved.update((name, to_device(part, device)) for name, part in value.items())
        return moved
    return value


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    x, t = to_device([x, t], device)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_fn(model(x), t)
        loss.backward()
        return loss

    return optimizer.step(closure).detach()


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
    losses, scored, labels = [], [], []
    group: list[tuple[Tensor, Tensor]] = []

    def finish() -> None:
        size = sum(len(t) for _, t in group)
        optimizer.zero_grad()
        for x, t in group:
            scores = model(x)
            loss = loss_fn(scores, t)
            loss.backward(torch.full_like(loss, len(t) / size))
            losses.append(loss.detach() * len(t))
            scored.append(scores.detach())
            labels.append(t)
        if max_norm is not None:
            clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        group.clear()

    for batch in loader:
        group.append(tuple(part.to(device) for part in batch))
        if len(group) >= accumulate:
            finish()
    if group:
        finish()
    right = torch.cat(scored).argmax(1) == torch.cat(labels)
    return sum(losses).item() / len(right), right.double().mean().item()


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        results = [(model(x.to(device)), t.to(device)) for x, t in loader]
        losses = torch.stack([loss_fn(scores, t) for scores, t in results])
        hits = torch.stack([(scores.argmax(1) == t).sum() for scores, t in results])
    sizes = torch.tensor([len(t) for _, t in results])
    for module, training in modes:
        module.training = training
    return (losses.cpu() * sizes).sum().item() / int(sizes.sum()), int(hits.sum()) / int(sizes.sum())


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    was = model.training
    model.eval()
    classes: list[int] = []
    with torch.no_grad():
        for x, _ in loader:
            classes += model(to_device(x, device)).argmax(1).tolist()
    model.train(was)
    return torch.tensor(classes, dtype=torch.int64)


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    if epoch < warmup:
        return (epoch + 1) / warmup
    progress = min((epoch - warmup) / (epochs - warmup), 1.0)
    return math.cos(math.pi / 2 * progress) ** 2 if progress < 1 else 0.0


def _pack(*states: Any) -> bytes:
    memory = io.BytesIO()
    torch.save(states, memory)
    return memory.getvalue()


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience, self.waited = patience, 0
        self.best_loss, self._packed = float("inf"), b""

    def update(self, loss: float, model: nn.Module) -> bool:
        self.waited += 1
        if not math.isnan(loss) and loss < self.best_loss:
            self.best_loss, self.waited = float(loss), 0
            self._packed = _pack(model.state_dict())
        return self.waited >= self.patience

    def restore(self, model: nn.Module) -> None:
        if self._packed:
            (state,) = torch.load(io.BytesIO(self._packed))
            model.load_state_dict(state)


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
    schedulers = [make_scheduler(optimizer)] if make_scheduler is not None else []
    stopping = EarlyStopping(epochs if patience is None else patience)

    def epochs_run() -> Iterator[dict[str, float]]:
        for _ in range(epochs):
            told = {"lr": optimizer.param_groups[0]["lr"]}
            loss, accuracy = train_epoch(
                model, train_loader, loss_fn, optimizer, device, accumulate=accumulate, max_norm=max_norm
            )
            told.update(loss=loss, accuracy=accuracy)
            told["val_loss"], told["val_accuracy"] = evaluate(model, val_loader, loss_fn, device)
            for scheduler in schedulers:
                scheduler.step()
            yield told
            if stopping.update(told["val_loss"], model):
                return

    history = list(epochs_run())
    stopping.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    random = torch.get_rng_state()
    packed = _pack(model.state_dict(), optimizer.state_dict(), scheduler.state_dict(), {"epoch": epoch}, random)
    # Written beside and then renamed, so that a file of that name is always whole.
    with open(path + ".part", "wb") as file:
        file.write(packed)
    os.replace(path + ".part", path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    with open(path, "rb") as file:
        memory = io.BytesIO(file.read())
    weights, steps, plan, more, random = torch.load(memory, map_location="cpu", weights_only=True)
    scheduler.load_state_dict(plan)
    optimizer.load_state_dict(steps)
    model.load_state_dict(weights)
    torch.default_generator.set_state(random)
    return more["epoch"]


def fit_line(
    x: Tensor,
    t: Tensor,
    device: Device,
    generator: torch.Generator,
    epochs: int = 3,
    batch_size: int = 10,
    lr: float = 0.03,
) -> nn.Linear:
    model = nn.Linear(in_features=x.size(1), out_features=1)
    model.to(device=device, dtype=x.dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.weight += 0.01 * torch.randn(x.size(1), generator=generator, dtype=x.dtype).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr)
    loader, steps = make_loader(x, t, batch_size, shuffle=True, generator=generator), 0
    while steps < epochs * len(loader):
        for rows, targets in loader:
            train_step(model, rows, targets, lambda y, t: (y - t).pow(2).mean(), optimizer, device)
            steps += 1
    return model


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 80), nn.BatchNorm1d(80), nn.ReLU(), nn.Linear(80, 10))
    train, held = k_folds(len(x), 6, torch.Generator().manual_seed(int(torch.randint(1 << 30, ()))))[0]
    history = fit(
        model,
        make_loader(x[train], t[train], 64, shuffle=True),
        make_loader(x[held], t[held], 64),
        nn.CrossEntropyLoss(label_smoothing=0.05),
        lambda parameters: torch.optim.Adam(parameters, lr=0.01),
        device,
        20,
        lambda optimizer: CosineAnnealingLR(optimizer, T_max=20),
        patience=8,
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
    optimizer.zero_grad()
    with torch.autocast(torch.device(device).type, dtype=dtype):
        loss = loss_fn(model(to_device(x, device)), to_device(t, device))
        scaled = scaler.scale(loss)
    scaled.backward()
    if max_norm is not None:
        scaler.unscale_(optimizer)
        clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
