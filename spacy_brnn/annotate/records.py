"""What readers yield: records, and the ones that cannot be annotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spacy_brnn.annotate.values import to_json

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""Longest record that is read at all; a longer one is rejected, so that memory stays bounded."""


@dataclass(slots=True, kw_only=True)
class Item:
    """One record of an input, and where the next one begins.

    source: the input's name; unit: what `number` counts ("line", "row", "document" or "file");
    number: from 1; end, next_number: where reading goes on after this record, in the unit that
    the format's reader seeks by (bytes of decompressed data for text formats, else records);
    raw: the record as it stands in the input, None where it is not text.
    """

    source: str
    unit: str
    number: int
    end: int
    next_number: int
    raw: bytes | None

    def place(self) -> str:
        """Where the record is, for messages."""
        if self.unit == "file":
            return self.source
        if self.unit == "line":
            return f"{self.source}:{self.number}"
        return f"{self.source}, {self.unit} {self.number}"


@dataclass(slots=True, kw_only=True)
class Record(Item):
    """A record to annotate.

    text: its text; fields: all its fields, the text among them; doc: the serialized Doc where
    the input holds Docs;
    is_json: `raw` is a JSON object, which a JSONL writer may keep byte for byte.
    """

    text: str
    fields: dict[str, Any]
    doc: bytes | None = None
    is_json: bool = False

    @property
    def document(self) -> str | bytes:
        """What the pipeline gets."""
        return self.text if self.doc is None else self.doc


@dataclass(slots=True, kw_only=True)
class Rejected(Item):
    """A record that cannot be annotated, and why."""

    reason: str


def reject(record: Record, reason: str) -> Rejected:
    """The same place and raw record (its fields as JSON, if it is not text), rejected."""
    return Rejected(
        source=record.source,
        unit=record.unit,
        number=record.number,
        end=record.end,
        next_number=record.next_number,
        raw=to_json(record.fields) if record.raw is None else record.raw,
        reason=reason,
    )
