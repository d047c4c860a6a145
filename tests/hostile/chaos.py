"""Kills at drawn moments, small disks and few descriptors, for longer than a test may take: `make chaos`.

    python -m tests.hostile.chaos [--kills N] [--classes N] [--seed N] [--tier TIER]

N kills of every role on every tier, each at an event or a moment of judging, each judgement compared with the
undisturbed one; then N class runs that are killed again and again, or whose disk is full. Exit code 1 on a finding.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

from grader.errors import FenceError
from grader.sandbox import fence
from grader.sandbox.fence import Tier
from tests.grader.graded_class import ANSWERS, grade, make_class, outcome_of
from tests.grader.tiny_course import REFERENCE, make_course

from .census import Census
from .scene import ROLES, SUBMISSIONS, Role, Scene, left_behind, set_up

_ROOT = Path(__file__).resolve().parents[2]
_UNPRIVILEGED = _ROOT / "tests" / "grader" / "unprivileged.py"
_WALL_S = 100.0
_ONE_CHECK = """
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""
_GOOD_ENDS = {0, 4}  # judged, or open for a reason of ours
_CLASS = ("ann", "ben", "cem", "dia")


class KillAtEvent:
    """Kills somebody at one event of a judgement: where a check of this number begins, or ends."""

    def __init__(self, scene: Scene, role: Role, index: int, begins: bool) -> None:
        self._scene, self._role, self._at = scene, role, (index, begins)
        self.happened = False

    def __call__(self, index: int, begins: bool) -> None:
        # From there on: whoever is to be killed may not be there at this very moment.
        if not self.happened and (index, begins) >= self._at:
            self.happened = self._scene.kill(self._role)


class KillAtMoment:
    """Kills somebody some time after a judgement has said its first word."""

    def __init__(self, scene: Scene, role: Role, delay_s: float) -> None:
        self._scene, self._role, self._delay_s = scene, role, delay_s
        self._timer: threading.Timer | None = None
        self.happened = False

    def __call__(self, index: int, begins: bool) -> None:
        if self._timer is None:
            self._timer = threading.Timer(self._delay_s, self._kill)
            self._timer.start()

    def _kill(self) -> None:
        self.happened = self._scene.kill(self._role)

    def end(self) -> None:
        """Do not kill any more; what comes next is not to be disturbed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()


def on_small_disk(course: Path, handed_in: Path, kept: Path, room_kib: int) -> subprocess.CompletedProcess[str]:
    """Grade a class into a folder with so much room, in a mount namespace; then copy what is there to `kept`."""
    small = kept.with_name("small-disk")
    small.mkdir(exist_ok=True)
    words = (sys.executable, "-m", "tests.grader.graded_class", course, handed_in, small / "out")
    program = shlex.join(map(str, words))
    script = (
        f"mount -t tmpfs -o size={room_kib}k tmpfs {shlex.quote(str(small))} || exit 99; {program}; code=$?; "
        f"cp -a {shlex.quote(str(small / 'out'))} {shlex.quote(str(kept))}; exit $code"
    )
    options = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
    return subprocess.run(
        ["unshare", *options, "sh", "-c", script], cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip


def few_descriptors(folder: Path, count: int) -> list[str]:
    """Check a right submission in a process that may open so many files; return what is not as it must be."""
    make_course(folder / "course", _ONE_CHECK)
    (folder / "work.py").write_text(REFERENCE)
    command = [
        sys.executable,
        "-P",
        "-m",
        "grader",
        "check",
        "1",
        "--submission",
        str(folder / "work.py"),
        "--json",
        "-",
    ]
    census = Census({})
    done = subprocess.run(
        command, cwd=folder / "course", capture_output=True, text=True, timeout=_WALL_S, check=False,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "XDG_CACHE_HOME": str(folder / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count)),
    )  # fmt: skip
    problems = [f"left behind: {item}" for item in left_behind(census)]
    said = f"{done.stdout[-500:]} {done.stderr[-1500:]}"
    if done.returncode not in _GOOD_ENDS:
        problems.append(f"{count} descriptors: it ended with {done.returncode}: {said}")
    if "Traceback" in done.stderr or "GRADER_DEBUG" in done.stderr:
        problems.append(f"{count} descriptors: it has no sentence for that: {said}")
    if done.returncode == 0 and json.loads(done.stdout)["score"] != 1:
        problems.append(f"{count} descriptors: another score: {said}")
    return problems


def main(arguments: list[str]) -> int:
    """Disturb what is asked for; return 1 if anything is not as it must be."""
    asked = _parser().parse_args(arguments)
    draw, began, counts = Random(asked.seed), time.monotonic(), Counter[str]()
    findings: list[str] = []
    for tier in [Tier(asked.tier)] if asked.tier else [Tier.NAMESPACES, Tier.LANDLOCK]:
        try:
            fence.require_tier(tier)
        except FenceError as error:
            findings += _as_nobody(tier, asked) if os.geteuid() == 0 and not asked.tier else [str(error)]
            continue
        findings += _kills(tier, asked.kills, draw, counts)
    findings += _classes(asked.classes, draw, counts)
    for what, count in sorted(counts.items()):
        print(f"{what}: {count}")
    print(f"time: {time.monotonic() - began:.0f} s, seed {asked.seed}")
    print(f"findings: {len(findings)}")
    for finding in findings:
        print(f"    {finding}")
    return 1 if findings else 0


def _as_nobody(tier: Tier, asked: argparse.Namespace) -> list[str]:
    """Do the kills of a tier as an ordinary user, which prints what it finds; return what is to be counted of it."""
    options = ["--tier", tier.value, "--kills", str(asked.kills), "--classes", "0", "--seed", str(asked.seed)]
    command = [sys.executable, str(_UNPRIVILEGED), sys.executable, "-m", "tests.hostile.chaos", *options]
    code = subprocess.run(command, cwd=_ROOT, check=False).returncode
    return [f"tier {tier}, by an ordinary user: see above"] if code else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.chaos", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=40, help="kills of every role, on every tier")
    parser.add_argument("--classes", type=int, default=10, help="class runs that are disturbed")
    parser.add_argument("--seed", type=int, default=1, help="seed of all draws")
    parser.add_argument("--tier", choices=[Tier.NAMESPACES.value, Tier.LANDLOCK.value], help="only at this tier")
    return parser


def _kills(tier: Tier, count: int, draw: Random, counts: Counter[str]) -> list[str]:
    findings = []
    with set_up(tier) as scene:
        began = time.monotonic()
        scene.judge("right")
        wall_s = time.monotonic() - began
        for number in range(count * len(ROLES)):
            role, name = ROLES[number % len(ROLES)], draw.choice(list(SUBMISSIONS))
            where = f"tier {tier}, {name}, kill {number} of the {role}"
            for problem in _one_kill(scene, role, name, wall_s, draw, counts):
                findings.append(f"{where}: {problem}")
                print(f"{where}: {problem}", flush=True)
        findings += [f"tier {tier}, left behind: {item}" for item in scene.debris()]
    return findings


def _one_kill(scene: Scene, role: Role, name: str, wall_s: float, draw: Random, counts: Counter[str]) -> list[str]:
    timed = KillAtMoment(scene, role, draw.uniform(0, wall_s))
    at_event = KillAtEvent(scene, role, draw.randrange(6), draw.random() < 0.5)
    killer = timed if draw.random() < 0.7 else at_event
    problems = scene.disturbed(name, killer, timed.end)
    counts[f"kills of the {role} at tier {scene.tier}"] += killer.happened
    return problems


def _classes(count: int, draw: Random, counts: Counter[str]) -> list[str]:
    """Grade a class again and again, each time killed or out of room a few times before it may end."""
    if not count:
        return []
    findings = []
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        root = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        course, handed_in = make_class(root, {student: ANSWERS[student] for student in _CLASS})
        began = time.monotonic()
        grade(course, handed_in, root / "whole")
        wall_s, whole = time.monotonic() - began, outcome_of(course, root / "whole")
        census = Census({})
        for number in range(count):
            out = root / f"out{number}"
            if number % 3 == 2:
                on_small_disk(course.root, handed_in, out, draw.randrange(40, 400, 4))
                counts["class runs on a small disk"] += 1
            for _ in range(draw.randrange(1, 4)):
                _killed_run(course.root, handed_in, out, draw.uniform(0, wall_s + 3))
                counts["kills of a class run"] += 1
            grade(course, handed_in, out)
            if outcome_of(course, out) != whole:
                findings.append(f"class run {number} has another end")
        findings += [f"class runs, left behind: {item}" for item in left_behind(census)]
    return findings


def _killed_run(course: Path, handed_in: Path, out: Path, after_s: float) -> None:
    """Grade in a process of its own and kill it after a while."""
    command = [sys.executable, "-m", "tests.grader.graded_class", str(course), str(handed_in), str(out)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
