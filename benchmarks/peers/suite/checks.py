"""The twelve checks, once: benchmarks/peers/forms.py writes them down as each grader wants its suites.

They are the ones of exercise 1's hidden suite, fewer and with shorter trajectories. `backprop` is the submission;
`close` and `stages` are numpy.testing's for the others and expect_close and expect_stages for us.
"""

import torch
from comparisons import close, stages
from support import C, D, H, N, classifier, draw_logits, drawer, network_loss, normal, path, slopes
from torch.nn import functional


def test_linear_is_x_w_plus_b(backprop):
    """A linear layer is x w plus b."""
    rng = drawer("linear")
    x, w, b = normal(rng, N, D), normal(rng, D, H), normal(rng, H)
    close(backprop.linear(x, w, b), x @ w + b, label="y")


def test_linear_gradients(backprop):
    """linear_backward gives the gradients for x, w and b."""
    rng = drawer("linear gradients")
    x, w, b, upstream = normal(rng, N, D), normal(rng, D, H), normal(rng, H), normal(rng, N, H)
    expected = slopes(lambda x, w, b: x @ w + b, {"dx": x, "dw": w, "db": b}, upstream)
    stages(backprop.linear_backward(upstream, x, w), expected)


def test_relu_gradient_passes_only_where_the_unit_is_open(backprop):
    """relu keeps what is positive, relu_backward stops the gradient elsewhere."""
    rng = drawer("relu")
    x, upstream = normal(rng, N, H), normal(rng, N, H)
    close(backprop.relu(x), functional.relu(x), label="relu(x)")
    close(backprop.relu_backward(upstream, x), upstream * (x > 0), label="dx")


def test_sigmoid_and_its_slope(backprop):
    """sigmoid and its slope, also far from zero."""
    rng = drawer("sigmoid")
    x, upstream = 3 * normal(rng, N, H), normal(rng, N, H)
    close(backprop.sigmoid(x), torch.sigmoid(x), label="sigmoid(x)")
    expected = slopes(torch.sigmoid, {"dx": x}, upstream)["dx"]
    close(backprop.sigmoid_backward(upstream, x), expected, label="dx")
    far, up = torch.tensor([1000.0, -1000.0], dtype=torch.float64), normal(rng, 2)
    close(backprop.sigmoid(far), torch.tensor([1.0, 0.0], dtype=torch.float64), label="sigmoid(±1000)")
    close(backprop.sigmoid_backward(up, far), torch.zeros(2, dtype=torch.float64), label="dx at ±1000")


def test_softmax_makes_probabilities_of_each_row(backprop):
    """softmax turns each row into probabilities, also of large logits."""
    logits, _ = draw_logits(drawer("softmax"))
    expected = functional.softmax(logits, dim=1)
    close(backprop.softmax(logits), expected, label="p")
    close(backprop.softmax(logits + 1000 * (torch.arange(N)[:, None] - 3.0)), expected, label="p of shifted logits")


def test_loss_is_the_mean_negative_log_probability(backprop):
    """The loss is the batch mean of -log p, also for a confident mistake."""
    logits, labels = draw_logits(drawer("loss"))
    close(backprop.softmax_cross_entropy(logits, labels), functional.cross_entropy(logits, labels), label="L")
    logits = logits + 1000 * functional.one_hot((labels + 1) % C, C)
    close(backprop.softmax_cross_entropy(logits, labels), functional.cross_entropy(logits, labels), label="L far off")


def test_softmax_gradient_is_the_slope_of_the_loss(backprop):
    """dz is the slope of the mean loss along every logit."""
    logits, labels = draw_logits(drawer("softmax gradient"))
    expected = slopes(lambda z: functional.cross_entropy(z, labels), {"dz": logits})["dz"]
    close(backprop.softmax_cross_entropy_backward(logits, labels), expected, label="dz")


def test_sgd_step_goes_downhill(backprop):
    """sgd_step moves against the gradient, by lr times its length."""
    rng = drawer("step")
    w, dw = normal(rng, D, H), normal(rng, D, H)
    close(backprop.sgd_step(w, dw, 0.25), w - 0.25 * dw, label="w_new")


def test_regression_gradients(backprop):
    """The regression loss is a sum of squares; dw1 and dw2 are its derivatives."""
    rng = drawer("regression")
    x, t, w1, w2 = normal(rng, N, D), normal(rng, N, C), normal(rng, D, H), normal(rng, H, C)
    close(backprop.regression_loss(x, t, w1, w2), network_loss(x, t, w1, w2), label="L")
    expected = slopes(lambda a, b: network_loss(x, t, a, b), {"dw1": w1, "dw2": w2})
    stages(backprop.regression_backward(x, t, w1, w2), expected)


def test_classifier_stages_and_gradients(backprop):
    """The classifier's stages, and the gradients of everything on the way back."""
    rng = drawer("classifier")
    x, labels = normal(rng, N, D), torch.randint(C, (N,), generator=rng)
    w1, b1, w2, b2 = normal(rng, D, H), normal(rng, H), normal(rng, H, C), normal(rng, C)
    kept, gradients = classifier(x, labels, w1, b1, w2, b2)
    stages(backprop.classifier_forward(x, labels, w1, b1, w2, b2), kept)
    stages(backprop.classifier_backward(kept, x, labels, w1, w2), gradients)


def test_steps_of_training_move_both_weights_at_once(backprop):
    """Ten large steps of training: all losses, last weights."""
    rng = drawer("steps")
    x, t, w1, w2 = normal(rng, N, D), normal(rng, N, C), 0.3 * normal(rng, D, H), 0.3 * normal(rng, H, C)
    expected = path(x, t, w1, w2, 1e-2, 10)
    stages(backprop.train_regression(x, t, w1, w2, 1e-2, 10), expected, rtol=1e-8)


def test_training_follows_the_same_path(backprop):
    """A hundred steps on 64 x 100 x 20 x 10: all losses, last weights."""
    rng = drawer("training")
    x, t, w1, w2 = normal(rng, 64, 100), normal(rng, 64, 10), normal(rng, 100, 20), normal(rng, 20, 10)
    expected = path(x, t, w1, w2, 1e-6, 100)
    stages(backprop.train_regression(x, t, w1, w2, 1e-6, 100), expected, rtol=1e-8)
