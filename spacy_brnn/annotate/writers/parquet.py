"""Parquet, by way of the extra "parquet"."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spacy_brnn.annotate.annotator import ENTITIES_FIELD, SENTIMENT_FIELDS
from spacy_brnn.annotate.values import encodable, to_json_text
from spacy_brnn.annotate.writers.base import Row

ROW_GROUP_BYTES = 64 * 1024 * 1024

_ENTITY = pa.struct(
    [("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("text", pa.string())]
)
_ANNOTATION_TYPES = {
    **dict(zip(SENTIMENT_FIELDS, (pa.string(), pa.float64(), pa.float64()), strict=True)),
    ENTITIES_FIELD: pa.list_(_ENTITY),
}
_AS_JSON = {b"encoding": b"json"}
"""Marks a stored column whose values had no common type and became JSON strings."""


class ParquetWriter:
    """A Parquet file whose schema is known only after the last record.

    Batches are stored as Arrow streams. A field whose values have no common Arrow type becomes a
    column of JSON strings.
    """

    spooled = True
    needs_docs = False

    def __init__(self, schema: pa.Schema | None) -> None:
        """schema: the types of fields that come from Parquet inputs."""
        self._types = {field.name: field.type for field in schema} if schema else {}

    def encode(self, rows: Sequence[Row], columns: Sequence[str], *, first: bool) -> bytes:
        """See Writer."""
        if not rows and not first:
            return b""
        fields = [{**record.fields, **annotation.fields} for record, annotation in rows]
        seen = dict.fromkeys(name for row in fields for name in row)
        names = [*(name for name in seen if name not in columns), *columns]
        return _stored(self._table(names, fields, columns))

    def assemble(self, store: Path, target: Path) -> None:
        """See Writer."""
        schema = _common_schema(store)
        with pq.ParquetWriter(target, schema) as output:
            for table in _row_groups(store, schema):
                output.write_table(table, row_group_size=max(1, table.num_rows))

    def _table(
        self, names: Sequence[str], rows: list[dict[str, Any]], columns: Sequence[str]
    ) -> pa.Table:
        types = {**self._types, **{name: _ANNOTATION_TYPES[name] for name in columns}}
        arrays, schema = [], []
        for name in names:
            array, metadata = _array([row.get(name) for row in rows], types.get(name))
            arrays.append(array)
            schema.append(pa.field(encodable(name), array.type, metadata=metadata))
        return pa.Table.from_arrays(arrays, schema=pa.schema(schema))


def _array(values: list[Any], kind: pa.DataType | None) -> tuple[pa.Array, dict | None]:
    for wanted in (kind, None) if kind is not None else (None,):
        try:
            array = pa.array(_encodable(values), type=wanted)
        except (pa.ArrowException, OverflowError):
            continue
        if _storable(array.type):
            return array, None
    return _json_array(values), _AS_JSON


def _storable(kind: pa.DataType) -> bool:
    """Whether Parquet has room for the type: it has none for objects without fields."""
    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_storable(field.type) for field in kind)
    return _storable(kind.value_type) if pa.types.is_list(kind) else True


def _json_array(values: list[Any]) -> pa.Array:
    texts = [None if value is None else to_json_text(value) for value in values]
    return pa.array(texts, type=pa.string())


def _encodable(value: Any) -> Any:
    """The value with lone surrogates replaced in all its strings."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [_encodable(inner) for inner in value]
    if isinstance(value, dict):
        return {encodable(key): _encodable(inner) for key, inner in value.items()}
    return value


def _stored(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def _stored_tables(store: Path) -> Iterator[pa.Table]:
    size = store.stat().st_size
    with pa.OSFile(str(store)) as file:
        while file.tell() < size:
            with pa.ipc.open_stream(file) as reader:
                yield reader.read_all()


def _common_schema(store: Path) -> pa.Schema:
    fields: dict[str, pa.Field] = {}
    last: Sequence[str] = ()
    for table in _stored_tables(store):
        for field in table.schema:
            known = fields.get(field.name)
            fields[field.name] = _common_field(known, field) if known else field
        last = [name for name in _ANNOTATION_TYPES if name in table.schema.names]
    names = [*(name for name in fields if name not in last), *last]
    return pa.schema([fields[name] for name in names])


def _common_field(one: pa.Field, other: pa.Field) -> pa.Field:
    if other.metadata == one.metadata and other.type == one.type:
        return one
    if _AS_JSON not in (one.metadata, other.metadata):
        try:
            return pa.unify_schemas(
                [pa.schema([one]), pa.schema([other])], promote_options="permissive"
            ).field(0)
        except pa.ArrowException:
            pass
    return pa.field(one.name, pa.string(), metadata=_AS_JSON)


def _row_groups(store: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    size = 0
    for stored in _stored_tables(store):
        waiting.append(_fitted(stored, schema))
        size += stored.nbytes
        if size >= ROW_GROUP_BYTES:
            yield pa.concat_tables(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        if field.name in table.schema.names:
            stored = table.schema.field(field.name)
            columns.append(_cast(table.column(field.name), stored, field))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, stored: pa.Field, field: pa.Field) -> Any:
    if field.metadata == _AS_JSON and stored.metadata != _AS_JSON:
        return _json_array(column.to_pylist())
    if stored.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except pa.ArrowException:
        return pa.array(column.to_pylist(), type=field.type)
