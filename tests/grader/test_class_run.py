"""Grading a class: nothing is lost, nothing judged twice without a reason, and however it goes the end is the same."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grader import published
from grader.classroom import benches
from grader.classroom.benches import Judged, Task, judge_task
from grader.classroom.picture import attempts_of, difference
from grader.classroom.store import Store
from grader.course import GRADER_DATA, Course
from grader.errors import CourseError, UsageError
from grader.results import Outcome

from .graded_class import ANSWERS, GOOD, SECOND, WRONG, grade, hand_in, make_class, outcome_of
from .tiny_course import SLUG

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "tests.grader.graded_class"
BY = "\nBY = {2: 2}\n"
LIGHT = {student: ANSWERS[student] for student in ("ann", "ben", "cem")}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An atlas of this module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, Path, Path]:
    """A class that was graded without a break: its course, what was handed in, and the folder of its results."""
    root = tmp_path_factory.mktemp("whole")
    course, handed_in = make_class(root)
    grade(course, handed_in, root / "out")
    return course, handed_in, root / "out"


@pytest.fixture
def light(tmp_path: Path) -> tuple[Course, Path, Path]:
    """A class of three that nobody has graded yet, and the folder for its results."""
    course, handed_in = make_class(tmp_path, LIGHT)
    return course, handed_in, tmp_path / "out"


def raises_if_called(task: Task) -> Judged:
    """Judge nothing: whoever calls it should not have."""
    raise AssertionError(f"judged {task.slug}")


def test_everybody_gets_what_their_files_deserve(whole: tuple[Course, Path, Path]) -> None:
    """Right, wrong, not handed in, not written, unreadable, crashing and endless: each stands as it should."""
    course, _, out = whole
    with Store.open(out) as store:
        view = store.view(course)
    scores = {key: one.score for key, one in view.standings.items()}
    assert scores["ann", SLUG] == 4
    assert scores["ben", SLUG] == 1  # a tensor of ones: adding 1 is doubling
    assert scores["cem", SECOND] is scores["gil", SLUG] is None
    assert [scores[student, SECOND] for student in ("ann", "ben", "dia", "eve", "fay")] == [2, 0, 0, 0, 0]
    ends = {key: {check.outcome for check in one.result.checks} for key, one in view.standings.items() if one.result}
    assert (ends["dia", SLUG], ends["dia", SECOND]) == ({Outcome.TODO}, {Outcome.CRASHED})
    assert (ends["eve", SLUG], ends["eve", SECOND]) == ({Outcome.REJECTED}, {Outcome.TIMEOUT})
    named = [check.diagnosis for check in view.of("ben", SLUG).result.checks if check.diagnosis]  # type: ignore[union-attr]
    assert [one.misconception for one in named] == ["adds-one"]
    assert not any(one.open for one in view.standings.values())
    assert view.max_scores == {SLUG: 4, SECOND: 2}


def test_a_timeout_is_judged_again_alone_and_both_are_kept(whole: tuple[Course, Path, Path]) -> None:
    """Only the submission that came to its deadline has a second attempt, and the store says why."""
    _, _, out = whole
    with Store.open(out) as store:
        again = [(row.student, row.exercise, row.why) for row in store.attempts() if row.number > 1]
        kept = attempts_of(store, "eve", SECOND)
    assert again == [("eve", SECOND, "timeout")]
    assert [{check.outcome for check in one.result.checks} for one in kept] == [{Outcome.TIMEOUT}] * 2


def test_equal_files_are_judged_once(light: tuple[Course, Path, Path]) -> None:
    """Ann and Cem handed in the same first exercise: one judgement, an attempt each."""
    course, handed_in, out = light
    notes = grade(course, handed_in, out)
    assert sorted(notes.judged()) == [f"ann {SECOND}", f"ann+cem {SLUG}", f"ben {SLUG}", f"ben {SECOND}"]
    with Store.open(out) as store:
        assert {row.judgement for row in store.attempts("ann", SLUG)} == {
            row.judgement for row in store.attempts("cem", SLUG)
        }


def test_the_same_again_judges_nothing(whole: tuple[Course, Path, Path]) -> None:
    """A finished run stands: the second one starts no submission and leaves no trace of itself."""
    course, handed_in, out = whole
    before = outcome_of(course, out)
    assert grade(course, handed_in, out, judge=raises_if_called).judged() == []
    assert outcome_of(course, out) == before
    with Store.open(out) as store:
        assert [run.id for run in store.runs()] == [1]


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_goes_on_and_ends_alike(whole: tuple[Course, Path, Path], tmp_path: Path, seed: int) -> None:
    """Killed at two drawn moments and begun again: scores, outcomes, messages, names as without a break."""
    course, handed_in, out = whole
    draw, again = random.Random(seed), tmp_path / "out"
    for _ in range(2):
        kill_after(draw.randrange(1, 8), course, handed_in, again)
    assert run_through(course, handed_in, again) == 0
    assert outcome_of(course, again) == outcome_of(course, out)
    with Store.open(again) as store:
        assert [run.ended_at is not None for run in store.runs()] == [True]


def test_a_killed_run_loses_only_what_was_being_judged(whole: tuple[Course, Path, Path], tmp_path: Path) -> None:
    """What a run said it kept is there after a kill, and the next run does not judge it again."""
    course, handed_in, _ = whole
    said = kill_after(6, course, handed_in, tmp_path / "out")
    kept = {tuple(line.split()[1:3]) for line in said if line.startswith("delivered") and line.endswith("True")}
    assert len(kept) >= 3
    notes = grade(course, handed_in, tmp_path / "out")
    assert not kept & {tuple(words.split()) for words in notes.judged()}


def started(course: Course, handed_in: Path, out: Path) -> subprocess.Popen[str]:
    """Grade in a process of its own, which says what it does."""
    command = [sys.executable, "-m", PROGRAM, str(course.root), str(handed_in), str(out)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def run_through(course: Course, handed_in: Path, out: Path) -> int:
    """Grade in a process of its own and return its exit code."""
    with started(course, handed_in, out) as process:
        process.communicate(timeout=300)
        return process.returncode


def kill_after(lines: int, course: Course, handed_in: Path, out: Path) -> list[str]:
    """Grade in a process of its own, kill it when it has said so many things, and return them."""
    said = []
    with started(course, handed_in, out) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.strip())
            if len(said) == lines:
                break
        process.send_signal(signal.SIGKILL)
    return said


def test_a_second_run_is_told_who_writes(light: tuple[Course, Path, Path]) -> None:
    """While a run writes, another one is refused with the first one's process and start; readers are not."""
    course, handed_in, out = light
    grade(course, handed_in, out)
    with Store.open(out, write=True):
        with pytest.raises(UsageError, match=rf"is being written to by process {os.getpid()}, since \d{{4}}-"):
            grade(course, handed_in, out)
        assert len(outcome_of(course, out)) == 6
    assert grade(course, handed_in, out).judged() == []


def test_ctrl_c_keeps_what_is_judged(light: tuple[Course, Path, Path]) -> None:
    """Interrupted in the middle, a run ends at once; the next one judges only the rest, as part of the same run."""
    course, handed_in, out = light

    def interrupting(workers: int) -> Executor:
        return _After(workers, 2, KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        grade(course, handed_in, out, executor=interrupting, workers=1)
    with Store.open(out) as store:
        kept = len(store.judgements())
        assert kept == 2
        assert [run.ended_at for run in store.runs()] == [None]
    assert len(grade(course, handed_in, out).judged()) == 4 - kept
    with Store.open(out) as store:
        assert [run.jobs for run in store.runs()] == [4]


class _After(ThreadPoolExecutor):
    """Lets the caller of `submit` see an exception once so many tasks were handed over and are done."""

    def __init__(self, workers: int, tasks: int, error: BaseException) -> None:
        super().__init__(workers)
        self._left, self._error = tasks, error

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self._left:
            raise self._error
        self._left -= 1
        future = super().submit(fn, *args, **kwargs)
        future.result(timeout=120)
        return future


def test_a_lost_job_is_judged_again_in_a_new_worker(light: tuple[Course, Path, Path]) -> None:
    """What an executor loses once or twice is judged again by a fresh worker, and nobody's points are touched."""
    course, handed_in, out = light
    losses, fresh = Counter[str](), []

    def losing(task: Task) -> Judged:
        losses[task.key] += 1
        if losses[task.key] < 3:
            raise ConnectionError("the machine went away")
        fresh.append(task.fresh)
        return judge_task(task)

    grade(course, handed_in, out, judge=losing)
    with Store.open(out) as store:
        view = store.view(course)
        tries = attempts_of(store, "ann", SLUG)
    assert view.of("ann", SLUG).score == 4
    assert fresh == [True] * 4
    assert [(one.why, {check.outcome for check in one.result.checks}) for one in tries] == [
        ("", {Outcome.ERROR}), ("retry", {Outcome.ERROR}), ("retry", {Outcome.PASSED})
    ]  # fmt: skip


def test_what_is_lost_three_times_is_open_and_never_zero(light: tuple[Course, Path, Path]) -> None:
    """After two retries a person has to look: the standing is open, has no score, and says what happened."""
    course, handed_in, out = light

    def losing(task: Task) -> Judged:
        if task.slug == SLUG and "x + 1" in str(task.submission):
            raise ConnectionError("the machine went away")
        return judge_task(task)

    notes = grade(course, handed_in, out, judge=losing)
    assert notes.judged().count(f"ben {SLUG}") == 3
    with Store.open(out) as store:
        one = store.view(course).of("ben", SLUG)
    assert (one.open, one.score, one.counted) == (True, None, None)
    assert one.trouble == "ConnectionError: the machine went away"
    assert grade(course, handed_in, out).judged() == [f"ben {SLUG}"]
    with Store.open(out) as store:
        assert store.view(course).of("ben", SLUG).score == 1


def test_an_executor_that_broke_is_replaced(light: tuple[Course, Path, Path]) -> None:
    """A broken pool fails what it holds and takes nothing more; a new one does it all."""
    course, handed_in, out = light
    made: list[Executor] = []

    def breaking(workers: int) -> Executor:
        made.append(_After(workers, 1, BrokenExecutor("gone")) if not made else ThreadPoolExecutor(workers))
        return made[-1]

    notes = grade(course, handed_in, out, executor=breaking)
    assert (len(made), len(notes.judged())) == (2, 4)


def _processes(workers: int) -> Executor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def test_workers_may_be_processes(light: tuple[Course, Path, Path]) -> None:
    """Tasks and what comes of them cross to other processes, and the end is that of threads."""
    course, handed_in, out = light
    notes = grade(course, handed_in, out, executor=_processes)
    assert len(notes.judged()) == 4
    grade(course, handed_in, out.with_name("threads"))
    assert outcome_of(course, out) == outcome_of(course, out.with_name("threads"))


def test_an_error_of_the_judge_is_retried(light: tuple[Course, Path, Path]) -> None:
    """A result with an `error` in it is judged again, and kept as an attempt."""
    course, handed_in, out = light
    seen: set[str] = set()

    def failing_once(task: Task) -> Judged:
        judged = judge_task(task)
        if task.key in seen:
            return judged
        seen.add(task.key)
        assert judged.result is not None
        checks = [msgspec.structs.replace(check, outcome=Outcome.NOT_RUN, points=0) for check in judged.result.checks]
        return Judged(msgspec.structs.replace(judged.result, checks=checks))

    grade(course, handed_in, out, judge=failing_once)
    with Store.open(out) as store:
        assert store.view(course).of("ann", SLUG).score == 4
        assert [row.why for row in store.attempts("ann", SLUG)] == ["", "retry"]


def test_a_timeout_that_does_not_repeat_costs_nothing(light: tuple[Course, Path, Path]) -> None:
    """The second judgement is made when nothing else runs, and it is the one that counts."""
    course, handed_in, out = light
    running, beside, seen = Counter[str](), [], set()

    def slow_once(task: Task) -> Judged:
        running["now"] += 1
        beside.append((task.key in seen, running["now"]))
        judged = judge_task(task)
        running["now"] -= 1
        if task.key in seen:
            return judged
        seen.add(task.key)
        assert judged.result is not None
        checks = [msgspec.structs.replace(check, outcome=Outcome.TIMEOUT, points=0) for check in judged.result.checks]
        return Judged(msgspec.structs.replace(judged.result, checks=checks, score=0))

    grade(course, handed_in, out, judge=slow_once)
    assert [count for is_second, count in beside if is_second] == [1] * 4
    with Store.open(out) as store:
        view = store.view(course)
        assert (view.of("ann", SLUG).score, view.of("ann", SLUG).attempts) == (4, 2)


def test_a_run_broken_off_before_a_timeout_is_confirmed_confirms_it_later(light: tuple[Course, Path, Path]) -> None:
    """A timeout counts only once it was judged alone: until then it is not settled, and the next run goes on there."""
    course, handed_in, out = light

    def slow(task: Task) -> Judged:
        judged = judge_task(task)
        assert judged.result is not None
        checks = [msgspec.structs.replace(check, outcome=Outcome.TIMEOUT, points=0) for check in judged.result.checks]
        return Judged(msgspec.structs.replace(judged.result, checks=checks, score=0))

    with pytest.raises(KeyboardInterrupt):
        grade(course, handed_in, out, judge=slow, executor=lambda workers: _After(workers, 4, KeyboardInterrupt()))
    with Store.open(out) as store:
        assert store.judgements(settled_only=True) == {}
    notes = grade(course, handed_in, out)
    assert [words[3] for words in notes.said if words[0] == "delivered"] == ["timeout"] * 4
    with Store.open(out) as store:
        assert (len(store.judgements(settled_only=True)), store.view(course).of("ann", SLUG).score) == (4, 4)


def test_only_what_changed_is_judged_again(light: tuple[Course, Path, Path]) -> None:
    """Other files of one student, then another suite of one exercise: each run judges these, and says why."""
    course, handed_in, out = light
    grade(course, handed_in, out)
    hand_in(handed_in, {"ben": (GOOD + "# now I see\n", None)})
    assert grade(course, handed_in, out).judged() == [f"ben {SLUG}"]
    suite = course.root / "tests" / "hidden" / SECOND / "test_more.py"
    suite.write_text(suite.read_text().replace("half(4), 2", "half(8), 4"))
    assert sorted(grade(course, handed_in, out).judged()) == [f"ann {SECOND}", f"ben {SECOND}"]
    with Store.open(out) as store:
        whys = {(row.student, row.exercise): row.why for row in store.attempts() if row.number > 1}
        moved = difference(store, store.runs()[0], store.runs()[1])
    assert whys == {("ben", SLUG): "submission", ("ann", SECOND): "suite", ("ben", SECOND): "suite"}
    assert [(move.student, move.before, move.after, move.why) for move in moved.moves] == [
        ("ben", 1, 4, ("submission",))
    ]


WITH_FASHION = """
    import os
    from grader.suite import *

    @points(2)
    def test_half(submission):
        '''Halves a number, and Fashion-MNIST where it is there.'''
        try:
            count = len(fashion_mnist().test.t)
        except Exception:
            count = 4
        expect_equal(submission.half(count), count / 2)
"""


def test_what_depends_on_a_data_set_is_judged_again_when_it_arrives(
    light: tuple[Course, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exercise that reads it and no other; where it lies, and a folder without it, change nothing."""
    course, handed_in, out = light
    suite = course.root / "tests" / "hidden" / SECOND / "test_more.py"
    suite.write_text(textwrap.dedent(WITH_FASHION))
    monkeypatch.delenv(GRADER_DATA, raising=False)
    assert len(grade(course, handed_in, out).judged()) == 4
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(GRADER_DATA, str(tmp_path / "empty"))
    assert grade(course, handed_in, out).judged() == []
    files = {name: name.encode() for name in published.FASHION_MD5}
    sums = {name: hashlib.md5(data, usedforsecurity=False).hexdigest() for name, data in files.items()}
    monkeypatch.setattr(published, "FASHION_MD5", sums)
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        for name, data in files.items():
            (tmp_path / place / name).write_bytes(data)
    monkeypatch.setenv(GRADER_DATA, str(tmp_path / "here"))
    assert sorted(grade(course, handed_in, out).judged()) == [f"ann {SECOND}", f"ben {SECOND}"]
    monkeypatch.setenv(GRADER_DATA, str(tmp_path / "there"))
    assert grade(course, handed_in, out).judged() == []
    (tmp_path / "there" / next(iter(files))).write_bytes(b"another file")
    assert grade(course, handed_in, out).judged() == [], "what was judged without the data is known"


def test_changed_points_are_recomputed_without_judging(light: tuple[Course, Path, Path]) -> None:
    """Worth more in the suite, worded differently in exercise.toml, commented: nothing is run, shares stay."""
    course, handed_in, out = light
    grade(course, handed_in, out)
    suite = course.root / "tests" / "hidden" / SLUG / "test_hidden.py"
    suite.write_text("# points were moved\n" + suite.read_text().replace("@points(3)", "@points(9)"))
    toml = course.root / "exercises" / SLUG / "exercise.toml"
    toml.write_text(toml.read_text().replace("points = 4", "points = 10").replace('"Tiny"', '"Tiny, again"'))
    notes = grade(course, handed_in, out, judge=raises_if_called)
    assert notes.judged() == []
    with Store.open(out) as store:
        view = store.view(course)
        moved = difference(store, *store.runs())
    assert (view.of("ann", SLUG).score, view.of("ben", SLUG).score, view.max_scores[SLUG]) == (10, 1, 10)
    assert {(move.student, move.by, move.why) for move in moved.moves} == {
        ("ann", 6, ("points",)), ("ben", 0, ("points",)), ("cem", 6, ("points",))
    }  # fmt: skip


def test_a_new_wrong_answer_names_stored_results(light: tuple[Course, Path, Path]) -> None:
    """A mistake that becomes known is named in what is stored, without judging the submission again."""
    course, handed_in, out = light
    wrong = course.root / "solutions" / SLUG / "wrong" / "adds_one.py"
    wrong.unlink()
    grade(course, handed_in, out)
    wrong.write_text(WRONG)
    notes = grade(course, handed_in, out, judge=raises_if_called)
    assert ("renames", SLUG, "1") in notes.said
    with Store.open(out) as store:
        result = store.view(course).of("ben", SLUG).result
    assert result is not None
    assert [check.diagnosis.misconception for check in result.checks if check.diagnosis] == ["adds-one"]


def test_another_seed_is_another_run(light: tuple[Course, Path, Path]) -> None:
    """Another seed judges all again; going back to the first one judges nothing, and both are kept."""
    course, handed_in, out = light
    grade(course, handed_in, out)
    assert len(grade(course, handed_in, out, seed=8).judged()) == 4
    assert grade(course, handed_in, out).judged() == []
    with Store.open(out) as store:
        assert [run.seed for run in store.runs()] == [7, 8, 7]
        assert [one.result.seed for one in attempts_of(store, "ann", SLUG)] == [7, 8, 7]


def test_a_class_handed_in_exercise_by_exercise(light: tuple[Course, Path, Path], tmp_path: Path) -> None:
    """What an earlier intake brought stays when a later one is about something else."""
    course, handed_in, out = light
    grade(course, handed_in, out)
    hand_in(tmp_path / "later", {"dan": (GOOD, None)})
    assert grade(course, tmp_path / "later", out).judged() == []  # equal to ann's
    scores = {key: values[0] for key, values in outcome_of(course, out).items()}  # type: ignore[index]
    assert (scores["ann", SLUG], scores["ann", SECOND], scores["dan", SLUG]) == (4, 2, 4)


def test_a_broken_suite_stops_before_anything_is_judged(light: tuple[Course, Path, Path]) -> None:
    """The author is told file and line; nothing is kept that would have to be undone."""
    course, handed_in, out = light
    (course.root / "tests" / "hidden" / SECOND / "test_more.py").write_text("import nothing_like_this\n")
    with pytest.raises(CourseError, match=r"test_more.py:1: ModuleNotFoundError"):
        grade(course, handed_in, out)
    with Store.open(out) as store:
        assert store.runs() == []


def test_a_suite_changed_while_it_is_used_ends_the_run(light: tuple[Course, Path, Path]) -> None:
    """A worker that collects another suite than the first one did ends the run, which can be gone on with."""
    course, handed_in, out = light
    suite = course.root / "tests" / "hidden" / SECOND / "test_more.py"

    def changing(task: Task) -> Judged:
        if task.slug == SECOND:
            suite.write_text(suite.read_text() + "# changed\n")
            return judge_task(for_a_new_worker(task))
        return judge_task(task)

    with pytest.raises(CourseError, match=f"The suite of {SECOND} was changed while the class was graded"):
        grade(course, handed_in, out, judge=changing)
    with Store.open(out) as store:
        kept = {f"{row.student} {row.exercise}" for row in store.attempts()}
    assert kept
    assert not kept & set(grade(course, handed_in, out).judged())


def for_a_new_worker(task: Task) -> Task:
    """Return a task for a worker that is started for it."""
    return Task(**{**vars(task), "fresh": True})


def test_a_check_that_breaks_on_one_submission_costs_nobody_else(light: tuple[Course, Path, Path]) -> None:
    """A mistake of the suite that one submission brings out leaves that one open; it is not tried in vain again."""
    course, handed_in, out = light
    suite = course.root / "tests" / "hidden" / SECOND / "test_more.py"
    unready = "    expect_close(submission.half(4), BY.get(submission.half(4)))"
    suite.write_text(suite.read_text().replace("    expect_equal", f"{unready}\n    expect_equal") + BY)
    notes = grade(course, handed_in, out)
    with Store.open(out) as store:
        view = store.view(course)
    assert view.of("ann", SECOND).score == 2
    assert view.of("ben", SECOND).open
    assert notes.judged().count(f"ben {SECOND}") == 1
    assert "expect_close compares tensors, arrays and numbers" in view.of("ben", SECOND).trouble


def test_tasks_and_what_comes_of_them_can_travel(light: tuple[Course, Path, Path]) -> None:
    """An executor of other processes can judge: task and judgement are the same after pickling."""
    import pickle

    course, handed_in, out = light
    seen: list[tuple[Task, Judged]] = []

    def noting(task: Task) -> Judged:
        judged = judge_task(task)
        seen.append((task, judged))
        return judged

    grade(course, handed_in, out, judge=noting)
    assert len(seen) == 4
    assert pickle.loads(pickle.dumps(seen)) == seen
    assert pickle.loads(pickle.dumps(judge_task)) is benches.judge_task
