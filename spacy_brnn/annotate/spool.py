"""The file of an unfinished run, from which it goes on where it was cut off.

OUTPUT.partial is a SQLite database. Every batch is one transaction that adds its rows and moves
the state on, so that what is there after a crash of any kind is a whole number of batches.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spacy_brnn.annotate.records import SENTIMENT_FIELDS, AnnotateError, Position
from spacy_brnn.annotate.tally import Tally

_VERSION = 2
_TABLES = (
    "CREATE TABLE IF NOT EXISTS run (one INTEGER PRIMARY KEY, settings TEXT, state TEXT)",
    "CREATE TABLE IF NOT EXISTS batch (number INTEGER PRIMARY KEY, rows BLOB, rejects BLOB)",
)


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is: where its inputs go on, what it has counted, whether all is read.

    columns: the fields of its annotations.
    """

    position: Position
    tally: Tally
    columns: tuple[str, ...] = SENTIMENT_FIELDS
    complete: bool = False


class Spool:
    """The rows and the rejected records of one run, by batch.

    path: OUTPUT.partial; settings: all that the output depends on, JSON values. `earlier` and
    `state` are the settings and the state of the run that the file holds already, None without one.

    Raises AnnotateError if another run is writing it, if it is no such file, or if it cannot be
    written.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        """Open the file, or make it."""
        self.path = path
        self.settings = {"version": _VERSION, **settings}
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
        except sqlite3.Error as error:
            raise AnnotateError(f"{path} cannot be written ({error})") from error
        self.earlier: dict[str, Any] | None = None
        self.state: State | None = None
        try:
            # Exclusive: a second run is told. WAL: a batch costs no wait for the disk.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA wal_autocheckpoint = 0")
            self._db.execute("BEGIN EXCLUSIVE")
            for table in _TABLES:
                self._db.execute(table)
            self._load()
            if self.state is None:
                row = (1, json.dumps(self.settings), None)
                self._db.execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?)", row)
            self._db.execute("COMMIT")
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            self._db.close()
            _refuse_locked(path, error)
            raise AnnotateError(
                f"{path} is damaged, or not of a run ({error}); start anew with --restart"
            ) from error

    def append(self, rows: bytes, rejects: bytes, state: State) -> None:
        """Add one batch and move the state on: both, or neither.

        Raises OSError if the disk does not take it.
        """
        try:
            with _disk_errors():
                self._db.execute("BEGIN")
                self._db.execute("INSERT INTO batch (rows, rejects) VALUES (?, ?)", (rows, rejects))
                self._store(state)
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def save(self, state: State) -> None:
        """Store the state by itself. Raises OSError if the disk does not take it."""
        with _disk_errors():
            self._store(state)

    def sync(self) -> None:
        """Make what was added outlast a power failure."""
        with _disk_errors():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def read_so_far(self) -> int:
        """How many records the stored state has read, 0 where none was written."""
        (found,) = self._db.execute("SELECT state FROM run").fetchone()
        tally = Tally.from_dict(json.loads(found)["tally"]) if found else Tally()
        return tally.read if tally.written else 0

    def rows(self) -> Iterator[bytes]:
        """The rows of every batch that has some, in order."""
        query = "SELECT rows FROM batch WHERE length(rows) ORDER BY number"
        return (rows for (rows,) in self._db.execute(query))

    def rejects(self) -> Iterator[bytes]:
        """The rejected records of every batch that has some, in order."""
        query = "SELECT rejects FROM batch WHERE length(rejects) ORDER BY number"
        return (rejects for (rejects,) in self._db.execute(query))

    def close(self) -> None:
        """Close the file; it stays."""
        with suppress(sqlite3.Error):  # a full disk, which the failed write has told already
            self._db.close()

    def remove(self) -> None:
        """Close and delete the file."""
        self.close()
        remove_spool(self.path)

    def _store(self, state: State) -> None:
        self._db.execute("UPDATE run SET state = ?", (json.dumps(asdict(state)),))

    def _load(self) -> None:
        found = self._db.execute("SELECT settings, state FROM run").fetchone()
        if not found or not found[1]:
            return
        self.earlier = json.loads(found[0])
        state = json.loads(found[1])
        self.state = State(
            Position(**state["position"]),
            Tally.from_dict(state["tally"]),
            tuple(state["columns"]),
            state["complete"],
        )


def _refuse_locked(path: Path, error: Exception) -> None:
    if "locked" in str(error):
        raise AnnotateError(f"another run is writing to {path}") from error


def check_unused(path: Path) -> None:
    """Raise AnnotateError if another run is writing it."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
            db.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        _refuse_locked(path, error)


def remove_spool(path: Path) -> None:
    """Delete a spool file and what lies beside it."""
    for ending in ("-output", "-rejects", "-wal", "-shm", "-journal", ""):
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{ending}")


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"{error} (is the disk full?)") from error
