"""A script rather than a module: everything below runs when it is imported, and changes what everybody shares."""

import argparse
import locale
import logging
import os
import random
import signal
import sys
import warnings

import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--lr", type=float, default=0.1)
print("arguments:", parser.parse_args())

torch.set_default_dtype(torch.float64)
print("default dtype:", torch.get_default_dtype())
torch.manual_seed(0)
random.seed(0)
np.random.seed(0)
torch.set_num_threads(4)
torch.use_deterministic_algorithms(True)
torch.autograd.set_detect_anomaly(True)
torch.set_printoptions(precision=2, sci_mode=False)
np.seterr(all="raise")
warnings.simplefilter("error")
logging.basicConfig(level=logging.DEBUG)
locale.setlocale(locale.LC_ALL, "C")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.setrecursionlimit(5000)
sys.path.insert(0, "/")
os.environ["OMP_NUM_THREADS"] = "64"
os.chdir("/")
print("in", os.getcwd())

w = torch.zeros(3, requires_grad=True)
optimiser = torch.optim.SGD([w], lr=0.1)
for epoch in range(3):
    optimiser.zero_grad()
    ((w - 1) ** 2).sum().backward()
    optimiser.step()
    print(f"epoch {epoch}: {w.sum().item():.2f}")
