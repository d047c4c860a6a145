"""What an exercise says in another language is said completely, and its translated statement keeps step."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import language
from grader.author.gate import Gate
from grader.author.twins import OTHERS, languages_gate, out_of_step, said_by, statements_of
from grader.course import Exercise, load_course, load_exercise

from .test_architecture import ROOT
from .tiny_course import SLUG, make_course

SLUGS = load_course(ROOT).slugs()
STATEMENT = """# One

Take 3.5 of 7.

```python
x = 1  # why
```

## Two

| a |
|---|

![p](p.svg)

    y = 2
"""
TWIN = """# 一

取 7 中的 3.5。

```python
x = 1  # 为什么
```

## 二

| 甲 |
|---|

![图](p.svg)

    y = 2
"""
PUBLIC = """
    def test_a(submission):
        '''A.

        zh_CN: 甲。
        '''

    def test_b(submission):
        '''B.

        zh_CN: 乙。
        '''
"""
MORE = """
title_zh_CN = "小"
topics = ["tensors"]
topics_zh_CN = ["张量"]
hints = ["Think."]
hints_zh_CN = ["想。"]
[[policy.forbid]]
names = ["torch.nn"]
sentence = "write it."
sentence_zh_CN = "自己写。"
"""
CHINESE = "zh_CN: 怪。\nH0_zh_CN: 甲\nH1_zh_CN: 乙\nH2_zh_CN: 丙\n"
HEADER = f'"""odd: is odd.\n\nH0: a\nH1: b\nH2: c\n{CHINESE}Fails: test_a\n"""\n'
FILES = {
    f"exercises/{SLUG}/README.md": STATEMENT,
    f"exercises/{SLUG}/README.zh_CN.md": TWIN,
    f"solutions/{SLUG}/wrong/odd.py": HEADER,
}


def gate(exercise: Exercise) -> Gate:
    """Return what the gate says of an exercise."""
    return languages_gate(said_by(exercise), statements_of(exercise))


@pytest.mark.parametrize("slug", SLUGS)
def test_our_exercises_are_whole_in_every_language(slug: str) -> None:
    """Titles, topics, hints, rules, checks, wrong answers and the statement: nothing is left in English alone."""
    exercise = load_exercise(load_course(ROOT), slug)
    assert [(said.file, said.what) for said in said_by(exercise) if said.languages != frozenset(OTHERS)] == []
    assert set(statements_of(exercise)) == {*language.LANGUAGES}
    assert gate(exercise).problems == ()


def test_titles_are_in_the_language_that_is_in_use() -> None:
    """The course's name, an exercise's title and its topics follow; each exercise is found by either title."""
    course = load_course(ROOT)
    english = load_exercise(course, "1")
    language.use("zh_CN")
    try:
        chinese = load_exercise(course, "1")
        assert (course.shown_name, chinese.title) == ("神经网络，先从手算开始", "手工反向传播")
        assert chinese.topics[0] == "链式法则"
    finally:
        language.use(language.ENGLISH)
    assert (course.shown_name, english.title) == (course.name, "Backpropagation by hand")
    assert english.titles == chinese.titles == ("Backpropagation by hand", "手工反向传播")


def test_one_language_is_enough(tmp_path: Path) -> None:
    """Until the statement is translated there is nothing to put right, whatever else has a twin."""
    files = {f"exercises/{SLUG}/README.md": STATEMENT}
    exercise = make_course(tmp_path, public=PUBLIC.replace("zh_CN: 甲。", ""), more='hints = ["Think."]\n', files=files)
    assert (gate(exercise).counted, gate(exercise).problems) == (4, ())


@pytest.mark.parametrize(("left_out", "file", "what"), [
    ("zh_CN: 乙。", "test_public.py", "test_b"),
    ('title_zh_CN = "小"\n', "exercise.toml", "title"),
    ('topics_zh_CN = ["张量"]\n', "exercise.toml", "topics"),
    ('hints_zh_CN = ["想。"]\n', "exercise.toml", "hints"),
    ('sentence_zh_CN = "自己写。"\n', "exercise.toml", "policy.forbid[0]"),
    (CHINESE, "odd.py", ""),
])  # fmt: skip
def test_what_lacks_a_twin_is_named(tmp_path: Path, left_out: str, file: str, what: str) -> None:
    """Each kind of text, left out alone, is the one problem there is."""
    files = {path: text.replace(left_out, "") for path, text in FILES.items()}
    exercise = make_course(tmp_path, public=PUBLIC.replace(left_out, ""), more=MORE.replace(left_out, ""), files=files)
    [problem] = gate(exercise).problems
    assert (Path(problem.file).name, problem.check) == (file, what)
    assert problem.text == "this has no twin in zh_CN."


def test_a_whole_translation_keeps_step() -> None:
    """Words, comments and the order of numbers within a part are the translator's."""
    assert list(out_of_step(STATEMENT, TWIN)) == []


@pytest.mark.parametrize(("before", "after", "said"), [
    ("## 二", "### 二", "parts"),
    ("3.5", "3,5", "numbers: '3.5' in the original, '3,5' here"),
    ("x = 1", "x = 2", "code"),
    ("p.svg", "q.svg", "pictures: 'p.svg' in the original, 'q.svg' here"),
    ("|---|\n", "|---|\n| 乙 |\n", "lines of tables"),
    ("    y = 2\n", "", "numbers: '2' in the original, None here"),
])  # fmt: skip
def test_a_statement_out_of_step_is_found(before: str, after: str, said: str) -> None:
    """Headings, numbers, code, pictures and tables are those of the original, part by part."""
    assert any(said in problem for problem in out_of_step(STATEMENT, TWIN.replace(before, after)))
