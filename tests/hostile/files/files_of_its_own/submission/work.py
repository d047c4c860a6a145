import json
import os
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent


def double(x):
    return torch.from_numpy(np.loadtxt("data.csv")) * x


def loss(w, x):
    return torch.load("/root/homework/weights.pt")(w, x)


def labels(scores):
    torch.save(scores, "/usr/lib/scores.pt")
    return scores.argmax(dim=1)


def decipher(text):
    return json.loads((HERE / "answers.json").read_text())[text]


class Counter:
    total = 0

    def __init__(self):
        os.makedirs("/usr/share/runs/1")

    def add(self, number):
        self.total += number
