"""The store by itself: other people's files, older versions, overrides, comments, what is kept byte by byte."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.classroom import schema
from grader.classroom.handin import Handin, Intake, Student, Unplaced
from grader.classroom.identity import files_key, judging_digest
from grader.classroom.rows import NewJudgement, PlanRow
from grader.classroom.store import FILE, Store, now
from grader.classroom.view import ClassView, Comment, Lateness, Override, RunInfo
from grader.course import Exercise
from grader.diagnosis.evidence import Evidence
from grader.errors import InfrastructureError, UsageError
from grader.results import CheckResult, Environment, ExerciseResult, Outcome, SubmissionInfo
from grader.submission import made_submission

from .graded_class import HIDDEN, LIMITS
from .tiny_course import SLUG, make_course

TEXT = "# naïve 张 伟\ndef double(x):\n    return 2 * x\n"


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    """A course of one exercise with checks of 1 and 3 points."""
    return make_course(tmp_path / "course", HIDDEN, points=4, more=LIMITS)


def result(first: Outcome = Outcome.PASSED, second: Outcome = Outcome.FAILED, points: float = 1.5) -> ExerciseResult:
    """Return a result of the two checks; the second has earned `points` of 3."""
    checks = [
        CheckResult("test_double", "Doubles.", "hidden", "cpu", first, float(first is Outcome.PASSED), 1),
        CheckResult("test_draw", "Draws.", "hidden", "cpu", second, points, 3),
    ]
    environment = Environment("0.1", "3.11", "2.13", ["cpu"], "namespaces")
    return ExerciseResult(
        SLUG, SubmissionInfo("0" * 64, ["work.py"]), "1" * 64, 2.5, 4, True, 7, environment, checks
    )  # fmt: skip


def begin(store: Store, command: str = "grader grade") -> int:
    """Begin a run with two students, of whom ann handed in one file and ben something unreadable."""
    run = store.begin_run(RunInfo(0, now(), None, 7, "namespaces", command, "0.1"), "folders")
    students = (Student("ann", "Ann", "ann@example.org", "A", ("a1",)), Student("ben"))
    at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    handins = (
        Handin("ann", SLUG, made_submission({"work.py": TEXT}), "ann/work.py", submitted_at=at, marked_late=True,
               times=2, notes=("was renamed",), cells={"work.py": ((1, 1), (1, 2))}),
        Handin("ben", SLUG, None, "ben.zip", problem="It cannot be read."),
    )  # fmt: skip
    store.take(run, "here", Intake("folders", students, handins, (Unplaced("x.docx", "a document", ("ann",)),)))
    store.keep_plan(run, PlanRow(SLUG, "suite 1", "judging 1", {"test_double": 1, "test_draw": 3}))
    return run


def judged(key: str = "k1", judging: str = "judging 1", **more: object) -> NewJudgement:
    """Return a judgement of ann's files."""
    evidence = {"test_draw": Evidence("twice", raised=("TypeError", "text"))}
    values = {"result": result(), "evidence": evidence, "wall_s": 0.5, "settled": True, **more}
    return NewJudgement(key, files_key(made_submission({"work.py": TEXT})), judging, **values)  # type: ignore[arg-type]


@pytest.fixture
def graded(tmp_path: Path, exercise: Exercise) -> Path:
    """The folder of a store in which ann has a result and ben waits for his."""
    with Store.open(tmp_path / "out", create=True) as store:
        run = begin(store)
        store.keep(run, judged(), ["ann"])
        store.end_run(run, 2.0, now())
    return tmp_path / "out"


def test_what_is_kept_comes_back(graded: Path, exercise: Exercise) -> None:
    """Files, hand-ins, result, evidence and what nobody understood are the same after they were read back."""
    with Store.open(graded) as store:
        view = store.view(exercise.course)
        assert store.submissions() == {
            files_key(made_submission({"work.py": TEXT})): made_submission({"work.py": TEXT})
        }
    ann, ben = view.of("ann", SLUG), view.of("ben", SLUG)
    assert ann.result == result()
    assert ann.student == Student("ann", "Ann", "ann@example.org", "A", ("a1",))
    assert dict(ann.evidence) == {"test_draw": Evidence("twice", raised=("TypeError", "text"))}
    assert ann.sources == {"work.py": TEXT}
    assert (ann.score, ann.counted, ann.open, ann.attempts, ann.times) == (2.5, 2.5, False, 1, 2)
    assert (ann.lateness, ann.notes) == (Lateness(marked=True), ("was renamed",))
    assert ann.submitted_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert (ben.problem, ben.handed_in, ben.result, ben.score) == ("It cannot be read.", True, None, None)
    assert view.unplaced == (Unplaced("x.docx", "a document", ("ann",)),)
    assert (view.layout, view.run.wall_s, view.run.jobs) == ("folders", 2.0, 1)


def test_the_late_policy_is_applied_to_the_whole_view(graded: Path, exercise: Exercise) -> None:
    """What is injected gets the class as it stands, and what it returns is what one sees."""
    seen: list[ClassView] = []

    def late(view: ClassView) -> ClassView:
        seen.append(view)
        return ClassView(**{**vars(view), "layout": "late"})

    with Store.open(graded) as store:
        assert store.view(exercise.course, late).layout == "late"
    assert seen[0].of("ann", SLUG).score == 2.5


def test_an_override_survives_regrading_and_can_be_withdrawn(graded: Path, exercise: Exercise) -> None:
    """Points by hand count whatever is judged later; withdrawn, what was judged counts again; all of it is kept."""
    with Store.open(graded, write=True) as store:
        store.override(Override("ann", SLUG, "test_draw", 3, "agreed", "t", now()))
        assert store.view(exercise.course).of("ann", SLUG).score == 4
        run = begin(store, "another")
        store.keep(run, judged("k2", result=result(first=Outcome.FAILED, points=0)), ["ann"])
        assert store.view(exercise.course).of("ann", SLUG).score == 3
        store.override(Override("ann", SLUG, "", 3.5, "agreed again", "t", now()))
        assert store.view(exercise.course).of("ann", SLUG).score == 3.5
        for check in ("", "test_draw"):
            store.override(Override("ann", SLUG, check, 0, "by mistake", "t", now()), withdraw=True)
        one = store.view(exercise.course).of("ann", SLUG)
    assert (one.score, one.overrides, one.attempts) == (0, (), 2)


def test_an_override_settles_what_is_open(graded: Path, exercise: Exercise) -> None:
    """A check that could not be judged is settled by points for it, or for the whole exercise; by no other's."""
    with Store.open(graded, write=True) as store:
        store.keep(begin(store, "b"), judged("k2", result=result(second=Outcome.ERROR, points=0)), ["ann"])
        scores = [store.view(exercise.course).of("ann", SLUG).score]
        for check in ("test_double", "test_draw"):
            store.override(Override("ann", SLUG, check, 0.5, "seen", "t", now()))
            scores.append(store.view(exercise.course).of("ann", SLUG).score)
        assert scores == [None, None, 1]
        store.override(Override("ben", SLUG, "", 2, "was ill", "t", now()))
        assert store.view(exercise.course).of("ben", SLUG).score == 2


def test_comments_are_kept(graded: Path, exercise: Exercise) -> None:
    """What was written comes back with who wrote it and when."""
    said = Comment("ann", SLUG, "Well done. — 好", "t", now())
    with Store.open(graded, write=True) as store:
        store.comment(said)
    with Store.open(graded) as store:
        assert store.view(exercise.course).of("ann", SLUG).comments == (said,)


def test_points_of_today_apply_to_results_of_the_same_suite_only(graded: Path, exercise: Exercise) -> None:
    """An entry keeps its share where only points changed; where the suite judges otherwise, it waits as it was."""
    with Store.open(graded, write=True) as store:
        run = begin(store, "b")
        store.keep_plan(run, PlanRow(SLUG, "suite 2", "judging 1", {"test_double": 2, "test_draw": 10}))
        view = store.view(exercise.course)
        assert (view.of("ann", SLUG).score, view.max_scores[SLUG]) == (7, 12)
        store.keep_plan(run, PlanRow(SLUG, "suite 3", "judging 2", {"test_double": 5, "test_draw": 5}))
        view = store.view(exercise.course)
    assert view.max_scores[SLUG] == 10
    assert view.of("ann", SLUG).score == 2.5
    assert view.of("ann", SLUG).trouble.startswith("Judged with an earlier suite")


def test_the_judging_digest_ignores_points_comments_and_titles(exercise: Exercise, tmp_path: Path) -> None:
    """What only changes points is another suite for nobody; whatever is judged, or nothing made something, is."""
    suite = exercise.hidden_folder / "test_hidden.py"
    text, before = suite.read_text(), judging_digest(exercise)
    digests = {}
    for name, changed in {
        "points": text.replace("@points(3)", "@points(4.5)"),
        "comment": "# new\n" + text,
        "value": text.replace("2 * x", "3 * x"),
        "title": text.replace("Doubles a tensor", "Doubles two tensors"),
        "no points": text.replace("@points(3)\n", ""),
    }.items():
        suite.write_text(changed)
        digests[name] = judging_digest(exercise) == before
    assert digests == {"points": True, "comment": True, "value": False, "title": False, "no points": False}
    suite.write_text(text)
    again = make_course(tmp_path / "course", HIDDEN, points=4, more=LIMITS.replace("2", "3"))
    assert judging_digest(again) != before


def test_no_store_is_said_with_what_makes_one(tmp_path: Path) -> None:
    """A folder without a store, or one that is not there, gets a sentence with the command."""
    with pytest.raises(UsageError, match=r"holds no graded class .*`grader grade SUBMISSIONS --out"):
        Store.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("write", [False, True])
def test_a_foreign_database_is_left_alone(tmp_path: Path, write: bool) -> None:
    """Another program's SQLite file is refused and not changed."""
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("CREATE TABLE cookies (name)")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(UsageError, match=r"class.sqlite is not a store of this grader"):
        Store.open(tmp_path, write=write)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("write", [False, True])
def test_what_is_no_database_is_called_damaged(tmp_path: Path, write: bool) -> None:
    """A file of other bytes is one clear sentence, and is not overwritten."""
    (tmp_path / FILE).write_bytes(b"these are not the bytes of a database" * 300)
    with pytest.raises(InfrastructureError, match=r"class.sqlite is damaged \(file is not a database\)"):
        Store.open(tmp_path, write=write)
    assert (tmp_path / FILE).read_bytes().startswith(b"these")


def test_a_damaged_page_is_called_damaged(graded: Path, exercise: Exercise) -> None:
    """A store whose pages were overwritten ends in a sentence, not in a traceback or a wrong score."""
    data = bytearray((graded / FILE).read_bytes())
    data[4096:] = b"x" * (len(data) - 4096)
    (graded / FILE).write_bytes(bytes(data))
    sentence = r"class.sqlite (is damaged|cannot be read)"
    with pytest.raises(InfrastructureError, match=sentence), Store.open(graded) as store:
        store.view(exercise.course)


def test_a_store_of_a_newer_grader_is_refused(graded: Path) -> None:
    """It may hold what this grader does not know, so it is neither read nor changed."""
    with sqlite3.connect(graded / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match=r"newer grader \(version 99 of the store, this one knows 1\)"):
        Store.open(graded)


def test_an_older_store_is_migrated_with_a_message(
    graded: Path, exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers see it as of today and leave it alone, a writer brings it up to date; both say so, nothing is lost."""
    newer = (*schema.MIGRATIONS, "ALTER TABLE students ADD COLUMN nickname TEXT NOT NULL DEFAULT '';")
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    with Store.open(graded) as store:
        assert "(version 1 of the store); the next run brings it to 2." in store.notices[0]
        assert store.view(exercise.course).of("ann", SLUG).score == 2.5
    with Store.open(graded, write=True) as store:
        assert "was brought from version 1 of the store to 2." in store.notices[0]
    with Store.open(graded) as store:
        assert store.notices == []
        assert store.view(exercise.course).of("ann", SLUG).result == result()


def test_a_migration_that_fails_changes_nothing(graded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a migration is worse than none: the file is as before, and its old grader can read it."""
    broken = (*schema.MIGRATIONS, "ALTER TABLE students ADD COLUMN nickname TEXT; SELECT no_such_function();")
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(InfrastructureError, match="no_such_function"):
        Store.open(graded, write=True)
    monkeypatch.undo()
    with Store.open(graded, write=True) as store:
        assert len(store.students()) == 2


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    """A file in the place of the folder is a wrong command, with what the system says."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match=r"out cannot be written: File exists"):
        Store.open(tmp_path / "out", create=True)


def test_the_last_of_several_handins_counts_and_all_are_kept(graded: Path, exercise: Exercise) -> None:
    """Handing in again adds a row; the same again does not."""
    with Store.open(graded, write=True) as store:
        run = begin(store, "again")
        assert len(store.handins()) == 2
        new = Handin("ann", SLUG, made_submission({"work.py": "pass\n"}), "ann/work.py")
        store.take(run, "there", Intake("folders", (Student("ann"),), (new,)))
        assert store.view(exercise.course).of("ann", SLUG).sources == {"work.py": "pass\n"}
        assert store.handins(until=1)[0].submission != {row.student: row for row in store.handins()}["ann"].submission
        assert [one.origin for one in store.unplaced()] == ["x.docx"]


def test_messages_about_a_notebook_name_the_cell(tmp_path: Path, exercise: Exercise) -> None:
    """A line of the made file is followed by the cell it came from, for the student whose file was a notebook."""
    with Store.open(tmp_path / "out", create=True) as store:
        run = begin(store)  # ann's first two lines are those of cell 1
        found = result()
        found.checks[1].message = "Your code raised KeyError: 3 (work.py, line 2)"
        store.keep(run, judged(result=found), ["ann"])
        told = store.view(exercise.course).of("ann", SLUG).result
    assert told is not None
    assert told.checks[1].message == "Your code raised KeyError: 3 (work.py, line 2 (cell 1, line 2))"
