"""The tables of a store, and how a store of an older grader becomes one of today.

Owns every statement that makes or changes a table. Each migration leads from its place in the list to the next version;
one that has been released is never edited. Knows nothing of what the rows mean.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x4E4E4752  # in the head of the file, so that another program's database is never taken for ours

# texts: a text is kept once, however many handed it in; `text` is zlib. submissions: `id` is identity.files_key.
# handins: one row whenever what stands changed; the last row counts. attempts: the last one counts.
# judgements: `settled` is 0 while it will be judged again; `result` and `evidence` are zlib of JSON.
_FIRST = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, began_at TEXT NOT NULL, ended_at TEXT, seed INTEGER NOT NULL, tier TEXT NOT NULL,
  command TEXT NOT NULL, grader TEXT NOT NULL, layout TEXT NOT NULL, wall_s REAL NOT NULL DEFAULT 0,
  jobs INTEGER NOT NULL DEFAULT 0, workers INTEGER NOT NULL DEFAULT 0);
CREATE TABLE students (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, section TEXT NOT NULL, keys TEXT NOT NULL);
CREATE TABLE texts (sha256 TEXT PRIMARY KEY, text BLOB NOT NULL);
CREATE TABLE submissions (id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, files TEXT NOT NULL, extra TEXT NOT NULL);
CREATE TABLE handins (
  id INTEGER PRIMARY KEY, student TEXT NOT NULL REFERENCES students, exercise TEXT NOT NULL,
  run INTEGER NOT NULL REFERENCES runs, submission TEXT REFERENCES submissions, told TEXT NOT NULL);
CREATE INDEX handins_of ON handins (student, exercise);
CREATE TABLE unplaced (place TEXT NOT NULL, origin TEXT NOT NULL, why TEXT NOT NULL, candidates TEXT NOT NULL);
CREATE TABLE plans (exercise TEXT NOT NULL, suite TEXT NOT NULL, worth TEXT NOT NULL, PRIMARY KEY (exercise, suite));
CREATE TABLE run_plans (
  run INTEGER NOT NULL REFERENCES runs, exercise TEXT NOT NULL, suite TEXT NOT NULL, judging TEXT NOT NULL,
  PRIMARY KEY (run, exercise));
CREATE TABLE judgements (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, exercise TEXT NOT NULL, run INTEGER NOT NULL REFERENCES runs,
  files TEXT NOT NULL, judging TEXT NOT NULL, seed INTEGER NOT NULL, at TEXT NOT NULL, wall_s REAL NOT NULL,
  why TEXT NOT NULL, trouble TEXT NOT NULL, settled INTEGER NOT NULL, names TEXT NOT NULL, result BLOB NOT NULL,
  evidence BLOB NOT NULL);
CREATE INDEX judgements_by_key ON judgements (key);
CREATE TABLE attempts (
  student TEXT NOT NULL REFERENCES students, exercise TEXT NOT NULL, number INTEGER NOT NULL,
  judgement INTEGER NOT NULL REFERENCES judgements, run INTEGER NOT NULL REFERENCES runs, why TEXT NOT NULL,
  PRIMARY KEY (student, exercise, number));
CREATE TABLE overrides (
  id INTEGER PRIMARY KEY, student TEXT NOT NULL, exercise TEXT NOT NULL, "check" TEXT NOT NULL, points REAL,
  reason TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE comments (
  id INTEGER PRIMARY KEY, student TEXT NOT NULL, exercise TEXT NOT NULL, text TEXT NOT NULL, by TEXT NOT NULL,
  at TEXT NOT NULL);
"""
MIGRATIONS = (_FIRST,)


def version_of(connection: sqlite3.Connection) -> int | None:
    """Return the version of a store, 0 for an empty file, None for a database that is no store."""
    application = _pragma(connection, "application_id")
    if application == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return 0
    return _pragma(connection, "user_version") if application == APPLICATION_ID else None


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring an empty file or a store of an older version to today's, as a whole or not at all."""
    script = "".join(MIGRATIONS[version:])
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {len(MIGRATIONS)};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {script} {marks} COMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
