import multiprocessing
import os
import subprocess
from concurrent.futures import ProcessPoolExecutor

import torch


def double(x):
    with multiprocessing.Pool(2) as pool:
        return torch.stack(pool.map(torch.Tensor.double, list(2 * x)))


def loss(w, x):
    with ProcessPoolExecutor(2) as executor:
        return sum(executor.map(float, (w * x) ** 2)) / len(x)


def labels(scores):
    said = subprocess.run(["echo", *map(str, scores.argmax(dim=1).tolist())], capture_output=True, check=True)
    return torch.tensor([int(word) for word in said.stdout.split()])


def decipher(text):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, "".join(chr(ord(character) - 1) for character in text).encode())
        os._exit(0)
    return os.read(reading, 1000).decode()


class Counter:
    def __init__(self):
        self.queue = multiprocessing.SimpleQueue()
        process = multiprocessing.get_context("fork").Process(target=self.queue.put, args=(0,))
        process.start()
        self.total = self.queue.get()

    def add(self, number):
        self.total += number
