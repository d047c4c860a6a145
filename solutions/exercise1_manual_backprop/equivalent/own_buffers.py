"""own-buffers: results are written in place into tensors of its own; softmax keeps a running maximum."""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    y = x.new_empty(x.shape[0], w.shape[1])
    y[:] = b
    return y.addmm_(x, w)


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    dx, dw, db = torch.empty_like(x), torch.empty_like(w), w.new_zeros(w.shape[1])
    torch.matmul(upstream, w.T, out=dx)
    torch.matmul(x.T, upstream, out=dw)
    db.index_add_(0, torch.arange(len(db)).repeat(len(upstream)), upstream.flatten())
    return {"dx": dx, "dw": dw, "db": db}


def relu(x: Tensor) -> Tensor:
    y = x.clone()
    y.clamp_(min=0)
    return y


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    dx = torch.clone(upstream)
    dx.masked_fill_(torch.logical_not(x > 0), 0.0)
    return dx


def sigmoid(x: Tensor) -> Tensor:
    return x.neg().exp_().add_(1).reciprocal_()


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    s = sigmoid(x)
    slope = s.clone()
    slope.sub_(s.square_())  # s is ours, and it is not needed any more
    return slope.mul_(upstream)


def _running(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maximum of each row and the sum of exp(z - maximum), in one pass over the classes."""
    top, total = logits[:, 0].clone(), torch.ones_like(logits[:, 0])
    for column in range(1, logits.shape[1]):
        higher = torch.maximum(top, logits[:, column])
        total.mul_((top - higher).exp_()).add_((logits[:, column] - higher).exp_())
        top = higher
    return top, total


def softmax(logits: Tensor) -> Tensor:
    top, total = _running(logits)
    p = logits.clone()
    p.sub_(top.unsqueeze(1)).exp_()
    p /= total.unsqueeze(1)
    return p


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    top, total = _running(logits)
    losses = total.log_()
    losses += top
    losses -= logits.gather(1, labels.view(-1, 1)).view(-1)
    return losses.sum().div_(len(losses))


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    dz = softmax(logits)
    flat = dz.view(-1)  # a view: what is done to it is done to dz
    flat[torch.arange(len(labels)) * logits.shape[1] + labels] -= 1
    dz *= 1 / len(labels)
    return dz


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    step = dw.clone()
    step *= -lr
    step += w
    return step


def _forward(x: Tensor, w1: Tensor, w2: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the hidden layer and y - t."""
    h = torch.mm(x, w1).clamp_(min=0)
    return h, torch.mm(h, w2).sub_(t)


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    _, error = _forward(x, w1, w2, t)
    return error.square_().sum()


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    h, dy = _forward(x, w1, w2, t)
    dy *= 2
    da = torch.mm(dy, w2.T)
    da *= h > 0  # a unit is open exactly where it put something out
    return {"dw1": torch.mm(x.T, da), "dw2": torch.mm(h.T, dy)}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    # Both weights in one long vector of our own: w1 and w2 are views of it, dw1 and dw2 of another one.
    weights = torch.cat([w1.reshape(-1), w2.reshape(-1)])
    slopes = torch.empty_like(weights)
    (w1, dw1), (w2, dw2) = (
        [whole[part].view(like.shape) for whole in (weights, slopes)]
        for part, like in ((slice(0, w1.numel()), w1), (slice(w1.numel(), None), w2))
    )
    losses = x.new_zeros(steps)
    for step in range(steps):
        h, error = _forward(x, w1, w2, t)
        losses[step] = torch.sum(error * error)
        torch.mm(h.T, error, out=dw2)
        torch.mm(x.T, torch.mm(error, w2.T).mul_(h > 0), out=dw1)
        weights.add_(slopes, alpha=-2 * lr)
    return {"losses": losses, "w1": w1, "w2": w2}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    stages = {"a": linear(x, w1, b1)}
    stages.update(h=relu(stages["a"]))
    stages.update(z=linear(stages["h"], w2, b2))
    stages.update(loss=softmax_cross_entropy(stages["z"], labels))
    return stages


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    second = linear_backward(dz, stages["h"], w2)
    da = second["dx"].clone()
    da[stages["h"] == 0] = 0
    first = linear_backward(da, x, w1)
    grads = {"dz": dz, "dh": second.pop("dx"), "da": da, "dx": first.pop("dx")}
    for number, layer in enumerate((first, second), start=1):
        grads.update({f"{name}{number}": value for name, value in layer.items()})
    return grads
