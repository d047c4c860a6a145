"""everything-functional: gradients are asked for instead of left behind, sums are scaled at the end; no state dicts."""

import math
from collections.abc import Callable, Iterable
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, StackDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    x = torch.randn(len(w), count, generator=generator, dtype=w.dtype).T
    mean = torch.einsum("nk,k->n", x, w).add(b)[:, None]
    return x, torch.normal(mean, noise, generator=generator)


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    mean, sd = train.mean(0, keepdim=True), train.std(0, keepdim=True, correction=0)
    factor = torch.where(sd > 0, 1 / sd, torch.ones_like(sd))
    return tuple(map(lambda part: (part - mean) * factor, (train, *others)))


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    rows = StackDataset(x, t)
    order = RandomSampler(rows, generator=generator) if shuffle else SequentialSampler(rows)
    return DataLoader(rows, batch_sampler=BatchSampler(order, batch_size, drop_last=False))


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.randperm(count, generator=generator)
    place = torch.arange(count) % folds
    return [(order[place != fold], order[place == fold]) for fold in range(folds)]


def pick_device(wanted: str | None = None) -> torch.device:
    return torch.device(wanted if wanted is not None else "cuda" if torch.cuda.is_available() else "cpu")


def to_device(value: Any, device: Device) -> Any:
    move = partial(to_device, device=device)
    kinds: dict[type, Callable[[Any], Any]] = {
        list: lambda parts: list(map(move, parts)),
        tuple: lambda parts: tuple(map(move, parts)),
        dict: lambda parts: dict(zip(parts, map(move, parts.values()), strict=True)),
    }
    if isinstance(value, Tensor):
        return value.to(device=device)
    return kinds.get(type(value), lambda part: part)(value)


def _step(optimizer: Optimizer, parameters: list[nn.Parameter], gradients: Iterable[Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    parameters = list(model.parameters())
    loss = loss_fn(model(x.to(device)), t.to(device))
    _step(optimizer, parameters, torch.autograd.grad(loss, parameters, allow_unused=True))
    return loss.detach()


def _added(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    return other if one is None else one if other is None else one + other


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
    parameters = list(model.parameters())
    sums: list[Tensor | None] = [None] * len(parameters)
    total, hits, rows, since, batches = 0.0, 0, 0, 0, 0

    def step() -> None:
        gradients = [None if each is None else each / since for each in sums]
        if max_norm is not None:
            norm = torch.linalg.vector_norm(torch.cat([each.flatten() for each in gradients if each is not None]))
            factor = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
            gradients = [None if each is None else each * factor for each in gradients]
        _step(optimizer, parameters, gradients)

    for x, t in loader:
        x, t = to_device((x, t), device)
        scores = model(x)
        summed = loss_fn(scores, t) * len(t)
        sums = list(map(_added, sums, torch.autograd.grad(summed, parameters, allow_unused=True)))
        total, hits = total + summed.detach(), hits + (scores.detach().argmax(1) == t).sum()
        rows, since, batches = rows + len(t), since + len(t), batches + 1
        if batches % accumulate == 0:
            step()
            sums, since = [None] * len(parameters), 0
    if since:
        step()
    return float(total) / rows, float(hits) / rows


def _asked(model: nn.Module, loader: Batches, device: Device) -> list[tuple[Tensor, Any]]:
    """Return scores and targets of all batches; nothing is learned, and the model is left as it was."""
    training = model.training
    model.eval()
    answer = torch.no_grad()(lambda x: model(x.to(device)))
    found = [(answer(x), t) for x, t in loader]
    model.train(training)
    return found


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    asked = [(scores, t.to(device)) for scores, t in _asked(model, loader, device)]
    count = sum(len(t) for _, t in asked)
    loss = sum(loss_fn(scores, t) * len(t) for scores, t in asked)
    right = sum(torch.count_nonzero(scores.argmax(1) == t) for scores, t in asked)
    return float(loss) / count, float(right) / count


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    scores = torch.vstack([scores for scores, _ in _asked(model, loader, device)])
    return scores.sort(dim=1, descending=True, stable=True).indices[:, 0].cpu()


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    rise = (epoch + 1) / warmup if warmup else 1.0
    angle = math.pi * (epoch - warmup) / (epochs - warmup)
    return rise if epoch < warmup else (1 + math.cos(min(angle, math.pi))) / 2


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = math.inf
        self._since_best = 0
        self._kept: list[Tensor] = []

    @staticmethod
    def _tensors(model: nn.Module) -> list[Tensor]:
        return [tensor.data for tensor in (*model.parameters(), *model.buffers())]

    def update(self, loss: float, model: nn.Module) -> bool:
        better = loss < self.best_loss
        self._since_best = 0 if better else self._since_best + 1
        if better:
            self.best_loss = loss
            self._kept = [tensor.clone() for tensor in self._tensors(model)]
        return self._since_best >= self.patience

    def restore(self, model: nn.Module) -> None:
        for tensor, kept in zip(self._tensors(model), self._kept or self._tensors(model), strict=True):
            tensor.copy_(kept)


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
    for module in filter(lambda each: isinstance(each, nn.Module), (model, loss_fn)):
        module.to(torch.device(device))
    optimizer = make_optimizer(model.parameters())
    after_epoch = make_scheduler(optimizer).step if make_scheduler else lambda: None
    stopping = EarlyStopping(epochs if patience is None else patience)

    def epoch(history: list[dict[str, float]]) -> bool:
        """Run an epoch, note it, and say whether it was the last."""
        rate = optimizer.param_groups[0]["lr"]
        train = train_epoch(model, train_loader, loss_fn, optimizer, device, accumulate, max_norm)
        after_epoch()
        val = evaluate(model, val_loader, loss_fn, device)
        history.append({"lr": rate, "loss": train[0], "accuracy": train[1], "val_loss": val[0], "val_accuracy": val[1]})
        return stopping.update(val[0], model)

    history: list[dict[str, float]] = []
    any(epoch(history) for _ in range(epochs))
    stopping.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    checkpoint = {f"model.{name}": value for name, value in model.state_dict().items()}
    checkpoint |= {f"optimizer.{name}": value for name, value in optimizer.state_dict().items()}
    checkpoint |= {f"scheduler.{name}": value for name, value in scheduler.state_dict().items()}
    torch.save(checkpoint | {"epoch": torch.tensor(epoch), "random": torch.get_rng_state().tolist()}, path)


def _under(prefix: str, checkpoint: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in checkpoint.items() if name.startswith(prefix)}


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    checkpoint = torch.load(path, map_location=device)
    model.load_state_dict(_under("model.", checkpoint))
    optimizer.load_state_dict(_under("optimizer.", checkpoint))
    scheduler.load_state_dict(_under("scheduler.", checkpoint))
    torch.set_rng_state(torch.tensor(checkpoint["random"], dtype=torch.uint8))
    return checkpoint["epoch"].item()


def fit_line(
    x: Tensor,
    t: Tensor,
    device: Device,
    generator: torch.Generator,
    epochs: int = 3,
    batch_size: int = 10,
    lr: float = 0.03,
) -> nn.Linear:
    w = (0.01 * torch.randn(x.shape[1], 1, generator=generator, dtype=x.dtype)).to(device)
    b = torch.zeros(1, dtype=x.dtype, device=device)

    def descended(line: tuple[Tensor, Tensor], batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        rows, targets = to_device(batch, device)
        error = (rows @ line[0] + line[1] - targets) * (2 / len(rows))
        return line[0] - lr * rows.T @ error, line[1] - lr * error.sum(0)

    loader = make_loader(x, t, batch_size, shuffle=True, generator=generator)
    for _ in range(epochs):
        w, b = reduce(descended, loader, (w, b))
    model = nn.Linear(x.shape[1], 1, dtype=x.dtype, device=device)
    model.weight.data, model.bias.data = w.T.contiguous(), b
    return model


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model = nn.Sequential(nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10))
    train, held = k_folds(len(x), 7, torch.default_generator)[0]
    history = fit(
        model,
        make_loader(x[train], t[train], 48, shuffle=True),
        make_loader(x[held], t[held], 256),
        nn.functional.cross_entropy,
        partial(torch.optim.RMSprop, lr=2e-3),
        device,
        epochs=18,
        make_scheduler=partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.85),
        patience=6,
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
    parameters = list(model.parameters())
    with torch.autocast(torch.device(device).type, dtype=dtype):
        loss = loss_fn(model(x.to(device)), t.to(device))
    gradients = torch.autograd.grad(scaler.scale(loss), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    scaler.unscale_(optimizer)
    if max_norm is not None:
        nn.utils.clip_grads_with_norm_(parameters, max_norm, nn.utils.get_total_norm(gradients))
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
