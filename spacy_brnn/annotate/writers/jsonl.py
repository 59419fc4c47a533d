"""JSON Lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spacy_brnn.annotate.annotator import Annotation
from spacy_brnn.annotate.compression import compress
from spacy_brnn.annotate.records import Record
from spacy_brnn.annotate.values import to_json
from spacy_brnn.annotate.writers.base import Row


class JsonlWriter:
    """One JSON object a line: the record's fields, then the annotation's.

    A record that came as JSON keeps its bytes: its numbers, escapes and spaces are not rewritten.
    """

    spooled = False
    needs_docs = False

    def __init__(self, compression: str | None = None) -> None:
        """Write plain, "gzip" or "zstd"."""
        self._compression = compression

    def encode(self, rows: Sequence[Row], columns: Sequence[str], *, first: bool) -> bytes:
        """See Writer."""
        lines = b"".join(_line(record, annotation) for record, annotation in rows)
        return compress(lines, self._compression) if lines or first else b""

    def assemble(self, store: Path, target: Path) -> None:
        """Never called: what was appended is the output."""
        raise NotImplementedError


def _line(record: Record, annotation: Annotation) -> bytes:
    if record.is_json and record.raw and annotation.fields.keys().isdisjoint(record.fields):
        return record.raw[:-1].rstrip() + b", " + to_json(annotation.fields)[1:] + b"\n"
    kept = {name: value for name, value in record.fields.items() if name not in annotation.fields}
    return to_json({**kept, **annotation.fields}) + b"\n"
