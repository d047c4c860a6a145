"""A made class, for the demo: who handed in what, put together from our own answers, in the forms a real class has.

Owns the draw and the files that are broken on purpose. Judges nothing. The same class comes out every time.
"""

from __future__ import annotations

import ast
import itertools
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.author.own_files import equivalents, read_own
from grader.author.sources import Definition, first_line, public_definitions
from grader.author.stubs import without_marks
from grader.course import Exercise
from grader.diagnosis.atlas import WRONG_FOLDER

STUDENTS = 16
ROSTER, HANDED_IN = "roster.csv", "handed-in"
_ABSENT = STUDENTS  # whoever has this number is in the roster and hands in nothing
_SEED = 3
_KINDS = {"reference": 2, "equivalent": 3, "wrong": 7, "unfinished": 4, "stub": 1, "missing": 1}
_COMMON_WEIGHTS = (9, 4, 2, 1, 1)
_COMMON = {
    "exercise1_manual_backprop": (
        "relu_mask_missing", "batch_mean_missing", "bias_forgotten", "mask_from_gradient", "step_uphill",
    ),
    "exercise2_autograd": (
        "gradients_not_cleared", "network_left_in_evaluation", "unused_parameter_is_none", "order_reversed",
        "product_slopes_swapped",
    ),
    "exercise3_module": (
        "layers_in_a_plain_list", "softmax_before_the_loss", "dropout_in_evaluation", "shared_parameters_counted_twice",
        "variance_divided_by_one_less",
    ),
    "exercise4_losses": (
        "logits_not_shifted", "softmax_applied_twice", "squares_summed", "kl_reversed", "smoothing_over_the_others",
    ),
    "exercise5_gpu_training": (
        "batch_left_where_it_is", "cleared_once_per_epoch", "batches_count_alike", "best_weights_alias",
        "moved_value_dropped",
    ),
}  # fmt: skip
"""By exercise: the mistakes that this class makes, the frequent ones first."""
_ENDINGS = {
    "syntax error": "\n\ndef one_more(x:\n    return x\n",
    "endless loop": "\n\nwhile True:\n    pass\n",
    "ends Python": "\n\nimport os\n\nos._exit(0)\n",
    "floods the screen": "\n\nfor step in range(200_000):\n    print('step', step, 'of my training loop')\n",
}
_SPECIAL = {
    (4, 2): "syntax error", (9, 1): "endless loop", (12, 4): "ends Python", (13, 3): "floods the screen",
    (15, 1): "hostile", (6, 4): "notebook", (8, 3): "document",
}  # fmt: skip
"""By number of student and place of the exercise, from 1: what is drawn for nobody."""


def write_class(folder: Path, exercises: Sequence[Exercise], hostile: Path | None) -> Counter[str]:
    """Write a roster and a folder per student; return how many hand-ins there are of each kind.

    Args:
        hostile: A submission of the first exercise that attacks whoever runs it; None leaves it out.

    Raises:
        CourseError: an answer cannot be read. OSError: a file cannot be written.
    """
    draw, kinds = random.Random(_SEED), Counter[str]()
    ids = [f"student-{number:03d}" for number in range(1, STUDENTS + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ROSTER).write_text("\n".join(["id", *ids]) + "\n", encoding="utf-8")
    for place, exercise in enumerate(exercises, start=1):
        for number, id in enumerate(ids, start=1):
            kind, texts = _drawn(exercise, draw)
            kind = "missing" if number == _ABSENT else _SPECIAL.get((number, place), kind)
            if kind == "hostile" and hostile is not None:
                texts = {exercise.files[0]: hostile.read_text(encoding="utf-8")}
            if kind != "missing" and (kind != "hostile" or hostile is not None):
                _hand_in(folder / HANDED_IN / id / exercise.slug, kind, texts)
                kinds[kind] += 1
    return kinds


def _drawn(exercise: Exercise, draw: random.Random) -> tuple[str, dict[str, str]]:
    """Draw a kind of hand-in and its text by file, which for what is made specially is the reference's."""
    [kind] = draw.choices(list(_KINDS), list(_KINDS.values()))
    [mistake] = draw.choices(_COMMON[exercise.slug], _COMMON_WEIGHTS)
    solutions, left_out = exercise.solution_folder, draw.randint(2, 7)
    equivalent = draw.choice(equivalents(exercise))
    wrong = solutions / WRONG_FOLDER / f"{mistake}.py"
    path = {"equivalent": equivalent, "wrong": wrong, "unfinished": wrong, "stub": exercise.stub_folder}
    texts = _texts(exercise, path.get(kind, solutions))
    if kind == "unfinished":
        stubs = _texts(exercise, exercise.stub_folder)
        texts = {name: unfinished(text, stubs[name], left_out) for name, text in texts.items()}
    return kind, texts


def _texts(exercise: Exercise, path: Path) -> dict[str, str]:
    return {source.name: _without_header(without_marks(source.text)) for source in read_own(exercise, path).sources}


def _without_header(text: str) -> str:
    """Return a file without its first docstring: our answers say there what is wrong with them."""
    first, *_ = ast.parse(text).body
    is_header = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return "".join(text.splitlines(keepends=True)[first.end_lineno :]).lstrip("\n") if is_header else text


def unfinished(text: str, stub: str, count: int) -> str:
    """Return a file in which the last `count` functions and classes that the stub asks for stand as in the stub."""
    lines, stub_lines = text.splitlines(keepends=True), stub.splitlines(keepends=True)
    todo = {node.name: stub_lines[_place(node)] for node in public_definitions(stub)[-count:]}
    for node in reversed(public_definitions(text)):
        lines[_place(node)] = todo.get(node.name, lines[_place(node)])
    return "".join(lines)


def _place(node: Definition) -> slice:
    """Return which lines of its file a definition takes, decorators included."""
    return slice(first_line(node) - 1, node.end_lineno)


def _hand_in(folder: Path, kind: str, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in texts.items():
        if kind == "notebook":
            (folder / name).with_suffix(".ipynb").write_text(_notebook(text), encoding="utf-8")
        elif kind == "document":
            (folder / name).with_suffix(".pdf").write_bytes(b"%PDF-1.7\n")
        else:
            (folder / name).write_text(text + _ENDINGS.get(kind, ""), encoding="utf-8")


def _notebook(text: str) -> str:
    """Return a file as a notebook: what is imported in its first cell, then a cell for each definition."""
    lines = text.splitlines(keepends=True)
    starts = [0, *(_place(node).start for node in public_definitions(text)), len(lines)]
    cells = ["%matplotlib inline\n", *("".join(lines[at:to]) for at, to in itertools.pairwise(starts))]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [*map(_cell, cells)]}, indent=1)


def _cell(source: str) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
