"""What a student reads names nothing of how the grader works inside, in any language."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from grader import language, messages
from grader.author import sentences as extraction
from grader.cli import main
from grader.course import Course, load_exercise
from grader.diagnosis.atlas import wrong_answers

INSIDE = {
    "en": re.compile(
        r"\b(sub-?process(es)?|process(es)?|sockets?|(un)?pickl\w*|fork(s|ed|ing)?|zygotes?|guests?|hosts?|keepers?"
        r"|workers?|frames?|pipes?|descriptors?|daemons?|threads?|serializ\w*|seriali[sz]\w*|ipc|pid|seccomp|landlock"
        r"|namespaces?|syscalls?|system calls?|stack traces?|tracebacks?|exit status)\b",
        re.IGNORECASE,
    ),
    "zh_CN": re.compile("进程|套接字|序列化|派生|管道|守护|描述符|线程|命名空间|系统调用|帧|主机|客体"),
}
# What students have typed themselves is called by its name; nothing else may stand between backticks or dots.
THEIR_OWN = re.compile(
    r"multiprocessing|subprocess|os\.fork|os\._exit|ctypes|num_workers|torch\.\w+|`[^`]*`|\{\w+(:[^}]*)?\}"
)
# How Python itself ended, and what it calls that of which there are too many, is the fact to be told.
TOLD_AS_IT_IS = {"CRASHED_EXIT", "RAISED_THREADS"}
# What exercises are about: a graph's forks, and that a checkpoint holds numbers and no pickled object.
TAUGHT = {"fork", "forks", "pickled"}
STUDENTS_COMMANDS = ("list", "check", "hint", "reset", "bundle", "completion")


def sentences(spoken: str) -> dict[str, str]:
    """Return what students read, by the name of the template."""
    said = language._ORIGINAL | language.translations(spoken)
    modules = sorted(Path(messages.__file__).parent.glob("*.py"))
    constants = (sentence for path in modules for sentence in extraction.sentences(path.read_text(encoding="utf-8")))
    return {sentence.name: said[sentence.name] for sentence in constants if sentence.is_for_students}


def inside(text: str, spoken: str) -> list[str]:
    """Return the words of the machinery in a text."""
    return [match[0] for match in INSIDE[spoken].finditer(THEIR_OWN.sub(" ", text))]


@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_no_sentence_names_what_is_inside(spoken: str) -> None:
    """Not a process, a socket, a pickle, nor any other word for how judging is done."""
    said = sentences(spoken)
    assert len(said) > 400
    found = {name: words for name, text in said.items() if (words := inside(text, spoken))}
    assert {name: words for name, words in found.items() if name not in TOLD_AS_IT_IS} == {}


def test_no_help_text_of_a_students_command_does() -> None:
    """The same for what --help says."""
    for name in STUDENTS_COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        options = [one.help or "" for one in command.params if isinstance(one, click.Option)]
        for text in [command.help or "", *options]:
            assert inside(text, language.ENGLISH) == [], (name, text)


def test_no_hint_does(course: Course) -> None:
    """The same for what exercises say: general hints, rules, and the ladders of known mistakes, in both languages."""
    for slug in course.slugs():
        exercise = load_exercise(course, slug)
        known = [answer.misconception for answer in wrong_answers(exercise)]
        for spoken in INSIDE:
            texts = [*exercise.hints_in(spoken), *(text for one in known for text in (one.said_in(spoken)[1]))]
            texts += [one.said_in(spoken)[0] for one in known]
            texts += [rule.sentence for rule in exercise.policy.forbid if spoken == language.ENGLISH]
            assert {text: words for text in texts if (words := {*inside(text, spoken)} - TAUGHT)} == {}


@pytest.mark.parametrize("spoken", INSIDE)
def test_the_words_are_found(spoken: str) -> None:
    """The look-out sees what it is for, and lets pass what a student has typed."""
    bad = {"en": "A process was forked, its Socket unpickled.", "zh_CN": "进程用套接字传输序列化的数据。"}
    assert len(inside(bad[spoken], spoken)) >= 3
    assert inside("processing, os.fork, `multiprocessing`, num_workers=0", "en") == []
