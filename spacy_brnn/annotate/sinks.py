"""Where the rows of a run go: to a file, by way of the spool, or to standard output."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from spacy_brnn.annotate.plan import AnnotateOptions
from spacy_brnn.annotate.records import AnnotateError, Record
from spacy_brnn.annotate.sources import STDIN, compressed, same_fingerprint
from spacy_brnn.annotate.spool import Spool, State, check_unused, remove_spool
from spacy_brnn.annotate.writers import Writer, assemble


class Sink(Protocol):
    """Takes encoded batches; `state` is that of an earlier run, if there is one to go on from."""

    state: State | None

    @property
    def written(self) -> int:
        """Records read in the batches that are safe."""
        ...

    def append(self, rows: bytes, rejected: list[Record], state: State) -> None:
        """Take one batch, and where the run is after it."""
        ...

    def sync(self) -> None:
        """Make what was taken outlast a power failure, if the sink can."""
        ...

    def finish(self, state: State) -> None:
        """Put the output in its place."""
        ...

    def close(self) -> None:
        """Give up everything that is open; a run in which a record was written stays."""
        ...


class FileSink:
    """A file that appears under its name when it is complete, and a rejects file beside it.

    settings: all that the output depends on.

    Raises AnnotateError if an unfinished run with other settings is there, or one that is running.
    """

    def __init__(
        self,
        options: AnnotateOptions,
        rejects: Path,
        writer: Writer,
        compression: str | None,
        settings: dict[str, Any],
    ) -> None:
        """Open what is there of an earlier run; make nothing."""
        self._options = options
        self._output = Path(options.output)
        self._rejects = rejects
        self._writer = writer
        self._compression = compression
        self._settings = settings
        self._path = self._output.with_name(f"{self._output.name}.partial")
        if self._path.is_dir():
            raise AnnotateError(f"{self._path} is a folder, and not of a run; move it away")
        if options.restart or STDIN in settings["inputs"]:
            check_unused(self._path)
            remove_spool(self._path)
        self._spool = Spool(self._path, settings) if self._path.exists() else None
        self.state = self._spool.state if self._spool else None
        if self._spool is None:
            return
        if not self.state or not self.state.tally.written:
            self._spool.remove()
            self._spool = self.state = None
        elif problem := changes(self._spool.earlier or {}, self._spool.settings):
            self._spool.close()
            raise AnnotateError(f"{self._path} holds an unfinished run, {problem}")

    @property
    def written(self) -> int:
        """See Sink."""
        # As it is stored: an interruption may come between the storing and a note of it.
        return self._spool.read_so_far() if self._spool else 0

    def append(self, rows: bytes, rejected: list[Record], state: State) -> None:
        """See Sink."""
        if self._spool is None:
            self._spool = Spool(self._path, self._settings)
        self._spool.append(rows, b"".join(record.rejection() for record in rejected), state)

    def sync(self) -> None:
        """See Sink."""
        if self._spool is not None:
            self._spool.sync()

    def finish(self, state: State) -> None:
        """See Sink."""
        if self._spool is not None:
            self._spool.save(state)
            self._spool.sync()
        if state.tally.rejected or self._options.rejects is not None:
            with self._replacing(self._rejects, "-rejects") as file:
                file.writelines(self._spool.rejects() if self._spool else ())
        elif self._options.overwrite and self._rejects.exists():
            # They are of the output that is being replaced.
            os.unlink(self._rejects)
        with (
            self._replacing(self._output, "-output") as file,
            compressed(file, self._compression) as packed,
        ):
            rows = self._spool.rows if self._spool else tuple
            assemble(self._writer, rows, packed, state.columns)
        _sync_folder(self._output.parent)
        if self._spool is not None:
            self._spool.remove()
            self._spool = None

    def close(self) -> None:
        """See Sink."""
        if self._spool is None:
            return
        if self._spool.read_so_far():
            self._spool.close()
        else:
            self._spool.remove()

    @contextmanager
    def _replacing(self, target: Path, ending: str) -> Iterator[BinaryIO]:
        """A new file that takes the target's place, whole or not at all."""
        new = Path(f"{self._path}{ending}")
        try:
            with open(new, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
        except Exception:
            new.unlink(missing_ok=True)
            raise
        try:
            os.replace(new, target)
        except OSError:  # another disk
            target.write_bytes(new.read_bytes())
            os.unlink(new)


class StreamSink:
    """Standard output: nothing to go on from, and rejected records are told, not stored.

    rejects: a file for them all the same, None for standard error. What cannot be written before
    the end is kept in a temporary file.
    """

    state: State | None = None
    written = 0

    def __init__(self, writer: Writer, rejects: Path | None) -> None:
        """Write to the process's standard output."""
        self._writer = writer
        self._output: BinaryIO = sys.stdout.buffer
        self._rejects_path = rejects
        self._rejects: BinaryIO | None = None
        self._folder = None if writer.streams else tempfile.TemporaryDirectory()
        self._spool = Spool(Path(self._folder.name, "spool"), {}) if self._folder else None
        self._is_open = False

    def append(self, rows: bytes, rejected: list[Record], state: State) -> None:
        """See Sink."""
        if self._spool is not None:
            self._spool.append(rows, b"", state)
        elif rows:
            self._open(state)
            self._writer.write(rows)
            self._output.flush()
        for record in rejected:
            self._tell(record)
        self.written = state.tally.read

    def sync(self) -> None:
        """Do nothing: what was written is gone."""

    def finish(self, state: State) -> None:
        """See Sink."""
        if self._spool is not None:
            assemble(self._writer, self._spool.rows, self._output, state.columns)
        else:
            self._open(state)
            self._writer.close()
        self._output.flush()
        if self._rejects_path is not None and self._rejects is None:
            self._rejects_path.write_bytes(b"")

    def close(self) -> None:
        """See Sink."""
        if self._rejects is not None:
            self._rejects.close()
        if self._spool is not None and self._folder is not None:
            self._spool.close()
            self._folder.cleanup()

    def _open(self, state: State) -> None:
        if not self._is_open:
            self._writer.open(self._output, state.columns)
        self._is_open = True

    def _tell(self, record: Record) -> None:
        if self._rejects_path is None:
            sys.stderr.write(f"skipped {record.place}: {record.problem}\n")
            return
        if self._rejects is None:
            self._rejects = open(self._rejects_path, "wb")  # noqa: SIM115 (open for the whole run)
        self._rejects.write(record.rejection())


def changes(earlier: dict[str, Any], now: dict[str, Any]) -> str | None:
    """What is not as it was, in words; None if all is."""
    names = [name for name in now if name != "inputs" and earlier.get(name) != now[name]]
    before, after = earlier.get("inputs", {}), now["inputs"]
    files = [
        path
        for path in dict.fromkeys([*before, *after])
        if not same_fingerprint(before.get(path), after.get(path))
    ]
    if files or list(before) != list(after):
        names.append("inputs")
    if not names:
        return None
    which = f" (changed: {', '.join(files[:10])})" if files else ""
    return (
        f"and since then there has changed: {', '.join(names)}; "
        f"put it back to go on, or start anew with --restart{which}"
    )


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder (a file created or renamed) safe on disk."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
