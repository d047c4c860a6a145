"""takes all memory in one function; the rest is right

Corpus: denial/takes_memory_page_by_page
Base: right
"""


def sigmoid(x):
    """Take what there is."""
    kept = []
    while True:
        kept.append(bytearray(b"x") * (32 << 20))
