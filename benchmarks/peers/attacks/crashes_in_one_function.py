"""crashes Python in one function; the rest is right

Corpus: denial/crashes_of_every_kind
Base: right
"""

import ctypes as _ctypes


def sigmoid(x):
    """Read what is at address 0."""
    return _ctypes.string_at(0)
