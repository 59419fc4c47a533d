"""The folder of an unfinished output, from which a run that was cut off goes on.

OUTPUT.partial holds the rows and the rejected records written so far, and checkpoint.json: how
far the inputs had been read, and how long the two files were, when both were last safe on disk.
What was appended after that is cut off again when the run goes on.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.inputs import Position
from spacy_brnn.annotate.tally import Tally

_VERSION = 1


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is: where its inputs go on, what it has counted, whether all is read."""

    position: Position
    tally: Tally
    complete: bool = False


class Journal:
    """Rows and rejected records of one output, appended to and made safe at checkpoints.

    settings: all that the output depends on, JSON values by the name a message may give them.

    Raises AnnotateError if another run is writing the same output, or if the folder holds a run
    with other settings; OSError if the folder cannot be written.
    """

    def __init__(self, output: Path, settings: dict[str, Any], *, restart: bool = False) -> None:
        """Open the folder beside `output`, and what it holds of an earlier run."""
        self.folder = output.with_name(output.name + ".partial")
        self.folder.mkdir(exist_ok=True)
        self.rows_path = self.folder / "rows"
        self.rejects_path = self.folder / "rejects"
        self._settings = settings
        self._files = [_lock(self.folder)]
        found = None if restart else self._load()
        self.state = _state(found) if found else None
        if self.state and self.state.complete:
            return
        self._rows = _reopen(self.rows_path, found["rows_bytes"] if found else 0)
        self._rejects = _reopen(self.rejects_path, found["rejects_bytes"] if found else 0)
        self._files += [self._rows, self._rejects]

    @property
    def is_empty(self) -> bool:
        """Whether no row has been appended yet."""
        return self._rows.tell() == 0

    def append(self, rows: bytes, rejects: bytes) -> None:
        """Append the encoded rows and rejected records of one batch."""
        self._rows.write(rows)
        self._rejects.write(rejects)

    def save(self, state: State) -> None:
        """Make a checkpoint: all that was appended so far is safe when this returns."""
        _sync(self._rows)
        _sync(self._rejects)
        checkpoint = {
            "version": _VERSION,
            "settings": self._settings,
            "position": asdict(state.position),
            "tally": state.tally.to_dict(),
            "complete": state.complete,
            "rows_bytes": self._rows.tell(),
            "rejects_bytes": self._rejects.tell(),
        }
        new = self.folder / "checkpoint.new"
        with open(new, "w", encoding="utf-8") as file:
            json.dump(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._checkpoint_path)
        sync_folder(self.folder)

    def close(self) -> None:
        """Close the files and give up the lock; the folder stays."""
        for file in self._files:
            with suppress(OSError):  # a full disk, which the failed write has told already
                file.close()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder)

    @property
    def _checkpoint_path(self) -> Path:
        return self.folder / "checkpoint.json"

    def _load(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._checkpoint_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise AnnotateError(
                f"{self._checkpoint_path} is damaged; start anew with --restart"
            ) from error
        self._compare(found)
        return found

    def _compare(self, found: dict[str, Any]) -> None:
        before = {"version": found.get("version"), **found.get("settings", {})}
        now = {"version": _VERSION, **self._settings}
        changed = [name for name in now if before.get(name) != now[name]]
        if changed:
            raise AnnotateError(
                f"{self.folder} holds an unfinished run, and since then there has changed: "
                f"{', '.join(changed)}; put it back to go on, or start anew with --restart"
            )
        for name in () if found["complete"] else ("rows", "rejects"):
            path = self.folder / name
            if not path.exists() or path.stat().st_size < found[f"{name}_bytes"]:
                raise AnnotateError(f"{path} is shorter than it was; start anew with --restart")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder (a file created or renamed) safe on disk."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _state(found: dict[str, Any]) -> State:
    return State(Position(**found["position"]), Tally.from_dict(found["tally"]), found["complete"])


def _reopen(path: Path, size: int) -> BinaryIO:
    file = open(path, "ab")  # noqa: SIM115 (open for the whole run)
    file.truncate(size)
    file.seek(size)
    return file


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _lock(folder: Path) -> BinaryIO:
    file = open(folder / "lock", "ab")  # noqa: SIM115 (held for the whole run)
    try:
        import fcntl
    except ImportError:
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AnnotateError(f"another run is writing to {folder}") from None
    return file
