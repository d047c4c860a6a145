"""The honest answer. @canary:solution@."""


def double(x):
    """Return twice x."""
    return 2 * x


def loss(w, x):
    """Return the mean of (w * x) ** 2, differentiable in w."""
    return ((w * x) ** 2).mean()


def labels(scores):
    """Return the place of the largest number in each row."""
    return scores.argmax(dim=1)


def decipher(text):
    """Return the text with every character replaced by the one before it."""
    return "".join(chr(ord(character) - 1) for character in text)


class Counter:
    """Adds numbers up."""

    def __init__(self):
        self.total = 0

    def add(self, number):
        """Add a number."""
        self.total += number
