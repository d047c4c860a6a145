"""prints without end in one function; the rest is right

Corpus: denial/prints_without_end
Base: right
"""


def sigmoid(x):
    """Print for ever."""
    while True:
        print("more and more and more " * 100)
