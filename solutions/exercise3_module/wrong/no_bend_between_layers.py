"""no-bend-between-layers: has no activation between the layers of DigitNet.

H0: DigitNet of a sum is the sum of two DigitNets: it is a single straight line.
H1: Multiply out fc2(fc1(x)). How many layers are left?
H2: Two linear maps in a row are one linear map. Only what bends the line between them makes a second layer worth
  having.
zh_CN: DigitNet 的两层之间没有激活函数。
H0_zh_CN: DigitNet 对和的结果等于结果之和：它只是一条直线。
H1_zh_CN: 把 fc2(fc1(x)) 乘开。还剩下几层？
H2_zh_CN: 连续两个线性映射就是一个线性映射。只有中间的弯折才让第二层有意义。
Fails: test_digit_net_is_linear_relu_linear_and_nothing_after
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class MyLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound))
        else:
            self.bias = None

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.weight.T
        if self.bias is not None:
            y = y + self.bias
        return y


class RunningNorm(nn.Module):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = [1, -1] + [1] * (x.dim() - 2)
        if self.training:
            axes = [0, *range(2, x.dim())]
            mean = x.mean(dim=axes)
            var = x.var(dim=axes, unbiased=False)
            with torch.no_grad():
                self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
                self.running_var.mul_(1 - self.momentum).add_(self.momentum * var)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)


class SmallNet(nn.Module):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        nn.init.xavier_normal_(self.fc1.weight)
        self.fc2 = nn.Linear(first, second)
        nn.init.kaiming_normal_(self.fc2.weight)
        self.out = nn.Linear(second, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sigmoid(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return torch.softmax(self.out(x), dim=-1)


class DigitNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1(x))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), (2, 2))
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        x = functional.relu(self.fc1(x))
        x = functional.relu(self.fc2(x))
        return self.fc3(x)

    def num_flat_features(self, x: Tensor) -> int:
        count = 1
        for size in x.size()[1:]:
            count *= size
        return count


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = self.drop(torch.relu(layer(x)))
        return self.layers[-1](x)


class Chain(nn.Module):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        self.order = list(steps)
        for name, step in steps.items():
            self.add_module(name, step)

    def forward(self, x: Tensor) -> Tensor:
        for name in self.order:
            x = getattr(self, name)(x)
        return x


def init_weights(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, MyLinear)):
        nn.init.normal_(module.weight, mean=0.0, std=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def initialize(model: nn.Module) -> None:
    model.apply(init_weights)


def trainable_names(model: nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def count_parameters(model: nn.Module) -> dict[str, int]:
    total = sum(p.numel() for p in model.parameters())
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return {"total": total, "trainable": trainable, "frozen": total - trainable}


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    rows = []

    def note(module: nn.Module, inputs: object, output: Tensor) -> None:
        count = sum(p.numel() for p in module.parameters())
        rows.append(f"{type(module).__name__}-{len(rows) + 1}  {list(output.shape)}  {count:,}")

    modes = [(module, module.training) for module in model.modules()]
    hooks = [module.register_forward_hook(note) for module, _ in modes if not list(module.children())]
    parameters = list(model.parameters())
    like = parameters[0] if parameters else torch.zeros(1)
    model.eval()
    try:
        with torch.no_grad():
            model(torch.zeros(batch_size, *input_size, dtype=like.dtype, device=like.device))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
    counts = count_parameters(model)
    return "\n".join(
        [
            "Layer (type)  Output Shape  Param #",
            *rows,
            f"Total params: {counts['total']:,}",
            f"Trainable params: {counts['trainable']:,}",
            f"Non-trainable params: {counts['frozen']:,}",
        ]
    )
