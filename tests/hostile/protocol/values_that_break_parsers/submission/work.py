"""Returns, prints and raises values that parsers and writers of reports break at."""

NOTHING = float("nan")


def double(x):
    if x.dim() == 1:
        nested = []
        for _ in range(100_000):
            nested = [nested]
        return nested
    return 10**5000


def labels(scores):
    return {float("nan"): 1, NOTHING: 2}


def loss(w, x):
    if w.requires_grad:
        raise ValueError("half a character \ud800, the end \0 of a text, \ufffe\uffff")
    return 1e999


def decipher(text):
    return "a" * 10_000_000


class Counter:
    total = "\ud83d \0 \udcff"

    def add(self, number):
        raise type("\ud800" if number == 4 else "Bad", (Exception,), {})("\udfff")


print("printed: half a character \ud800, the end \0 of a text")
