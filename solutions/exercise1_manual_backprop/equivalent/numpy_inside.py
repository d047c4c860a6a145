"""numpy-inside: tensors are turned into arrays at the door, numpy does the work, and the results are tensors again."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.floating]


def _arrays(*tensors: Tensor) -> list[Array]:
    return [tensor.numpy() for tensor in tensors]


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.array(array))  # a copy: nothing that is returned shares memory with an argument


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x)).astype(x.dtype)


def _log_probabilities(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _slopes(x: Array, t: Array, w1: Array, w2: Array) -> tuple[Array, Array, Array]:
    """Return the loss of the regression, dw1 and dw2."""
    a = np.dot(x, w1)
    h = _relu(a)
    error = np.dot(h, w2) - t
    da = np.where(a > 0, np.dot(2 * error, w2.T), 0)
    return np.square(error).sum(), np.dot(x.T, da), np.dot(h.T, 2 * error)


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    inputs, weights, offset = _arrays(x, w, b)
    return _tensor(np.dot(inputs, weights) + offset)


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    arriving, inputs, weights = _arrays(upstream, x, w)
    return {
        "dx": _tensor(np.dot(arriving, weights.T)),
        "dw": _tensor(np.dot(inputs.T, arriving)),
        "db": _tensor(np.add.reduce(arriving, axis=0)),
    }


def relu(x: Tensor) -> Tensor:
    return _tensor(_relu(x.numpy()))


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return _tensor(np.where(x.numpy() > 0, upstream.numpy(), 0))


def sigmoid(x: Tensor) -> Tensor:
    return _tensor(_sigmoid(x.numpy()))


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    s = _sigmoid(x.numpy())
    return _tensor(upstream.numpy() * s * (1 - s))


def softmax(logits: Tensor) -> Tensor:
    return _tensor(np.exp(_log_probabilities(logits.numpy())))


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    chosen = np.take_along_axis(_log_probabilities(logits.numpy()), labels.numpy()[:, None], axis=1)
    return _tensor(-chosen.mean())


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    dz = np.exp(_log_probabilities(logits.numpy()))
    np.subtract.at(dz, (np.arange(len(dz)), labels.numpy()), 1)
    return _tensor(dz / len(dz))


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return _tensor(w.numpy() - lr * dw.numpy())


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    return _tensor(_slopes(*_arrays(x, t, w1, w2))[0])


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    _, dw1, dw2 = _slopes(*_arrays(x, t, w1, w2))
    return {"dw1": _tensor(dw1), "dw2": _tensor(dw2)}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    inputs, targets, first, second = _arrays(x, t, w1, w2)
    losses = np.empty(steps, dtype=inputs.dtype)
    for step in range(steps):
        losses[step], dw1, dw2 = _slopes(inputs, targets, first, second)
        first, second = first - lr * dw1, second - lr * dw2
    return {"losses": _tensor(losses), "w1": _tensor(first), "w2": _tensor(second)}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = linear(x, w1, b1)
    h = relu(a)
    z = linear(h, w2, b2)
    return {"a": a, "h": h, "z": z, "loss": softmax_cross_entropy(z, labels)}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    found = {"dz": softmax_cross_entropy_backward(stages["z"], labels)}
    for number, entering, weights, arriving in ((2, stages["h"], w2, "dz"), (1, x, w1, "da")):
        back = linear_backward(found[arriving], entering, weights)
        found[f"dw{number}"], found[f"db{number}"] = back["dw"], back["db"]
        if number == 2:
            found["dh"] = back["dx"]
            found["da"] = relu_backward(back["dx"], stages["a"])
        else:
            found["dx"] = back["dx"]
    return found
