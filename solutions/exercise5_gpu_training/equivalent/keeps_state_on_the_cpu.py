"""keeps-state-on-the-cpu: the best weights and the whole checkpoint wait on the CPU; early stopping from all losses."""

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import DataLoader, TensorDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    e = torch.empty(count, 1, dtype=w.dtype).normal_(std=1.0, generator=generator).mul_(noise)
    x = torch.empty(count, w.numel(), dtype=w.dtype).normal_(generator=generator)
    return x, torch.addmm(e + b, x, w[:, None])


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    variance, mean = torch.var_mean(train, dim=0, correction=0)
    scale = variance.sqrt().masked_fill(variance == 0, 1.0)
    return tuple([(each - mean).div_(scale) for each in (train, *others)])


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    rows = TensorDataset(x, t)
    if not shuffle:
        return DataLoader(rows, batch_size)
    return DataLoader(rows, batch_size, sampler=torch.utils.data.RandomSampler(rows, generator=generator))


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    fold_of = torch.arange(count)[torch.randperm(count, generator=generator)] % folds
    return [((fold_of != fold).nonzero().flatten(), (fold_of == fold).nonzero().flatten()) for fold in range(folds)]


def pick_device(wanted: str | None = None) -> torch.device:
    found = "cpu"
    if torch.cuda.is_available():
        found = "cuda"
    return torch.device(found if wanted is None else wanted)


def to_device(value: Any, device: Device) -> Any:
    match value:
        case Tensor():
            return value.to(device, non_blocking=True)
        case dict():
            return dict(zip(value.keys(), to_device(list(value.values()), device), strict=True))
        case list():
            return [to_device(part, device) for part in value]
        case tuple():
            return tuple(to_device(list(value), device))
        case _:
            return value


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    loss = loss_fn(model(x.to(device)), t.to(device))
    model.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.data


def _grouped(loader: Batches, size: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
    batches = iter(loader)
    while group := list(itertools.islice(batches, size)):
        yield group


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    optimizer: Optimizer,
    device: Device,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    model.train(True)
    sums = torch.zeros(3, device=device)
    optimizer.zero_grad()  # whoever called may have left gradients
    for group in _grouped(loader, accumulate):
        size = sum(t.shape[0] for _, t in group)
        for x, t in group:
            x, t = to_device((x, t), device)
            scores = model(x)
            share = loss_fn(scores, t) * (t.shape[0] / size)
            share.backward()
            with torch.no_grad():
                right = (scores.max(dim=1).indices == t).sum()
                # a float64 model brings float64 sums
                sums = sums + torch.stack([share * size, right.to(share.dtype), torch.full_like(share, t.shape[0])])
        if max_norm is not None:
            nn.utils.clip_grad_norm_(list(model.parameters()), max_norm, error_if_nonfinite=False)
        optimizer.step()
        optimizer.zero_grad()
    total, right, count = sums.tolist()
    return total / count, right / count


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    before = model.training
    model.train(False)
    losses, hits, sizes = [], [], []
    with torch.inference_mode():
        for x, t in loader:
            t = t.to(device)
            scores = model(x.to(device))
            losses.append(loss_fn(scores, t) * len(t))
            hits.append(scores.argmax(dim=-1).eq(t).sum())
            sizes.append(len(t))
    model.train(before)
    return torch.stack(losses).sum().item() / sum(sizes), torch.stack(hits).sum().item() / sum(sizes)


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    before = model.training
    with torch.inference_mode():
        scores = [model.eval()(batch[0].to(device)).cpu() for batch in loader]
    model.train(before)
    return torch.cat(scores).argmax(dim=1).clone()


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    if epoch < warmup:
        return 1 - (warmup - epoch - 1) / warmup
    left = max(epochs - epoch, 0) / (epochs - warmup)
    return math.sin(math.pi / 2 * left) ** 2


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.losses: list[float] = []
        self.best_epoch = -1

    @property
    def best_loss(self) -> float:
        return self.losses[self.best_epoch] if self.best_epoch >= 0 else math.inf

    def update(self, loss: float, model: nn.Module) -> bool:
        improved = loss < self.best_loss
        self.losses.append(loss)
        if improved:
            self.best_epoch = len(self.losses) - 1
            on_the_cpu = {name: value.cpu() for name, value in model.state_dict().items()}
            self.best_state = copy.deepcopy(on_the_cpu)
        return len(self.losses) - 1 - self.best_epoch >= self.patience

    def restore(self, model: nn.Module) -> None:
        if self.best_epoch >= 0:
            model.load_state_dict(self.best_state)


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
    # Built before the model is moved: a module keeps its parameters, whatever device they are on.
    optimizer = make_optimizer(model.parameters())
    scheduler = None if make_scheduler is None else make_scheduler(optimizer)
    for module in (model, loss_fn):
        if isinstance(module, nn.Module):
            module.to(device)
    stopping = EarlyStopping(epochs + 1 if patience is None else patience)
    history: list[dict[str, float]] = []
    stop = False
    while len(history) < epochs and not stop:
        entry = {"lr": float(optimizer.param_groups[0]["lr"])}
        how = {"accumulate": accumulate, "max_norm": max_norm}
        entry["loss"], entry["accuracy"] = train_epoch(model, train_loader, loss_fn, optimizer, device, **how)
        if scheduler is not None:
            scheduler.step()
        entry["val_loss"], entry["val_accuracy"] = evaluate(model, val_loader, loss_fn, device)
        history.append(entry)
        stop = stopping.update(entry["val_loss"], model)
    stopping.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    states = [to_device(dict(part.state_dict()), "cpu") for part in (model, optimizer, scheduler)]
    torch.save({"states": states, "where": (epoch, torch.random.get_rng_state())}, path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    saved = torch.load(path, map_location=torch.device("cpu"))
    # load_state_dict copies onto the device on which the model and its optimiser are.
    for part, state in zip((model, optimizer, scheduler), saved["states"], strict=True):
        part.load_state_dict(state)
    epoch, random = saved["where"]
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
    with torch.no_grad():
        model.weight.copy_(0.01 * torch.randn(1, x.shape[1], generator=generator, dtype=x.dtype))
        model.bias.fill_(0.0)
    model = model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        for rows, targets in make_loader(x[order], t[order], batch_size):
            train_step(model, rows, targets, nn.functional.mse_loss, optimizer, device)
    return model


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 10))
    order = torch.randperm(len(x))
    held, rest = order[:200], order[200:]
    history = fit(
        model,
        make_loader(x[rest], t[rest], 32, shuffle=True),
        make_loader(x[held], t[held], 200),
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.SGD(parameters, lr=0.2, momentum=0.9, nesterov=True),
        device,
        20,
        lambda optimizer: LambdaLR(optimizer, lambda epoch: warmup_cosine(epoch, 1, 20)),
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
    x, t = to_device([x, t], device)
    with torch.amp.autocast(device_type=x.device.type, dtype=dtype):
        loss = loss_fn(model(x), t)
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), math.inf if max_norm is None else max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
