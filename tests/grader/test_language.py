"""Translations: complete for what students read, with the same placeholders, and said in every process."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import language, messages
from grader.errors import CourseError
from grader.grade import Grader
from grader.results import Outcome
from grader.submission import SourceFile, Submission

from .test_architecture import MODULES
from .tiny_course import make_course

OTHERS = [name for name in language.LANGUAGES if name != language.ENGLISH]
# Sections of the messages, by how their headings begin, that only instructors, authors and administrators read.
NOT_FOR_STUDENTS = (
    "fence and", "remote values and", "course and suite", "help texts", "demo and doctor", "verify", "mutants",
    "preview", "class report", "intake", "grading a class", "a new exercise",
)  # fmt: skip
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    """Leave the process as it was."""
    yield
    language.use(language.ENGLISH)


def sections() -> dict[str, list[str]]:
    """Return the names of the templates under the heading of their section."""
    found: dict[str, list[str]] = {}
    files = [path for module, path in MODULES.items() if module.startswith("grader.messages.")]
    for line in "\n".join(path.read_text() for path in files).splitlines():
        if heading := re.match(r"# --- (.*?) -+$", line):
            found[heading[1]] = []
        elif constant := re.match(r"([A-Z][A-Z0-9_]*) = ", line):
            found[next(reversed(found))].append(constant[1])
    return found


def placeholders(text: str) -> list[tuple[str | None, str | None, str | None]]:
    """Return what `str.format` will fill in, with its format and conversion, in no order."""
    return sorted((part[1:] for part in string.Formatter().parse(text) if part[1] is not None), key=repr)


@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_of_a_student_is_translated(name: str) -> None:
    """No section that students read lacks a sentence."""
    for_students = {
        constant
        for heading, constants in sections().items()
        if not heading.startswith(NOT_FOR_STUDENTS)
        for constant in constants
    }
    assert for_students - language.translations(name).keys() == set()


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_fills_in_the_same(name: str) -> None:
    """Every translated name exists, and its sentence has the same placeholders with the same formats."""
    for constant, text in language.translations(name).items():
        english = language._ORIGINAL[constant]
        assert placeholders(text) == placeholders(english), constant
        assert text.count("`") == english.count("`"), constant
        assert text.startswith("\n") == english.startswith("\n"), constant


def test_chinese_is_chinese() -> None:
    """Every sentence with an English word in it is translated into one with a Chinese one."""
    for constant, text in language.translations("zh_CN").items():
        words = re.sub(r"grader check|\{\w+\}", "", language._ORIGINAL[constant])
        assert HAN.search(text) or not re.search("[a-z]{3,} [a-z]{2,}", words), constant


def test_a_language_replaces_the_sentences_and_english_brings_them_back() -> None:
    """What is read from `messages` follows; an untranslated sentence stays English."""
    english, doctor = messages.CHECK_SUMMARY, messages.DOCTOR_GOOD
    language.use("zh_CN")
    assert language.current() == "zh_CN"
    assert HAN.search(messages.CHECK_SUMMARY)
    assert doctor == messages.DOCTOR_GOOD
    language.use("en")
    assert english == messages.CHECK_SUMMARY


def test_an_unknown_language_is_the_courses_mistake() -> None:
    """course.toml can name only a language there is."""
    with pytest.raises(CourseError, match=r"course.toml: language: 'tlh' is not one of en, zh_CN"):
        language.use("tlh")


def test_sentences_are_looked_up_when_they_are_said() -> None:
    """No module keeps a student's sentence from its import; only help texts and fixes for the fence are kept."""
    kept = {
        (module, name)
        for module, path in MODULES.items()
        for name in said_at_import(ast.parse(path.read_text()))
        if not name.startswith(("CLI_OPTION_", "FENCE_FIX_")) and not name.endswith("_HELP")
    }
    assert kept == set()


def said_at_import(node: ast.AST, inside: bool = False) -> Iterator[str]:
    """Yield the sentences that are read while a module is imported: everywhere but in the bodies of functions."""
    if not inside and isinstance(node, ast.Attribute) and ast.unparse(node.value) == "messages":
        yield node.attr
    for field, value in ast.iter_fields(node):
        body = field == "body" and isinstance(node, ast.FunctionDef | ast.Lambda)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from said_at_import(child, inside or body)


HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    def test_shape(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    @points(1)
    def test_end(submission):
        '''Ends Python.'''
        submission.end()

    @points(1)
    def test_name(submission):
        '''Halves a tensor, in the guest that follows the one that ended.'''
        expect_close(submission.half(torch.ones(2)), torch.ones(2) / 2, label="half")
"""
WORK = """
import os
import torch

def double(x):
    return 2 * torch.nn.ReLU()(x)[:1] if False else 2 * x[:1]

def end():
    os._exit(0)

def hulf(x):
    return x
"""
FORBID = '[[policy.forbid]]\nnames = ["torch.nn"]\nsentence = "..."\n'


def test_judge_and_guest_speak_the_language_too(tmp_path: Path) -> None:
    """Comparison and crash (judge), a forbidden line (scan), a missing name (later guest) follow the job's language."""
    exercise = make_course(tmp_path, HIDDEN, points=3, more=FORBID)
    submission = Submission("0", (SourceFile("work.py", WORK),))
    with Grader(exercise) as grader:
        english = grader.grade(submission)
        language.use("zh_CN")
        chinese = grader.grade(submission)
    assert [check.outcome for check in chinese.checks] == [Outcome.FAILED, Outcome.CRASHED, Outcome.RAISED]
    assert {flag.rule for flag in chinese.flags} == {"name", "forbidden"}
    for result, is_chinese in ((english, False), (chinese, True)):
        said = [check.message for check in result.checks] + [flag.message for flag in result.flags]
        assert {bool(HAN.search(sentence)) for sentence in said} == {is_chinese}
    assert "`half`" in chinese.checks[2].message
    assert "`hulf`" in chinese.checks[2].message
