"""What the inputs' headers and schemas tell before the first record is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spacy_brnn.annotate.compression import read_errors
from spacy_brnn.annotate.inputs import STDIN, Input, open_input
from spacy_brnn.annotate.readers.delimited import read_header
from spacy_brnn.annotate.writers import DELIMITERS

if TYPE_CHECKING:
    import pyarrow as pa


def known_columns(inputs: Sequence[Input]) -> list[str] | None:
    """The union of the tables' columns; None unless every input is a table file."""
    columns: dict[str, None] = {}
    for found in inputs:
        names = _columns(found)
        if names is None:
            return None
        columns.update(dict.fromkeys(names))
    return list(columns)


def known_schema(inputs: Sequence[Input]) -> pa.Schema | None:
    """The types of the columns that have the same type in every Parquet input with them."""
    if not any(found.format == "parquet" for found in inputs):
        return None
    import pyarrow as pa

    fields: dict[str, pa.Field] = {}
    conflicts: set[str] = set()
    for found in inputs:
        for field in _schema(found) or ():
            if fields.setdefault(field.name, field).type != field.type:
                conflicts.add(field.name)
    return pa.schema([field for name, field in fields.items() if name not in conflicts])


def _columns(found: Input) -> list[str] | None:
    if found.format == "parquet":
        schema = _schema(found)
        return schema.names if schema else []
    if found.format not in DELIMITERS or found.path == STDIN:
        return None
    try:
        with open_input(found) as stream:
            return read_header(stream, DELIMITERS[found.format])
    except read_errors():
        return []


def _schema(found: Input) -> pa.Schema | None:
    if found.format != "parquet":
        return None
    from spacy_brnn.annotate.readers.parquet import read_schema

    try:
        with open_input(found) as stream:
            return read_schema(stream)
    except OSError:
        return None
