"""Answers, and then ruins what it was asked with: the suite's next use of it must not notice."""

import torch

right_double, right_labels, right_loss = double, labels, loss


def ruin(x):
    with torch.no_grad():
        x.fill_(float("nan"))
        x.set_()
        x.resize_(0)
    print("changed")


def double(x):
    answer = right_double(x)
    ruin(x)
    return answer


def labels(scores):
    answer = right_labels(scores)
    scores.t_()
    ruin(scores)
    return answer


def loss(w, x):
    answer = right_loss(w, x.clone())
    ruin(x)
    return answer
