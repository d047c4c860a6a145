# <ours>
# Reference solution of exercise 3. Comments say why, not what. What stands between marks is not in the stub, which
# `grader release --from-solutions` makes of this file; see docs/release.md.
# </ours>
"""Exercise 3: modules of your own. Seven classes and five functions, about 100 lines; README.md has the explanations.

Work from top to bottom. Layers that the docstrings name must have exactly these names: they are the keys of the
state_dict, by which weights are loaded and saved. x always has the dtype of the module's own tensors; keep it.

Allowed      all of torch and torch.nn: nn.Linear, nn.Conv2d, nn.init, nn.functional, …
Not allowed  in MyLinear a ready-made linear layer such as nn.Linear, in RunningNorm a ready-made batch normalisation,
             in Chain nn.Sequential. Everywhere else they are welcome.
Not asked    backward: autograd derives it from forward. Devices: nothing here needs a GPU.
"""

import math  # ours
from collections.abc import Sequence
from itertools import pairwise  # ours

import torch
from torch import Tensor, nn
from torch.nn import functional

# --- two layers: what a module keeps ----------------------------------------------------------------------------


class MyLinear(nn.Module):
    """A linear layer made of nn.Parameter: y = x W^T + b.

    Parameters:
        weight: (out_features, in_features), bias: (out_features,)
        Both start uniformly distributed between -1/sqrt(in_features) and 1/sqrt(in_features).
        With bias=False there is no such parameter and `layer.bias` is None.

    Shapes:
        x: (*, in_features) with any number of axes before the last, none included
        returns: (*, out_features)

    >>> layer = MyLinear(2, 3)
    >>> [(name, tuple(parameter.shape)) for name, parameter in layer.named_parameters()]
    [('weight', (3, 2)), ('bias', (3,))]
    >>> layer(torch.zeros(7, 5, 2)).shape
    torch.Size([7, 5, 3])
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        # <todo: about 7 lines.>
        # It makes the registry that every assignment below is entered into.
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        # Without a bias the name is registered all the same, as None: `layer.bias` can be asked for either way.
        self.register_parameter(
            "bias", nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None
        )
        # </todo>

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis of x."""
        # <todo: about 2 lines.>
        # @ takes any number of leading axes; mm and addmm would insist on exactly one.
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias
        # </todo>


class RunningNorm(nn.Module):
    """Standardise every channel, and remember mean and variance for later.

    In training, mean and var are those of the batch, for each channel over all axes but axis 1 (var divides by the
    count), and the memory moves towards them:

        y = (x - mean) / sqrt(var + eps)
        running_mean = (1 - momentum) running_mean + momentum mean        running_var in the same way

    In evaluation, mean and var are running_mean and running_var, and the memory stays as it is.

    Buffers:
        running_mean: (channels,), zeros at the start; running_var: (channels,), ones at the start
        They are part of the state_dict and follow .double() and .to(), and no gradient flows into them.
        A tensor assigned to such a name becomes its value, and it stays a buffer; copy_, mul_ and lerp_ work too.

    Shapes:
        x: (batch, channels), (batch, channels, length) or (batch, channels, height, width)
        returns: as x

    >>> norm = RunningNorm(1, momentum=0.25, eps=0.0)
    >>> norm(torch.tensor([[2.0], [4.0]]))
    tensor([[-1.],
            [ 1.]])
    >>> norm.running_mean
    tensor([0.7500])
    """

    # <ours>
    running_mean: Tensor
    running_var: Tensor

    # </ours>
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        # <todo: about 5 lines.>
        super().__init__()
        self.momentum, self.eps = momentum, eps
        # Buffers: they belong to the module's state like parameters, but no gradient changes them.
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        # </todo>

    def forward(self, x: Tensor) -> Tensor:
        """Standardise by the batch in training (and learn from it), by the memory in evaluation."""
        # <todo: about 10 lines.>
        mean, var = self._of_batch(x) if self.training else (self.running_mean, self.running_var)
        # One number per channel, laid along axis 1 whatever follows it.
        shape = (-1, *[1] * (x.dim() - 2))
        return (x - mean.reshape(shape)) / (var.reshape(shape) + self.eps).sqrt()
        # </todo>

    # <ours>
    def _of_batch(self, x: Tensor) -> tuple[Tensor, Tensor]:
        axes = [axis for axis in range(x.dim()) if axis != 1]
        mean, var = x.mean(dim=axes), x.var(dim=axes, correction=0)
        # The gradient flows through the statistics of this batch, never through the memory of all earlier ones.
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var, self.momentum)
        return mean, var

    # </ours>


# --- networks: modules made of modules --------------------------------------------------------------------------


class SmallNet(nn.Module):
    """Three linear layers with the names fc1, fc2 and out: a classifier that returns probabilities.

    p = softmax(out(relu(fc2(sigmoid(fc1(x))))))

    Layers:
        fc1: inputs -> first, without bias, weights from Xavier's normal distribution (gain 1)
        fc2: first -> second, weights from Kaiming's normal distribution (for ReLU, fan_in)
        out: second -> outputs; it and the bias of fc2 start as nn.Linear makes them

    Shapes:
        x: (*, inputs)
        returns: (*, outputs), which add up to 1 along the last axis

    >>> net = SmallNet()
    >>> sum(parameter.numel() for parameter in net.parameters())
    31
    >>> net(torch.zeros(2, 3)).sum(dim=-1).round().tolist()
    [1.0, 1.0]
    """

    def __init__(self, inputs: int = 3, first: int = 4, second: int = 2, outputs: int = 3) -> None:
        # <todo: about 6 lines.>
        super().__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        nn.init.xavier_normal_(self.fc1.weight)
        self.fc2 = nn.Linear(first, second)
        nn.init.kaiming_normal_(self.fc2.weight)
        self.out = nn.Linear(second, outputs)
        # </todo>

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities of the classes."""
        # <todo: about 3 lines.>
        x = torch.sigmoid(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return torch.softmax(self.out(x), dim=-1)
        # </todo>


class DigitNet(nn.Module):
    """784 pixels, 256 hidden units, 10 classes: fc1, ReLU, fc2. It returns logits, not probabilities.

    Shapes:
        x: (*, 784)
        returns: (*, 10)

    >>> print(DigitNet())
    DigitNet(
      (fc1): Linear(in_features=784, out_features=256, bias=True)
      (fc2): Linear(in_features=256, out_features=10, bias=True)
    )
    """

    def __init__(self) -> None:
        # <todo: about 3 lines.>
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 10)
        # </todo>

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the digits."""
        # <todo: 1 line.>
        return self.fc2(torch.relu(self.fc1(x)))
        # </todo>


class LeNet(nn.Module):
    """A convolutional network for images of 32 x 32 pixels. It returns logits.

    Layers:
        conv1: 1 -> 6 channels, kernel 5, then ReLU and max pooling over 2 x 2
        conv2: 6 -> 16 channels, kernel 5, then ReLU and max pooling over 2 x 2
        fc1: all numbers of one image -> 120, ReLU; fc2: 120 -> 84, ReLU; fc3: 84 -> 10

    Shapes:
        x: (batch, 1, 32, 32)
        returns: (batch, 10)

    >>> LeNet()(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self) -> None:
        # <todo: about 6 lines. README.md follows the shapes through the network.>
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)
        # </todo>

    def forward(self, x: Tensor) -> Tensor:
        """Logits of each image."""
        # <todo: about 6 lines.>
        x = functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        # The batch keeps its axis; what belongs to one image becomes one row.
        x = x.reshape(len(x), self.num_flat_features(x))
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)
        # </todo>

    def num_flat_features(self, x: Tensor) -> int:
        """How many numbers one example of a batch has: the product of all sizes of x but the first.

        For x of shape (7,) it is 1.

        >>> LeNet().num_flat_features(torch.zeros(7, 16, 5, 5))
        400
        """
        # <todo: about 4 lines, or 1.>
        return math.prod(x.shape[1:])
        # </todo>


class Mlp(nn.Module):
    """Linear layers of the given sizes; between them, not after the last, ReLU and then dropout. It returns logits.

    Layers:
        layers: an nn.ModuleList that holds len(sizes) - 1 linear layers and nothing else; layers[i] maps sizes[i] to
            sizes[i+1]. An nn.Dropout beside the list, under a name of its own, is fine.

    Dropout, in training only: each hidden number becomes 0 with probability `dropout`, the others are divided by
    1 - dropout. torch has it ready-made.

    Shapes:
        x: (*, sizes[0])
        returns: (*, sizes[-1])

    >>> list(Mlp([4, 3, 2]).state_dict())
    ['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']
    """

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        # <todo: about 4 lines.>
        super().__init__()
        self.dropout = dropout
        # A plain list would hide the layers: no parameters, no state, no .to().
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes))
        # </todo>

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes."""
        # <todo: about 4 lines.>
        *hidden, last = self.layers
        for layer in hidden:
            # The function does not know which mode the module is in; it has to be told.
            x = functional.dropout(torch.relu(layer(x)), self.dropout, self.training)
        return last(x)
        # </todo>


class Chain(nn.Module):
    """Modules with names of your choice, applied one after the other in the order of the dict.

    Each becomes a child under its name: `chain.NAME` is the module, its parameters are trained and saved with those of
    the chain. One module may stand under two names; then it is applied twice.

    To run them, keep the names, or go through `self._modules`, the dict of the children. A step called like something
    that the chain has already, such as `forward`, or an attribute `names` of yours, makes add_module raise KeyError.

    >>> chain = Chain({"shrink": nn.Linear(3, 2), "bend": nn.ReLU()})
    >>> chain.bend
    ReLU()
    >>> chain(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(self, steps: dict[str, nn.Module]) -> None:
        # <todo: about 3 lines.>
        super().__init__()
        # The names are known only now, so they cannot be written as `self.name = …`.
        for name, step in steps.items():
            self.add_module(name, step)
        # </todo>

    def forward(self, x: Tensor) -> Tensor:
        """Apply the steps in order."""
        # <todo: about 3 lines.>
        # Not children(): it gives a module that has two names only once.
        for step in self._modules.values():
            x = step(x)
        return x
        # </todo>


# --- functions of any module ------------------------------------------------------------------------------------


def init_weights(module: nn.Module) -> None:
    """Give a linear layer weights from a normal distribution, mean 0 and standard deviation 0.01, and a bias of 0.

    A linear layer is an nn.Linear, anything that inherits from it, or a MyLinear; it may have no bias. Any other module
    stays as it is. What is inside of `module` is not looked at.

    >>> layer = nn.Linear(2, 3)
    >>> init_weights(layer)
    >>> layer.bias.tolist()
    [0.0, 0.0, 0.0]
    """
    # <todo: about 4 lines.>
    # isinstance: a class that inherits from nn.Linear is a linear layer too.
    if isinstance(module, nn.Linear | MyLinear):
        nn.init.normal_(module.weight, std=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    # </todo>


def initialize(model: nn.Module) -> None:
    """Call `init_weights` on the model itself and on every module in it, at whatever depth.

    >>> model = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(2, 3)))
    >>> initialize(model)
    >>> model[1][0].bias.tolist()
    [0.0, 0.0, 0.0]
    """
    # <todo: 1 line.>
    model.apply(init_weights)
    # </todo>


def trainable_names(model: nn.Module) -> list[str]:
    """Names of the parameters that ask for a gradient, in the order of `named_parameters`.

    >>> model = nn.Linear(2, 3)
    >>> model.weight.requires_grad = False
    >>> trainable_names(model)
    ['bias']
    """
    # <todo: 1 line.>
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    # </todo>


def count_parameters(model: nn.Module) -> dict[str, int]:
    """How many numbers the parameters hold: all of them, those that ask for a gradient, and the rest.

    A parameter that two layers share counts once. Buffers do not count.

    >>> count_parameters(nn.Linear(2, 3))
    {'total': 9, 'trainable': 9, 'frozen': 0}
    """
    # <todo: about 3 lines.>
    # parameters() gives a tensor that two layers share only once; buffers are not among them.
    total = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return {"total": total, "trainable": trainable, "frozen": total - trainable}
    # </todo>


def summary(model: nn.Module, input_size: tuple[int, ...], batch_size: int = 1) -> str:
    """Run a made-up batch through the model and return a table of its layers as text.

    For every call of a module that has no children, in the order in which they run, one line with
        its class, a hyphen and the number of the row, counted from 1, headings not counted; the shape of its output,
        always a single tensor, in [ ]; the number of its parameters,
    separated by spaces. At the end three lines, `Total params: …`, `Trainable params: …`, `Non-trainable params: …`,
    with the numbers of `count_parameters(model)`. Headings and separator lines are yours to choose; so is a comma
    in 1,234.

    The shapes are found by forward hooks, in evaluation mode. Afterwards the model is as it was, also if it raised an
    exception: no hook is left, every module is in the mode it was in, no gradient has changed, and no buffer either, in
    models whose buffers rest in evaluation mode.

    Shapes:
        input_size: that of one example; the batch is (batch_size, *input_size), of the dtype and on the device of the
            model's first parameter, float32 if there is none. Zeros do; random numbers would move the generator.

    >>> "Total params: 9" in summary(nn.Linear(2, 3), (2,))
    True
    """
    # <todo: about 20 lines. 1. Hook the childless modules. 2. Run in eval mode, no gradients. 3. Restore (`finally`).>
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
    # </todo>


# <ours>
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


# </ours>
