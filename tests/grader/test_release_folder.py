"""`grader release` on the command line and on disk: what it writes, what it leaves alone, what it refuses."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.author.release import MANIFEST
from grader.author.released_folder import require_place, write_release
from grader.cli import main
from grader.errors import UsageError

from .test_release import made_course
from .tiny_course import SLUG

# --- on disk --------------------------------------------------------------------------------------------------------


def listed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files with the list that a release has of them."""
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    return files | {MANIFEST: json.dumps({"files": digests}).encode()}


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    """Neither --force nor a list that is no list of ours opens it."""
    (tmp_path / "thesis.txt").write_text("years of work")
    for manifest in (None, "[]", "{}", '{"files": 3}', "{"):
        if manifest is not None:
            (tmp_path / MANIFEST).parent.mkdir(exist_ok=True)
            (tmp_path / MANIFEST).write_text(manifest)
        with pytest.raises(UsageError, match="is not empty, and what is in it is no older release"):
            write_release(listed({"a.py": b"new"}), tmp_path, force=True)
    assert not (tmp_path / "a.py").exists()


def test_a_newer_release_replaces_an_older_one_and_leaves_the_rest(tmp_path: Path) -> None:
    """What is gone from the course goes, with folders that held nothing else; what was added beside stays."""
    folder = tmp_path / "course"
    write_release(listed({"a.py": b"1", "old/x.py": b"1", "both/x.py": b"1"}), folder, force=False)
    (folder / "both" / "mine.txt").write_text("mine")
    write_release(listed({"a.py": b"2", "new/y.py": b"2"}), folder, force=False)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"a.py", "new/y.py", "both/mine.txt", MANIFEST}
    assert (folder / "a.py").read_bytes() == b"2"
    assert not (folder / "old").exists()


def test_what_was_changed_since_is_overwritten_on_demand_only(tmp_path: Path) -> None:
    """Work in an older release, also in a file that the new one no longer has or that no release has written."""
    write_release(listed({"a.py": b"1", "b.py": b"1", "c.py": b"1"}), tmp_path, force=False)
    for name in ("a.py", "b.py", "d.py"):
        (tmp_path / name).write_text("work")
    new = listed({"a.py": b"2", "c.py": b"2", "d.py": b"2"})
    with pytest.raises(UsageError, match=r"files were changed since: a\.py, b\.py\. "):
        require_place(tmp_path, force=False)
    with pytest.raises(UsageError, match=r"files were changed since: a\.py, b\.py, d\.py\. "):
        write_release(new, tmp_path, force=False)
    assert (tmp_path / "c.py").read_bytes() == b"1"
    write_release(new, tmp_path, force=True)
    assert [(tmp_path / name).read_bytes() for name in ("a.py", "c.py", "d.py")] == [b"2"] * 3
    assert not (tmp_path / "b.py").exists()


def test_a_list_cannot_have_files_removed_elsewhere(tmp_path: Path) -> None:
    """It is a file that anybody can have written: a path that leaves the folder is not followed."""
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "course"
    paths = ["../outside.txt", str(outside), "x/../../outside.txt"]
    write_release({MANIFEST: json.dumps({"files": dict.fromkeys(paths, "")}).encode()}, folder, force=False)
    write_release(listed({"a.py": b"1"}), folder, force=True)
    assert outside.read_text() == "mine"


def test_a_place_that_cannot_be_written_to_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A file in the folder's place is found before anything is judged."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Not a directory"):
        require_place(tmp_path / "file", force=True)
    with pytest.raises(UsageError, match="Not a directory"):
        write_release({"a": b""}, tmp_path / "file", force=False)


# --- the command ----------------------------------------------------------------------------------------------------


def test_release_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and a zip of the same; and what there is to know of each exercise."""
    made_course(tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course")
    arguments = ["release", str(tmp_path / "out"), "--out", str(tmp_path / "class.zip"), "--fence", "none"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "what students get, 14 files for exercises: 1; grader" in said
    assert f"{SLUG}: 1 public checks, 2 of 5 points; 2 mistakes can be named." in said
    assert f"Not released, because nothing says that students need it: exercises/{SLUG}/notes.md" in said
    with zipfile.ZipFile(tmp_path / "class.zip") as archive:
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "out" / name.removeprefix("class/")).read_bytes()
        assert len(archive.namelist()) == 14


def test_from_solutions_writes_the_stubs_that_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub that was worked in becomes what the marks say; one that is right is not touched; marks are needed."""
    exercise = made_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    stub = exercise.stub_folder / "work.py"
    right = stub.read_bytes()
    stub.write_text("worked in")
    assert (
        f"exercises/{SLUG}/work.py: written anew." in CliRunner().invoke(main, ["release", "--from-solutions"]).output
    )
    assert stub.read_bytes() == right
    assert f"exercises/{SLUG}/work.py: as it was." in CliRunner().invoke(main, ["release", "--from-solutions"]).output
    (exercise.solution_folder / "work.py").write_text("def double(x):\n    return 2 * x\n")
    done = CliRunner().invoke(main, ["release", "--from-solutions"])
    assert done.exit_code == 3
    assert "has no marks that say what students are to write" in done.output
    assert stub.read_bytes() == right


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Nothing to do. Name the folder"),
        (["--gradescope", "1"], "--gradescope makes a zip; name it"),
        (["out", "--gradescope", "1", "--out", "a.zip"], "--gradescope cannot be combined with DIR"),
        (["out", "--torch-pip-args", "x"], "--torch-pip-args is for an autograder"),
        (["out", "--exercise", "9"], "There is no exercise"),
        (["."], "is not empty, and what is in it is no older release"),
        (["--out", "nowhere/a.zip"], "nowhere/a.zip"),
    ],
)
def test_what_cannot_be_released_is_said_before_anything_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """Each with exit 2 and what to type instead."""
    made_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["release", *arguments])
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())
