"""heirs-of-each-other: networks inherit what they share, the lists are built bit by bit, a summary is a class."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import Parameter


class _Bounded(nn.Module):
    """Whatever starts uniform between -1/sqrt(inputs) and 1/sqrt(inputs)."""

    def start(self, inputs: int) -> None:
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -((1 / inputs) ** 0.5), (1 / inputs) ** 0.5)


class MyLinear(_Bounded):
    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = Parameter(torch.empty((out_features, in_features)))
        self.bias = Parameter(torch.empty((out_features,))) if bias else None
        self.start(in_features)

    def forward(self, x: Tensor) -> Tensor:
        y = (self.weight @ x.unsqueeze(-1)).squeeze(-1)
        return y if self.bias is None else y + self.bias


class _Memory(nn.Module):
    """Mean and variance of each channel, and how they move."""

    def __init__(self, channels: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def learn(self, **seen: Tensor) -> None:
        for name, value in seen.items():
            memory = self.get_buffer(name)
            memory.copy_(memory + self.momentum * (value.detach() - memory))


class RunningNorm(_Memory):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(channels, momentum)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(2).movedim(1, 0).flatten(1) if x.dim() > 2 else x.t()
        if self.training:
            std_like, mean = torch.var_mean(rows, dim=1, unbiased=False)
            self.learn(running_mean=mean, running_var=std_like)
        else:
            std_like, mean = self.running_var, self.running_mean
        whole = x.reshape(*x.shape[:2], -1)
        return ((whole - mean[:, None]) * (std_like + self.eps).pow(-0.5)[:, None]).view_as(x)


class _Dense(nn.Module):
    """Layers fc1, fc2, … with an activation between them."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.names = [f"fc{i}" for i in range(1, len(sizes))]
        for name, pair in zip(self.names, pairwise(sizes), strict=True):
            self.register_module(name, nn.Linear(*pair))

    def forward(self, x: Tensor) -> Tensor:
        for name in self.names[:-1]:
            x = functional.relu(self.get_submodule(name)(x))
        return self.get_submodule(self.names[-1])(x)


class SmallNet(nn.Module):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        self.fc2 = nn.Linear(first, second)
        self.out = nn.Linear(second, outputs)
        self.apply(self._start)

    def _start(self, module: nn.Module) -> None:
        if module is self.fc1:
            nn.init.xavier_normal_(module.weight)
        if module is self.fc2:
            nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.fc2(self.fc1(x).sigmoid()).relu()).softmax(-1)


class DigitNet(_Dense):
    def __init__(self) -> None:
        super().__init__(784, 256, 10)


class LeNet(_Dense):
    def __init__(self) -> None:
        super().__init__(400, 120, 84, 10)
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        pool: Callable[[Tensor], Tensor] = partial(functional.max_pool2d, kernel_size=2)
        x = pool(functional.relu(self.conv2(pool(functional.relu(self.conv1(x))))))
        return super().forward(x.unflatten(0, (-1, 1)).flatten(1))

    def num_flat_features(self, x: Tensor) -> int:
        return x.stride(0) if x.is_contiguous() and x.dim() > 1 else 1


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for inputs, outputs in pairwise(sizes):
            self.layers.insert(len(self.layers), nn.Linear(inputs, outputs))
        self.between = nn.Sequential(nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.layers
        x = first(x)
        for layer in others:
            x = layer(self.between(x))
        return x


class Chain(nn.Module):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        for item in steps.items():
            self.add_module(*item)
        self.steps = steps.keys()

    def forward(self, x: Tensor) -> Tensor:
        for name in self.steps:
            x = self.__getattr__(name)(x)
        return x


def init_weights(module: nn.Module) -> None:
    if isinstance(module, (MyLinear, nn.Linear)):
        starts = {"weight": partial(nn.init.normal_, std=0.01), "bias": nn.init.zeros_}
        for name, parameter in module.named_parameters(recurse=False):
            starts[name](parameter)


def initialize(model: nn.Module) -> None:
    model.apply(fn=init_weights)


def trainable_names(model: nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters(recurse=True) if parameter.requires_grad is True]


def count_parameters(model: nn.Module) -> dict[str, int]:
    flat = [torch.full((parameter.numel(),), parameter.requires_grad) for parameter in model.parameters()]
    asks = torch.cat(flat) if flat else torch.zeros(0, dtype=torch.bool)
    return {"total": len(asks), "trainable": int(asks.sum()), "frozen": int((~asks).sum())}


class _Summary:
    """Everything that a summary puts on a model and takes off again."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.rows = model, []

    def __enter__(self) -> "_Summary":
        self.modes = {module: module.training for module in self.model.modules()}
        leaves = [module for module in self.modes if not module._modules]
        self.handles = [leaf.register_forward_hook(self._note) for leaf in leaves]
        self.model.eval()
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()
        for module, mode in self.modes.items():
            module.training = mode

    def _note(self, module: nn.Module, _: object, output: Tensor) -> None:
        name, count = type(module).__name__, count_parameters(module)["total"]
        self.rows.append(f"| {name} | {list(output.shape)} | {count}")

    def text(self) -> str:
        cells = [[part.strip() for part in row.split("|")[1:]] for row in self.rows]
        rows = ["  ".join([f"{name}-{i}", shape, count]) for i, (name, shape, count) in enumerate(cells, start=1)]
        counts = count_parameters(self.model)
        return "\n".join(
            [*rows, f"Total params: {counts['total']}", f"Trainable params: {counts['trainable']}",
             f"Non-trainable params: {counts['frozen']}"]
        )  # fmt: skip


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    with _Summary(model) as found, torch.no_grad():
        like = next(model.parameters(), torch.zeros(()))
        model(like.new_ones(batch_size, *input_size))
    return found.text()
