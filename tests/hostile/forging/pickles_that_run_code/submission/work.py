"""Returns things whose unpickling runs code, and bytes that are such a pickle."""

import io
import pickle

import torch


class Bomb:
    def __reduce_ex__(self, protocol):
        return print, ("ATTACK SUCCEEDED: a pickle was loaded",)


class BombTensor(torch.Tensor):
    def __reduce_ex__(self, protocol):
        return print, ("ATTACK SUCCEEDED: a pickled tensor was loaded",)


def double(x):
    return Bomb()


def loss(w, x):
    return {"loss": Bomb(), "state": [Bomb(), Bomb()]}


def labels(scores):
    return torch.zeros(40, dtype=torch.int64).as_subclass(BombTensor)


def decipher(text):
    file = io.BytesIO()
    torch.save({"state": Bomb()}, file)
    return file.getvalue()


class Counter:
    def __init__(self):
        self.total = pickle.dumps(Bomb())

    def add(self, number):
        return None
