"""The IDX reader: what it reads, and that it says clearly what is wrong with anything else."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy
import pytest

from grader.data import idx
from grader.data.idx import read_idx
from grader.errors import CourseError

VALUES = numpy.arange(2 * 3 * 4, dtype=numpy.uint8).reshape(2, 3, 4)
HEADER = struct.pack(">HBB3I", 0, 8, 3, 2, 3, 4)
WHOLE = HEADER + VALUES.tobytes()


def written(folder: Path, data: bytes, name: str = "some-idx3-ubyte") -> Path:
    """Write a file and return it."""
    (folder / name).write_bytes(data)
    return folder / name


def refused(path: Path) -> str:
    """Return what is said of a file that cannot be read; it must name the file."""
    with pytest.raises(CourseError, match=path.name) as caught:
        read_idx(path)
    return str(caught.value)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_values_come_out_in_their_shape(tmp_path: Path, packed: bool) -> None:
    """Shape and values are what was written, and the array can be changed."""
    path = written(tmp_path, gzip.compress(WHOLE), "x.gz") if packed else written(tmp_path, WHOLE)
    found = read_idx(path)
    assert found.dtype == numpy.uint8
    assert numpy.array_equal(found, VALUES)
    found += 1


BROKEN = {
    "empty": (b"", "does not begin as an IDX file does (found nothing)"),
    "html": (b"<html>", "does not begin as an IDX file does (found 3c 68 74 6d)"),
    "header cut": (HEADER[:9], "does not begin as an IDX file does"),
    "other type": (struct.pack(">HBBI", 0, 0x0D, 1, 2) + b"\0" * 8, "type 13 with 1 axes"),
    "no axes": (struct.pack(">HBB", 0, 8, 0), "type 8 with 0 axes"),
    "many axes": (struct.pack(">HBB5I", 0, 8, 5, 1, 1, 1, 1, 1) + b"\0", "type 8 with 5 axes"),
    "cut short": (WHOLE[:-1], "promises 24 values in the shape (2, 3, 4), but only 23 are there"),
    "too long": (WHOLE + b"\0", "promises 24 values in the shape (2, 3, 4), but more follow"),
    "huge": (struct.pack(">HBB3I", 0, 8, 3, 1 << 31, 1 << 31, 1 << 31), "more than 268,435,456 are not read"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_damaged_file_is_refused_with_what_is_wrong(tmp_path: Path, kind: str, packed: bool) -> None:
    """Whatever the bytes are, the sentence names the file and the fault, and no traceback of numpy or struct."""
    data, said = BROKEN[kind]
    path = written(tmp_path, gzip.compress(data), "x.gz") if packed else written(tmp_path, data)
    assert said in refused(path)


@pytest.mark.parametrize(
    "data",
    [b"no gzip at all", gzip.compress(WHOLE)[:-6], gzip.compress(WHOLE)[:-9] + b"\0" * 9, b""],
    ids=["other", "cut", "changed", "empty"],
)
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, data: bytes) -> None:
    """Cut or changed on the way, a compressed file is not taken for a shorter one."""
    said = refused(written(tmp_path, data, "x.gz"))
    assert "no whole gzip file" in said or "found nothing" in said


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path that was looked for, and the system's reason."""
    assert "No such file" in refused(tmp_path / "absent-idx3-ubyte.gz")
    (tmp_path / "folder").mkdir()
    assert "directory" in refused(tmp_path / "folder")


def test_no_more_is_unpacked_than_the_header_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to a huge one is refused after as many bytes as it should have."""
    asked: list[int] = []

    class Counting(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(-1 if size is None else size)
            return super().read(size)

    monkeypatch.setattr(idx.gzip, "open", Counting)
    path = written(tmp_path, gzip.compress(WHOLE + bytes(1 << 20)), "x.gz")
    assert "more follow" in refused(path)
    assert max(asked) == VALUES.size + 1
    assert min(asked) > 0
