"""one-loop: one pass over the batches serves training and evaluation, and fit does its early stopping itself."""

import contextlib
import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from torch.utils.data import DataLoader

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    draws = torch.randn(count, len(w) + 1, generator=generator, dtype=w.dtype)
    x, e = draws[:, :-1].contiguous(), draws[:, -1:]
    return x, (x * w).sum(1, keepdim=True) + b + noise * e


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    mean = train.sum(0) / len(train)
    sd = ((train - mean) ** 2).mean(0).sqrt()
    constant = train.amax(0) == train.amin(0)
    return tuple(torch.where(constant, part - mean, (part - mean) / sd) for part in (train, *others))


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    return DataLoader(list(zip(x, t, strict=True)), batch_size, shuffle, generator=generator)


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.randperm(count, generator=generator).tolist()
    held = [order[fold::folds] for fold in range(folds)]
    return [(torch.tensor([row for row in order if row not in part]), torch.tensor(part)) for part in held]


def pick_device(wanted: str | None = None) -> torch.device:
    return torch.device(wanted) if wanted else torch.device(["cpu", "cuda"][torch.cuda.is_available()])


def to_device(value: Any, device: Device) -> Any:
    if isinstance(value, dict):
        return {name: to_device(part, device) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([to_device(part, device) for part in value])
    return value.to(device) if torch.is_tensor(value) else value


@contextlib.contextmanager
def _mode(model: nn.Module, training: bool):
    """Be in a mode for a while; gradients are recorded in training only."""
    before = model.training
    model.train(training)
    try:
        with torch.set_grad_enabled(training):
            yield
    finally:
        model.train(before)


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    with torch.enable_grad():
        loss = loss_fn(model(x.to(device)), t.to(device))
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.detach().clone()


@dataclass
class _Means:
    """Sums over examples, on the device until somebody asks."""

    loss: Any = 0.0
    hits: Any = 0
    rows: int = 0

    def add(self, scores: Tensor, t: Tensor, loss: Tensor) -> None:
        self.loss += loss.detach() * len(t)
        self.hits += (scores.detach().argmax(1) == t).sum()
        self.rows += len(t)

    def read(self) -> tuple[float, float]:
        return float(self.loss) / self.rows, float(self.hits) / self.rows


def _clip(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([(g**2).sum() for g in gradients]).sum().sqrt()
    factor = (max_norm / (norm + 1e-6)).clamp(max=1)
    for g in gradients:
        g.mul_(factor)


def _one_pass(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    device: Device,
    optimizer: Optimizer | None = None,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    """Go through the batches once; with an optimiser learn from them."""
    means, waiting = _Means(), []

    def step() -> None:
        optimizer.zero_grad()
        rows = sum(len(t) for _, t in waiting)
        total = 0.0
        for x, t in waiting:
            scores = model(x)
            loss = loss_fn(scores, t)
            means.add(scores, t, loss)
            total = total + loss * len(t)
        (total / rows).backward()
        if max_norm is not None:
            _clip(model.parameters(), max_norm)
        optimizer.step()
        waiting.clear()

    for batch in loader:
        x, t = to_device(batch, device)
        if optimizer is None:
            scores = model(x)
            means.add(scores, t, loss_fn(scores, t))
            continue
        waiting.append((x, t))
        if len(waiting) == accumulate:
            step()
    if waiting:
        step()
    return means.read()


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    optimizer: Optimizer,
    device: Device,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    with _mode(model, training=True):
        return _one_pass(model, loader, loss_fn, device, optimizer, accumulate, max_norm)


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    with _mode(model, training=False):
        return _one_pass(model, loader, loss_fn, device)


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    with _mode(model, training=False):
        classes = [model(x.to(device)).topk(1, dim=1).indices[:, 0] for x, _ in loader]
    return torch.cat(classes).to("cpu")


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    up = [(e + 1) / warmup for e in range(warmup)]
    down = [0.5 + 0.5 * math.cos(math.pi * e / (epochs - warmup)) for e in range(epochs - warmup)]
    return [*up, *down, 0.0][min(epoch, epochs)]


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.left = self.patience = patience
        self.best_loss, self.best_model = math.inf, None

    def update(self, loss: float, model: nn.Module) -> bool:
        self.left -= 1
        if loss < self.best_loss:
            self.left, self.best_loss, self.best_model = self.patience, loss, copy.deepcopy(model)
        return self.left <= 0

    def restore(self, model: nn.Module) -> None:
        if self.best_model is None:
            return
        with torch.no_grad():
            for ours, theirs in zip(
                (*model.parameters(), *model.buffers()),
                (*self.best_model.parameters(), *self.best_model.buffers()),
                strict=True,
            ):
                ours.copy_(theirs)


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
    model = model.to(device)
    loss_fn = loss_fn.to(device) if hasattr(loss_fn, "to") else loss_fn
    optimizer = make_optimizer(list(model.parameters()))
    scheduler = make_scheduler(optimizer) if make_scheduler else None
    history: list[dict[str, float]] = []
    best, best_state = -1, copy.deepcopy(model.state_dict())
    for epoch in range(epochs):
        rates = [group["lr"] for group in optimizer.param_groups]
        trained = train_epoch(model, train_loader, loss_fn, optimizer, device, accumulate, max_norm)
        if scheduler:
            scheduler.step()
        judged = evaluate(model, val_loader, loss_fn, device)
        names = "lr", "loss", "accuracy", "val_loss", "val_accuracy"
        history.append(dict(zip(names, (rates[0], *trained, *judged), strict=True)))
        if judged[0] < (history[best]["val_loss"] if best >= 0 else math.inf):
            best, best_state = epoch, copy.deepcopy(model.state_dict())
        elif patience is not None and epoch - best >= patience:
            break
    if best >= 0:
        model.load_state_dict(best_state)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    random = torch.get_rng_state()
    torch.save((epoch, random, *(part.state_dict() for part in (model, optimizer, scheduler))), path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    epoch, random, *states = torch.load(path, map_location=lambda storage, _: storage, weights_only=True)
    for part, state in zip((model, optimizer, scheduler), states, strict=True):
        part.load_state_dict(state)
    torch.set_rng_state(random)
    return epoch


def fit_line(
    x: Tensor,
    t: Tensor,
    device: Device,
    generator: torch.Generator,
    epochs: int = 3,
    batch_size: int = 10,
    lr: float = 0.03,
) -> nn.Linear:
    model = nn.Linear(x.shape[1], 1, device=device, dtype=x.dtype)
    start = torch.normal(0.0, 0.01, model.weight.shape, generator=generator, dtype=x.dtype)
    model.load_state_dict({"weight": start, "bias": torch.zeros(1, dtype=x.dtype)})
    loader = make_loader(x, t, batch_size, True, generator)
    for _ in range(epochs):
        for rows, targets in loader:
            loss = ((model(rows.to(device)) - targets.to(device)) ** 2).mean()
            slopes = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for parameter, slope in zip(model.parameters(), slopes, strict=True):
                    parameter -= lr * slope
    return model


class _Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 8, 3, padding=1), nn.Linear(8 * 4 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.max_pool2d(self.conv(x[:, None]).relu(), 2)
        return self.out(h.flatten(1))


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model, cut, epochs = _Digits(), len(x) * 9 // 10, 15
    history = fit(
        model,
        make_loader(x[:cut], t[:cut], 32, shuffle=True),
        make_loader(x[cut:], t[cut:], 128),
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01),
        device,
        epochs,
        lambda optimizer: OneCycleLR(optimizer, 0.01, total_steps=epochs + 1),
        patience=epochs,
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
    half = torch.autocast(torch.device(device).type, dtype)
    loss = half(lambda: loss_fn(model(x.to(device)), t.to(device)))()
    for parameter in model.parameters():
        parameter.grad = None
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    if max_norm is not None:
        _clip(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
