"""hits-not-divided: returns how many examples of an epoch were right instead of the share.

H0: The accuracy of train_epoch is the number of right answers.
H1: Is 45 a good accuracy? What would you have to know?
H2: A count says nothing without the number of rows. The accuracy is the share: from 0 to 1, for any amount of data.
zh_CN: 返回的是一轮中答对的样本数，而不是比例。
H0_zh_CN: train_epoch 的准确率是答对的个数。
H1_zh_CN: 45 的准确率算好吗？你还需要知道什么？
H2_zh_CN: 不知道总行数，个数说明不了什么。准确率是比例：数据多少都在 0 到 1 之间。
Fails: test_an_epoch_worked_example, test_fit_worked_example, test_an_epoch_returns_means_over_examples,
  test_an_epoch_is_in_training_mode, test_the_device_is_kept_busy, test_the_history_tells_of_every_epoch,
  test_fit_works_without_a_scheduler_and_with_a_plain_loss, test_fit_stops_when_patience_is_over
"""

import itertools
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
    x = torch.randn((count, w.numel()), generator=generator, dtype=w.dtype)
    e = noise * torch.randn(count, generator=generator, dtype=w.dtype)
    t = x @ w + b + e
    return x, t.reshape(-1, 1)


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    mean = train.mean(dim=0)
    std = train.std(dim=0, unbiased=False)
    std[std == 0] = 1.0
    return tuple((x - mean) / std for x in (train, *others))


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    return DataLoader(TensorDataset(x, t), batch_size=batch_size, shuffle=shuffle, generator=generator)


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.randperm(count, generator=generator)
    pairs = []
    for i in range(folds):
        held = order[i::folds]
        rest = [order[j::folds] for j in range(folds) if j != i]
        pairs.append((torch.cat(rest), held))
    return pairs


def pick_device(wanted: str | None = None) -> torch.device:
    if wanted is not None:
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(value: Any, device: Device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(to_device(item, device) for item in value)
    if isinstance(value, list):
        return [to_device(item, device) for item in value]
    return value


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    x = x.to(device)
    t = t.to(device)
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
    loss_sum = torch.zeros((), dtype=torch.float64, device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    count = 0
    batches = iter(loader)
    while group := list(itertools.islice(batches, accumulate)):
        rows = sum(len(t) for _, t in group)
        optimizer.zero_grad()
        for x, t in group:
            x, t = x.to(device), t.to(device)
            scores = model(x)
            loss = loss_fn(scores, t)
            (loss * len(t) / rows).backward()
            loss_sum += loss.detach() * len(t)
            correct += (scores.argmax(dim=1) == t).sum()
        if max_norm is not None:
            clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        count += rows
    return loss_sum.item() / count, float(correct.item())


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    mode = model.training
    model.eval()
    loss_sum = torch.zeros((), dtype=torch.float64, device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    count = 0
    with torch.no_grad():
        for x, t in loader:
            x, t = x.to(device), t.to(device)
            scores = model(x)
            loss_sum += loss_fn(scores, t) * len(t)
            correct += (scores.argmax(dim=1) == t).sum()
            count += len(t)
    model.train(mode)
    return loss_sum.item() / count, correct.item() / count


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    mode = model.training
    model.eval()
    classes = []
    with torch.no_grad():
        for x, _ in loader:
            scores = model(x.to(device))
            classes.append(scores.argmax(dim=1))
    model.train(mode)
    return torch.cat(classes).cpu()


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    if epoch < warmup:
        return (epoch + 1) / warmup
    if epoch < epochs:
        return (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup))) / 2
    return 0.0


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = math.inf
        self.waited = 0
        self.best: dict[str, Tensor] | None = None

    def update(self, loss: float, model: nn.Module) -> bool:
        if loss < self.best_loss:
            self.best_loss = loss
            self.best = {name: value.clone() for name, value in model.state_dict().items()}
            self.waited = 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self, model: nn.Module) -> None:
        if self.best is not None:
            model.load_state_dict(self.best)


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
    scheduler = None if make_scheduler is None else make_scheduler(optimizer)
    stopping = EarlyStopping(epochs + 1 if patience is None else patience)
    history = []
    for _ in range(epochs):
        entry = {"lr": optimizer.param_groups[0]["lr"]}
        entry["loss"], entry["accuracy"] = train_epoch(
            model, train_loader, loss_fn, optimizer, device, accumulate, max_norm
        )
        entry["val_loss"], entry["val_accuracy"] = evaluate(model, val_loader, loss_fn, device)
        history.append(entry)
        if scheduler is not None:
            scheduler.step()
        if stopping.update(entry["val_loss"], model):
            break
    stopping.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    torch.save(
        {
            "epoch": epoch,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "rng": torch.get_rng_state(),
        },
        path,
    )


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    state = torch.load(path, map_location=device)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["rng"].cpu())
    return state["epoch"]


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
    nn.init.normal_(model.weight, 0.0, 0.01, generator=generator)
    nn.init.zeros_(model.bias)
    model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss_fn = nn.MSELoss()
    loader = make_loader(x, t, batch_size, shuffle=True, generator=generator)
    for _ in range(epochs):
        for xb, tb in loader:
            train_step(model, xb, tb, loss_fn, optimizer, device)
    return model


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    order = torch.randperm(len(x))
    val, train = order[: len(x) // 5], order[len(x) // 5 :]
    history = fit(
        model,
        make_loader(x[train], t[train], 64, shuffle=True),
        make_loader(x[val], t[val], 256),
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.Adam(parameters, lr=0.003),
        device,
        epochs=20,
        make_scheduler=lambda optimizer: LambdaLR(optimizer, lambda epoch: warmup_cosine(epoch, 2, 20)),
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
    x, t = x.to(device), t.to(device)
    optimizer.zero_grad()
    with torch.autocast(device_type=torch.device(device).type, dtype=dtype):
        loss = loss_fn(model(x), t)
    scaler.scale(loss).backward()
    if max_norm is not None:
        scaler.unscale_(optimizer)
        clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
