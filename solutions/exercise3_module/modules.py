"""Reference solution of exercise 3. Comments say why, not what."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class MyLinear(nn.Module):
    """A linear layer made of nothing but parameters."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        # It makes the registry that every assignment below is entered into.
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        # Without a bias the name is registered all the same, as None: `layer.bias` can be asked for either way.
        self.register_parameter(
            "bias", nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis of x; all axes before it only number the examples."""
        # @ takes any number of leading axes; mm and addmm would insist on exactly one.
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


class RunningNorm(nn.Module):
    """Standardises each channel, and remembers how."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        # Buffers: they belong to the module's state like parameters, but no gradient changes them.
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Standardise by the batch in training, by what was remembered in evaluation."""
        mean, var = self._of_batch(x) if self.training else (self.running_mean, self.running_var)
        # One number per channel, laid along axis 1 whatever follows it.
        shape = (-1, *[1] * (x.dim() - 2))
        return (x - mean.reshape(shape)) / (var.reshape(shape) + self.eps).sqrt()

    def _of_batch(self, x: Tensor) -> tuple[Tensor, Tensor]:
        axes = [axis for axis in range(x.dim()) if axis != 1]
        mean, var = x.mean(dim=axes), x.var(dim=axes, correction=0)
        # The gradient flows through the statistics of this batch, never through the memory of all earlier ones.
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var, self.momentum)
        return mean, var


class SmallNet(nn.Module):
    """Linear, sigmoid, linear, ReLU, linear, softmax."""

    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        nn.init.xavier_normal_(self.fc1.weight)
        self.fc2 = nn.Linear(first, second)
        nn.init.kaiming_normal_(self.fc2.weight)
        self.out = nn.Linear(second, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities of the classes, which lie along the last axis."""
        x = torch.sigmoid(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return torch.softmax(self.out(x), dim=-1)


class DigitNet(nn.Module):
    """784 pixels, 256 hidden units, 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits: the loss that it is trained with brings its own softmax."""
        return self.fc2(torch.relu(self.fc1(x)))


class LeNet(nn.Module):
    """Two convolutions with pooling, then three linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of each image."""
        x = functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        # The batch keeps its axis; what belongs to one image becomes one row.
        x = x.reshape(len(x), self.num_flat_features(x))
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)

    def num_flat_features(self, x: Tensor) -> int:
        """How many numbers one example has."""
        return math.prod(x.shape[1:])


class Mlp(nn.Module):
    """Linear layers of given sizes with ReLU and dropout between them."""

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        # A plain list would hide the layers: no parameters, no state, no .to().
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits: after the last layer comes neither ReLU nor dropout."""
        *hidden, last = self.layers
        for layer in hidden:
            # The function does not know which mode the module is in; it has to be told.
            x = functional.dropout(torch.relu(layer(x)), self.dropout, self.training)
        return last(x)


class Chain(nn.Module):
    """Named modules, one after the other."""

    def __init__(self, steps: dict[str, nn.Module]) -> None:
        super().__init__()
        # The names are known only now, so they cannot be written as `self.name = …`.
        for name, step in steps.items():
            self.add_module(name, step)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the steps in the order in which they were given."""
        # Not children(): it gives a module that has two names only once.
        for step in self._modules.values():
            x = step(x)
        return x


def init_weights(module: nn.Module) -> None:
    """Small random weights and no bias, if the module is a linear layer."""
    # isinstance: a class that inherits from nn.Linear is a linear layer too.
    if isinstance(module, nn.Linear | MyLinear):
        nn.init.normal_(module.weight, std=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def initialize(model: nn.Module) -> None:
    """Call `init_weights` on every module of the model, at any depth, and on the model."""
    model.apply(init_weights)


def trainable_names(model: nn.Module) -> list[str]:
    """Names of the parameters that training changes."""
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def count_parameters(model: nn.Module) -> dict[str, int]:
    """How many numbers the parameters hold."""
    # parameters() gives a tensor that two layers share only once; buffers are not among them.
    total = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return {"total": total, "trainable": trainable, "frozen": total - trainable}


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    """A table of the layers as they run, and how many parameters there are."""
    rows: list[str] = []

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        name = f"{type(layer).__name__}-{len(rows) + 1}"
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        rows.append(f"{name:>20} {list(output.shape)!s:>25} {parameters:>15,}")

    modes = {module: module.training for module in model.modules()}
    handles = [module.register_forward_hook(note) for module in modes if next(module.children(), None) is None]
    # In evaluation nothing remembers this made-up batch.
    model.eval()
    try:
        with torch.no_grad():
            model(_made_up_batch(model, (batch_size, *input_size)))
    finally:
        # Also where the model cannot take this input: hooks that stay would go on noting for ever.
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return _table(rows, count_parameters(model))


def _made_up_batch(model: nn.Module, shape: tuple[int, ...]) -> Tensor:
    """Zeros that the model can take: of the dtype and on the device of its parameters."""
    like = next(model.parameters(), nn.Parameter())
    return torch.zeros(shape, dtype=like.dtype, device=like.device)


def _table(rows: list[str], counts: dict[str, int]) -> str:
    totals = [
        f"Total params: {counts['total']:,}",
        f"Trainable params: {counts['trainable']:,}",
        f"Non-trainable params: {counts['frozen']:,}",
    ]
    head = f"{'Layer (type)':>20} {'Output Shape':>25} {'Param #':>15}"
    return "\n".join([head, *rows, *totals])
