"""What the checks of exercise 3 do on the student's side. Student code can read it: there is no expected value here."""

import torch
from torch import nn


class WideLinear(nn.Linear):
    """A linear layer by inheritance."""


class Outer(nn.Module):
    """Modules inside modules, a parameter of its own, and a layer that is used twice."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(5))
        self.first = nn.Sequential(nn.Linear(5, 6), nn.Sequential(nn.ReLU(), WideLinear(6, 6, bias=False)))
        self.norm = nn.BatchNorm1d(6)
        self.last = nn.Linear(6, 4)

    def forward(self, x):
        """Run the inner layers twice, then the others."""
        inner = self.first[1]
        return self.last(self.norm(inner(inner(self.first[0](x * self.scale)))))


def freeze(net, *names):
    """Let training leave these parameters alone."""
    for name in names:
        net.get_parameter(name).requires_grad_(False)


def double_output(net, name):
    """Let a module inside `net` put out twice what it computes, by a hook: it runs when the module is called."""
    net.get_submodule(name).register_forward_hook(lambda module, inputs, output: 2 * output)


def hooks(net):
    """Count the hooks that a call of any module of `net` would run."""
    everywhere = torch.nn.modules.module
    own = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())
    return own + len(everywhere._global_forward_hooks) + len(everywhere._global_forward_pre_hooks)


def modes(net):
    """Return which modules are in training mode, by name."""
    return {name: module.training for name, module in net.named_modules()}


def one_step(net, x, upstream, lr):
    """Build an optimiser before the first call, then take one step of it."""
    optimiser = torch.optim.SGD(net.parameters(), lr=lr)
    net(x).backward(upstream)
    optimiser.step()
