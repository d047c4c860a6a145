import torch
from torch import nn

double = torch.compile(double)
loss = torch.compile(loss, fullgraph=True)


@torch.compile(mode="max-autotune", dynamic=True)
def labels(scores):
    return scores.argmax(dim=1)


layer = nn.Linear(2, 1)
nn.init.ones_(layer.weight)
nn.init.ones_(layer.bias)
compiled = torch.compile(layer, backend="inductor")
print("a compiled layer gives", compiled(torch.ones(2)).tolist())
layer.compile()
assert torch.equal(layer(torch.ones(2)), compiled(torch.ones(2)))
