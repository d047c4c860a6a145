"""What an exercise says in several languages: whether a part of it is left out, and whether statements keep step.

Owns what students read of an exercise besides our own messages, and what a translated statement must share with the
original. Twins are optional, one by one, until the statement has one: then the exercise is offered in that language,
and everything has to be said in it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from grader import messages
from grader.author.gate import Gate, Problem
from grader.author.own_files import read_text, shown
from grader.course import Exercise, ExerciseFile, read_toml
from grader.diagnosis.atlas import WRONG_FOLDER
from grader.diagnosis.misconception import read_misconception
from grader.language import ENGLISH, LANGUAGES, titles

OTHERS = tuple(name for name in LANGUAGES if name != ENGLISH)
_HEADING = re.compile(r"(#+) ")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_IMAGE = re.compile(r"!\[[^\]]*\]\(([^)]*)\)")
_COMMENT = re.compile(r"\s*#.*")


@dataclass(frozen=True)
class Said:
    """Something that a student reads: where it stands, at which check or key, and in which other languages."""

    file: str
    what: str
    languages: frozenset[str]


def languages_gate(said: Sequence[Said], statements: Mapping[str, Mapping[str, str]]) -> Gate:
    """An exercise whose statement is there in another language says everything in it, and the statements keep step.

    Args:
        statements: The README's path and text in each language, English included; empty where there is none.
    """
    spoken = [language for language in OTHERS if language in statements]
    problems = [
        Problem(one.file, one.what, messages.VERIFY_NO_TWIN.format(language=language))
        for language in spoken
        for one in said
        if language not in one.languages
    ]
    [(_, original)] = statements.get(ENGLISH, {"": ""}).items()
    for language in spoken:
        for path, text in statements[language].items():
            problems += [Problem(path, "", sentence) for sentence in out_of_step(original, text)]
    title, advice = messages.VERIFY_LANGUAGES, messages.VERIFY_LANGUAGES_ADVICE
    return Gate("languages", title, len(said), advice, tuple(problems))


def said_by(exercise: Exercise) -> list[Said]:
    """Return what students read of an exercise besides its statement.

    Raises:
        CourseError: a file cannot be read.
    """
    toml = exercise.stub_folder / "exercise.toml"
    file = shown(exercise, toml)
    keys = _keys(read_toml(toml, ExerciseFile, exercise.course.root))
    suites = [exercise.public_suite, *sorted(exercise.hidden_folder.glob("test_*.py"))]
    found = [Said(file, key, languages) for key, languages in keys.items()]
    for suite in filter(Path.exists, suites):
        found += [Said(shown(exercise, suite), *title) for title in _titles(read_text(exercise, suite))]
    for wrong in sorted((exercise.solution_folder / WRONG_FOLDER).glob("*.py")):
        found.append(Said(shown(exercise, wrong), "", frozenset(read_misconception(wrong).translations)))
    return found


def statements_of(exercise: Exercise) -> dict[str, dict[str, str]]:
    """Return path and text of the statement by language; nothing where there is none.

    Raises:
        CourseError: a file cannot be read.
    """
    paths = {name: exercise.stub_folder / f"README.{name}.md" for name in OTHERS}
    paths[ENGLISH] = exercise.stub_folder / "README.md"
    if not paths[ENGLISH].exists():
        return {}
    return {name: {shown(exercise, path): read_text(exercise, path)} for name, path in paths.items() if path.exists()}


def out_of_step(original: str, translation: str) -> Iterator[str]:
    """Yield where a translated statement differs in what no translation changes: headings, code, numbers, pictures."""
    ours, theirs = _sections(original), _sections(translation)
    if [level for level, *_ in ours] != [level for level, *_ in theirs]:
        yield messages.VERIFY_STEP_HEADINGS.format(count=len(theirs), expected=len(ours))
        return
    for (_, heading, wanted), (_, own, given) in zip(ours, theirs, strict=True):
        for what, (expected, got) in _shared(wanted, given).items():
            for left, right in zip_longest(expected, got):
                if left != right:
                    yield messages.VERIFY_STEP.format(
                        heading=own, original=heading, what=what, expected=left, got=right
                    )
                    break


def _shared(original: str, translation: str) -> dict[str, tuple[list[str], list[str]]]:
    """Return what a section and its translation have to share, by what it is called."""
    parts: dict[str, Callable[[str], list[str]]] = {
        messages.VERIFY_STEP_CODE: _code,
        messages.VERIFY_STEP_PICTURES: _IMAGE.findall,
        messages.VERIFY_STEP_ROWS: _rows,
        messages.VERIFY_STEP_NUMBERS: _numbers,
    }
    return {what: (find(original), find(translation)) for what, find in parts.items()}


def _sections(text: str) -> list[tuple[int, str, str]]:
    """Return level, heading and lines of every section; what stands above the first heading has level 0."""
    found: list[tuple[int, str, list[str]]] = [(0, "", [])]
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if not fenced and (match := _HEADING.match(line)):
            found.append((len(match[1]), line[match.end() :], []))
        else:
            found[-1][2].append(line)
    return [(level, heading, "\n".join(lines)) for level, heading, lines in found]


def _code(section: str) -> list[str]:
    """Return the lines of fenced blocks without comments, and commands."""
    fenced, found = False, []
    for line in section.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    grader "):
            found.append(_COMMENT.sub("", line))
    return found


def _rows(section: str) -> list[str]:
    """Return one sign for each line of a table or of an indented block: there are as many in every language."""
    return [line[0] for line in section.splitlines() if line.startswith(("|", "    "))]


def _numbers(section: str) -> list[str]:
    return sorted(set(_NUMBER.findall(section)))


def _keys(said: ExerciseFile) -> dict[str, frozenset[str]]:
    """Return what exercise.toml says to students, and in which other languages."""
    parts: dict[str, tuple[object, str]] = {key: (said, key) for key in ("title", "topics", "hints")}
    for place, rule in enumerate(said.policy.forbid):
        parts[f"policy.forbid[{place}]"] = (rule, "sentence")
    return {
        shown_key: frozenset(name for name in OTHERS if getattr(part, f"{key}_{name}"))
        for shown_key, (part, key) in parts.items()
        if getattr(part, key)
    }


def _titles(suite: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the checks of a test file and the languages in which their titles stand besides."""
    for node in ast.parse(suite).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, frozenset(titles(ast.get_docstring(node) or "")[1])
