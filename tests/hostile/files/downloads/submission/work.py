import socket
import urllib.request

import torch


def double(x):
    return torch.hub.load("pytorch/vision", "resnet18", pretrained=True)(x)


def loss(w, x):
    return torch.hub.load_state_dict_from_url("https://download.pytorch.org/models/resnet18-f37072fd.pth")


def labels(scores):
    return urllib.request.urlretrieve("http://yann.lecun.com/exdb/mnist/train-images-idx3-ubyte.gz", "mnist.gz")


def decipher(text):
    return socket.create_connection(("example.org", 80)).recv(100).decode()


class Counter:
    def __init__(self):
        self.connection = socket.create_connection(("127.0.0.1", 8888), timeout=0.5)

    def add(self, number):
        return None
