"""Translations: complete for what students read, with the same placeholders, and said in every process."""

from __future__ import annotations

import ast
import io
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from grader import language, messages
from grader.author.sentences import sentences
from grader.errors import CourseError
from grader.grade import Grader
from grader.results import Outcome
from grader.submission import SourceFile, Submission

from .test_architecture import MODULES, ROOT
from .tiny_course import make_course

FOLDER = Path(language.__file__).parent / "translations"
OTHERS = [name for name in language.LANGUAGES if name != language.ENGLISH]
HAN = re.compile(r"[\u4e00-\u9fff]")
OUT_OF_DATE = "run `make messages`"


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    """Leave the process as it was."""
    yield
    language.use(language.ENGLISH)


def read(path: Path, name: str | None = None) -> Catalog:
    """Read a template or a catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=name)


def catalogue_of(name: str) -> Catalog:
    """Return the committed catalogue of a language."""
    return read(FOLDER / name / "LC_MESSAGES/grader.po", name)


def entries(catalogue: Catalog) -> list[tuple[str, str, list[str], list[str]]]:
    """Return each entry but the header: the constant's name, the English sentence, section and file."""
    found = [message for message in catalogue if message.id]
    return [(said.context, said.id, said.auto_comments, [file for file, _ in said.locations]) for said in found]


def placeholders(text: str) -> list[tuple[str | None, str | None, str | None]]:
    """Return what `str.format` will fill in, with its format and conversion, in no order."""
    return sorted((part[1:] for part in string.Formatter().parse(text) if part[1] is not None), key=repr)


def test_the_template_is_what_the_sources_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Extracting anew finds the template's sentences, in its order."""
    monkeypatch.chdir(ROOT)
    said = ["pybabel", "-q", "extract", "-F", "pyproject.toml", "--no-wrap", "--add-location=file"]
    CommandLineInterface().run([*said, "-o", str(tmp_path / "now.pot"), "grader"])
    assert entries(read(tmp_path / "now.pot")) == entries(read(FOLDER / "grader.pot")), OUT_OF_DATE


def test_no_constant_escapes_the_extraction() -> None:
    """Every constant of the messages is found in the source; what students read alone is in the template."""
    files = [path for module, path in MODULES.items() if module.startswith("grader.messages.")]
    found = [sentence for path in files for sentence in sentences(path.read_text())]
    assert {sentence.name: sentence.text for sentence in found} == language._ORIGINAL
    for_students = {sentence.name for sentence in found if sentence.is_for_students}
    assert for_students == {context for context, *_ in entries(read(FOLDER / "grader.pot"))}
    assert "CHECK_SUMMARY" in for_students
    assert not for_students & {"DOCTOR_GOOD", "SUITE_EMPTY"}


@pytest.mark.parametrize("source", ['X = "said"', f'# --- one {"-" * 9}\nX = f"{{1}}"'])
def test_a_constant_is_plain_text_below_a_heading(source: str) -> None:
    """What cannot be put before a translator stops the extraction."""
    with pytest.raises(ValueError, match=r"X stands under no heading|malformed node"):
        sentences(source)


@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_of_a_student_is_translated(name: str) -> None:
    """The catalogue holds the template's sentences, no others, each translated and none of it to be looked at again."""
    catalogue = catalogue_of(name)
    assert entries(catalogue) == entries(read(FOLDER / "grader.pot")), OUT_OF_DATE
    assert [said.context for said in catalogue if said.id and (not said.string or said.fuzzy)] == []
    assert list(catalogue.obsolete) == []


@pytest.mark.parametrize("name", OTHERS)
def test_the_compiled_catalogue_is_the_readable_one(name: str) -> None:
    """What is said at run time is what was reviewed."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue_of(name))
    assert (FOLDER / name / "LC_MESSAGES/grader.mo").read_bytes() == compiled.getvalue(), OUT_OF_DATE


def test_there_is_a_catalogue_for_every_language() -> None:
    """No language is offered that lacks one, and none lies there that is not offered."""
    assert sorted(path.parts[-3] for path in FOLDER.glob("*/LC_MESSAGES/grader.po")) == sorted(OTHERS)


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_fills_in_the_same(name: str) -> None:
    """Every translated sentence has the placeholders of the English one, with the same formats."""
    for said in catalogue_of(name):
        if said.id:
            assert placeholders(said.string) == placeholders(said.id), said.context
            assert said.string.count("`") == said.id.count("`"), said.context
            assert said.string.startswith("\n") == said.id.startswith("\n"), said.context


def test_chinese_is_chinese() -> None:
    """Every sentence with an English word in it is translated into one with a Chinese one."""
    for said in catalogue_of("zh_CN"):
        words = re.sub(r"grader check|\{\w+\}", "", said.id)
        assert HAN.search(said.string) or not re.search("[a-z]{3,} [a-z]{2,}", words), said.context


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


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": ""}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, None),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:zh_CN:en"}, "zh_CN"),
        ({"LANGUAGE": "en", "GRADER_LANG": "zh-Hans-CN"}, "zh_CN"),
        ({"LANG": "zh_TW.UTF-8"}, None),
        ({"LANG": "zh_SG"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8@euro"}, None),
        ({"LANG": "POSIX"}, None),
    ],
)
def test_the_environment_is_read_as_gettext_reads_it(environment: dict[str, str], wanted: str | None) -> None:
    """The first variable that is set decides, LANGUAGE may list several, a locale without a catalogue is nothing."""
    assert language.asked_for_by(environment) == wanted


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
        '''Doubles a tensor.

        zh_CN: 把张量加倍。
        '''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    @points(1)
    def test_end(submission):
        '''Ends Python.'''
        submission.end()

    @points(1)
    def test_name(submission):
        '''Halves a tensor, in the guest that follows the one that ended.'''
        expect_close(submission.half(torch.ones(2)), torch.ones(2) / 2, label="half")

    @points(1)
    def test_forbidden(submission):
        '''Uses what is not allowed.'''
        submission.lazy(torch.ones(2))

    @points(1)
    def test_share(submission):
        '''Earns a share.'''
        award(0.5, "Half of it is right.", "对了一半。")
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

def lazy(x):
    return torch.nn.ReLU()(x)
"""
FORBID = '[[policy.forbid]]\nnames = ["torch.nn"]\nsentence = "write it."\nsentence_zh_CN = "请自己写。"\n'


def test_judge_and_guest_speak_the_language_too(tmp_path: Path) -> None:
    """Comparison and crash (judge), a forbidden line (scan), a missing name (later guest) follow the job's language.

    So do the authors' own sentences where they have a twin; a title without one stays as it is.
    """
    exercise = make_course(tmp_path, HIDDEN, points=5, more=FORBID)
    submission = Submission("0", (SourceFile("work.py", WORK),))
    with Grader(exercise) as grader:
        english = grader.grade(submission)
        language.use("zh_CN")
        chinese = grader.grade(submission)
    ends = [Outcome.FAILED, Outcome.CRASHED, Outcome.RAISED, Outcome.FORBIDDEN, Outcome.FAILED]
    assert [check.outcome for check in chinese.checks] == ends
    assert {flag.rule for flag in chinese.flags} == {"name", "forbidden"}
    for result, is_chinese in ((english, False), (chinese, True)):
        said = [check.message for check in result.checks] + [flag.message for flag in result.flags]
        assert {bool(HAN.search(sentence)) for sentence in said} == {is_chinese}
    assert [check.title for check in chinese.checks[:2]] == ["把张量加倍。", english.checks[1].title]
    assert "torch.nn.ReLU：请自己写。" in chinese.checks[3].message.replace("这里不允许使用 ", "")
    assert chinese.checks[4].message.startswith("对了一半。")
    assert "`half`" in chinese.checks[2].message
    assert "`hulf`" in chinese.checks[2].message
