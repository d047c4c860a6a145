"""sums-then-divides: adds up gradients of sums and divides by the rows before the step; clears last."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, TensorDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    drawn = torch.empty(count, len(w) + 1, dtype=w.dtype).normal_(generator=generator)
    x, off = drawn[:, :-1], drawn[:, -1:]
    return x, (x * w).sum(1, keepdim=True) + b + noise * off


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    variance, mean = torch.var_mean(train, dim=0, correction=0, keepdim=True)
    scale = torch.where(variance > 0, variance.rsqrt(), torch.ones_like(variance))
    return tuple(scale * (x - mean) for x in [train, *others])


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    rows = list(zip(x, t, strict=True))

    def together(batch: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        inputs, targets = zip(*batch, strict=True)
        return torch.stack(inputs), torch.stack(targets)

    return DataLoader(rows, batch_size, shuffle, collate_fn=together, generator=generator)  # type: ignore[arg-type]


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    fold_of_place = torch.arange(count) % folds
    fold_of_row = fold_of_place[torch.randperm(count, generator=generator)]
    return [((fold_of_row != fold).nonzero()[:, 0], (fold_of_row == fold).nonzero()[:, 0]) for fold in range(folds)]


def pick_device(wanted: str | None = None) -> torch.device:
    for name, there in [(wanted, wanted is not None), ("cuda", torch.cuda.is_available())]:
        if there:
            return torch.device(name)
    return torch.device("cpu")


def to_device(value: Any, device: Device) -> Any:
    match value:
        case Tensor():
            return value.to(device, non_blocking=True)
        case dict():
            return dict(zip(value, to_device(list(value.values()), device), strict=True))
        case list():
            return [to_device(part, device) for part in value]
        case tuple():
            return tuple(to_device(list(value), device))
    return value


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    for parameter in model.parameters():
        parameter.grad = None
    x, t = to_device([x, t], device)
    loss = loss_fn(model(x), t)
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.data


def step_and_clear(model: nn.Module, optimizer: Optimizer, rows: int, max_norm: float | None) -> None:
    """Make the gradient of a sum that of a mean, limit it, use it, and leave nothing behind."""
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    factor = 1.0 / rows
    if max_norm is not None:
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm() / rows
        factor = factor * (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor)
    optimizer.step()
    optimizer.zero_grad()


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
    optimizer.zero_grad(set_to_none=False)
    losses, right, sizes = [], [], []
    for x, t in loader:
        x, t = to_device([x, t], device)
        scores = model(x)
        loss = loss_fn(scores, t) * len(t)
        loss.backward()
        losses.append(loss.detach())
        right.append(scores.argmax(-1).eq(t))
        sizes.append(len(t))
        if len(sizes) % accumulate == 0:
            step_and_clear(model, optimizer, sum(sizes[-accumulate:]), max_norm)
    if left := len(sizes) % accumulate:
        step_and_clear(model, optimizer, sum(sizes[-left:]), max_norm)
    return torch.stack(losses).sum().item() / sum(sizes), torch.cat(right).double().mean().item()


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    losses, right = [], []
    with torch.inference_mode():
        for x, t in loader:
            x, t = to_device([x, t], device)
            scores = model(x)
            losses.append(loss_fn(scores, t).double().expand(len(t)))
            right.append(scores.topk(1).indices[:, 0].eq(t).double())
        loss, accuracy = torch.stack([torch.cat(losses).mean(), torch.cat(right).mean()]).tolist()
    for module, training in modes.items():
        module.training = training
    return loss, accuracy


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    with torch.inference_mode():
        scores = torch.cat([model(x.to(device)) for x, *_ in loader]).cpu()
    for module, training in modes.items():
        module.training = training
    return scores.sort(dim=1, descending=True, stable=True).indices[:, 0].clone()


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    if epoch < warmup:
        return (epoch + 1) / warmup
    done = min((epoch - warmup) / (epochs - warmup), 1.0)
    return math.cos(math.pi * done / 2) ** 2 if done < 1 else 0.0


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = math.inf
        self.since_best = 0
        self.kept: list[Tensor] = []

    def update(self, loss: float, model: nn.Module) -> bool:
        self.since_best += 1
        if loss < self.best_loss:
            self.best_loss, self.since_best = loss, 0
            self.kept = [value.detach().clone() for value in model.state_dict().values()]
        return self.since_best >= self.patience

    @torch.no_grad()
    def restore(self, model: nn.Module) -> None:
        for value, kept in zip(model.state_dict().values(), self.kept, strict=False):
            value.copy_(kept)


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
    # Built before the model is moved: .to() of a module keeps the parameters that the optimiser holds.
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler else None
    for thing in (model, loss_fn):
        if isinstance(thing, nn.Module):
            thing.to(device)
    history: list[dict[str, float]] = []
    stopping = EarlyStopping(patience or epochs)
    stop = False
    while len(history) < epochs and not stop:
        row = {"lr": float(optimizer.param_groups[0]["lr"])}
        trained = train_epoch(model, train_loader, loss_fn, optimizer, device, accumulate, max_norm)
        row |= zip(("loss", "accuracy"), trained, strict=True)
        row |= zip(("val_loss", "val_accuracy"), evaluate(model, val_loader, loss_fn, device), strict=True)
        history.append(row)
        stop = stopping.update(row["val_loss"], model)
        if scheduler:
            scheduler.step()
    stopping.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    states = [thing.state_dict() for thing in (model, optimizer, scheduler)]
    torch.save((states, torch.random.get_rng_state(), epoch), path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    states, random, epoch = torch.load(path, map_location="cpu", weights_only=True)
    for thing, state in zip((model, optimizer, scheduler), states, strict=True):
        thing.load_state_dict(state)
    torch.random.set_rng_state(random)
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
    model = nn.Linear(x.shape[1], 1).to(x.dtype)
    model.weight.data.copy_(0.01 * torch.randn(1, x.shape[1], generator=generator, dtype=x.dtype))
    model.bias.data.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    model.to(device)
    loader = make_loader(x, t, batch_size, shuffle=True, generator=generator)
    for _ in range(epochs):
        for rows, targets in loader:
            train_step(model, rows, targets, nn.MSELoss(), optimizer, device)
    return model


class Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, 64)
        self.scores = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.hidden(x.reshape(-1, 64)))
        return self.scores(nn.functional.dropout(hidden, 0.2, self.training))


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    train, held = torch.utils.data.random_split(TensorDataset(x, t), [len(x) - len(x) // 5, len(x) // 5])
    model = Digits()
    history = fit(
        model,
        DataLoader(train, 64, shuffle=True),
        DataLoader(held, 256),
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.Adam(parameters, lr=3e-3),
        device,
        20,
        lambda optimizer: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: warmup_cosine(epoch, 2, 20)),
        patience=6,
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
    optimizer.zero_grad()
    x, t = to_device([x, t], device)
    with torch.autocast(x.device.type, dtype):
        scores = model(x)
        loss = loss_fn(scores, t)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), math.inf if max_norm is None else max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.data
