"""Write the two files of handwritten digits that lie beside this script, from scikit-learn's copy.

It was run once and is kept so that anybody can see where the files come from: `pip install scikit-learn` in an
environment of its own, then `python export_digits.py`. Nothing else here needs scikit-learn. Source: README.md.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy
from sklearn.datasets import load_digits

HERE = Path(__file__).parent
UNSIGNED_BYTE = 0x08


def idx(values: numpy.ndarray) -> bytes:
    """Return unsigned bytes in the IDX format: two zeros, type, number of axes, their lengths, then the values."""
    return struct.pack(f">HBB{values.ndim}I", 0, UNSIGNED_BYTE, values.ndim, *values.shape) + values.tobytes()


def main() -> None:
    """Write images of shape (1797, 8, 8) with values 0 to 16, and their labels 0 to 9."""
    found = load_digits()
    images, labels = found.images.astype(numpy.uint8), found.target.astype(numpy.uint8)
    assert (images == found.images).all()
    assert images.shape == (1797, 8, 8)
    digest = hashlib.sha256()
    for name, values in (("digits-images-idx3-ubyte.gz", images), ("digits-labels-idx1-ubyte.gz", labels)):
        digest.update(values.tobytes())
        # Without a time in it, the same pictures always make the same file.
        (HERE / name).write_bytes(gzip.compress(idx(values), compresslevel=9, mtime=0))
    print(f"sha256 of images and labels, as grader/data/sets.py has it: {digest.hexdigest()}")


if __name__ == "__main__":
    main()
