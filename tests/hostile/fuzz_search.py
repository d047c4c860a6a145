"""The search itself, in a process that may end: `ENGINE FRAMES SEED FOLDER`; tests.hostile.fuzz starts it.

Says in FOLDER/note what it is at and in FOLDER/told what came of all. Memory is limited to what is used once everything
is imported and a little more, so an answer that makes the host allocate what it only claims is a finding.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import resource
import sys
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NoReturn

from . import case_note

_MOST = 20
_ROOM_BYTES = 1 << 30
_GROWTH_MIB = 128
_WARM_UP = 2000
_LONGEST = 1 << 14


def main(engine: str, frames: int, seed: int, folder: Path) -> None:
    """Search with one of the engines."""
    atheris = __import__("atheris") if engine == "atheris" else None
    # What is imported within is what coverage is counted of.
    with atheris.instrument_imports(include=["grader.sandbox"]) if atheris else contextlib.nullcontext():
        from . import wire_fuzz
        from .dialogues import record

    import torch

    torch.set_num_threads(1)
    answers = record()
    with (folder / "note").open("r+b") as file:
        memory = mmap.mmap(file.fileno(), case_note.NOTE_BYTES)
    search = _Search(wire_fuzz, answers, frames, folder, memory)
    if atheris is None:
        search.seeded(Random(seed))
    else:
        search.guided(atheris, seed)


class _Search:
    """One search: its limits, its count, and its end."""

    def __init__(self, wire_fuzz: Any, answers: Any, frames: int, folder: Path, memory: mmap.mmap) -> None:
        self.fuzz, self.answers, self.frames, self.folder, self.memory = wire_fuzz, answers, frames, folder, memory
        self.tally, self.alarm = wire_fuzz.Tally(), wire_fuzz.Alarm()
        self._before_mib = 0

    def seeded(self, draw: Random) -> NoReturn:
        """Draw every case from the recorded answers."""
        self.alarm.__enter__()
        for case, talk in self.fuzz.drawn(self.answers, draw, self.frames):
            self._take(case, talk)
        self._end()

    def guided(self, atheris: ModuleType, seed: int) -> NoReturn:
        """Let coverage choose which cases to go on from; half of the changes are ours, half are the engine's own."""
        corpus = self.folder / "corpus"
        corpus.mkdir()
        for number, answer in enumerate(self.answers):
            (corpus / str(number)).write_bytes(self.fuzz.case_of(self.answers, number, answer.frame))

        def change(data: bytes, longest: int, seed: int) -> bytes:
            draw = Random(seed)
            if draw.random() < 0.5:
                return atheris.Mutate(data, longest)  # type: ignore[no-any-return]
            return self.fuzz.changed(self.answers, data, draw)[:longest]  # type: ignore[no-any-return]

        options = [f"-seed={seed}", f"-max_len={_LONGEST}", "-print_final_stats=0", "-verbosity=0", "-rss_limit_mb=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], self._one, custom_mutator=change)
        self.alarm.__enter__()
        atheris.Fuzz()
        raise AssertionError("the engine came back")

    def _one(self, data: bytes) -> None:
        self._take(data, self.fuzz.is_talked_about(self.tally.frames))

    def _take(self, case: bytes, talk: bool) -> None:
        if self.tally.frames == min(_WARM_UP, self.frames // 2):
            self._before_mib = _peak_mib()
            _limit_memory()
        case_note.write(self.memory, self.tally.frames, case)
        self.tally.take(self.answers, case, talk, self.alarm)
        if self.tally.frames >= self.frames or len(self.tally.findings) >= _MOST:
            self._end()

    def _end(self) -> NoReturn:
        grown = _peak_mib() - self._before_mib
        findings = [(finding.case.hex(), finding.why) for finding in self.tally.findings]
        if grown > _GROWTH_MIB:
            findings.append(("", f"memory grew by {grown} MiB"))
        told = {
            "frames": self.tally.frames, "frames that are values": self.tally.values,
            "conversations held": self.tally.talks, "peak memory, MiB": _peak_mib(), "grown by, MiB": grown,
            "findings": findings,
        }  # fmt: skip
        (self.folder / "told").write_text(json.dumps(told))
        os._exit(0)  # the engine has threads and an end of its own


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _limit_memory() -> None:
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + _ROOM_BYTES, mapped + _ROOM_BYTES))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
