"""by-objects: small classes for moving, counting and remembering; batches of its own making."""

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, SequentialLR
from torch.utils.data import DataLoader, IterableDataset

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
Device = torch.device | str


class Plane:
    def __init__(self, w: Tensor, b: float) -> None:
        self.w, self.b = w, b

    def __call__(self, x: Tensor) -> Tensor:
        return torch.stack([row.dot(self.w) for row in x]).unsqueeze(-1) + self.b


def linear_data(
    w: Tensor, b: float, count: int, generator: torch.Generator, noise: float = 0.01
) -> tuple[Tensor, Tensor]:
    x = torch.empty(count, w.shape[0], dtype=w.dtype)
    torch.nn.init.normal_(x, generator=generator)
    t = Plane(w, b)(x)
    t += torch.randn(t.shape, generator=generator, dtype=t.dtype).mul_(noise)
    return x, t


class Scale:
    """Mean and spread of one set, to measure others by."""

    def __init__(self, train: Tensor) -> None:
        self.centre = train.mean(dim=0, keepdim=True)
        self.spread = torch.ones_like(self.centre)
        for feature, values in enumerate(train.T):
            if (values != values[0]).any():
                self.spread[0, feature] = values.var(unbiased=False).sqrt()
            else:
                self.centre[0, feature] = values[0]

    def __call__(self, x: Tensor) -> Tensor:
        return x.sub(self.centre).div_(self.spread)


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    scale = Scale(train)
    return (scale(train), *[scale(x) for x in others])


class Rows(IterableDataset[Any]):
    """Batches ready made: each time it is looped over, in an order of its own if it is to shuffle."""

    def __init__(self, x: Tensor, t: Tensor, size: int, shuffle: bool, generator: torch.Generator | None) -> None:
        self.x, self.t, self.size = x, t, size
        self.shuffle, self.generator = shuffle, generator

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rows = torch.randperm(len(self.x), generator=self.generator) if self.shuffle else torch.arange(len(self.x))
        for chosen in rows.split(self.size):
            yield self.x[chosen], self.t[chosen]


def make_loader(
    x: Tensor, t: Tensor, batch_size: int, shuffle: bool = False, generator: torch.Generator | None = None
) -> DataLoader[Any]:
    return DataLoader(Rows(x, t, batch_size, shuffle, generator), batch_size=None)


def k_folds(count: int, folds: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    order = torch.randperm(count, generator=generator).tolist()
    held: list[list[int]] = [[] for _ in range(folds)]
    for place, row in enumerate(order):
        held[place % folds].append(row)
    pairs = []
    for rows in held:
        train = torch.ones(count, dtype=torch.bool)
        train[rows] = False
        pairs.append((torch.arange(count)[train], torch.tensor(rows)))
    return pairs


def pick_device(wanted: str | None = None) -> torch.device:
    match wanted:
        case None if torch.cuda.is_available():
            return torch.device("cuda")
        case None:
            return torch.device("cpu")
        case name:
            return torch.device(name)


class Mover:
    def __init__(self, device: Device) -> None:
        self.device = device

    def __call__(self, value: Any) -> Any:
        mover = getattr(self, type(value).__name__.lower(), None)
        return mover(value) if mover else value

    def tensor(self, value: Tensor) -> Tensor:
        return value.to(device=self.device)

    def parameter(self, value: Tensor) -> Tensor:
        return self.tensor(value)

    def dict(self, value: Any) -> Any:
        return {key: self(part) for key, part in value.items()}

    def list(self, value: Any) -> Any:
        return [self(part) for part in value]

    def tuple(self, value: Any) -> Any:
        return (*(self(part) for part in value),)


def to_device(value: Any, device: Device) -> Any:
    return Mover(device)(value)


def train_step(model: nn.Module, x: Tensor, t: Tensor, loss_fn: Loss, optimizer: Optimizer, device: Device) -> Tensor:
    x, t = Mover(device)((x, t))
    with torch.enable_grad():
        loss = loss_fn(model(x), t)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach().clone()


@dataclasses.dataclass
class Count:
    """Sums over rows; on the device until somebody asks."""

    loss: Tensor | float = 0.0
    right: Tensor | float = 0.0
    rows: int = 0

    def add(self, loss: Tensor, scores: Tensor, t: Tensor) -> None:
        best = scores.max(dim=1).indices
        self.loss = self.loss + loss.detach().double() * t.numel()
        self.right = self.right + torch.where(best == t, 1.0, 0.0).sum()
        self.rows += t.numel()

    def means(self) -> tuple[float, float]:
        return float(self.loss) / self.rows, float(self.right) / self.rows


class Epoch:
    """One epoch of training; a step is due when so many batches have left their gradients."""

    def __init__(self, model: nn.Module, optimizer: Optimizer, max_norm: float | None) -> None:
        self.model, self.optimizer, self.max_norm = model, optimizer, max_norm
        self.count = Count()
        self.model.train()

    def learn(self, batches: list[tuple[Tensor, Tensor]], loss_fn: Loss) -> None:
        rows = sum(t.numel() for _, t in batches)
        self.model.zero_grad(set_to_none=True)
        for x, t in batches:
            scores = self.model(x)
            loss = loss_fn(scores, t)
            loss.backward(torch.full_like(loss, t.numel() / rows))  # the chain rule's first factor
            self.count.add(loss, scores, t)
        if self.max_norm is not None:
            self.limit(self.max_norm)
        self.optimizer.step()

    def limit(self, max_norm: float) -> None:
        gradients = [parameter.grad for parameter in self.model.parameters() if parameter.grad is not None]
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        factor = torch.where(norm > max_norm, max_norm / norm, 1.0)
        for gradient in gradients:
            gradient.mul_(factor)


def train_epoch(
    model: nn.Module,
    loader: Batches,
    loss_fn: Loss,
    optimizer: Optimizer,
    device: Device,
    accumulate: int = 1,
    max_norm: float | None = None,
) -> tuple[float, float]:
    epoch = Epoch(model, optimizer, max_norm)
    batches = list(map(Mover(device), loader))
    for first in range(0, len(batches), accumulate):
        epoch.learn([(x, t) for x, t in batches[first : first + accumulate]], loss_fn)
    return epoch.count.means()


class Looking:
    """A model in evaluation mode, without gradients, for as long as one looks."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.training = model, model.training

    def __enter__(self) -> nn.Module:
        self.before = torch.is_grad_enabled()
        torch.set_grad_enabled(False)
        return self.model.eval()

    def __exit__(self, *_: object) -> None:
        torch.set_grad_enabled(self.before)
        self.model.train(self.training)


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss, device: Device) -> tuple[float, float]:
    count = Count()
    with Looking(model) as frozen:
        for x, t in map(Mover(device), loader):
            scores = frozen(x)
            count.add(loss_fn(scores, t), scores, t)
    return count.means()


def predict(model: nn.Module, loader: Batches, device: Device) -> Tensor:
    found: list[int] = []
    with Looking(model) as frozen:
        for batch in loader:
            found.extend(frozen(Mover(device)(batch[0])).argmax(dim=-1).tolist())
    return torch.tensor(found)


def warmup_cosine(epoch: int, warmup: int, epochs: int) -> float:
    factors = [(e + 1) / warmup for e in range(warmup)]
    factors += [(1 + math.cos(math.pi * e / (epochs - warmup))) / 2 for e in range(epochs - warmup)]
    return [*factors, 0.0][min(epoch, epochs)]


class EarlyStopping:
    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.losses: list[float] = []
        self.best: nn.Module | None = None
        self.best_loss = math.inf

    def update(self, loss: float, model: nn.Module) -> bool:
        self.losses.append(loss)
        if self.best_loss > loss:
            self.best_loss, self.best = loss, copy.deepcopy(model)
            self.losses = [loss]
        waited = len(self.losses) - (self.best is not None)
        return waited >= self.patience

    def restore(self, model: nn.Module) -> None:
        if self.best is not None:
            model.load_state_dict(self.best.state_dict())


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
    for module in (model, loss_fn):
        if isinstance(module, nn.Module):
            module.to(device)
    optimizer = make_optimizer(list(model.parameters()))
    scheduler = make_scheduler(optimizer) if make_scheduler is not None else None
    stopping = EarlyStopping(10**9 if patience is None else patience)
    history: list[dict[str, float]] = []
    for _ in range(epochs):
        rates = [group["lr"] for group in optimizer.param_groups]
        trained = train_epoch(model, train_loader, loss_fn, optimizer, device, accumulate, max_norm)
        validated = evaluate(model, val_loader, loss_fn, device)
        names = ("lr", "loss", "accuracy", "val_loss", "val_accuracy")
        history += [dict(zip(names, (rates[0], *trained, *validated), strict=True))]
        if scheduler is not None:
            scheduler.step()
        if stopping.update(validated[0], model):
            break
    stopping.restore(model)
    return history


def save_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, epoch: int) -> None:
    things = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    states = {key: thing.state_dict() for key, thing in things.items()}
    torch.save(states | {"epoch": epoch, "random": torch.get_rng_state().tolist()}, path)


def load_checkpoint(path: str, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: Device) -> int:
    states = torch.load(path, map_location=device)
    model.load_state_dict(states["model"])
    optimizer.load_state_dict(states["optimizer"])
    scheduler.load_state_dict(states["scheduler"])
    torch.set_rng_state(torch.tensor(states["random"], dtype=torch.uint8))
    return states["epoch"]


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
    nn.init.constant_(model.bias, 0.0)
    nn.init.normal_(model.weight, std=0.01, generator=generator)
    model = model.to(device)
    loader = make_loader(x, t, batch_size, shuffle=True, generator=generator)
    for _ in range(epochs):
        for rows, targets in loader:
            loss = (model(rows.to(device)) - targets.to(device)).square().mean()
            slopes = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for parameter, slope in zip(model.parameters(), slopes, strict=True):
                    parameter -= lr * slope
    return model


def train_digits(x: Tensor, t: Tensor, device: Device) -> tuple[nn.Module, list[dict[str, float]]]:
    model = nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    (train, held), *_ = k_folds(len(x), 6, torch.default_generator)

    def schedule(optimizer: Optimizer) -> LRScheduler:
        rise = torch.optim.lr_scheduler.LinearLR(optimizer, 0.2, total_iters=2)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 13)
        return SequentialLR(optimizer, [rise, fall], [2])

    history = fit(
        model,
        make_loader(x[train], t[train], 32, shuffle=True),
        make_loader(x[held], t[held], 128),
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01),
        device,
        15,
        schedule,
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
    x, t = Mover(device)((x, t))
    model.zero_grad()
    with torch.amp.autocast_mode.autocast(x.device.type, dtype=dtype, cache_enabled=False):
        loss = loss_fn(model(x), t)
    scaler.scale(loss).backward()
    if max_norm is not None:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(list(model.parameters()), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
