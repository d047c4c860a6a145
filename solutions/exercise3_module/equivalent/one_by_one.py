"""one-by-one: outputs, images and modules are gone through one after the other; statistics are taken in float64."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import max_pool2d, relu


class MyLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        limit = float(np.sqrt(1 / in_features))
        generator = np.random.default_rng(np.random.randint(2**31))
        self.weight = nn.Parameter(
            torch.from_numpy(generator.uniform(-limit, limit, (out_features, in_features))).float()
        )
        self.bias = None
        if bias:
            self.bias = nn.Parameter(torch.from_numpy(generator.uniform(-limit, limit, out_features)).float())

    def forward(self, x: Tensor) -> Tensor:
        outputs = [(x * row).sum(dim=-1) for row in self.weight]
        if self.bias is not None:
            outputs = [output + b for output, b in zip(outputs, self.bias, strict=True)]
        return torch.stack(outputs, dim=-1)


class RunningNorm(nn.Module):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        channels = [self._channel(i, x.select(1, i)) for i in range(x.shape[1])]
        return torch.stack(channels, dim=1)

    def _channel(self, i: int, x: Tensor) -> Tensor:
        if not self.training:
            return (x - self.running_mean[i]) / (self.running_var[i] + self.eps).sqrt()
        wide = x.double()
        mean = wide.mean()
        var = ((wide - mean) ** 2).mean()
        with torch.no_grad():
            self.running_mean[i] = (1 - self.momentum) * self.running_mean[i] + self.momentum * mean
            self.running_var[i] = (1 - self.momentum) * self.running_var[i] + self.momentum * var
        return ((wide - mean) / (var + self.eps).sqrt()).to(x.dtype)


class SmallNet(nn.Module):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        xavier = torch.normal(0.0, (2 / (inputs + first)) ** 0.5, (first, inputs))
        kaiming = torch.normal(0.0, (2 / first) ** 0.5, (second, first))
        self.fc1, self.fc2 = nn.Linear(inputs, first, bias=False), nn.Linear(first, second)
        self.out = nn.Linear(second, outputs)
        self.fc1.load_state_dict({"weight": xavier})
        self.fc2.load_state_dict({"weight": kaiming, "bias": self.fc2.bias})

    def forward(self, x: Tensor) -> Tensor:
        h1 = torch.special.expit(self.fc1(x))
        h2 = torch.maximum(self.fc2(h1), torch.zeros((), dtype=h1.dtype))
        return torch.special.softmax(self.out(h2), dim=-1)


class DigitNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        a = self.fc1(x)
        h = torch.where(a > 0, a, torch.zeros_like(a))
        return self.fc2(h)


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        sizes = {"fc1": (400, 120), "fc2": (120, 84), "fc3": (84, 10)}
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        for name, (inputs, outputs) in sizes.items():
            self.add_module(name, nn.Linear(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._image(image) for image in x.split(1)])

    def _image(self, x: Tensor) -> Tensor:
        x = max_pool2d(relu(self.conv1(x)), 2)
        x = max_pool2d(relu(self.conv2(x)), 2)
        x = x.ravel().unsqueeze(0)
        return self.fc3(relu(self.fc2(relu(self.fc1(x)))))

    def num_flat_features(self, x: Tensor) -> int:
        return int(np.prod(x.shape[1:], dtype=np.int64))


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.share = dropout
        self.layers = nn.ModuleList(map(nn.Linear, sizes[:-1], sizes[1:]))

    def forward(self, x: Tensor) -> Tensor:
        return self._from(0, x)

    def _from(self, i: int, x: Tensor) -> Tensor:
        y = self.layers[i](x)
        if i + 1 == len(self.layers):
            return y
        return self._from(i + 1, drop(relu(y), self.share, training=self.training))


class Chain(nn.Module):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        names = list(steps)
        for name in names:
            self.add_module(name, steps[name])
        self.names = names

    def forward(self, x: Tensor) -> Tensor:
        return self._from(self.names, x)

    def _from(self, names: list[str], x: Tensor) -> Tensor:
        return x if not names else self._from(names[1:], self.get_submodule(names[0])(x))


def init_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | MyLinear):
        module.weight = nn.Parameter(torch.normal(torch.zeros_like(module.weight), 0.01))
        if module.bias is not None:
            module.bias = nn.Parameter(torch.zeros_like(module.bias))


def initialize(model: nn.Module) -> None:
    for module in list(model.modules()):
        init_weights(module)


def trainable_names(model: nn.Module) -> list[str]:
    names: list[str] = []
    for name, parameter in model.named_parameters():
        names += [name] * parameter.requires_grad
    return names


def count_parameters(model: nn.Module) -> dict[str, int]:
    seen: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                seen[id(parameter)] = parameter
    total = sum(p.numel() for p in seen.values())
    frozen = sum(p.numel() for p in seen.values() if not p.requires_grad)
    return {"total": total, "trainable": total - frozen, "frozen": frozen}


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    rows: list[str] = []
    handles: list[object] = []
    modes: list[tuple[nn.Module, bool]] = []

    def prepare(module: nn.Module) -> None:
        modes.append((module, module.training))
        if not list(module.children()):
            handles.append(module.register_forward_hook(note, with_kwargs=True))

    def note(module: nn.Module, args: object, kwargs: object, output: Tensor) -> None:
        size = count_parameters(module)["total"]
        rows.append(f"{type(module).__qualname__}-{len(rows) + 1} {tuple(output.shape)} {size}")

    model.apply(prepare)
    try:
        with torch.no_grad():
            model.eval()(_zeros(model, [batch_size, *input_size]))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    counts = count_parameters(model)
    rows = [row.replace("(", "[").replace(",)", "]").replace(")", "]") for row in rows]
    totals = ("Total", "total"), ("Trainable", "trainable"), ("Non-trainable", "frozen")
    return "\n".join(rows + [f"{title} params: {counts[key]:,}" for title, key in totals])


def _zeros(model: nn.Module, shape: list[int]) -> Tensor:
    for parameter in model.parameters():
        return parameter.new_zeros(shape)
    return torch.zeros(shape)
