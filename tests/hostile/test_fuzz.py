"""Ten thousand damaged answers, and that the search would find what it is for; `make fuzz` tries a million."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from grader.errors import ProtocolViolation
from grader.results import Outcome
from grader.sandbox import host
from grader.sandbox.frames import REPLY_BYTES
from grader.sandbox.wire import decode_frame, reader

from . import alterations, dialogues, fuzz, wire_fuzz
from .dialogues import Answer

FRAMES = 10_000
SEED = 20261121
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """What a guest that means well says in every conversation."""
    return dialogues.record()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute as judges do: several threads only wait for each other here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore::UserWarning")  # what torch thinks of a suite's line on a strange answer
def test_ten_thousand_damaged_answers_end_in_a_value_or_a_violation(answers: list[Answer]) -> None:
    """Every one is read or refused, every eighth in its conversation, and none is an error of ours or takes long."""
    tally = wire_fuzz.search_cases(answers, wire_fuzz.drawn(answers, Random(SEED), FRAMES))
    assert tally.findings == []
    assert tally.frames == FRAMES
    assert min(tally.values, tally.talks) > FRAMES // 20  # else hardly anything but the first bytes was looked at


def test_a_conversation_held_again_ends_as_it_did(answers: list[Answer]) -> None:
    """Nothing is damaged, so every step ends well, but for the two that are about something else."""
    ends = [dialogues.hold_again(answers, answer, answer.frame) for answer in answers if answer.place == 0]
    odd = {Outcome.RAISED, Outcome.OUTPUT}
    assert [end.outcome for end in ends if end.outcome not in odd] == [Outcome.PASSED] * (len(dialogues.STEPS) - 2)
    assert {end.outcome for end in ends} == odd | {Outcome.PASSED}


def test_the_same_seed_draws_the_same_cases(answers: list[Answer]) -> None:
    """A finding can be found again."""
    first, second, other = (list(wire_fuzz.drawn(answers, Random(seed), 50)) for seed in (1, 1, 2))
    assert first == second != other


def test_reading_needs_no_more_memory_than_a_frame_explains(answers: list[Answer]) -> None:
    """A hundred bytes for one of the frame, and what Python needs anyway: no claimed size is believed."""
    for case, _ in wire_fuzz.drawn(answers, Random(SEED), 500):
        tracemalloc.start()
        try:
            wire_fuzz.examine(answers, case, talk=False)
            assert tracemalloc.get_traced_memory()[1] < 100 * len(case) + (1 << 18)
        finally:
            tracemalloc.stop()


def replace_reader(monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    """Let something else read what is tagged as a text."""
    readers = list(reader._READERS)
    readers[ord("s")] = read
    monkeypatch.setattr(reader, "_READERS", readers)


def a_reader_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break what reads texts."""
    replace_reader(monkeypatch, lambda reader, depth: {}[depth])


def a_reader_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what reads texts take its time."""

    def slow(*_: object) -> str:
        until = time.process_time() + 60
        while time.process_time() < until:
            pass
        return ""

    monkeypatch.setattr(wire_fuzz, "HANG_S", 0.1)
    replace_reader(monkeypatch, slow)


def a_session_that_believes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the session take a scan's answer as it comes."""
    monkeypatch.setattr(host, "read_report", lambda answer: ({}, [row[0] for row in answer]))


@pytest.mark.parametrize(
    ("breaks", "frames", "why"),
    [
        (a_reader_that_breaks, 50, "KeyError"),
        (a_reader_that_hangs, 15, "for one answer"),
        (a_session_that_believes, 3000, "would be an error of ours"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_search_finds_what_is_broken(
    answers: list[Answer], monkeypatch: pytest.MonkeyPatch, breaks: Any, frames: int, why: str
) -> None:
    """An exception that is no violation, an endless loop, and an answer that a session believes."""
    cases = list(wire_fuzz.drawn(answers, Random(SEED), frames))  # the well-written ones are drawn by reading, too
    breaks(monkeypatch)
    tally = wire_fuzz.search_cases(answers, cases)
    assert any(why in finding.why for finding in tally.findings), tally.findings
    monkeypatch.undo()
    again = wire_fuzz.search_cases(answers, [(finding.case, True) for finding in tally.findings])
    assert again.findings == []  # it was what was broken, and nothing else


def test_an_altered_answer_is_well_written(answers: list[Answer]) -> None:
    """The codec has nothing against it, so what refuses it is the session."""
    draw = Random(SEED)
    for answer in answers:
        frame = alterations.altered(answer.frame, draw)
        count = 1 + (answer.frame[8] == 1)
        values, _ = decode_frame(frame, REPLY_BYTES, count, wire_fuzz.CAPS, lambda handle: handle)
        assert len(values) == count


def test_a_search_that_is_killed_tells_its_last_case(tmp_path: Path) -> None:
    """An answer that ends Python is a finding, and its bytes are kept."""
    program = (
        "import mmap, os, sys\nsys.path.insert(0, os.getcwd())\nfrom tests.hostile import case_note\n"
        "with open(sys.argv[4] + '/note', 'r+b') as file:\n"
        "    memory = mmap.mmap(file.fileno(), case_note.NOTE_BYTES)\n"
        "    case_note.write(memory, 41, b'ab')\n    case_note.write(memory, 42, b'the case')\n    os.abort()\n"
    )
    asked = fuzz._parser().parse_args(["--findings", str(tmp_path / "kept")])
    (tmp_path / "search.py").write_text(program)
    found = fuzz._search("seeded", asked, tmp_path, program=[str(tmp_path / "search.py")])
    assert found["frames"] == 42
    ((case, why),) = found["findings"]
    assert bytes.fromhex(case) == b"the case"
    assert "Python ended with -6" in why


def test_the_program_searches_and_replays(answers: list[Answer], tmp_path: Path) -> None:
    """`make fuzz` in small: what it prints, and that a kept case can be looked at again."""
    program = [sys.executable, "-m", "tests.hostile.fuzz"]
    searched = subprocess.run(
        [*program, "--engine", "seeded", "--frames", "300", "--findings", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert searched.returncode == 0, searched.stdout + searched.stderr
    assert "frames: 300\n" in searched.stdout
    assert "findings: 0\n" in searched.stdout
    kept = fuzz._keep(tmp_path, wire_fuzz.case_of(answers, 0, answers[0].frame))
    assert fuzz._replay([kept]) == 0


def test_a_violation_is_no_finding(answers: list[Answer]) -> None:
    """What is refused is refused by name."""
    with pytest.raises(ProtocolViolation, match="unknown kind of value"):
        wire_fuzz.read(b"?")
    assert wire_fuzz.search_cases(answers, [(b"\0\0" + bytes(9) + b"?", True)]).findings == []
