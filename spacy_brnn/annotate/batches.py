"""Cutting the stream of items into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spacy_brnn.annotate.annotator import Annotation, Annotations
from spacy_brnn.annotate.inputs import InputReader, Position
from spacy_brnn.annotate.records import Item, Record, Rejected, reject

MAX_BATCH_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive items; after: where the inputs go on; consumed: bytes read by then."""

    items: list[Item]
    after: Position
    consumed: int

    def documents(self) -> list[str | bytes]:
        """The documents of the records among the items."""
        return [item.document for item in self.items if isinstance(item, Record)]


def cut_batches(reader: InputReader, batch_size: int) -> Iterator[Batch]:
    """Yield batches of `batch_size` items, fewer where these are long.

    The cuts depend on the input alone, counted from where reading starts: a run that goes on
    behind a batch makes the same batches as one that never stopped. That is what makes its
    scores the same to the last digit.
    """
    items: list[Item] = []
    characters = 0
    for item in reader:
        items.append(item)
        characters += len(item.text) if isinstance(item, Record) else 0
        if len(items) >= batch_size or characters >= MAX_BATCH_CHARACTERS:
            yield Batch(items, reader.position, reader.consumed)
            items, characters = [], 0
    if items:
        yield Batch(items, reader.position, reader.consumed)


def sort_out(
    items: Sequence[Item], annotations: Annotations
) -> tuple[list[tuple[Record, Annotation]], list[Rejected]]:
    """Part a batch's items into rows to write and rejected records, each in order."""
    rows: list[tuple[Record, Annotation]] = []
    rejected: list[Rejected] = []
    results = iter(annotations.results)
    for item in items:
        if isinstance(item, Rejected):
            rejected.append(item)
            continue
        result = next(results)
        if isinstance(item, Record) and isinstance(result, Annotation):
            rows.append((item, result))
        else:
            rejected.append(reject(item, result.reason))
    return rows, rejected
