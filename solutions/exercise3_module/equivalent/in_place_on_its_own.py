"""in-place-on-its-own: works in place wherever the tensor is its own, on what it was given never."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn import init


class MyLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        a = 1.0 / math.sqrt(in_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -a, a)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.matmul(x, self.weight.transpose(0, 1))
        if self.bias is not None:
            y += self.bias
        return y


class RunningNorm(nn.Module):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.settings = {"momentum": momentum, "eps": eps}

    def forward(self, x: Tensor) -> Tensor:
        shape = [1] * x.dim()
        shape[1] = -1
        axes = [0, 2, 3][: x.dim() - 1]
        if self.training:
            mean = x.mean(axes)
            var = torch.var(x, axes, correction=0)
            self._move(self.running_mean, mean)
            self._move(self.running_var, var)
        else:
            mean, var = self.running_mean, self.running_var
        y = x - mean.view(shape)
        y /= torch.sqrt(var + self.settings["eps"]).view(shape)
        return y

    @torch.no_grad()
    def _move(self, memory: Tensor, seen: Tensor) -> None:
        memory += self.settings["momentum"] * (seen - memory)


class SmallNet(nn.Module):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, False)
        self.fc2 = nn.Linear(first, second, True)
        self.out = nn.Linear(second, outputs, True)
        init.xavier_normal_(self.fc1.weight, gain=1.0)
        init.kaiming_normal_(self.fc2.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc1(x).sigmoid_()
        h = self.fc2(h).relu_()
        return F.softmax(self.out(h), -1)


class DigitNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 10)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x)
        self.relu(x)
        return self.fc2(x)


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in [self.conv1, self.conv2]:
            x = F.max_pool2d(F.relu_(conv(x)), 2)
        x = x.flatten(start_dim=1)
        for layer in [self.fc1, self.fc2]:
            x = F.relu(layer(x), inplace=True)
        x = self.fc3(x)
        return x

    def num_flat_features(self, x: Tensor) -> int:
        size = x.size()[1:]
        num_features = 1
        for s in size:
            num_features *= s
        return num_features


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.p = dropout
        self.layers = nn.ModuleList([])
        previous = sizes[0]
        for size in sizes[1:]:
            self.layers.append(nn.Linear(previous, size))
            previous = size

    def forward(self, x: Tensor) -> Tensor:
        for i in range(len(self.layers) - 1):
            x = torch.relu_(self.layers[i](x))
            x = F.dropout(x, p=self.p, training=self.training, inplace=True)
        return self.layers[-1](x)


class Chain(nn.Module):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        self._modules.update(steps)

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for _, step in self._modules.items():
            out = step(out)
        return out


@torch.no_grad()
def init_weights(module: nn.Module) -> None:
    if issubclass(type(module), (nn.Linear, MyLinear)):
        module.weight.normal_(mean=0, std=0.01)
        if module.bias is not None:
            module.bias *= 0


def initialize(model: nn.Module) -> None:
    todo = [model]
    while todo:
        module = todo.pop()
        init_weights(module)
        todo += module.children()


def trainable_names(model: nn.Module) -> list[str]:
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    return [name for name, _ in model.named_parameters() if name not in frozen]


def count_parameters(model: nn.Module) -> dict[str, int]:
    sizes: dict[bool, int] = {True: 0, False: 0}
    for p in model.parameters():
        sizes[p.requires_grad] += math.prod(p.size())
    return dict(total=sizes[True] + sizes[False], trainable=sizes[True], frozen=sizes[False])


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    state = {name: module.training for name, module in model.named_modules()}
    seen: list[tuple[nn.Module, Tensor]] = []
    handles = []
    try:
        for module in model.modules():
            module.training = False
            if sum(1 for _ in module.children()) == 0:
                handles.append(module.register_forward_hook(lambda m, _, y: seen.append((m, y))))
        x = torch.randn(batch_size, *input_size)
        for p in model.parameters():
            x = x.to(p.device, p.dtype)
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
        for name, module in model.named_modules():
            module.training = state[name]
    lines = [
        f"{type(m).__name__}-{i} {list(y.shape)} {sum(p.numel() for p in m.parameters())}"
        for i, (m, y) in enumerate(seen, 1)
    ]
    counts = count_parameters(model)
    lines += [f"Total params: {counts['total']}", f"Trainable params: {counts['trainable']}"]
    lines += [f"Non-trainable params: {counts['frozen']}"]
    return "\n".join(lines)
