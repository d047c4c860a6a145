"""The stub of the target."""


def double(x):
    """Return twice x."""
    raise NotImplementedError("double")


def loss(w, x):
    """Return the mean of (w * x) ** 2, differentiable in w."""
    raise NotImplementedError("loss")


def labels(scores):
    """Return the place of the largest number in each row."""
    raise NotImplementedError("labels")


def decipher(text):
    """Return the text with every character replaced by the one before it."""
    raise NotImplementedError("decipher")


class Counter:
    """Adds numbers up: `add(number)`, and `total`."""
