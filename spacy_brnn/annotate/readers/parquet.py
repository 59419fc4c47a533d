"""Parquet, by way of the extra "parquet"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spacy_brnn.annotate.readers.checks import missing_field, text_problem
from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.records import Item, Record, Rejected
from spacy_brnn.annotate.streams import InputStream
from spacy_brnn.annotate.values import to_json

ROWS_AT_A_TIME = 256


def read_parquet(stream: InputStream, source: str, text_field: str, start: Start) -> Iterator[Item]:
    """Yield a record per row; `offset` counts the rows before it.

    A file that is not Parquet, or has no column of strings for the text, is one rejected item.
    """
    try:
        file = pq.ParquetFile(stream.raw, pre_buffer=False)
        problem = _schema_problem(file.schema_arrow, text_field)
        if problem:
            yield _file_rejected(source, problem)
            return
        yield from _rows(file, stream, source, text_field, start)
    except pa.ArrowException as error:
        line = " ".join(str(error).split())
        yield _file_rejected(source, f"cannot be read as Parquet: {line}")


def read_schema(stream: InputStream) -> pa.Schema | None:
    """The file's schema; None if it has none that can be read."""
    try:
        return pq.read_schema(stream.raw)
    except pa.ArrowException:
        return None


def _rows(
    file: pq.ParquetFile, stream: InputStream, source: str, text_field: str, start: Start
) -> Iterator[Item]:
    total = file.metadata.num_rows
    size = stream.raw.seek(0, 2)
    groups, row = _groups_from(file.metadata, start.offset)
    for batch in file.iter_batches(batch_size=ROWS_AT_A_TIME, row_groups=groups):
        for fields in _records(batch):
            row += 1
            if row > start.offset:
                yield _item(source, row, fields, text_field)
        stream.consumed = size * row // total


def _groups_from(metadata: pq.FileMetaData, offset: int) -> tuple[list[int], int]:
    """The row groups that hold rows from `offset` on, and the rows before the first of them."""
    first, before = 0, 0
    while first < metadata.num_row_groups:
        rows = metadata.row_group(first).num_rows
        if before + rows > offset:
            break
        before += rows
        first += 1
    return list(range(first, metadata.num_row_groups)), before


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    columns = [_values(column) for column in batch.columns]
    names = batch.schema.names
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _values(column: pa.Array) -> list[Any]:
    # Python's own times have no nanoseconds: such values stay as they are.
    if getattr(column.type, "unit", None) == "ns":
        return list(column)
    return column.to_pylist()


def _schema_problem(schema: pa.Schema, text_field: str) -> str | None:
    names = schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return f'the column "{twice[0]}" is there more than once; rename one of them'
    if text_field not in names:
        return missing_field(text_field, names)
    kind = schema.field(text_field).type
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(values) or pa.types.is_large_string(values):
        return None
    return f'column "{text_field}" is of type {kind}, not of strings'


def _item(source: str, row: int, fields: dict[str, Any], text_field: str) -> Item:
    place = {"source": source, "unit": "row", "number": row, "end": row, "next_number": row + 1}
    problem = text_problem(fields, text_field)
    if problem:
        return Rejected(**place, raw=to_json(fields), reason=problem)
    return Record(**place, raw=None, text=fields[text_field], fields=fields)


def _file_rejected(source: str, reason: str) -> Rejected:
    return Rejected(
        source=source, unit="file", number=1, end=2**62, next_number=1, raw=None, reason=reason
    )
