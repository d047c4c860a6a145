"""Data sets that lie in files: the digits of a course, and Fashion-MNIST where GRADER_DATA says it is.

Owns where they are looked for and how they are known to be what they are called: by digest. Must not know suites.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from grader import messages, published
from grader.course import GRADER_DATA, find_course
from grader.data.idx import read_idx
from grader.errors import CourseError

_DIGITS = ("digits-images-idx3-ubyte.gz", "digits-labels-idx1-ubyte.gz")
_DIGITS_LARGEST = 16
# Of the pixels, then the labels; exercises/data/export_digits.py prints it.
_DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


class Labelled(NamedTuple):
    """Inputs and what they are: x (N, …) floating point, t (N,) whole numbers or (N, 1) floating point."""

    x: Tensor
    t: Tensor


class Split(NamedTuple):
    """A data set cut in two; `sha256` names its contents, whatever the cut."""

    train: Labelled
    test: Labelled
    sha256: str


def digits(
    generator: torch.Generator | None = None,
    *,
    test: int = 360,
    dtype: torch.dtype = torch.float32,
    folder: Path | None = None,
) -> Split:
    """Return the 1,797 handwritten digits, mixed and cut in two.

    Args:
        generator: Draws which are held back for the test; None means always the same.
        test: How many are held back.
        folder: Where the files are; None means exercises/data of the course around the working directory.
    Shapes:
        x: (N, 8, 8) from 0 to 1, t: (N,) int64 from 0 to 9.
    Raises:
        CourseError: the files are missing or not what they were. UsageError: there is no course here.
    Source: E. Alpaydin, C. Kaynak (1998), https://doi.org/10.24432/C50P49, CC BY 4.0.
    """
    folder = folder if folder is not None else find_course().data_folder
    images, labels = (read_idx(folder / name) for name in _DIGITS)
    sha256 = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    if sha256 != _DIGITS_SHA256:
        raise CourseError(messages.DATA_CHANGED.format(file=folder / _DIGITS[0], other=_DIGITS[1]))
    generator = generator if generator is not None else torch.Generator().manual_seed(0)
    order = torch.randperm(len(labels), generator=generator)
    whole = Labelled(torch.from_numpy(images).to(dtype) / _DIGITS_LARGEST, torch.from_numpy(labels).long())
    mixed = Labelled(whole.x[order], whole.t[order])
    return Split(Labelled(*(part[test:] for part in mixed)), Labelled(*(part[:test] for part in mixed)), sha256)


def fashion_mnist(*, dtype: torch.dtype = torch.float32, folder: Path | None = None) -> Split:
    """Return Fashion-MNIST with its published cut: 60,000 pictures to train on and 10,000 to test with.

    Args:
        folder: Where the four files are, as published; None means the folder that GRADER_DATA names.
    Shapes:
        x: (N, 28, 28) from 0 to 1, t: (N,) int64 from 0 to 9.
    Raises:
        CourseError: GRADER_DATA is not set, or a file is missing or is not the published one.
    Source: H. Xiao, K. Rasul, R. Vollgraf (2017), arXiv:1708.07747, MIT licence.
    """
    folder = folder if folder is not None else _named_folder()
    for name, md5 in published.FASHION_MD5.items():
        _require_published(folder / name, md5)
    train, test = (
        Labelled(_pictures(folder / f"{part}-images-idx3-ubyte.gz", dtype), _labels(folder, part))
        for part in ("train", "t10k")
    )
    return Split(train, test, hashlib.sha256("".join(published.FASHION_MD5.values()).encode()).hexdigest())


def _named_folder() -> Path:
    named = os.environ.get(GRADER_DATA)
    if not named:
        raise CourseError(
            messages.FASHION_NOT_NAMED.format(variable=GRADER_DATA, files=", ".join(published.FASHION_MD5))
        )
    return Path(named)


def _require_published(path: Path, md5: str) -> None:
    try:
        found = published.md5_of(path)
    except OSError as error:
        raise CourseError(messages.FASHION_MISSING.format(file=path, problem=error.strerror)) from error
    if found != md5:
        raise CourseError(messages.FASHION_OTHER.format(file=path, md5=md5, found=found))


def _pictures(path: Path, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(read_idx(path)).to(dtype) / 255


def _labels(folder: Path, part: str) -> Tensor:
    return torch.from_numpy(read_idx(folder / f"{part}-labels-idx1-ubyte.gz")).long()
