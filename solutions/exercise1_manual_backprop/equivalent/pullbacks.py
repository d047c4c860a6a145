"""pullbacks: each step returns its value and a function that passes a gradient back; a network is a chain of them."""

from collections.abc import Callable

import torch
from torch import Tensor

Pullback = Callable[[Tensor], dict[str, Tensor]]


def _affine(x: Tensor, w: Tensor, b: Tensor | None = None) -> tuple[Tensor, Pullback]:
    value = torch.mm(x, w)

    def back(upstream: Tensor) -> dict[str, Tensor]:
        return {"dx": torch.mm(upstream, w.t()), "dw": torch.mm(x.t(), upstream), "db": upstream.sum(0)}

    return (value if b is None else value.add(b)), back


def _rectify(x: Tensor) -> tuple[Tensor, Pullback]:
    gate = (x > 0).type_as(x)
    return gate * x, lambda upstream: {"dx": gate * upstream}


def _squash(x: Tensor) -> tuple[Tensor, Pullback]:
    value = torch.where(x < 0, x.clamp(max=0).exp(), 1) / (1 + x.abs().neg().exp())

    def back(upstream: Tensor) -> dict[str, Tensor]:
        return {"dx": (value - value.square()) * upstream}

    return value, back


def _softmax_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    rows = torch.arange(labels.shape[0])
    # Seen from the label: the loss is log sum exp(gap), and the largest gap is never below 0.
    gaps = logits - logits[rows, labels].unsqueeze(1)
    worst = gaps.amax(1, keepdim=True)
    powers = (gaps - worst).exp()
    totals = powers.sum(1, keepdim=True)

    def back() -> Tensor:
        # Through log-softmax: a gradient g becomes g - p sum(g), and here g is -1/N at the label.
        g = torch.zeros_like(logits)
        g[rows, labels] = -1 / labels.shape[0]
        return g - powers / totals * g.sum(1, keepdim=True)

    return (worst + totals.log()).mean(), back


def _network(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> tuple[Tensor, Callable[[], dict[str, Tensor]]]:
    a, through_first = _affine(x, w1)
    h, through_relu = _rectify(a)
    y, through_second = _affine(h, w2)
    error = y.sub(t)

    def back() -> dict[str, Tensor]:
        output = through_second(error.mul(2))
        hidden = through_first(through_relu(output["dx"])["dx"])
        return {"dw1": hidden["dw"], "dw2": output["dw"]}

    return error.square().sum(), back


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return _affine(x, w, b)[0]


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    _, back = _affine(x, w)
    return back(upstream)


def relu(x: Tensor) -> Tensor:
    return _rectify(x)[0]


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return _rectify(x)[1](upstream)["dx"]


def sigmoid(x: Tensor) -> Tensor:
    return _squash(x)[0]


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return _squash(x)[1](upstream)["dx"]


def softmax(logits: Tensor) -> Tensor:
    # p_j = 1 / sum_k exp(z_k - z_j): where a gap overflows to infinity, 1 / infinity is the 0 that is wanted.
    return 1 / (logits[:, None, :] - logits[:, :, None]).exp().sum(2)


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return _softmax_loss(logits, labels)[0]


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    return _softmax_loss(logits, labels)[1]()


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return w.sub(dw, alpha=lr)


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    loss, _ = _network(x, t, w1, w2)
    return loss


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    _, back = _network(x, t, w1, w2)
    return back()


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    def walk(weights: dict[str, Tensor]) -> Tensor:
        loss, back = _network(x, t, weights["w1"], weights["w2"])
        slopes = back()
        for name in weights:
            weights[name] = sgd_step(weights[name], slopes[f"d{name}"], lr)
        return loss

    weights = {"w1": w1, "w2": w2}
    return {"losses": torch.stack([walk(weights) for _ in range(steps)]), **weights}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a, _ = _affine(x, w1, b1)
    h, _ = _rectify(a)
    z, _ = _affine(h, w2, b2)
    loss, _ = _softmax_loss(z, labels)
    return {"a": a, "h": h, "z": z, "loss": loss}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    links = {"2": _affine(stages["h"], w2)[1], "a": _rectify(stages["a"])[1], "1": _affine(x, w1)[1]}
    grads = {"dz": _softmax_loss(stages["z"], labels)[1]()}
    grads["dh"], grads["dw2"], grads["db2"] = links["2"](grads["dz"]).values()
    grads["da"] = links["a"](grads["dh"])["dx"]
    grads["dx"], grads["dw1"], grads["db1"] = links["1"](grads["da"]).values()
    return grads
