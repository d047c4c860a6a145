"""The result format: described by a schema file, and results that were written once can be read for ever."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from grader.results import ExerciseResult, Figure

from .report_samples import SAMPLES, figure

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "result.schema.json"
# As written by the first version of this format, with every field that it had.
FIRST = b"""{
 "exercise": "exercise1_manual_backprop",
 "submission": {"sha256": "9f2c", "files": ["backprop.py"]},
 "suite_sha256": "3be0",
 "score": 1.5, "max_score": 2.0, "complete": true, "seed": 7,
 "environment": {"grader": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "devices": ["cpu"], "fence": "namespaces"},
 "checks": [
  {"id": "test_a", "title": "A.", "visibility": "hidden", "device": "cpu", "outcome": "failed", "points": 0.5,
   "max_points": 1.0, "wall_s": 0.004, "message": "dw1: wrong.", "comparison": "dw1", "blocked_by": null,
   "diagnosis": {"misconception": "relu-mask-missing", "statement": "S.", "hint": "H0\\nH1"},
   "frames": [{"file": "backprop.py", "line": 3, "function": "f", "code": "return x"}], "figures": [], "stdout": ""},
  {"id": "test_b", "title": "B.", "visibility": "public", "device": "cpu", "outcome": "passed", "points": 1.0,
   "max_points": 1.0, "wall_s": 0.001, "message": "", "comparison": null, "blocked_by": null, "diagnosis": null,
   "frames": [], "figures": [], "stdout": "out"}
 ],
 "attempt": 1,
 "flags": [{"rule": "name", "file": "backprop.py", "line": 2, "message": "uses ctypes"}],
 "stdout": "", "schema": "grader.result/1"
}"""
FIGURE = b"""{
 "kind": "values", "label": "dw1", "dtype": "float64", "shape": [3, 20, 2], "slice": [2],
 "first_row": 4, "first_column": 0,
 "got": [["nan", -0.125]], "expected": [[1.0, "inf"]], "difference": [["nan", "-inf"]], "wrong": [[true, true]]
}"""


def test_the_schema_file_says_what_the_types_say() -> None:
    """docs/result.schema.json is for other programs; `python -m tests.grader.test_results` writes it anew."""
    assert SCHEMA.read_text(encoding="utf-8") == schema()


def test_a_result_of_the_first_version_can_be_read() -> None:
    """Nothing that it holds is lost, and nothing it lacks is asked for."""
    read = ExerciseResult.from_json(FIRST)
    assert [(check.id, check.points, check.figures) for check in read.checks] == [
        ("test_a", 0.5, []),
        ("test_b", 1.0, []),
    ]
    assert json.loads(read.to_json()) == json.loads(FIRST)


def test_a_figure_of_the_first_version_can_be_read() -> None:
    """Finite numbers are numbers; the others are words, as JSON has none for them."""
    read = msgspec.json.decode(FIGURE, type=Figure)
    assert (read.slice, read.got, read.expected) == ((2,), (("nan", -0.125),), ((1.0, "inf"),))
    assert json.loads(msgspec.json.encode(read)) == json.loads(FIGURE)


@pytest.mark.parametrize("name", ["mixed", "diagnosed", "devices"])
def test_a_result_is_read_back_as_it_was_written(name: str) -> None:
    """Every field, figures too."""
    written = SAMPLES[name]().result
    assert ExerciseResult.from_json(written.to_json()) == written


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b'"grader.result/1"', b'"grader.result/2"', "Invalid enum value 'grader.result/2'"),
        (b'"stdout": "out"', b'"stdout": "out", "extra": 1', "unknown field `extra`"),
        (b'"failed"', b'"flunked"', "Invalid enum value 'flunked'"),
        (b'"figures": []', b'"figures": ["<svg>"]', "Expected `object`, got `str`"),
        (b'"figures": []', b'"figures": [' + FIGURE + b"]", "test_a is hidden, so it must not have figures"),
    ],
)
def test_what_is_no_result_is_refused(old: bytes, new: bytes, problem: str) -> None:
    """Another version, an unknown field or word, and figures where none may be."""
    with pytest.raises(msgspec.ValidationError, match=problem):
        ExerciseResult.from_json(FIRST.replace(old, new, 1))


def test_the_samples_of_figures_are_of_the_format() -> None:
    """What other tests draw could have been read from a file."""
    made = figure([[1.0, True, "nan"]], [[2.0, True, 0.0]], difference=((-1.0, 0.0, "nan"),))
    assert msgspec.convert(msgspec.to_builtins(made), Figure) == made


def schema() -> str:
    """Return the schema of a result as it stands in its file."""
    return json.dumps(msgspec.json.schema(ExerciseResult), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
