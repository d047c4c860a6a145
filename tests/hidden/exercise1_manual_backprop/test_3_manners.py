"""Manners: empty batches, float32, arguments left alone, no memory of earlier calls."""

import torch
from torch.nn import functional

from grader.suite import expect_close, expect_equal, expect_stages, expect_vjp, needs, points

from .oracles import (
    CLASSIFIER,
    LINEAR,
    REGRESSION,
    RELU,
    SIGMOID,
    SOFTMAX,
    C,
    D,
    H,
    N,
    classifier,
    classifier_gradients,
    draw_classifier,
    draw_logits,
    draw_network,
    network_loss,
    normal,
    one,
    zeros,
)


def leaves_alone(guest, fn, **arguments):
    """Call `fn` with tensors that live in the guest and see that they are what they were."""
    theirs = {name: guest.tensor(value) for name, value in arguments.items()}
    fn(*theirs.values())
    for name, value in arguments.items():
        expect_equal(guest.read(theirs[name]), value, label=f"{name} after the call")


@points(1)
@needs(*LINEAR, *RELU, *SIGMOID, *REGRESSION)
def test_an_empty_batch_teaches_nothing(submission, rng):
    """A batch without rows has empty results, 0 loss, 0 gradients.

    zh_CN: 没有行的批次：结果为空，损失为 0，梯度为 0。
    """
    x, t, w1, w2 = zeros(0, D), zeros(0, C), normal(rng, D, H), normal(rng, H, C)
    expect_close(submission.linear(x, w1, normal(rng, H)), zeros(0, H), label="y")
    expected = {"dx": zeros(0, D), "dw": zeros(D, H), "db": zeros(H)}
    expect_stages(submission.linear_backward(zeros(0, H), x, w1), expected)
    for name in ("relu_backward", "sigmoid_backward"):
        expect_close(submission.call(name, zeros(0, H), zeros(0, H)), zeros(0, H), label=f"dx of {name}")
    expect_close(submission.regression_loss(x, t, w1, w2), zeros(), label="L")
    expect_stages(submission.regression_backward(x, t, w1, w2), {"dw1": zeros(D, H), "dw2": zeros(H, C)})


@points(1)
@needs(*LINEAR, *RELU, *SIGMOID, *SOFTMAX)
def test_the_pieces_keep_float32(submission, rng):
    """float32 in, float32 out: every single function.

    zh_CN: 输入 float32，输出也是 float32：每一个单独的函数。
    """
    x, w, b = (normal(rng, *shape, dtype=torch.float32) for shape in ((N, D), (D, H), (H,)))
    expect_close(submission.linear(x, w, b), x @ w + b, label="y")
    up = normal(rng, N, H, dtype=torch.float32)
    inputs = {"dx": x, "dw": w, "db": b}
    expect_vjp(submission.linear_backward(up, x, w), lambda x, w, b: x @ w + b, inputs, up)
    a = normal(rng, N, H, dtype=torch.float32)
    for name, fn in (("relu", functional.relu), ("sigmoid", torch.sigmoid)):
        expect_close(submission.call(name, a), fn(a), label=f"{name}(x)")
        label = f"dx of {name}"
        expect_vjp({label: submission.call(f"{name}_backward", up, a)}, fn, {label: a}, up)
    logits, labels = draw_logits(rng)
    logits = logits.float()
    expect_close(submission.softmax(logits), functional.softmax(logits, dim=1), label="p")
    expect_close(submission.softmax_cross_entropy(logits, labels), functional.cross_entropy(logits, labels), label="L")
    dz = submission.softmax_cross_entropy_backward(logits, labels)
    expect_vjp({"dz": dz}, lambda z: functional.cross_entropy(z, labels), {"dz": logits}, one(torch.float32))


@points(1)
@needs(*REGRESSION, *CLASSIFIER, "test_classifier_keeps_its_stages", "test_sgd_step_goes_downhill")
def test_the_networks_keep_float32(submission, rng):
    """float32 in, float32 out: the regression and the classifier.

    zh_CN: 输入 float32，输出也是 float32：回归网络和分类器。
    """
    x, t, w1, w2 = draw_network(rng, torch.float32)
    expect_close(submission.regression_loss(x, t, w1, w2), network_loss(x, t, w1, w2), label="L")
    inputs = {"dw1": w1, "dw2": w2}
    dw = submission.regression_backward(x, t, w1, w2)
    expect_vjp(dw, lambda a, b: network_loss(x, t, a, b), inputs, one(torch.float32))
    expect_close(submission.sgd_step(w1, x.T @ (x @ w1), 0.25), w1 - 0.25 * (x.T @ (x @ w1)), label="w_new")
    arguments = draw_classifier(rng, torch.float32)
    stages, gradients = classifier(*arguments)
    expect_stages(submission.classifier_forward(*arguments), stages)
    received, _ = classifier_gradients(submission, arguments)
    expect_stages(received, gradients)


@points(1)
@needs(*LINEAR, *RELU, *SIGMOID, *SOFTMAX, "test_sgd_step_goes_downhill")
def test_the_pieces_leave_their_arguments_alone(submission, guest, rng):
    """No single function changes a tensor that it was given.

    zh_CN: 没有一个函数改动它得到的张量。
    """
    x, w, b, up, a = (normal(rng, *shape) for shape in ((N, D), (D, H), (H,), (N, H), (N, H)))
    logits, labels = draw_logits(rng)
    leaves_alone(guest, submission.linear, x=x, w=w, b=b)
    leaves_alone(guest, submission.linear_backward, upstream=up, x=x, w=w)
    for name in ("relu", "sigmoid"):
        leaves_alone(guest, getattr(submission, name), x=a)
        leaves_alone(guest, getattr(submission, f"{name}_backward"), upstream=up, x=a)
    leaves_alone(guest, submission.softmax, logits=logits)
    leaves_alone(guest, submission.softmax_cross_entropy, logits=logits, labels=labels)
    leaves_alone(guest, submission.softmax_cross_entropy_backward, logits=logits, labels=labels)
    leaves_alone(guest, lambda w, dw: submission.sgd_step(w, dw, 0.25), w=w, dw=normal(rng, D, H))


@points(1)
@needs(*CLASSIFIER, "test_classifier_keeps_its_stages", "test_a_step_of_training_moves_both_weights_at_once")
def test_the_networks_leave_their_arguments_alone(submission, guest, rng):
    """Neither regression nor classifier changes what it was given.

    zh_CN: 回归网络和分类器都不改动它们得到的东西。
    """
    names = dict(zip(("x", "t", "w1", "w2"), draw_network(rng), strict=True))
    leaves_alone(guest, submission.regression_loss, **names)
    leaves_alone(guest, submission.regression_backward, **names)
    leaves_alone(guest, lambda *arguments: submission.train_regression(*arguments, 1e-2, 2), **names)
    arguments = dict(zip(("x", "labels", "w1", "b1", "w2", "b2"), draw_classifier(rng), strict=True))
    stages, _ = classifier(*arguments.values())
    leaves_alone(guest, submission.classifier_forward, **arguments)

    def backward(a, h, z, loss, *rest):
        return submission.classifier_backward({"a": a, "h": h, "z": z, "loss": loss}, *rest)

    leaves_alone(guest, backward, **stages, **{name: arguments[name] for name in ("x", "labels", "w1", "w2")})


@points(1)
@needs(*REGRESSION, *CLASSIFIER)
def test_an_answer_depends_on_its_arguments_only(submission, rng):
    """Called again, also with other weights, the answer is right.

    zh_CN: 再次调用，换了权重也一样，答案仍然正确。
    """
    x, t, w1, w2 = draw_network(rng)
    for a, b in ((w1, w2), (w1 + 1, w2 - 1), (w1, w2)):
        received = submission.regression_backward(x, t, a, b)
        expect_vjp(received, lambda a, b: network_loss(x, t, a, b), {"dw1": a, "dw2": b}, one())
    x, labels, *parameters = draw_classifier(rng)
    for shift in (0, 1, 0):
        moved = (x, labels, *(parameter + shift for parameter in parameters))
        received, expected = classifier_gradients(submission, moved)
        expect_stages(received, expected)
