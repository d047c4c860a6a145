import torch

torch.set_grad_enabled(False)
print("autograd is off")
