"""as-torch-writes-it: reset_parameters, functional.linear, activations as modules made in __init__."""

import math
from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class MyLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        # For this slope the bound of Kaiming's uniform distribution is 1 / sqrt(fan_in).
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class RunningNorm(nn.Module):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        last = x.movedim(1, -1)
        if self.training:
            var, mean = torch.var_mean(last.flatten(0, -2), dim=0, correction=0)
            self.running_mean += self.momentum * (mean.detach() - self.running_mean)
            self.running_var += self.momentum * (var.detach() - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        return ((last - mean) * torch.rsqrt(var + self.eps)).movedim(-1, 1)


class SmallNet(nn.Module):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        self.fc2 = nn.Linear(first, second)
        self.out = nn.Linear(second, outputs)
        self.sigmoid, self.relu, self.softmax = nn.Sigmoid(), nn.ReLU(), nn.Softmax(dim=-1)
        nn.init.xavier_normal_(self.fc1.weight)
        nn.init.kaiming_normal_(self.fc2.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.softmax(self.out(self.relu(self.fc2(self.sigmoid(self.fc1(x))))))


class DigitNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 256)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.relu(self.fc1(x)))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, kernel_size=5), nn.Conv2d(6, 16, kernel_size=5)
        self.pool, self.relu, self.flatten = nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(x)))
        x = self.flatten(self.pool(self.relu(self.conv2(x))))
        return self.fc3(self.relu(self.fc2(self.relu(self.fc1(x)))))

    def num_flat_features(self, x: Tensor) -> int:
        return x[0].numel()


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(1, len(sizes)):
            self.layers.append(nn.Linear(sizes[i - 1], sizes[i]))
        self.bend = nn.Sequential(nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            x = layer(x) if i == 0 else layer(self.bend(x))
        return x


class Chain(nn.Module):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        for name in steps:
            self.add_module(name, steps[name])

    def forward(self, x: Tensor) -> Tensor:
        for name in self._modules:
            x = self._modules[name](x)
        return x


def init_weights(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, MyLinear)):
        nn.init.normal_(module.weight, 0.0, 0.01)
        if module.bias is not None:
            nn.init.constant_(module.bias, 0.0)


def initialize(model: nn.Module) -> None:
    model.apply(init_weights)


def trainable_names(model: nn.Module) -> list[str]:
    names = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            names.append(name)
    return names


def count_parameters(model: nn.Module) -> dict[str, int]:
    counts = {"total": 0, "trainable": 0, "frozen": 0}
    for parameter in model.parameters():
        counts["total"] += parameter.numel()
        counts["trainable" if parameter.requires_grad else "frozen"] += parameter.numel()
    return counts


class _Notes:
    """The lines of a summary as they come in."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        number = len(self.lines) + 1
        count = count_parameters(module)["total"]
        self.lines.append(f"{module._get_name()}-{number}\t{list(output.size())}\t{count}")


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    notes, handles, modes = _Notes(), [], {}
    first = next(iter(model.parameters()), None)
    like = {} if first is None else {"dtype": first.dtype, "device": first.device}
    try:
        for name, module in model.named_modules():
            modes[name] = module.training
            if len(list(module.children())) == 0:
                handles.append(module.register_forward_hook(notes))
        with torch.inference_mode():
            model.eval()(torch.rand(batch_size, *input_size, **like))
    finally:
        for handle in handles:
            handle.remove()
        for name, mode in modes.items():
            model.get_submodule(name).training = mode
    counts = count_parameters(model)
    notes.lines.append(f"Total params: {counts['total']}")
    notes.lines.append(f"Trainable params: {counts['trainable']}")
    notes.lines.append(f"Non-trainable params: {counts['frozen']}")
    return "\n".join(notes.lines)
