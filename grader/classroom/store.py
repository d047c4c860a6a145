"""The database of a graded class: everything that was handed in, judged and said by people, in one file.

The only module that speaks SQL. Owns when something is kept: each judgement in a transaction of its own, so that a
killed run loses what was being judged and nothing else. Nothing is ever replaced: the last attempt, hand-in or override
counts, and the earlier ones stay. What the rows amount to is `picture`'s business.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from grader import messages
from grader.classroom.database import locked, of_today, open_to_read, open_to_write, prepare_to_write, sentences
from grader.classroom.handin import Handin, Intake, Student, Unplaced
from grader.classroom.identity import files_key
from grader.classroom.picture import Late, class_view
from grader.classroom.rows import (
    AttemptRow,
    HandinRow,
    JudgementRow,
    NewJudgement,
    PlanRow,
    from_json,
    handin_told,
    packed,
    packed_json,
    text_digest,
    to_json,
    unpacked,
    why_again,
)
from grader.classroom.view import ClassView, Comment, Override, RunInfo
from grader.course import Course
from grader.errors import UsageError
from grader.results import ExerciseResult
from grader.submission import SourceFile, Submission

FILE = "class.sqlite"
_RUN = "id, began_at, ended_at, seed, tier, command, grader, wall_s, jobs, workers"
_JUDGEMENT = "id, key, exercise, run, files, judging, seed, at, wall_s, why, trouble, settled, names, result, evidence"


def now() -> datetime:
    """Return the time, to the second, as it is kept."""
    return datetime.now(UTC).replace(microsecond=0)


class Store:
    """A store that is open, for reading by anybody or for writing by one. `notices` are for whoever opened it."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, lock: BinaryIO | None, notices: list[str]) -> None:
        self.folder, self.notices = folder, notices
        self._connection, self._lock = connection, lock

    @classmethod
    def open(cls, folder: Path, *, write: bool = False, create: bool = False) -> Store:
        """Open the store of a folder; an older one is migrated, in the file where it is written to.

        Raises:
            UsageError: there is none, it is somebody else's, of a newer grader, or being written to by another process.
            InfrastructureError: it is damaged, or the disk does not let us.
        """
        path = folder / FILE
        if not create and not path.is_file():
            raise UsageError(messages.STORE_MISSING.format(folder=folder))
        with contextlib.ExitStack() as held, sentences(path):
            lock = held.enter_context(locked(folder)) if write or create else None  # closing it unlocks
            connection = open_to_write(path) if lock else open_to_read(path)
            held.callback(connection.close)
            connection, notices = of_today(connection, path, lock is not None)
            if lock:
                prepare_to_write(connection)
            held.pop_all()
            return cls(folder, connection, lock, notices)

    def close(self) -> None:
        """Close the file and let others write."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # --- writing ------------------------------------------------------------------------------------------------

    def begin_run(self, run: RunInfo, layout: str) -> int:
        """Keep that a run begins; one that was broken off and asked for the same goes on. Return its number."""
        last = self.last_run()
        with self._changing() as db:
            if last and last.ended_at is None and _asked(last) == _asked(run):
                return last.id
            # A run that was broken off and is not gone on with ends where the next one begins.
            db.execute("UPDATE runs SET ended_at = ? WHERE ended_at IS NULL", (run.began_at.isoformat(),))
            row = (run.began_at.isoformat(), run.seed, run.tier, run.command, run.grader, layout, run.workers)
            columns = "began_at, seed, tier, command, grader, layout, workers"
            made = db.execute(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            return int(made.lastrowid or 0)

    def end_run(self, run: int, wall_s: float, ended_at: datetime | None) -> None:
        """Keep how long a run took; without a time it was broken off and can be gone on with."""
        with self._changing() as db:
            end = ended_at.isoformat() if ended_at else None
            db.execute("UPDATE runs SET ended_at = ?, wall_s = wall_s + ? WHERE id = ?", (end, wall_s, run))
            if ended_at is not None and self._is_idle(run):
                db.execute("DELETE FROM run_plans WHERE run = ?", (run,))
                db.execute("DELETE FROM runs WHERE id = ?", (run,))

    def take(self, run: int, place: str, intake: Intake) -> None:
        """Keep what was handed in. Hand-ins of earlier intakes stay; what was not understood is that of this place."""
        before = {(row.student, row.exercise): row for row in self.handins()}
        with self._changing() as db:
            rows = [(one.id, one.name, one.email, one.section, to_json(one.keys)) for one in intake.students]
            values = "name = excluded.name, email = excluded.email, section = excluded.section, keys = excluded.keys"
            db.executemany(f"INSERT INTO students VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET {values}", rows)
            for handin in intake.handins:
                known = before.get((handin.student, handin.exercise))
                files = self._keep_submission(handin)
                row = (handin.student, handin.exercise, run, files, handin_told(handin))
                if known is None or (known.submission, known.told) != (row[3], row[4]):
                    db.execute("INSERT INTO handins (student, exercise, run, submission, told) VALUES (?,?,?,?,?)", row)
            db.execute("DELETE FROM unplaced WHERE place = ?", (place,))
            lost = [(place, one.origin, one.why, to_json(one.candidates)) for one in intake.unplaced]
            db.executemany("INSERT INTO unplaced VALUES (?, ?, ?, ?)", lost)

    def keep_plan(self, run: int, plan: PlanRow) -> None:
        """Keep what the checks of an exercise are worth at this run."""
        with self._changing() as db:
            db.execute("INSERT OR IGNORE INTO plans VALUES (?, ?, ?)", (plan.exercise, plan.suite, to_json(plan.worth)))
            row = (run, plan.exercise, plan.suite, plan.judging)
            db.execute("INSERT OR REPLACE INTO run_plans VALUES (?, ?, ?, ?)", row)

    def keep(self, run: int, new: NewJudgement, students: Sequence[str]) -> int:
        """Keep a judgement and that it is the newest attempt of these students, at once. Return its number."""
        row = (
            new.key, new.result.exercise, run, new.files, new.judging, new.result.seed, now().isoformat(), new.wall_s,
            new.why, new.trouble, new.settled, new.names, packed_json(new.result), packed_json(new.evidence),
        )  # fmt: skip
        with self._changing() as db:
            columns = _JUDGEMENT.removeprefix("id, ")
            made = db.execute(f"INSERT INTO judgements ({columns}) VALUES ({', '.join('?' * len(row))})", row)
            judgement = int(made.lastrowid or 0)
            self._attempt(run, judgement, new.result.exercise, students)
            db.execute("UPDATE runs SET jobs = jobs + 1 WHERE id = ?", (run,))
        return judgement

    def adopt(self, run: int, exercise: str, judgements: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Let stored judgements be the newest attempt of students who handed in what was judged there."""
        with self._changing():
            for judgement, students in judgements:
                self._attempt(run, judgement, exercise, students)

    def rename(self, renamed: Iterable[tuple[int, str, ExerciseResult]]) -> None:
        """Keep results whose mistakes got other names, by the number of their judgement, with the digest of these."""
        with self._changing() as db:
            rows = [(names, packed_json(result), judgement) for judgement, names, result in renamed]
            db.executemany("UPDATE judgements SET names = ?, result = ? WHERE id = ?", rows)

    def override(self, given: Override, *, withdraw: bool = False) -> None:
        """Keep points that a person gave, or that they are withdrawn."""
        points = None if withdraw else given.points
        row = (given.student, given.exercise, given.check, points, given.reason, given.by, given.at.isoformat())
        with self._changing() as db:
            columns = 'student, exercise, "check", points, reason, by, at'
            db.execute(f"INSERT INTO overrides ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def comment(self, said: Comment) -> None:
        """Keep what a person wrote to a student."""
        row = (said.student, said.exercise, said.text, said.by, said.at.isoformat())
        with self._changing() as db:
            db.execute("INSERT INTO comments (student, exercise, text, by, at) VALUES (?, ?, ?, ?, ?)", row)

    # --- reading ------------------------------------------------------------------------------------------------

    def view(self, course: Course, late: Late | None = None) -> ClassView:
        """Return the class as it stands now: today's points, overrides, and `late` applied to all of it."""
        return class_view(self, course, late)

    def runs(self) -> list[RunInfo]:
        """Return all runs in which something came about, the oldest first."""
        return [_run(row) for row in self._rows(f"SELECT {_RUN} FROM runs ORDER BY id")]

    def last_run(self) -> RunInfo | None:
        """Return the newest run."""
        return next(iter(self.runs()[::-1]), None)

    def layout(self) -> str:
        """Return how the newest intake was laid out."""
        return next((row[0] for row in self._rows("SELECT layout FROM runs ORDER BY id DESC LIMIT 1")), "")

    def students(self) -> list[Student]:
        """Return everybody, in the order in which they were first seen."""
        rows = self._rows("SELECT id, name, email, section, keys FROM students ORDER BY rowid")
        return [Student(row[0], row[1], row[2], row[3], tuple(from_json(row[4], list[str]))) for row in rows]

    def handins(self, until: int | None = None) -> list[HandinRow]:
        """Return what each student handed in last for each exercise, until a run."""
        last = "SELECT max(id) FROM handins WHERE ? IS NULL OR run <= ? GROUP BY student, exercise"
        columns = "student, exercise, run, submission, told"
        rows = self._rows(f"SELECT {columns} FROM handins WHERE id IN ({last}) ORDER BY id", (until, until))
        return [HandinRow(*row) for row in rows]

    def handin_of(self, student: str, exercise: str, submission: str) -> HandinRow | None:
        """Return the last time that a student handed in these files, also if others came after them."""
        columns = "student, exercise, run, submission, told"
        where = "student = ? AND exercise = ? AND submission = ? ORDER BY id DESC LIMIT 1"
        rows = self._rows(f"SELECT {columns} FROM handins WHERE {where}", (student, exercise, submission))
        return HandinRow(*rows[0]) if rows else None

    def submissions(self) -> dict[str, Submission]:
        """Return every submission by its key."""
        texts = {row[0]: unpacked(row[1]).decode() for row in self._rows("SELECT sha256, text FROM texts")}
        rows = self._rows("SELECT id, sha256, files, extra FROM submissions")
        return {
            id: Submission(
                sha256,
                tuple(SourceFile(name, texts[text]) for name, text in from_json(files, list[tuple[str, str]])),
                tuple(from_json(extra, list[str])),
            )
            for id, sha256, files, extra in rows
        }

    def unplaced(self) -> list[Unplaced]:
        """Return what nobody understood."""
        rows = self._rows("SELECT origin, why, candidates FROM unplaced ORDER BY rowid")
        return [Unplaced(origin, why, tuple(from_json(text, list[str]))) for origin, why, text in rows]

    def plans(self, until: int | None = None) -> list[PlanRow]:
        """Return what checks were worth, run by run, the newest last."""
        columns = "r.exercise, r.suite, r.judging, p.worth"
        joined = "run_plans r JOIN plans p ON p.exercise = r.exercise AND p.suite = r.suite"
        rows = self._rows(
            f"SELECT {columns} FROM {joined} WHERE ? IS NULL OR r.run <= ? ORDER BY r.run",
            (until, until),
        )
        return [PlanRow(row[0], row[1], row[2], from_json(row[3], dict[str, float])) for row in rows]

    def judgements(self, settled_only: bool = False) -> dict[str, int]:
        """Return the newest judgement of every key."""
        where = "WHERE settled" if settled_only else ""
        return dict(self._rows(f"SELECT key, max(id) FROM judgements {where} GROUP BY key"))

    def judgement(self, id: int) -> JudgementRow:
        """Return one judgement in full."""
        return JudgementRow(*self._rows(f"SELECT {_JUDGEMENT} FROM judgements WHERE id = ?", (id,))[0])

    def standing(self, until: int | None = None) -> dict[tuple[str, str], AttemptRow]:
        """Return the attempt that counts for each student and exercise, at the end of a run."""
        return {(row.student, row.exercise): row for row in self.attempts(until=until)}

    def attempts(self, student: str = "", exercise: str = "", until: int | None = None) -> list[AttemptRow]:
        """Return attempts, the oldest first."""
        asked = (student, student, exercise, exercise, until, until)
        where = "(? = '' OR student = ?) AND (? = '' OR exercise = ?) AND (? IS NULL OR run <= ?)"
        columns = "student, exercise, number, judgement, run, why"
        rows = self._rows(f"SELECT {columns} FROM attempts WHERE {where} ORDER BY number, rowid", asked)
        return [AttemptRow(*row) for row in rows]

    def stale_names(self, key: str, names: str) -> list[int]:
        """Return the judgements of a key whose mistakes were named by something else than `names` stands for."""
        rows = self._rows("SELECT id FROM judgements WHERE key = ? AND names NOT IN ('', ?)", (key, names))
        return [row[0] for row in rows]

    def overrides(self, until: datetime | None = None) -> list[Override]:
        """Return the points that people gave and that were not withdrawn since."""
        columns = 'student, exercise, "check", points, reason, by, at'
        last: dict[tuple[str, str, str], Override | None] = {}
        for student, exercise, check, points, reason, by, at in self._rows(
            f"SELECT {columns} FROM overrides ORDER BY id"
        ):
            given = Override(student, exercise, check, points or 0.0, reason, by, datetime.fromisoformat(at))
            if until is None or given.at <= until:
                last.pop((student, exercise, check), None)
                last[student, exercise, check] = given if points is not None else None
        return [given for given in last.values() if given is not None]

    def comments(self) -> list[Comment]:
        """Return what people wrote."""
        rows = self._rows("SELECT student, exercise, text, by, at FROM comments ORDER BY id")
        return [Comment(row[0], row[1], row[2], row[3], datetime.fromisoformat(row[4])) for row in rows]

    # --- inside -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with sentences(self.folder / FILE), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with sentences(self.folder / FILE):
            return self._connection.execute(query, values).fetchall()

    def _attempt(self, run: int, judgement: int, exercise: str, students: Sequence[str]) -> None:
        new = self.judgement(judgement)
        query = "SELECT number, judgement FROM attempts WHERE student = ? AND exercise = ? ORDER BY number DESC LIMIT 1"
        for student in students:
            number, last = next(iter(self._rows(query, (student, exercise))), (0, None))
            if last != judgement:
                why = why_again(self.judgement(last), new) if last is not None else ""
                row = (student, exercise, number + 1, judgement, run, why)
                self._connection.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)", row)

    def _keep_submission(self, handin: Handin) -> str | None:
        if handin.submission is None:
            return None
        sources = [(source.name, text_digest(source.text), source.text) for source in handin.submission.sources]
        rows = [(digest, packed(text.encode())) for _, digest, text in sources]
        self._connection.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", rows)
        files = to_json([(name, digest) for name, digest, _ in sources])
        key = files_key(handin.submission)
        row = (key, handin.submission.sha256, files, to_json(handin.submission.extra_files))
        self._connection.execute("INSERT OR IGNORE INTO submissions VALUES (?, ?, ?, ?)", row)
        return key

    def _is_idle(self, run: int) -> bool:
        """Whether nothing came about in a run that an earlier one had not left as it is."""
        tables = ("judgements", "attempts", "handins")
        if any(self._rows(f"SELECT 1 FROM {table} WHERE run = ? LIMIT 1", (run,)) for table in tables):
            return False
        of_run = "SELECT exercise, suite, judging FROM run_plans WHERE run = ?"
        before = self._rows("SELECT max(id) FROM runs WHERE id < ?", (run,))[0][0]
        return before is not None and set(self._rows(of_run, (run,))) <= set(self._rows(of_run, (before,)))


def _asked(run: RunInfo) -> tuple[int, str, str]:
    return run.seed, run.tier, run.command


def _run(row: Sequence[object]) -> RunInfo:
    id, began_at, ended_at, *rest = row
    end = datetime.fromisoformat(str(ended_at)) if ended_at else None
    return RunInfo(id, datetime.fromisoformat(str(began_at)), end, *rest)  # type: ignore[arg-type]
