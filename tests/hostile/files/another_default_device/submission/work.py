import torch

torch.set_default_device("meta")
print("default device:", torch.empty(1).device)
