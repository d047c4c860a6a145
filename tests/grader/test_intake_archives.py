"""Archives and files of students, by the rows of the catalogue of hostile ones: accepted, or a sentence says why."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader import language
from grader.classroom.archive import MAX_ARCHIVE_BYTES, class_archive, student_archive
from grader.errors import SubmissionRejected, UsageError
from grader.limits import Limits

from .handed_in import (
    EXERCISES,
    PY,
    both,
    by_place,
    claiming,
    folder,
    notebook,
    one_handin,
    patched,
    taken,
    with_attributes,
    with_flag,
    zipped,
)

GOOD = zipped({"backprop.py": PY})


def crc_broken() -> bytes:
    """Return an archive whose entry is not what its checksum says."""
    stored = zipped({"backprop.py": PY}, zipfile.ZIP_STORED)
    return patched(stored, b"return x", b"return y")


def lzma_entry() -> bytes:
    """Return an archive compressed by a method whose memory the archive itself chooses."""
    return zipped({"backprop.py": PY}, zipfile.ZIP_LZMA)


def tar(name: str = "backprop.py") -> bytes:
    """Return a tar archive with one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(PY)
        archive.addfile(info, io.BytesIO(PY))
    return out.getvalue()


NFC, NFD = (unicodedata.normalize(form, "über.py") for form in ("NFC", "NFD"))
LINK = with_attributes("backprop.py", b"/etc/passwd", stat.S_IFLNK | 0o777)
REJECTED = {
    "B1 parent": (zipped({"../../evil.py": PY, "backprop.py": PY}), "holds '../../evil.py', a name that leads out"),
    "B1 absolute": (zipped({"/etc/evil.py": PY}), "holds '/etc/evil.py', a name that leads out"),
    "B1 drive": (zipped({"C:evil.py": PY}), "holds 'C:evil.py', a name that leads out"),
    "B1 backslash": (zipped({"..\\..\\evil.py": PY}), r"holds '..\\\\..\\\\evil.py', a name that leads out"),
    "B1 in junk": (zipped({"__MACOSX/../../evil.py": PY, "backprop.py": PY}), "a name that leads out"),
    "B2 link": (LINK, "holds 'backprop.py', which is a link or a device"),
    "B2 pipe": (with_attributes("p.py", b"", stat.S_IFIFO | 0o644), "holds 'p.py', which is a link or a device"),
    "B2 device": (with_attributes("d.py", b"", stat.S_IFCHR | 0o644), "holds 'd.py', which is a link or a device"),
    "B2 setuid": (with_attributes("s.py", PY, stat.S_IFREG | 0o4755), "holds 's.py' with rights of another user"),
    "B4 case": (zipped({"backprop.py": PY, "Backprop.py": PY}), "holds 'backprop.py' and 'Backprop.py', which are one"),
    "B4 form": (zipped({NFC: PY, NFD: PY}), "which are one name on many systems"),
    "B4 folder case": (zipped({"a/x.py": PY, "A/y.py": PY}), "holds 'a' and 'A', which are one name"),
    "B4 file and folder": (zipped({"a": PY, "a/backprop.py": PY}), "'a' is both a file and a folder"),
    "B4 CON": (zipped({"CON.py": PY}), "holds 'CON.py', a name that Windows cannot store"),
    "B4 dot": (zipped({"sub./backprop.py": PY}), "holds 'sub./backprop.py', a name that Windows cannot store"),
    "B4 long": (zipped({"x" * 300 + ".py": PY}), "holds a name that is too long"),
    "B4 NUL": (patched(zipped({"backprop.pyX": PY}), b"backprop.pyX", b"backprop.py\0"), "a name that leads out"),
    "B5 not UTF-8": (
        patched(zipped({"ü.py": PY}), "ü.py".encode(), b"\xfc\xff.py"),
        "holds a file whose name cannot be read",
    ),
    "B6 empty zip": (zipped({}), "hw.zip holds no files"),
    "B6 only junk": (zipped({".DS_Store": b"x", "__MACOSX/._a": b"x"}), "hw.zip holds no files"),
    "B6 empty file": (b"", r"hw.zip is empty \(0 bytes\)"),
    "B6 truncated": (zipped({"backprop.py": PY * 500})[:-30], "hw.zip is damaged or cut off"),
    "B6 crc": (crc_broken(), "'backprop.py' is damaged or cut off in the archive"),
    "B6 encrypted": (with_flag(GOOD, 1), r"protected by a password \('backprop.py'\)"),
    "B6 PDF": (b"%PDF-1.7 and so on", "hw.zip: this is a PDF, expected .py, .ipynb or .zip."),
    "B6 rar": (b"Rar!\x1a\x07\x01\x00rest", "hw.zip: this is a RAR archive, expected"),
    "B6 7z": (b"7z\xbc\xaf\x27\x1crest", "hw.zip: this is a 7-Zip archive, expected"),
    "B6 tar": (tar(), "hw.zip: this is a tar archive, expected"),
    "B6 noise": (b"\x00\x01nothing", "hw.zip: this is a file of another kind, expected"),
    "B6 Word": (zipped({"[Content_Types].xml": b"<x/>", "word/document.xml": b""}), "this is an office document"),
    "B6 nested": (zipped({"inner.zip": GOOD}), "hw.zip holds another archive, inner.zip"),
    "method": (lzma_entry(), "'backprop.py' is compressed in a way that is not read"),
    "bomb": (
        claiming(zipped({"backprop.py": PY, "zeros.bin": b""}), 300 << 20),
        r"hw.zip has \d+ kB and unpacks to 300 MB",
    ),
    "bomb of one file": (zipped({"backprop.py": b"\n" * (64 << 20)}), "backprop.py is larger than 1 MB"),
    "bomb that says it is small": (
        claiming(zipped({"backprop.py": b"\n" * (64 << 20)}), 10),
        "'backprop.py' is damaged or cut off in the archive",
    ),
    "too many": (GOOD[:-10] + b"\xff\xff\xff\x7f" + GOOD[-6:], "hw.zip lists too many files"),
}


@pytest.mark.parametrize("row", REJECTED)
def test_a_bad_archive_costs_its_student_and_nobody_else(row: str, tmp_path: Path) -> None:
    """Each hostile or broken archive ends in its sentence; the other student is judged."""
    data, sentence = REJECTED[row]
    handin = one_handin(tmp_path, "hw.zip", data)
    assert handin.submission is None
    with pytest.raises(SubmissionRejected, match=sentence):
        raise SubmissionRejected(handin.problem)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    """Which of two entries of one name counts is for nobody to choose."""
    data = zipped([("backprop.py", PY), ("backprop.py", PY + b"# other")])
    assert "holds 'backprop.py' twice" in one_handin(tmp_path, "hw.zip", data).problem


def test_a_local_name_that_differs_from_the_listed_one_is_refused(tmp_path: Path) -> None:
    """Two programs would unpack two different files."""
    data = zipped({"backprop.py": PY})
    at = data.index(b"backprop.py")
    data = data[:at] + b"harmless.py" + data[at + 11 :]
    assert "'backprop.py' is damaged" in one_handin(tmp_path, "hw.zip", data).problem


ACCEPTED = {
    "B7 junk": zipped(
        {
            "__MACOSX/._backprop.py": b"\x00\x05",
            ".DS_Store": b"x",
            "hw1/backprop.py": PY,
            "hw1/.ipynb_checkpoints/backprop-checkpoint.py": b"old",
            "hw1/.git/HEAD": b"ref",
            "hw1/.git/head": b"a twin that does not matter",
            "venv/bin/python": b"",
            "hw1/__pycache__/backprop.cpython-311.pyc": b"\xa7\r\r\n",
        }
    ),
    "B7 wrapping folder": zipped({"a/": b"", "a/b/": b"", "a/b/backprop.py": PY}),
    "B8 BOM": zipped({"backprop.py": b"\xef\xbb\xbf" + PY}),
    "B8 CRLF": zipped({"backprop.py": PY.replace(b"\n", b"\r\n")}),
    "B8 CR": zipped({"backprop.py": PY.replace(b"\n", b"\r")}),
    "B5 cp437": patched(zipped({"uber.txt": b"x", "backprop.py": PY}), b"uber.txt", b"\x81ber.txt"),
    "stored": zipped({"backprop.py": PY}, zipfile.ZIP_STORED),
    "another archive beside": zipped({"backprop.py": PY, "data.zip": GOOD}),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_harmless_peculiarities_are_accepted(row: str, tmp_path: Path) -> None:
    """What systems put into archives, and how editors save, costs nothing."""
    handin = one_handin(tmp_path, "hw.zip", ACCEPTED[row])
    assert handin.problem == ""
    assert handin.submission is not None
    assert handin.submission.sources[0].text == PY.decode()


def test_junk_is_listed_and_is_no_part_of_the_submission(tmp_path: Path) -> None:
    """Whoever grades can see what was left out, folder by folder."""
    root = folder(tmp_path / "in", {"ada/hw.zip": ACCEPTED["B7 junk"], "bo/backprop.py": PY, "bo/.DS_Store": b""})
    intake = taken(root, "exercise1")
    assert {"ada/hw.zip/__MACOSX/", "ada/hw.zip/hw1/.git/", "ada/hw.zip/venv/", "bo/.DS_Store"} <= set(intake.ignored)
    assert [handin.submission.extra_files for handin in intake.handins if handin.submission] == [(), ()]


def test_names_in_utf8_without_the_flag_are_read_as_what_they_are() -> None:
    """macOS writes UTF-8 and does not say so."""
    flagged = zipped({"übung.py": PY})
    tree = student_archive(_unflagged(flagged), "a")
    assert [entry.path for entry in tree.entries] == ["übung.py"]
    assert tree.entries[0].read(100) == PY


def _unflagged(archive: bytes) -> bytes:
    out = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        out[archive.index(mark) + offset] &= ~0x08
    return bytes(out)


BAD_FILES = {
    "B6 PDF": (b"%PDF-1.7", "backprop.py: this is a PDF, expected .py, .ipynb or .zip."),
    "B6 zip": (GOOD, "backprop.py: this is a zip archive, expected"),
    "B6 empty": (b"", "backprop.py is empty"),
    "B8 latin-1": ("# ä\n".encode("latin-1"), "backprop.py, line 1: a character that is not UTF-8"),
    "B8 UTF-16": (PY.decode().encode("utf-16"), "backprop.py is saved as UTF-16"),
    "B8 NUL": (b"x = 1\ny = '\0'\n", "backprop.py, line 2: a zero byte"),
    "B9 coding": (b"# coding: latin-1\nx = '\xe4'\n", "backprop.py, line 2: a character that is not UTF-8"),
    "large": (b"#" * (1 << 20) + b"\n", "backprop.py is larger than 1 MB"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("row", BAD_FILES)
def test_a_file_that_cannot_be_read_says_why(row: str, packed: bool, tmp_path: Path) -> None:
    """The same sentence whether the file came alone or in an archive."""
    data, sentence = BAD_FILES[row]
    name, data = ("hw.zip", zipped({"backprop.py": data})) if packed else ("backprop.py", data)
    handin = one_handin(tmp_path, name, data)
    assert (handin.submission, handin.problem.startswith(sentence)) == (None, True), handin.problem


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("backprop.py", b"#" * 4097, "backprop.py is larger than 4 kB."),
        ("hw.zip", zipped({"backprop.py": b"#" * 4097}), "backprop.py is larger than 4 kB."),
        ("hw.ipynb", notebook("#" * 4097), "The code cells of hw.ipynb make a file that is larger than 4 kB."),
    ],
)
def test_the_exercise_says_how_large_a_file_may_be(
    name: str, data: bytes, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too large for one exercise is read for another, whichever way it came; the limit named is its own."""
    assert one_handin(tmp_path / "large", name, data).submission is not None
    small = replace(EXERCISES["exercise1"], limits=Limits(source_bytes=4096))
    monkeypatch.setitem(EXERCISES, "exercise1", small)
    handin = one_handin(tmp_path / "small", name, data)
    assert (handin.submission, handin.problem.startswith(sentence)) == (None, True), handin.problem


OTHER_FILES = {
    "hw.pdf": (b"%PDF-1.7", "hw.pdf: this is a PDF, expected .py, .ipynb or .zip."),
    "hw.docx": (zipped({"word/document.xml": b""}), "hw.docx: this is an office document"),
    "hw.rar": (b"Rar!\x1a\x07\x00", "hw.rar: this is a RAR archive"),
    "hw.tar": (tar(), "hw.tar: tar archives are not read. Hand in the file itself or a .zip."),
    "hw.tar.gz": (b"\x1f\x8b\x08", "hw.tar.gz: tar archives are not read."),
    "hw.gz": (b"\x1f\x8b\x08", "hw.gz: this is a compressed file"),
    "hw.html": (b"<!DOCTYPE html><p>", "hw.html: this is a web page"),
    "hw.jpg": (b"\xff\xd8\xff\xe0", "hw.jpg: this is an image"),
    "hw.txt": (b"my solution", "Nothing was found that could be backprop.py."),
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_a_file_of_another_kind_is_named(name: str, tmp_path: Path) -> None:
    """Who handed in only something else reads what it is and what was expected."""
    data, sentence = OTHER_FILES[name]
    handin = one_handin(tmp_path, name, data)
    assert (handin.submission, handin.problem.startswith(sentence)) == (None, True), handin.problem


def test_the_sentences_follow_the_language(tmp_path: Path) -> None:
    """A student of a Chinese course reads Chinese."""
    language.use("zh_CN")
    try:
        assert "这是 PDF 文件" in one_handin(tmp_path, "hw.pdf", b"%PDF-1.7").problem
    finally:
        language.use("en")


def test_links_in_folders_are_not_followed(tmp_path: Path) -> None:
    """A link to our files is refused with a sentence, and a linked folder is not entered."""
    secret = folder(tmp_path / "secret", {"backprop.py": "SECRET = 1\n"})
    root = folder(tmp_path / "in", {"ada/": b"", "bo/backprop.py": PY, "cy/": b""})
    (root / "ada" / "backprop.py").symlink_to(secret / "backprop.py")
    (root / "cy" / "inner").symlink_to(secret)
    intake = taken(root, "exercise1")
    found = by_place(intake)
    assert found["ada", "exercise1"].problem == "backprop.py is a link. Hand in the file itself."
    assert found["cy", "exercise1"].submission is None
    assert "SECRET" not in repr(intake)


def test_an_archive_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    """The limit is on what is read, not on what the file system says."""
    root = folder(tmp_path / "in", {"ada/hw.zip": b"PK\x03\x04", "bo/backprop.py": PY})
    with (root / "ada" / "hw.zip").open("r+b") as file:
        file.truncate(MAX_ARCHIVE_BYTES + 10)
    assert by_place(taken(root, "exercise1"))["ada", "exercise1"].problem.startswith("hw.zip is larger than 64 MB")


def test_bad_entries_of_a_class_archive_cost_their_students_only(tmp_path: Path) -> None:
    """An encrypted entry and a link are those students' problem, a name that leads out is reported."""
    good = {f"s{n}/backprop.py": PY for n in range(3)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in good.items():
            archive.writestr(name, data)
        link = zipfile.ZipInfo("lia/backprop.py")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../evil/backprop.py", PY)
    path = tmp_path / "class.zip"
    path.write_bytes(out.getvalue())
    intake = taken(path, "exercise1")
    found = by_place(intake)
    assert [found[f"s{n}", "exercise1"].problem for n in range(3)] == ["", "", ""]
    assert "is a link or a device" in found["lia", "exercise1"].problem
    assert [one.origin for one in intake.unplaced] == ["../evil/backprop.py"]


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("class.zip", b"PK\x03\x04 cut off", r"class\.zip is damaged or cut off, .* Download it again"),
        ("class.tar", tar(), r"class\.tar is a tar archive, expected a folder or a \.zip\."),
        ("class.zip", b"", r"class\.zip is an empty file or archive\. Download it again"),
        ("class.zip", zipped({}), r"class\.zip is an empty file or archive\. Download it again"),
        ("work.py", PY, r"work\.py is a file of another kind, expected a folder .*`grader check --submission FILE`"),
    ],
)
def test_a_class_that_is_no_archive_is_the_commands_mistake(
    name: str, data: bytes, sentence: str, tmp_path: Path
) -> None:
    """Whoever grades reads what the file is and what to point at."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=sentence) as raised:
        taken(tmp_path / name)
    assert "hand it in" not in str(raised.value), "that is what a student could do, and whoever grades is none"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Nobody writes to it: opening it would never end."""
    os.mkfifo(tmp_path / "class.zip")
    with pytest.raises(UsageError, match=r"class\.zip is a pipe or device, expected a folder or a \.zip"):
        taken(tmp_path / "class.zip")


def test_nothing_there_is_said(tmp_path: Path) -> None:
    """A path that does not exist, and a folder without hand-ins."""
    with pytest.raises(UsageError, match="There is no file or folder"):
        taken(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds nothing that looks like hand-ins"):
        taken(folder(tmp_path / "in", {"notes.txt": b"x"}))


def test_nothing_is_ever_written(tmp_path: Path) -> None:
    """Taking in a class leaves its folder, and the folder around it, as they were."""
    both(tmp_path, {"ada/hw.zip": REJECTED["B1 parent"][0], "bo/hw.zip": GOOD})
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    taken(tmp_path / "unpacked", "exercise1")
    taken(tmp_path / "download.zip", "exercise1")
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


# Bytes that begin as an archive does, and archives of which some bytes were changed.
SEEDS = [GOOD, zipped({"a/": b"", "a/backprop.py": PY, "ü.ipynb": notebook("x = 1")}), LINK]
DAMAGE = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), DAMAGE, st.integers(0, 400))
def test_no_bytes_make_the_reader_fail(seed: bytes, damage: list[tuple[int, int]], cut: int) -> None:
    """Whatever the bytes are, an archive is read or refused with a sentence."""
    data = bytearray(seed)
    for at, value in damage:
        data[at % len(data)] = value
    for read in (lambda raw: student_archive(raw, "hw.zip"), lambda raw: class_archive(io.BytesIO(raw), "hw.zip")):
        for raw in (bytes(data), bytes(data)[: len(data) - cut % len(data)]):
            try:
                for entry in read(raw).entries:
                    assert len(entry.read(50)) <= 51
            except SubmissionRejected as error:
                assert str(error).endswith(".")  # noqa: PT017 (either is right)
