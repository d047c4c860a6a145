"""Opening the file of a store: to write, to read, of an older version, and what to say of one that is none.

Owns everything between a path and a connection, and the sentences for what SQLite says. Knows no table.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from grader import messages
from grader.classroom import schema
from grader.classroom.lock import hold
from grader.errors import InfrastructureError, UsageError

LOCK = "class.lock"


@contextlib.contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Say what is wrong with a file instead of what SQLite says."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise InfrastructureError(messages.STORE_FAILED.format(file=path, problem=error)) from error
    except (sqlite3.DatabaseError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InfrastructureError(messages.STORE_DAMAGED.format(file=path, problem=error)) from error


def locked(folder: Path) -> BinaryIO:
    """Make the folder and lock it until what is returned is closed.

    Raises:
        UsageError: it cannot be written to, or another process writes to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return hold(folder / LOCK)
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=folder, problem=error.strerror)) from error


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open for writing, without changing anything yet; the caller holds the lock."""
    return sqlite3.connect(path, isolation_level=None)


def prepare_to_write(connection: sqlite3.Connection) -> None:
    """Say how to write, once the file is known to be a store.

    Every commit survives the process; what a power cut can cost is the last of them, never the file.
    """
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open for reading; in a folder that cannot be written to, a file that nobody writes to is taken as it lies."""
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        connection = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection


def of_today(connection: sqlite3.Connection, path: Path, may_write: bool) -> tuple[sqlite3.Connection, list[str]]:
    """Return a connection to a store of today's version, and what is to be told of how it became one."""
    version, today = schema.version_of(connection), len(schema.MIGRATIONS)
    if version is None or (version == 0 and not may_write):
        raise UsageError(messages.STORE_FOREIGN.format(file=path))
    if version > today:
        raise UsageError(messages.STORE_NEWER.format(file=path, version=version, today=today))
    if version == today:
        return connection, []
    if not may_write:  # readers leave the file alone: a copy in memory is brought up to date instead
        copy = sqlite3.connect(":memory:", isolation_level=None)
        connection.backup(copy)
        connection.close()
        connection = copy
    schema.migrate(connection, version)
    facts = {"file": path, "version": version, "today": today}
    told = messages.STORE_MIGRATED if may_write else messages.STORE_READ_AS_NEWER
    return connection, [told.format(**facts)] if version else []
