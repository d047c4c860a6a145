"""The data sets: the digits that come with a course, Fashion-MNIST from a folder, and what is made up."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import struct
from pathlib import Path

import pytest
import torch

from grader import data, published
from grader.data import sets
from grader.errors import CourseError
from grader.grade import Grader
from grader.results import CheckResult, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission

from .tiny_course import make_course

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "data"


def test_there_are_1797_digits_and_each_is_in_one_part() -> None:
    """Every picture is in training or test, none in both, and each keeps its label."""
    split, other = data.digits(folder=FOLDER), data.digits(torch.Generator().manual_seed(5), folder=FOLDER)
    assert split.train.x.shape == (1437, 8, 8)
    assert split.test.x.shape == (360, 8, 8)
    assert split.train.t.shape == (1437,)
    for one in (split, other):
        # UCI: 178 182 177 183 181 182 181 179 174 180 examples of the digits 0 to 9.
        counts = torch.bincount(torch.cat([one.train.t, one.test.t]))
        assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert labelled(split) == labelled(other)
    assert not torch.equal(split.test.t, other.test.t)


def labelled(split: data.Split) -> set[tuple[object, ...]]:
    """Return every picture with its label."""
    x, t = torch.cat([split.train.x, split.test.x]), torch.cat([split.train.t, split.test.t])
    return {(*row, label) for row, label in zip(x.flatten(1).tolist(), t.tolist(), strict=True)}


def test_pixels_lie_between_0_and_1_in_the_dtype_asked_for() -> None:
    """The values 0 to 16 of the files are scaled."""
    x = data.digits(dtype=torch.float64, folder=FOLDER).train.x
    assert x.dtype == torch.float64
    assert (float(x.min()), float(x.max())) == (0.0, 1.0)
    assert torch.equal(x * 16, (x * 16).round())


def test_a_split_depends_on_its_generator_only() -> None:
    """The same seed gives the same split, and without a generator it is always the same."""
    one, two = (data.digits(torch.Generator().manual_seed(3), folder=FOLDER) for _ in range(2))
    assert torch.equal(one.test.x, two.test.x)
    torch.manual_seed(1)
    first = data.digits(folder=FOLDER)
    torch.manual_seed(2)
    assert torch.equal(first.test.x, data.digits(folder=FOLDER).test.x)


def test_digits_are_found_from_anywhere_in_a_course(monkeypatch: pytest.MonkeyPatch) -> None:
    """A student who works in an exercise's folder needs to name no path."""
    monkeypatch.chdir(ROOT / "exercises" / "exercise1_manual_backprop")
    assert data.digits().sha256 == data.digits(folder=FOLDER).sha256


def test_other_digits_are_refused(tmp_path: Path) -> None:
    """A file that can be read but holds something else is not taken for the data set."""
    for name in sets._DIGITS:
        shutil.copy(FOLDER / name, tmp_path)
    labels = tmp_path / sets._DIGITS[1]
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[-1] ^= 1
    labels.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(CourseError, match="are not the handwritten digits that belong there"):
        data.digits(folder=tmp_path)


def test_the_files_say_where_they_come_from() -> None:
    """Source and licence lie beside the data, which is no larger than it was."""
    said = (FOLDER / "README.md").read_text()
    assert "https://doi.org/10.24432/C50P49" in said
    assert "CC BY 4.0" in said
    assert sum(path.stat().st_size for path in FOLDER.glob("*.gz")) < 100_000


def fashion(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int = 6) -> None:
    """Write four files in the form of Fashion-MNIST, with few pictures, and take their sums for the published ones."""
    sums = {}
    for place, name in enumerate(published.FASHION_MD5):
        shape = (count, 28, 28) if "images" in name else (count,)
        size = count * 28 * 28 if "images" in name else count
        values = bytes((index * 7 + place) % (256 if "images" in name else 10) for index in range(size))
        packed = gzip.compress(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + values, mtime=0)
        (folder / name).write_bytes(packed)
        sums[name] = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(published, "FASHION_MD5", sums)


def test_fashion_mnist_is_read_from_the_named_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures from 0 to 1, labels as whole numbers, in the published two parts."""
    fashion(tmp_path, monkeypatch)
    monkeypatch.setenv(data.GRADER_DATA, str(tmp_path))
    train, test, _ = data.fashion_mnist()
    assert (train.x.shape, test.x.shape, train.t.dtype) == ((6, 28, 28), (6, 28, 28), torch.int64)
    assert torch.equal(train.x[0, 0, :3], torch.tensor([0.0, 7.0, 14.0]) / 255)
    assert train.t.tolist() == [1, 8, 5, 2, 9, 6]
    assert test.t.tolist() == [3, 0, 7, 4, 1, 8]


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A readable file with another MD5 sum is named with both sums."""
    fashion(tmp_path, monkeypatch)
    monkeypatch.setenv(data.GRADER_DATA, str(tmp_path))
    name = "t10k-labels-idx1-ubyte.gz"
    (tmp_path / name).write_bytes((tmp_path / "train-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(CourseError, match=rf"{name} is not the published file: its MD5 sum is \w{{32}} and should be"):
        data.fashion_mnist()


def test_without_the_files_a_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither variable nor files: what to set, and what must be there."""
    monkeypatch.delenv(data.GRADER_DATA, raising=False)
    with pytest.raises(CourseError, match=r"set the environment variable GRADER_DATA to a folder with train-images"):
        data.fashion_mnist()
    monkeypatch.setenv(data.GRADER_DATA, str(tmp_path))
    with pytest.raises(CourseError, match=r"train-images-idx3-ubyte\.gz cannot be read: No such file"):
        data.fashion_mnist()


def test_linear_data_lies_near_its_plane() -> None:
    """t is x w + b but for the noise, and without noise exactly."""
    generator = torch.Generator().manual_seed(1)
    x, t = data.linear_data(generator, [2.0, -3.4], 4.2, 1000)
    assert (x.shape, t.shape, t.dtype) == ((1000, 2), (1000, 1), torch.float64)
    off = t - (2 * x[:, :1] - 3.4 * x[:, 1:] + 4.2)
    assert 0.009 < float(off.std()) < 0.011
    x, t = data.linear_data(generator, [2.0, -3.4], 4.2, 5, noise=0.0)
    assert torch.allclose(t, 2 * x[:, :1] - 3.4 * x[:, 1:] + 4.2, rtol=1e-12)


def test_blobs_lie_around_their_centres() -> None:
    """With little spread the nearest class mean tells every label."""
    x, t = data.blobs(torch.Generator().manual_seed(1), 300, 5, 3, spread=0.01)
    assert (x.shape, t.shape, t.dtype, x.dtype) == ((300, 5), (300,), torch.int64, torch.float64)
    means = torch.stack([x[t == label].mean(0) for label in range(3)])
    assert torch.equal(torch.cdist(x, means).argmin(1), t)


SUITE = """
    from grader.suite import digits, expect_equal, fashion_mnist, points

    @points(1)
    def test_there(submission):
        '''What the student's side knows of the data.'''
        expect_equal(len(digits().test.t), 360)
        expect_equal(submission.looked(), [None, "not readable"])

    def test_fashion(submission):
        '''Fashion-MNIST can be read.'''
        fashion_mnist()
"""
WORK = """
import os

def looked():
    try:
        with open({path!r}, "rb") as file:
            found = len(file.read())
    except OSError:
        found = "not readable"
    return [os.environ.get("GRADER_DATA"), found]
"""


@pytest.mark.parametrize("named", [False, True], ids=["not named", "named"])
def test_suites_read_data_that_student_code_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zygote: Zygote, strongest: Tier, named: bool
) -> None:
    """A judge finds the course's digits and the folder of GRADER_DATA; a guest neither files nor variable."""
    exercise = make_course(tmp_path, SUITE)
    shutil.copytree(FOLDER, exercise.course.data_folder)
    (tmp_path / "fashion").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(data.GRADER_DATA, raising=False)
    if named:
        monkeypatch.setenv(data.GRADER_DATA, "fashion")
    text = WORK.format(path=str(exercise.course.data_folder / sets._DIGITS[1]))
    seen: list[CheckResult] = []
    said = str(tmp_path / "fashion" / "train-images-idx3-ubyte.gz") if named else "set the environment variable"
    with Grader(exercise, strongest, zygote) as grader, pytest.raises(CourseError, match=re.escape(said)):
        grader.grade(Submission("", (SourceFile("work.py", text),)), on_check=seen.append)
    assert [(check.id, check.outcome, check.message) for check in seen] == [("test_there", Outcome.PASSED, "")]
