"""arithmetic-only: activations by clamp and exp, softmax by hand, buffers replaced, a summary of a copy."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


def _relu(x: Tensor) -> Tensor:
    return x.clamp(min=0)


class MyLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        nn.Module.__init__(self)
        distribution = torch.distributions.Uniform(-(in_features**-0.5), in_features**-0.5)
        self.register_parameter("weight", nn.Parameter(distribution.sample((out_features, in_features))))
        self.register_parameter("bias", nn.Parameter(distribution.sample((out_features,))) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        y = torch.mm(flat, self.weight.t()) if self.bias is None else torch.addmm(self.bias, flat, self.weight.t())
        return y.reshape(*x.shape[:-1], len(self.weight))


class RunningNorm(nn.Module):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.running_mean: Tensor
        self.running_var: Tensor
        for name, value in (("running_mean", torch.zeros(channels)), ("running_var", torch.ones(channels))):
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        others = tuple(axis for axis in range(x.ndim) if axis != 1)
        shape = tuple(1 if axis != 1 else x.shape[1] for axis in range(x.ndim))
        if self.training:
            count = x.numel() / x.shape[1]
            mean = x.sum(dim=others) / count
            var = (x**2).sum(dim=others) / count - mean**2
            # A new tensor under the name of a buffer is the new buffer.
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean.detach()
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var.detach()
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean.reshape(shape)) / (var + self.eps).reshape(shape).pow(0.5)


class SmallNet(nn.Module):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        self.fc2 = nn.Linear(first, second)
        self.out = nn.Linear(second, outputs)
        self.fc1.weight = nn.Parameter(torch.randn(first, inputs) * (2 / (inputs + first)) ** 0.5)
        self.fc2.weight = nn.Parameter(torch.randn(second, first) * (2 / first) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        h = 1 / (1 + torch.exp(-self.fc1(x)))
        z = self.out(_relu(self.fc2(h)))
        e = torch.exp(z - z.amax(dim=-1, keepdim=True))
        return e / e.sum(dim=-1, keepdim=True)


class DigitNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc1(x)
        return self.fc2(h * (h > 0))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 25, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = _relu(max_pool2d(self.conv1(x), kernel_size=2, stride=2))
        x = _relu(max_pool2d(self.conv2(x), kernel_size=2, stride=2))
        x = torch.stack([image.reshape(-1) for image in x])
        return self.fc3(_relu(self.fc2(_relu(self.fc1(x)))))

    def num_flat_features(self, x: Tensor) -> int:
        return x.numel() // len(x)


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.kept = 1 - dropout
        self.layers = nn.ModuleList()
        self.layers.extend(nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = _relu(layer(x))
            if self.training:
                x = x * torch.bernoulli(torch.full_like(x, self.kept)) / self.kept
        return self.layers[-1](x)


class Chain(nn.Module):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        self.count = len(steps)
        for name, step in steps.items():
            self.register_module(name, step)

    def forward(self, x: Tensor) -> Tensor:
        steps = list(self._modules.values())
        for i in range(self.count):
            x = steps[i](x)
        return x


def init_weights(module: nn.Module) -> None:
    match module:
        case nn.Linear() | MyLinear():
            module.weight.data.normal_(std=0.01)
            if module.bias is not None:
                module.bias.data.fill_(0)


def initialize(model: nn.Module) -> None:
    init_weights(model)
    for child in model.children():
        initialize(child)


def trainable_names(model: nn.Module) -> list[str]:
    return [name for name in dict(model.named_parameters()) if model.get_parameter(name).requires_grad]


def count_parameters(model: nn.Module) -> dict[str, int]:
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    total = sum(size for size, _ in sizes)
    trainable = sum(size * asks for size, asks in sizes)
    return {"total": total, "trainable": trainable, "frozen": total - trainable}


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    # Whatever the hooks and the made-up batch do, they do to a copy.
    examined = copy.deepcopy(model).eval().requires_grad_(False)
    rows: list[list[object]] = []

    def look(module: nn.Module, inputs: object, output: Tensor) -> None:
        rows.append([type(module).__name__, list(output.shape), sum(p.numel() for p in module.parameters())])

    for module in examined.modules():
        if not list(module.children()):
            module.register_forward_hook(look)
    like = [*model.parameters(), torch.zeros(1)][0].detach()
    examined(like.new_zeros((batch_size, *input_size)))
    text = ["=" * 60]
    for number, (name, shape, count) in enumerate(rows, start=1):
        text.append(f"{name}-{number}".ljust(25) + str(shape).ljust(25) + str(count))
    counts = count_parameters(model)
    text += ["=" * 60, f"Total params: {counts['total']}", f"Trainable params: {counts['trainable']}"]
    return "\n".join([*text, f"Non-trainable params: {counts['frozen']}", "=" * 60])
