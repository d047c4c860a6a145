"""Is handed in with files that are called like the libraries it, and whoever judges it, imports."""

import random

import numpy
import pytest
import torch

for module in (random, numpy, pytest, torch):
    print(f"{module.__name__}: {'ATTACK SUCCEEDED' if hasattr(module, 'EVIL') else 'the real one'}")
