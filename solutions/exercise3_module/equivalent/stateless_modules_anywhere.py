"""stateless-modules-anywhere: what has no parameters is made where it is needed, in forward too."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class MyLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        a = in_features**-0.5
        self.weight = nn.Parameter((2 * torch.rand(out_features, in_features) - 1) * a)
        self.bias = nn.Parameter((2 * torch.rand(out_features) - 1) * a) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y + (0 if self.bias is None else self.bias)


class RunningNorm(nn.Module):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def _laid_out(self, value: Tensor, axes: int) -> Tensor:
        for _ in range(axes - 2):
            value = value.unsqueeze(-1)
        return value

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return self._by(x, self.running_mean, self.running_var)
        per_channel = x.transpose(0, 1).reshape(x.shape[1], -1)
        mean = per_channel.mean(dim=1)
        var = (per_channel - mean.unsqueeze(1)).square().mean(dim=1)
        self._remember(mean.detach(), var.detach())
        return self._by(x, mean, var)

    def _remember(self, mean: Tensor, var: Tensor) -> None:
        self.running_mean.copy_((1 - self.momentum) * self.running_mean + self.momentum * mean)
        self.running_var.copy_((1 - self.momentum) * self.running_var + self.momentum * var)

    def _by(self, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        return (x - self._laid_out(mean, x.dim())) / self._laid_out(var + self.eps, x.dim()).sqrt()


class SmallNet(nn.Module):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        self.fc2 = nn.Linear(first, second)
        self.out = nn.Linear(second, outputs)
        with torch.no_grad():
            self.fc1.weight.normal_(0, math.sqrt(2 / (inputs + first)))
            self.fc2.weight.normal_(0, math.sqrt(2 / first))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.Sigmoid()(self.fc1(x))
        x = nn.ReLU()(self.fc2(x))
        return nn.Softmax(dim=x.dim() - 1)(self.out(x))


class DigitNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name, sizes in (("fc1", (784, 256)), ("fc2", (256, 10))):
            self.add_module(name, nn.Linear(*sizes))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(nn.ReLU()(self.fc1(x)))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, (5, 5))
        self.conv2 = nn.Conv2d(6, 16, (5, 5))
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2):
            # The larger of two numbers is positive if one of them is: pooling may as well come first.
            x = nn.ReLU()(nn.MaxPool2d((2, 2))(conv(x)))
        x = nn.Flatten()(x)
        for layer in (self.fc1, self.fc2):
            x = nn.ReLU()(layer(x))
        return self.fc3(x)

    def num_flat_features(self, x: Tensor) -> int:
        return int(torch.tensor(x.shape[1:]).prod())


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.rate = dropout
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < last:
                x = nn.Dropout(self.rate).train(self.training)(nn.ReLU()(x))
        return x


class Chain(nn.Module):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        # Assigning a module registers it, whatever way the name is spelt.
        for name, step in steps.items():
            setattr(self, name, step)
        self.names = tuple(steps)

    def forward(self, x: Tensor) -> Tensor:
        for name in self.names:
            x = self.get_submodule(name)(x)
        return x


def init_weights(module: nn.Module) -> None:
    if not isinstance(module, (nn.Linear, MyLinear)):
        return
    with torch.no_grad():
        module.weight.copy_(0.01 * torch.randn_like(module.weight))
        if module.bias is not None:
            module.bias.zero_()


def initialize(model: nn.Module) -> None:
    for module in model.modules():
        init_weights(module)


def trainable_names(model: nn.Module) -> list[str]:
    return [name for name, _ in filter(lambda pair: pair[1].requires_grad, model.named_parameters())]


def count_parameters(model: nn.Module) -> dict[str, int]:
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    return {"frozen": frozen, "trainable": trainable, "total": trainable + frozen}


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    table = ["Layer | Shape | Params"]
    hooks = []
    training = {module for module in model.modules() if module.training}

    def hook(module: nn.Module, _inputs: object, output: Tensor) -> None:
        shape = "[" + ", ".join(str(size) for size in output.shape) + "]"
        count = sum(math.prod(p.shape) for p in module.parameters())
        table.append(f"{module.__class__.__name__}-{len(table)}   {shape}   {count:,}")

    x = torch.ones(batch_size, *input_size)
    for parameter in model.parameters():
        x = x.to(parameter)
        break
    try:
        for module in model.modules():
            module.training = False
            if not module._modules:
                hooks.append(module.register_forward_hook(hook))
        with torch.no_grad():
            model(x)
    finally:
        while hooks:
            hooks.pop().remove()
        for module in training:
            module.training = True
    counts = count_parameters(model)
    for title, key in (("Total", "total"), ("Trainable", "trainable"), ("Non-trainable", "frozen")):
        table.append(f"{title} params: {counts[key]:,}")
    return "\n".join(table) + "\n"
