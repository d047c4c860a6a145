"""What classes hand in, byte by byte: trees of files, zip archives, notebooks, and entries that no program makes."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.classroom.handin import Handin, Intake
from grader.classroom.intake import take_in
from grader.course import find_course

from .classroom_data import ROOT, course_exercises

EXERCISES = {exercise.slug.split("_")[0]: exercise for exercise in course_exercises(5)}
ONE, TWO = EXERCISES["exercise1"], EXERCISES["exercise2"]
PY = b"def f(x):\n    return x\n"
Bytes = bytes | str


def zipped(files: Mapping[str, Bytes] | Sequence[tuple[str, Bytes]], compress: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive with these files; a sequence may name one twice."""
    pairs = list(files.items()) if isinstance(files, Mapping) else files
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compress) as archive:
        for name, data in pairs:
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 12, 0, 0)), data, compress)
    return out.getvalue()


def with_attributes(name: str, data: bytes, mode: int) -> bytes:
    """Return an archive with one entry of these Unix rights and kind, made as Unix makes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, data)
    return out.getvalue()


def patched(archive: bytes, old: bytes, new: bytes) -> bytes:
    """Return the archive with bytes replaced in both of its lists; lengths must agree, or its offsets would not."""
    assert len(old) == len(new), "an archive's offsets must stay"
    assert old in archive, "nothing to replace"
    return archive.replace(old, new)


def with_flag(archive: bytes, bit: int) -> bytes:
    """Return the archive with a bit set in the flags of every entry, in both lists."""
    out = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = archive.find(mark)
        while at >= 0:
            out[at + offset] |= bit & 0xFF
            out[at + offset + 1] |= bit >> 8
            at = archive.find(mark, at + 4)
    return bytes(out)


def claiming(archive: bytes, size: int) -> bytes:
    """Return the archive with a list that says of its last entry that it unpacks to so many bytes."""
    at = archive.rindex(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<L", size) + archive[at + 4 :]


def notebook(*cells: str | tuple[str, object], **top: object) -> bytes:
    """Return a notebook; a plain text is a code cell, a pair names the kind of cell."""
    listed = [("code", cell) if isinstance(cell, str) else cell for cell in cells]
    ran: dict[str, object] = {"outputs": [], "execution_count": None}
    made = [
        {"cell_type": kind, "metadata": {}, "source": source} | (ran if kind == "code" else {})
        for kind, source in listed
    ]
    about = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": made}
    return json.dumps(about | top).encode()


def folder(root: Path, files: Mapping[str, Bytes]) -> Path:
    """Write files below a folder and return it; a name that ends in / is an empty folder."""
    for name, data in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def both(tmp_path: Path, files: Mapping[str, Bytes]) -> list[Path]:
    """Return the files as an archive and as the folder that unpacking it gives."""
    archive = tmp_path / "download.zip"
    archive.write_bytes(zipped(files))
    return [archive, folder(tmp_path / "unpacked", files)]


def taken(path: Path, *exercises: str, layout: str | None = None, roster: Path | None = None) -> Intake:
    """Take in what lies at a path for some exercises of this repository's course, all of them without a name."""
    chosen = [EXERCISES[name] for name in exercises or EXERCISES]
    return take_in(path, find_course(ROOT), chosen, layout=layout, roster=roster)


def by_place(intake: Intake) -> dict[tuple[str, str], Handin]:
    """Return the hand-ins by student and short name of the exercise."""
    return {(one.student, one.exercise.split("_")[0]): one for one in intake.handins}


def one_handin(tmp_path: Path, name: str, data: Bytes, exercise: str = "exercise1") -> Handin:
    """Return what becomes of one file in the folder of the student `ada`, with another student beside her."""
    root = folder(tmp_path / "handed_in", {f"ada/{name}": data, "bo/backprop.py": PY})
    found = by_place(taken(root, exercise))
    assert found["bo", "exercise1"].submission is not None, "one bad hand-in must cost nobody else"
    return found["ada", exercise]
