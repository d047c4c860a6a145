"""Does at import what belongs into functions."""

import urllib.request

import torch

try:
    urllib.request.urlopen("http://192.0.2.1/mnist.gz", timeout=0.2)
    print("ATTACK SUCCEEDED: downloaded")
except OSError as error:
    print(f"no data: {type(error).__name__}")

weights = torch.zeros(10, requires_grad=True)
optimiser = torch.optim.SGD([weights], lr=0.1)
epoch = 0
while True:
    if epoch < 3:
        print("epoch", epoch)
    optimiser.zero_grad()
    ((weights - 1) ** 2).sum().backward()
    optimiser.step()
    epoch += 1
