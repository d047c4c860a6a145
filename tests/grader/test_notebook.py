"""Notebooks as Python files: what counts, what is commented out, and where each line came from."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader import language, messages
from grader.classroom.notebook import cell_of, logical_starts, python_lines, read_notebook, with_cells
from grader.errors import SubmissionRejected
from grader.grade import Grader

from .handed_in import by_place, folder, notebook, one_handin, taken
from .tiny_course import make_course


def test_code_cells_in_their_order_and_nothing_else() -> None:
    """Text, raw and empty cells are left out; a source may be a text or a list of lines."""
    made = read_notebook(
        "hw.ipynb",
        notebook("a = 1", ("markdown", "# Title"), ("raw", "b = 2"), "", ("code", ["c = 3\n", "d = 4"]), "\n\n"),
    )
    assert made.text.split() == ["a", "=", "1", "c", "=", "3", "d", "=", "4"]
    assert [made.places[line - 1] for line in range(1, 6)] == [(1, 1), (1, 1), (2, 1), (2, 2), (2, 2)]
    assert len(made.places) == made.text.count("\n")
    assert made.notes == ()


def test_a_line_of_the_made_file_has_its_cell() -> None:
    """Cells are counted as Jupyter does after running all: code cells with something in them."""
    made = read_notebook("hw.ipynb", notebook("import torch", ("markdown", "text"), "", "def f(x):\n    return x"))
    lines = made.text.splitlines()
    assert cell_of(made.places, lines.index("    return x") + 1) == "cell 2, line 2"
    assert [cell_of(made.places, line) for line in (0, -1, 99)] == ["", "", ""]


# Each: the cell, and what becomes of it.
IPYTHON = {
    "line magic": ("%matplotlib inline\nx = 1", "pass  # %matplotlib inline\nx = 1"),
    "shell": ("!pip install torch\nx = 1", "pass  # !pip install torch\nx = 1"),
    "shell over lines": ("!pip install \\\n   torch\nx = 1", "pass  # !pip install \\\n#    torch\nx = 1"),
    "assigned": ("files = !ls\nt = %time f()", "pass  # files = !ls\npass  # t = %time f()"),
    "help": ("?torch\ntorch.relu??\nx.y?", "pass  # ?torch\npass  # torch.relu??\npass  # x.y?"),
    "in a block": ("if True:\n    !ls\nx = 1", "if True:\n    pass  # !ls\nx = 1"),
    "colon at the end": ("!echo a:\nx = 1", "pass  # !echo a:\nx = 1"),
    "bash cell": ("%%bash\necho 'a\nrm -rf /", "# %%bash\n# echo 'a\n# rm -rf /"),
    "writefile cell": ("\n%%writefile a.py\nx = (", "# \n# %%writefile a.py\n# x = ("),
    "timed cell": ("%%time\nx = 1", "pass  # %%time\nx = 1"),
    "get_ipython": ("get_ipython().system('ls')\nx = 1", "pass  # get_ipython().system('ls')\nx = 1"),
    "get_ipython over lines": (
        "get_ipython().run(\n    'x',\n)\ny = 2",
        "pass  # get_ipython().run(\n#     'x',\n# )\ny = 2",
    ),
    "in Colab": (
        "if 'google.colab' in str(get_ipython()):\n    x = 1",
        "if False:  # if 'google.colab' in str(get_ipython()):\n    x = 1",
    ),
}


@pytest.mark.parametrize("case", IPYTHON)
def test_what_only_ipython_understands_is_commented_out(case: str) -> None:
    """The rest stays line by line, and the result is Python."""
    cell, wanted = IPYTHON[case]
    lines, count = python_lines(cell)
    assert "\n".join(lines) == wanted
    assert count > 0
    ast.parse("\n".join(lines))


PYTHON = [
    "x = (7\n% 2)",
    "x = 7 \\\n% 2",
    's = """\n%matplotlib inline\n!ls\n"""',
    "y = [5\n% (2)\n]",
    "x = 9\nx %= 3\ny = x != 3",
    "a = {'b': '!ls'}\nassert a == {'b': '!ls'}",
    "s = '''it's\n% x\n''' + 'it\\'s ('\nt = 1",
    "# get_ipython() is not here\n#!not a shell",
    "t = 'x' '''\n!a\n'''",
]


@pytest.mark.parametrize("cell", PYTHON)
def test_python_that_looks_like_ipython_stays(cell: str) -> None:
    """A line within a bracket, a long string or after a backslash is no magic."""
    ast.parse(cell)
    assert python_lines(cell) == (cell.split("\n"), 0)


def test_notes_say_what_was_left_out() -> None:
    """The student learns how many lines were not judged."""
    made = read_notebook("hw.ipynb", notebook("!ls\n%time\nx = 1", "%%bash\nls"))
    assert made.notes == (
        "hw.ipynb: lines that only Jupyter understands (magics, shell commands, get_ipython) were left out: 4.",
    )


OLD = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}], "metadata": {}}
BROKEN = {
    "not JSON": (b"x = 1", "hw.ipynb is not a readable notebook: the file is damaged or cut off"),
    "cut off": (notebook("x = 1")[:-9], "is not a readable notebook: the file is damaged or cut off"),
    "deep": (b'{"a":' + b"[" * 100_000, "is not a readable notebook"),
    "list at top": (b"[]", r"hw.ipynb is not a readable notebook\. Save it again in Jupyter"),
    "another JSON": (b'{"a": 1}', r"is not a readable notebook\. Save it again"),
    "cells no list": (b'{"nbformat": 4, "cells": 3}', r"is not a readable notebook\. Save it again"),
    "source no text": (notebook("x = 1", ("code", {"a": 1})), r"is not a readable notebook \(cell 2 of the file\)"),
    "cell without kind": (b'{"nbformat": 4, "cells": [{"source": ""}]}', r"is not a readable notebook \(cell 1 of"),
    "nbformat 3": (json.dumps(OLD).encode(), "is a notebook in a format from before 2015"),
    "UTF-16": (notebook("x = 1").decode().encode("utf-16"), "hw.ipynb is saved as UTF-16"),
    "not UTF-8": (b'{"nbformat": 4, "a": "\xff"}', "hw.ipynb, line 1: a character that is not UTF-8"),
    "R": (notebook("x <- 1", metadata={"language_info": {"name": "R"}}), "is a notebook for R, expected Python"),
    "Julia": (notebook("x = 1", metadata={"kernelspec": {"language": "julia"}}), "is a notebook for julia"),
    "no code": (notebook(("markdown", "x = 1"), "  \n"), "has no code cell with anything in it"),
    "empty": (b" ", "hw.ipynb is empty"),
    "PDF": (b"%PDF-1.7", "hw.ipynb: this is a PDF, expected .py, .ipynb or .zip."),
    "32 MB": (b" " * (32 << 20) + b"{}", "hw.ipynb is larger than 32 MB. Clear its outputs"),
}


@pytest.mark.parametrize("row", BROKEN)
def test_what_is_no_notebook_is_refused_with_a_sentence(row: str, tmp_path: Path) -> None:
    """Each row of B11 that cannot be read; the other student is judged."""
    data, sentence = BROKEN[row]
    handin = one_handin(tmp_path, "hw.ipynb", data)
    assert handin.submission is None
    with pytest.raises(SubmissionRejected, match=sentence):
        raise SubmissionRejected(handin.problem)


@pytest.mark.parametrize(
    "data",
    [
        notebook("x = 1", metadata={}),
        notebook("x = 1", metadata={"kernelspec": 3, "language_info": "?"}),
        json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1"}]}).encode(),
        b"\xef\xbb\xbf" + notebook("x = 1"),
        notebook("x = 1\r\n"),
    ],
)
def test_notebooks_that_lack_what_does_not_matter_are_read(data: bytes) -> None:
    """No metadata, metadata of another form, a byte order mark, Windows line ends."""
    assert read_notebook("hw.ipynb", data).text == "x = 1\n\n"


def test_outputs_count_for_nothing(tmp_path: Path) -> None:
    """HTML and script in outputs go nowhere, and running the notebook again is the same submission."""
    plain, ran = json.loads(notebook("x = 1")), json.loads(notebook("x = 1"))
    ran["cells"][0]["outputs"] = [{"output_type": "display_data", "data": {"text/html": "<script>alert(1)</script>"}}]
    files = {"ada/backprop.ipynb": json.dumps(plain), "bo/backprop.ipynb": json.dumps(ran)}
    intake = taken(folder(tmp_path / "in", files))
    assert len({handin.submission.sha256 for handin in intake.handins if handin.submission}) == 1
    assert "script" not in repr(intake)


def test_a_notebook_is_judged_as_the_exercises_file(tmp_path: Path) -> None:
    """Its name is the exercise's, the note says so, and the map has a place for every line."""
    handin = one_handin(tmp_path, "Backprop (2).ipynb", notebook("def f(x):\n    return x", "%time f(1)"))
    assert handin.submission is not None
    (source,) = handin.submission.sources
    assert source.name == "backprop.py"
    assert handin.notes[0] == "Backprop (2).ipynb is a notebook: its code cells were judged as backprop.py."
    assert handin.cells["backprop.py"] == ((1, 1), (1, 2), (1, 2), (2, 1), (2, 1))
    assert source.text.count("\n") == 5


@pytest.mark.parametrize("name", language.LANGUAGES)
def test_sentences_with_a_line_can_be_told_with_the_cell(name: str) -> None:
    """In every language the sentences that name a file and line have the form that is looked for."""
    language.use(name)
    try:
        cells = {"work.py": ((1, 1), (1, 2), (2, 1))}
        for template in (messages.SYNTAX_ERROR, messages.RAISED_AT, messages.FILE_NOT_UTF8, messages.REPORT_PLACE):
            said = template.format(file="work.py", line=3, detail="")
            place = messages.NOTEBOOK_LINE.format(file="work.py", line=3)
            assert with_cells(said, cells).count(place) == 1
            assert cell_of(cells["work.py"], 3) in with_cells(said, cells)
            assert with_cells(said.replace("work", "homework"), cells) == said.replace("work", "homework")
            assert with_cells(template.format(file="work.py", line=9, detail=""), cells).count("9") == 1
    finally:
        language.use("en")


def test_a_syntax_error_in_a_notebook_names_the_cell(tmp_path: Path) -> None:
    """From the file to the message of a real check."""
    hidden = """
        from grader.suite import *

        @points(1)
        def test_it(submission):
            '''Works.'''
            submission.f()
    """
    made = read_notebook("work.ipynb", notebook("import torch", "def f(x):\n    return x", "x = 1\ndef g(:"))
    from grader.submission import made_submission

    with Grader(make_course(tmp_path, hidden, points=1)) as grader:
        result = grader.grade(made_submission({"work.py": made.text}))
    told = with_cells(result.checks[0].message, {"work.py": made.places})
    assert told.startswith("work.py, line 7 (cell 3, line 2): "), told


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab%!?='\"#()[]\\:\n get_ipython()", max_size=60), max_size=5))
def test_lines_stay_in_number_and_place(cells: list[str]) -> None:
    """Whatever stands in the cells, every line of the made file has a place, and no cell changes its length."""
    for cell in cells:
        assert len(python_lines(cell)[0]) == cell.count("\n") + 1
        assert len(logical_starts(cell.split("\n"))) == cell.count("\n") + 1
    try:
        made = read_notebook("hw.ipynb", notebook(*cells))
    except SubmissionRejected:
        assert not any(cell.strip() for cell in cells)
        return
    assert len(made.places) == made.text.count("\n")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300))
def test_no_bytes_make_the_reader_fail(noise: bytes, at: int) -> None:
    """A notebook with noise in it is read or refused with a sentence."""
    good = notebook("x = 1", ("markdown", "y"))
    for data in (noise, good[:at] + noise + good[at:], good[:at] + noise + good[at + len(noise) :]):
        try:
            assert read_notebook("hw.ipynb", data).text
        except SubmissionRejected:
            continue


def test_several_notebooks_of_one_exercise_are_not_guessed(tmp_path: Path) -> None:
    """`a.ipynb` and `b.ipynb` could both be the file; two of the same content are one."""
    root = folder(
        tmp_path / "in",
        {
            "ada/a.ipynb": notebook("x = 1"),
            "ada/b.ipynb": notebook("x = 2"),
            "bo/a.ipynb": notebook("x = 1"),
            "bo/b.ipynb": notebook("x = 1"),
        },
    )
    found = by_place(taken(root, "exercise1"))
    assert found["ada", "exercise1"].problem == (
        "Several files could be backprop.py: ada/a.ipynb, ada/b.ipynb. Hand in one of them."
    )
    assert found["bo", "exercise1"].submission is not None
