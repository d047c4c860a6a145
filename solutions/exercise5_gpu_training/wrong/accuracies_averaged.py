"""accuracies-averaged: averages the accuracies of the batches of an epoch as if all had the same size.

H0: With a smaller last batch the accuracy of train_epoch is a little off.
H1: Of 8, 8 and 2 rows, 4, 4 and 2 are right. Is that 10 of 18, or the mean of 1/2, 1/2 and 1?
H2: A share of a small batch is made of few rows and weighs as much as that of a large one. Count right answers and
  rows, and divide once.
zh_CN: 求一轮的准确率时，好像每一批都一样大。
H0_zh_CN: 最后一批较小时，train_epoch 的准确率略有偏差。
H1_zh_CN: 三批各 8、8、2 行，分别对了 4、4、2 行。这是 18 行中对 10 行，还是 1/2、1/2、1 的平均？
H2_zh_CN: 小批的比例由很少的行得出，却和大批的一样重。数出答对的行数和总行数，最后只除一次。
Fails: test_an_epoch_worked_example, test_fit_worked_example, test_an_epoch_returns_means_over_examples,
  test_an_epoch_is_in_training_mode, test_the_history_tells_of_every_epoch,
  test_fit_works_without_a_scheduler_and_with_a_plain_loss, test_fit_stops_when_patience_is_over
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import DataLoader, TensorDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    x = torch.normal(0.0, 1.0, (count, len(w)), generator=generator, dtype=w.dtype)
    error = torch.normal(0.0, noise, (count, 1), generator=generator, dtype=w.dtype)
    return x, x @ w[:, None] + b + error


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    mean = train.mean(0)
    deviation = ((train - mean) ** 2).mean(0).sqrt()
    deviation = torch.where(deviation == 0, torch.ones_like(deviation), deviation)
    result = []
    for data in [train, *others]:
        result.append((data - mean) / deviation)
    return tuple(result)


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    dataset = TensorDataset(x, t)
    return DataLoader(dataset, batch_size, shuffle, generator=generator)


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.randperm(count, generator=generator)
    result = []
    for fold in range(folds):
        start, end = count * fold // folds, count * (fold + 1) // folds
        held = order[start:end]
        train = torch.cat([order[:start], order[end:]])
        result.append((train, held))
    return result


def pick_device(wanted: str | None = None) -> torch.device:
    if wanted is None:
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def to_device(value: Any, device: Device) -> Any:
    if torch.is_tensor(value):
        return value.to(device)
    elif isinstance(value, dict):
        moved = {}
        for name in value:
            moved[name] = to_device(value[name], device)
        return moved
    elif isinstance(value, (list, tuple)):
        return type(value)([to_device(one, device) for one in value])
    else:
        return value


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    x, t = to_device((x, t), device)
    scores = model(x)
    loss = loss_fn(scores, t)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def groups(loader: Batches, size: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
    waiting = []
    for batch in loader:
        waiting.append(batch)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


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
    losses, hits, examples = [], [], 0
    for group in groups(loader, accumulate):
        rows = sum(len(x) for x, _ in group)
        optimizer.zero_grad()
        for batch in group:
            x, t = to_device(batch, device)
            output = model(x)
            loss = loss_fn(output, t)
            (loss * (len(x) / rows)).backward()
            losses.append(loss.detach() * len(x))
            hits.append((output.argmax(1) == t).double().mean())
        if max_norm is not None:
            clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        examples += rows
    return torch.stack(losses).sum().item() / examples, torch.stack(hits).mean().item()


@torch.no_grad()
def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    was_training = model.training
    model.eval()
    losses, hits, examples = [], [], 0
    for batch in loader:
        x, t = to_device(batch, device)
        output = model(x)
        losses.append(loss_fn(output, t) * len(x))
        hits.append((output.argmax(1) == t).sum())
        examples += len(x)
    if was_training:
        model.train()
    return torch.stack(losses).sum().item() / examples, torch.stack(hits).sum().item() / examples


@torch.no_grad()
def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    was_training = model.training
    model.eval()
    parts = [model(to_device(batch[0], device)).argmax(1) for batch in loader]
    if was_training:
        model.train()
    return torch.cat(parts).to("cpu")


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    if epoch < warmup:
        return (epoch + 1) / warmup
    if epoch >= epochs:
        return 0.0
    progress = (epoch - warmup) / (epochs - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * progress))


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = float("inf")
        self.best_state: dict[str, Any] = {}
        self.bad_epochs = 0

    def update(self, loss: float, model: nn.Module) -> bool:
        if loss < self.best_loss:
            self.best_loss = loss
            self.best_state = copy.deepcopy(model.state_dict())
            self.bad_epochs = 0
            return False
        self.bad_epochs += 1
        return self.bad_epochs >= self.patience

    def restore(self, model: nn.Module) -> None:
        if self.best_state:
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
    model = model.to(device)
    if isinstance(loss_fn, nn.Module):
        loss_fn = loss_fn.to(device)
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler is not None else None
    early = EarlyStopping(patience if patience is not None else epochs)
    history: list[dict[str, float]] = []
    for _ in range(epochs):
        lr = optimizer.param_groups[0]["lr"]
        loss, accuracy = train_epoch(
            model, train_loader, loss_fn, optimizer, device, accumulate=accumulate, max_norm=max_norm
        )
        val_loss, val_accuracy = evaluate(model, val_loader, loss_fn, device)
        history.append(dict(lr=lr, loss=loss, accuracy=accuracy, val_loss=val_loss, val_accuracy=val_accuracy))
        stop = early.update(val_loss, model)
        if scheduler:
            scheduler.step()
        if stop:
            break
    early.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    checkpoint: dict[str, Any] = {"epoch": epoch, "random_state": torch.get_rng_state()}
    for name, thing in [("model", model), ("optimizer", optimizer), ("scheduler", scheduler)]:
        checkpoint[name] = thing.state_dict()
    torch.save(checkpoint, path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    checkpoint = torch.load(path, map_location="cpu")
    for name, thing in [("model", model), ("optimizer", optimizer), ("scheduler", scheduler)]:
        thing.load_state_dict(checkpoint[name])
    torch.set_rng_state(checkpoint["random_state"])
    return checkpoint["epoch"]


def fit_line(
    x: Tensor,
    t: Tensor,
    device: Device,
    generator: torch.Generator,
    epochs: int = 3,
    batch_size: int = 10,
    lr: float = 0.03,
) -> nn.Linear:
    line = nn.Linear(x.size(1), 1).to(x.dtype)
    with torch.no_grad():
        line.weight.normal_(0, 0.01, generator=generator)
        line.bias.zero_()
    line = line.to(device)
    sgd = torch.optim.SGD(line.parameters(), lr)
    loader = make_loader(x, t, batch_size, True, generator)
    for _ in range(epochs):
        for rows, targets in loader:
            train_step(line, rows, targets, nn.functional.mse_loss, sgd, device)
    return line


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 10))
    held = len(x) // 6
    train_loader = make_loader(x[held:], t[held:], 64, shuffle=True)
    val_loader = make_loader(x[:held], t[:held], 512)

    def schedule(optimizer: Optimizer) -> LRScheduler:
        return LambdaLR(optimizer, lambda epoch: warmup_cosine(epoch, 1, 20))

    def adam(parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.Adam(parameters, lr=0.004)

    history = fit(net, train_loader, val_loader, nn.CrossEntropyLoss(), adam, device, 20, schedule, patience=6)
    return net, history


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
    x, t = to_device((x, t), device)
    with torch.autocast(x.device.type, dtype=dtype):
        loss = loss_fn(model(x), t)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    if max_norm is not None:
        clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
