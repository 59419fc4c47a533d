"""Where the rows of a run go: to a file, by way of a journal, or to standard output."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from spacy_brnn.annotate.checkpoint import Journal, State, sync_folder
from spacy_brnn.annotate.records import Rejected
from spacy_brnn.annotate.rejects import encode_rejected
from spacy_brnn.annotate.writers import Writer


class Sink(Protocol):
    """Takes encoded batches; `state` is that of an earlier run, if there is one to go on from."""

    state: State | None

    @property
    def is_empty(self) -> bool:
        """Whether no row has been appended yet."""
        ...

    def append(self, rows: bytes, rejected: list[Rejected]) -> None:
        """Take one batch."""
        ...

    def save(self, state: State) -> None:
        """Make what was taken safe, if the sink can."""
        ...

    def finish(self, state: State) -> None:
        """Put the output in its place."""
        ...

    def close(self) -> None:
        """Give up everything that is open; an unfinished run stays as it is."""
        ...


class FileSink:
    """A file that appears under its name when it is complete, and a rejects file beside it."""

    def __init__(
        self,
        output: Path,
        rejects: Path,
        writer: Writer,
        settings: dict[str, Any],
        *,
        restart: bool = False,
    ) -> None:
        """Open the journal; raises what Journal raises."""
        self._output = output
        self._rejects = rejects
        self._writer = writer
        self._journal = Journal(output, settings, restart=restart)
        self.state = self._journal.state

    @property
    def is_empty(self) -> bool:
        """See Sink."""
        return self._journal.is_empty

    def append(self, rows: bytes, rejected: list[Rejected]) -> None:
        """See Sink."""
        self._journal.append(rows, b"".join(map(encode_rejected, rejected)))

    def save(self, state: State) -> None:
        """See Sink."""
        self._journal.save(state)

    def finish(self, state: State) -> None:
        """See Sink; cut off at any point and done again, it ends the same."""
        if not (self.state and self.state.complete):
            self._journal.save(State(state.position, state.tally, complete=True))
        self._journal.close()
        rows = self._journal.rows_path
        if self._writer.spooled:
            rows = self._journal.folder / "assembled"
            self._writer.assemble(self._journal.rows_path, rows)
            _sync_file(rows)
        self._place_rejects()
        if rows.exists():
            os.replace(rows, self._output)
        sync_folder(self._output.parent)
        self._journal.remove()

    def close(self) -> None:
        """See Sink."""
        self._journal.close()

    def _place_rejects(self) -> None:
        stored = self._journal.rejects_path
        if not stored.exists():
            return
        if stored.stat().st_size:
            shutil.move(stored, self._rejects)
        else:
            self._rejects.unlink(missing_ok=True)


class StreamSink:
    """Standard output: nothing to go on from, and rejected records are told, not stored.

    rejects: a file for them all the same, None for standard error.
    """

    state = None

    def __init__(self, writer: Writer, rejects: Path | None) -> None:
        """Write to the process's standard output."""
        self._writer = writer
        self._out: BinaryIO = sys.stdout.buffer
        self._rejects = open(rejects, "wb") if rejects else None  # noqa: SIM115
        self._folder = tempfile.TemporaryDirectory() if writer.spooled else None
        self._rows = open(self._spool("rows"), "wb") if writer.spooled else self._out  # noqa: SIM115
        self.is_empty = True

    def append(self, rows: bytes, rejected: list[Rejected]) -> None:
        """See Sink."""
        self.is_empty = self.is_empty and not rows
        self._rows.write(rows)
        self._rows.flush()
        for item in rejected:
            self._tell(item)

    def save(self, state: State) -> None:
        """Do nothing: what was written is gone."""

    def finish(self, state: State) -> None:
        """See Sink."""
        if self._folder is not None:
            self._writer.assemble(self._spool("rows"), self._spool("assembled"))
            with open(self._spool("assembled"), "rb") as assembled:
                shutil.copyfileobj(assembled, self._out)
        self._out.flush()

    def close(self) -> None:
        """See Sink."""
        if self._rejects is not None:
            self._rejects.close()
        if self._folder is not None:
            self._rows.close()
            self._folder.cleanup()

    def _spool(self, name: str) -> Path:
        return Path(self._folder.name) / name

    def _tell(self, item: Rejected) -> None:
        if self._rejects is not None:
            self._rejects.write(encode_rejected(item))
        else:
            sys.stderr.write(f"skipped {item.place()}: {item.reason}\n")


def _sync_file(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
