"""What a run asks of a writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from spacy_brnn.annotate.annotator import Annotation
from spacy_brnn.annotate.records import Record

Row = tuple[Record, Annotation]


class Writer(Protocol):
    """Encodes batches to bytes that are appended to one file.

    spooled: whether that file is only a store, from which `assemble` makes the output;
    needs_docs: whether it wants the Docs, not only their annotations.
    """

    spooled: bool
    needs_docs: bool

    def encode(self, rows: Sequence[Row], columns: Sequence[str], *, first: bool) -> bytes:
        """The bytes of one batch, a function of the arguments alone.

        columns: the annotations' fields; first: nothing has been written yet.
        """
        ...

    def assemble(self, store: Path, target: Path) -> None:
        """Write the output to `target` from the stored batches."""
        ...
