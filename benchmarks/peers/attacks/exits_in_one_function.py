"""ends Python with status 0 in one function; the rest is right

Corpus: forging/exits_in_functions
Base: right
"""

import os as _os


def sigmoid(x):
    """Leave."""
    _os._exit(0)
