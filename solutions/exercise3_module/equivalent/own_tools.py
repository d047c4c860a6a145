"""own-tools: a base class and helpers of one's own, one hook for all modules, an ExitStack to put all back."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook


class _Network(nn.Module):
    """Networks whose layers are given as a dict."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)


def _through(x: Tensor, steps: Iterable[nn.Module]) -> Tensor:
    return reduce(lambda value, step: step(value), steps, x)


class MyLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.bound = math.pow(in_features, -0.5)
        self.weight = self._uniform(out_features, in_features)
        self.bias = self._uniform(out_features) if bias else None

    def _uniform(self, *shape: int) -> nn.Parameter:
        return nn.Parameter(torch.rand(*shape).mul(2 * self.bound).sub(self.bound))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tensordot(x, self.weight, dims=([-1], [1]))
        return y if self.bias is None else torch.add(y, self.bias)


class RunningNorm(nn.Module):
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            every = [axis for axis in range(x.dim()) if axis != 1]
            mean = x.mean(every, keepdim=True)
            var = (x - mean).pow(2).mean(every, keepdim=True)
            for memory, seen in ((self.running_mean, mean), (self.running_var, var)):
                memory.data = torch.lerp(memory, seen.detach().flatten(), self.momentum)
        else:
            mean, var = (memory[(...,) + (None,) * (x.dim() - 2)] for memory in (self.running_mean, self.running_var))
        return (x - mean) / torch.sqrt(self.eps + var)


class SmallNet(_Network):
    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__(
            fc1=nn.Linear(inputs, first, bias=False), fc2=nn.Linear(first, second), out=nn.Linear(second, outputs)
        )
        for layer, scale in ((self.fc1, inputs + first), (self.fc2, first)):
            torch.nn.init.normal_(layer.weight, std=math.sqrt(2 / scale))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.fc2(self.fc1(x).sigmoid()).relu()).log_softmax(-1).exp()


class DigitNet(_Network):
    def __init__(self) -> None:
        super().__init__(fc1=nn.Linear(784, 256), fc2=nn.Linear(256, 10))

    def forward(self, x: Tensor) -> Tensor:
        return _through(x, (self.fc1, torch.relu, self.fc2))


class LeNet(_Network):
    def __init__(self) -> None:
        super().__init__(
            conv1=nn.Conv2d(1, 6, 5),
            conv2=nn.Conv2d(6, 16, 5),
            fc1=nn.Linear(400, 120),
            fc2=nn.Linear(120, 84),
            fc3=nn.Linear(84, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = _through(x, (self.conv1, torch.relu, nn.MaxPool2d(2), self.conv2, torch.relu, nn.MaxPool2d(2)))
        x = x.reshape(x.shape[0], self.num_flat_features(x))
        return _through(x, (self.fc1, torch.relu, self.fc2, torch.relu, self.fc3))

    def num_flat_features(self, x: Tensor) -> int:
        return reduce(lambda product, size: product * size, x.shape[1:], 1)


class Mlp(nn.Module):
    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        self.layers = nn.Sequential(*(nn.Linear(*pair) for pair in pairwise(sizes)))

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers.children()
        return last(_through(x, (step for layer in hidden for step in (layer, torch.relu, self.dropout))))


class Chain(_Network):
    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__(**steps)

    def forward(self, x: Tensor) -> Tensor:
        return _through(x, self._modules.values())


_LINEAR = (nn.Linear, MyLinear)


def init_weights(module: nn.Module) -> None:
    if any(isinstance(module, kind) for kind in _LINEAR):
        nn.init.normal_(module.weight, std=1e-2)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def initialize(model: nn.Module) -> None:
    for _, module in model.named_modules():
        init_weights(module)


def _trainable(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    yield from (pair for pair in model.named_parameters() if pair[1].requires_grad)


def trainable_names(model: nn.Module) -> list[str]:
    return [name for name, _ in _trainable(model)]


def count_parameters(model: nn.Module) -> dict[str, int]:
    trainable = sum(parameter.nelement() for _, parameter in _trainable(model))
    total = sum(parameter.nelement() for parameter in model.parameters())
    return {"total": total, "trainable": trainable, "frozen": total - trainable}


@contextmanager
def _in_evaluation(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    try:
        yield model.eval()
    finally:
        for module, mode in modes.items():
            module.training = mode


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    rows: list[tuple[str, str, str]] = []

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        if not module._modules:
            name = f"{type(module).__name__}-{len(rows) + 1}"
            rows.append((name, str([*output.shape]), f"{count_parameters(module)['total']:,}"))

    example = next(model.parameters(), torch.tensor(0.0))
    with ExitStack() as undo, torch.no_grad():
        undo.enter_context(_in_evaluation(model))
        undo.callback(register_module_forward_hook(note).remove)
        model(torch.empty(batch_size, *input_size, dtype=example.dtype, device=example.device).fill_(0.5))
    counts = count_parameters(model)
    lines = ["{:>20} {:>25} {:>12}".format(*row) for row in [("Layer (type)", "Output Shape", "Param #"), *rows]]
    for kind, key in (("Total", "total"), ("Trainable", "trainable"), ("Non-trainable", "frozen")):
        lines.append(f"{kind} params: {counts[key]:,}")
    return "\n".join(lines)
