"""patience-none-stops-at-once: takes no patience for a patience of 0.

H0: Without patience training is over after the first epoch.
H1: What is `None or 0`, and what does EarlyStopping do with it?
H2: None says that nobody asked to stop early. 0 would say that nothing is waited for.
zh_CN: 把没有设耐心值当成了耐心为 0。
H0_zh_CN: 没有设耐心值时，训练在第一轮之后就结束了。
H1_zh_CN: `None or 0` 是什么？EarlyStopping 会怎样对待它？
H2_zh_CN: None 表示没有要求提前停止；0 表示一轮也不等。
Fails: test_epochs_of_training_and_validation_alternate, test_fit_follows_the_right_path,
  test_the_history_tells_of_every_epoch, test_train_digits_returns_a_model_and_its_history
"""

import math
from collections.abc import Callable, Iterable
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
    x = torch.randn(count, w.shape[0], generator=generator, dtype=w.dtype)
    t = x @ w + b + noise * torch.randn(count, generator=generator, dtype=w.dtype)
    return x, t.unsqueeze(1)


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    mean = train.mean(dim=0)
    std = train.std(dim=0, unbiased=False)
    std[std == 0] = 1
    return tuple((part - mean) / std for part in [train, *others])


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    return DataLoader(TensorDataset(x, t), batch_size=batch_size, shuffle=shuffle, generator=generator)


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    chunks = torch.tensor_split(torch.randperm(count, generator=generator), folds)
    pairs = []
    for i in range(folds):
        rest = torch.cat([chunk for j, chunk in enumerate(chunks) if j != i])
        pairs.append((rest, chunks[i]))
    return pairs


def pick_device(wanted: str | None = None) -> torch.device:
    if wanted is not None:
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(value: Any, device: Device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, list):
        return [to_device(item, device) for item in value]
    if isinstance(value, tuple):
        return tuple(to_device(item, device) for item in value)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    return value


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
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
    model.train()
    batches = list(loader)
    total, correct, count = 0.0, 0.0, 0
    for start in range(0, len(batches), accumulate):
        group = batches[start : start + accumulate]
        rows = sum(len(t) for _, t in group)
        optimizer.zero_grad()
        for x, t in group:
            x, t = x.to(device), t.to(device)
            scores = model(x)
            loss = loss_fn(scores, t)
            (loss * len(t) / rows).backward()
            total = total + loss.detach() * len(t)
            correct = correct + (scores.argmax(dim=1) == t).sum()
        if max_norm is not None:
            clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        count += rows
    return float(total) / count, float(correct) / count


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    mode = model.training
    model.eval()
    total, correct, count = 0.0, 0.0, 0
    with torch.no_grad():
        for x, t in loader:
            x, t = x.to(device), t.to(device)
            scores = model(x)
            total = total + loss_fn(scores, t) * len(t)
            correct = correct + (scores.argmax(dim=1) == t).sum()
            count += len(t)
    model.train(mode)
    return float(total) / count, float(correct) / count


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    mode = model.training
    model.eval()
    classes = []
    with torch.no_grad():
        for x, _ in loader:
            classes.append(model(x.to(device)).argmax(dim=1))
    model.train(mode)
    return torch.cat(classes).cpu()


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    if epoch < warmup:
        return (epoch + 1) / warmup
    if epoch >= epochs:
        return 0.0
    progress = (epoch - warmup) / (epochs - warmup)
    return (1 + math.cos(math.pi * progress)) / 2


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = float("inf")
        self.best_state: dict[str, Tensor] | None = None
        self.misses = 0

    def update(self, loss: float, model: nn.Module) -> bool:
        if loss < self.best_loss:
            self.best_loss = loss
            self.best_state = {key: value.clone() for key, value in model.state_dict().items()}
            self.misses = 0
        else:
            self.misses += 1
        return self.misses >= self.patience

    def restore(self, model: nn.Module) -> None:
        if self.best_state is not None:
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
    model.to(device)
    if isinstance(loss_fn, nn.Module):
        loss_fn.to(device)
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler is not None else None
    stopping = EarlyStopping(patience or 0)
    history = []
    for _ in range(epochs):
        lr = optimizer.param_groups[0]["lr"]
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


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    checkpoint = {
        "epoch": epoch,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "rng": torch.get_rng_state(),
    }
    torch.save(checkpoint, path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    checkpoint = torch.load(path, map_location=device)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    scheduler.load_state_dict(checkpoint["scheduler"])
    torch.set_rng_state(checkpoint["rng"].cpu())
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
    model = nn.Linear(x.shape[1], 1, dtype=x.dtype)
    nn.init.normal_(model.weight, mean=0.0, std=0.01, generator=generator)
    nn.init.zeros_(model.bias)
    model.to(device)
    loader = make_loader(x, t, batch_size, shuffle=True, generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss_fn = nn.MSELoss()
    for _ in range(epochs):
        for xb, tb in loader:
            train_step(model, xb, tb, loss_fn, optimizer, device)
    return model


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
    held_out = len(x) // 6
    train_loader = make_loader(x[held_out:], t[held_out:], 64, shuffle=True)
    val_loader = make_loader(x[:held_out], t[:held_out], 512)
    epochs = 25
    history = fit(
        model,
        train_loader,
        val_loader,
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.Adam(parameters, lr=1e-4),
        device,
        epochs,
        make_scheduler=lambda optimizer: LambdaLR(optimizer, lambda epoch: warmup_cosine(epoch, 2, epochs)),
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
