"""One writer per output format: records and their annotations in, the output's bytes out.

A batch is encoded as soon as it is annotated and kept so in the spool. The output is made of the
encoded batches in two passes: `scan` finds what its columns and their types are, `write` writes.
"""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from spacy_brnn.annotate.records import (
    DELIMITERS,
    ENTITIES_FIELD,
    ENTITY_KEYS,
    FIELDS_KEY,
    LABEL_FIELDS,
    SENTIMENT_FIELDS,
    Layout,
    Record,
    replace_surrogates,
    to_cell,
    to_json,
    to_json_text,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from spacy.tokens import DocBin

ROW_GROUP_BYTES = 64 * 1024 * 1024

_AS_JSON = {b"encoding": b"json"}
"""Marks a stored column whose values had no common type and became JSON strings."""

Row = tuple[Record, dict[str, Any], bytes | None]
"""A record, the fields of its annotation, and its serialized Doc where the writer wants Docs."""


class Writer(ABC):
    """Makes an output of encoded batches.

    needs_docs: whether it wants the Docs, not only their annotations; streams: whether it can
    write a batch before it has scanned all of them.
    """

    needs_docs = False
    streams = True

    @abstractmethod
    def encode(self, rows: Sequence[Row], columns: Sequence[str]) -> bytes:
        """The bytes that stand for one batch, a function of the arguments alone; b"" for none.

        columns: the annotations' fields.
        """

    def scan(self, batch: bytes) -> None:  # noqa: B027 (there may be nothing to learn)
        """Learn what a batch holds; not before a `write`."""

    def open(self, output: BinaryIO, columns: Sequence[str]) -> None:
        """Begin the output."""
        self._output = output

    @abstractmethod
    def write(self, batch: bytes) -> None:
        """Write a batch to the output."""

    @abstractmethod
    def close(self) -> None:
        """End the output; the file stays open."""


def make_writer(
    output_format: str,
    layout: Layout | None = None,
    *,
    delimiter: str | None = None,
    header: bool = True,
) -> Writer:
    """The writer for a format.

    layout: what is known of the inputs; delimiter: of a table, by default that of the inputs where
    they are of the same format; header: whether a table begins with its columns' names.
    """
    layout = layout or Layout()
    if output_format == "parquet":
        return ParquetWriter(layout.types)
    if output_format == "spacy":
        return DocBinWriter()
    if output_format in DELIMITERS:
        usual = DELIMITERS[output_format]
        # A table that Excel wrote for one language comes back as Excel reads it there.
        kept = layout.delimiter if output_format == "csv" else None
        return TableWriter(delimiter or kept or usual, layout.columns, layout.bom, header=header)
    return LinesWriter(as_array=output_format == "json")


def assemble(
    writer: Writer,
    batches: Callable[[], Iterable[bytes]],
    output: BinaryIO,
    columns: Sequence[str],
) -> None:
    """Write the whole output; batches: gives all of them, in order, each time that it is called."""
    if not writer.streams:
        for batch in batches():
            writer.scan(batch)
    writer.open(output, columns)
    for batch in batches():
        writer.write(batch)
    writer.close()


class LinesWriter(Writer):
    """JSON, an object a line: the record's fields, then the annotation's.

    A record that came as JSON keeps its bytes: its numbers, escapes and spaces are not rewritten.
    as_array: make one array of the lines.
    """

    def __init__(self, *, as_array: bool = False) -> None:
        """Write nothing yet."""
        self._as_array = as_array
        self._separator = b"[\n"

    def encode(self, rows: Sequence[Row], columns: Sequence[str]) -> bytes:
        """See Writer."""
        return b"".join(_line(record, fields) for record, fields, _ in rows)

    def write(self, batch: bytes) -> None:
        """See Writer."""
        if self._as_array:
            batch = self._separator + batch.rstrip(b"\n").replace(b"\n", b",\n")
            self._separator = b",\n"
        self._output.write(batch)

    def close(self) -> None:
        """See Writer."""
        if self._as_array:
            self._output.write(b"[]\n" if self._separator == b"[\n" else b"\n]\n")


def _line(record: Record, annotation: dict[str, Any]) -> bytes:
    if record.is_json and record.raw and annotation.keys().isdisjoint(record.fields):
        return record.raw[:-1].rstrip() + b", " + to_json(annotation)[1:] + b"\n"
    kept = {name: value for name, value in record.fields.items() if name not in annotation}
    return to_json({**kept, **annotation}) + b"\n"


class TableWriter(LinesWriter):
    """CSV and TSV: the union of the records' fields, then the annotations'; kept as JSON lines."""

    def __init__(
        self, delimiter: str, columns: Sequence[str] | None, bom: bool, *, header: bool
    ) -> None:
        """columns: the records' fields where they are known before the first record is read."""
        super().__init__()
        self.streams = columns is not None
        self._delimiter = delimiter
        self._names = dict.fromkeys(columns or ())
        self._bom = bom
        self._header = header

    def scan(self, batch: bytes) -> None:
        """See Writer."""
        if not self.streams:
            for line in batch.split(b"\n")[:-1]:
                self._names.update(dict.fromkeys(json.loads(line)))

    def open(self, output: BinaryIO, columns: Sequence[str]) -> None:
        """See Writer."""
        super().open(output, columns)
        self._columns = [*(name for name in self._names if name not in columns), *columns]
        output.write(b"\xef\xbb\xbf" if self._bom else b"")
        if self._header:
            self._write([self._columns])

    def write(self, batch: bytes) -> None:
        """See Writer."""
        rows = map(json.loads, batch.split(b"\n")[:-1])
        self._write([row.get(name) for name in self._columns] for row in rows)

    def _write(self, rows: Iterable[list[Any]]) -> None:
        text = io.StringIO()
        shape: dict[str, Any] = {"delimiter": self._delimiter, "lineterminator": "\n"}
        plain = csv.writer(text, **shape)
        quoted = csv.writer(text, **shape, quoting=csv.QUOTE_ALL)
        for row in rows:
            cells = [to_cell(value) for value in row]
            # The module quotes line ends only if they are its own, but readers take any.
            (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)
        self._output.write(text.getvalue().encode("utf-8"))


class DocBinWriter(Writer):
    """One DocBin; the fields of each record are JSON in its Doc's user_data["fields"].

    A DocBin is one block of compressed memory, so that here memory does grow with the corpus.
    """

    needs_docs = True
    streams = False

    def encode(self, rows: Sequence[Row], columns: Sequence[str]) -> bytes:
        """See Writer."""
        from spacy.tokens import Doc
        from spacy.vocab import Vocab

        if not rows:
            return b""
        docs, vocab = self._empty(), Vocab()
        for record, _, data in rows:
            doc = Doc(vocab).from_bytes(data or b"")
            kept = {name: value for name, value in record.fields.items() if name != "cats"}
            doc.user_data[FIELDS_KEY] = to_json(kept).decode("utf-8")
            docs.add(doc)
        return docs.to_bytes()

    def open(self, output: BinaryIO, columns: Sequence[str]) -> None:
        """See Writer."""
        super().open(output, columns)
        self._docs = self._empty()

    def write(self, batch: bytes) -> None:
        """See Writer."""
        self._docs.merge(self._empty().from_bytes(batch))

    def close(self) -> None:
        """See Writer."""
        self._output.write(self._docs.to_bytes())

    @staticmethod
    def _empty() -> DocBin:
        from spacy.tokens import DocBin

        return DocBin(store_user_data=True)


class ParquetWriter(Writer):
    """A Parquet file whose schema is known only after the last record.

    Batches are kept as Arrow streams. A field whose values have no common Arrow type becomes a
    column of JSON strings.
    """

    streams = False

    def __init__(self, types: Mapping[str, pa.DataType]) -> None:
        """types: those of fields that come from Parquet inputs."""
        self._types = types
        self._fields: dict[str, pa.Field] = {}

    def encode(self, rows: Sequence[Row], columns: Sequence[str]) -> bytes:
        """See Writer."""
        import pyarrow as pa

        if not rows:
            return b""
        lines = [{**record.fields, **annotation} for record, annotation, _ in rows]
        seen = dict.fromkeys(name for line in lines for name in line)
        names = [*(name for name in seen if name not in columns), *columns]
        types = {**self._types, **_annotation_types(columns)}
        arrays, fields = [], []
        for name in names:
            array, metadata = _array([line.get(name) for line in lines], types.get(name))
            arrays.append(array)
            fields.append(pa.field(replace_surrogates(name), array.type, metadata=metadata))
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
        stream = io.BytesIO()
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
        return stream.getvalue()

    def scan(self, batch: bytes) -> None:
        """See Writer."""
        import pyarrow as pa

        with pa.ipc.open_stream(batch) as reader:
            for field in reader.schema:
                known = self._fields.get(field.name)
                self._fields[field.name] = _common_field(known, field) if known else field

    def open(self, output: BinaryIO, columns: Sequence[str]) -> None:
        """See Writer."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        empty = {name: pa.field(name, kind) for name, kind in _annotation_types(columns).items()}
        last = [self._fields.get(name) or empty.get(name) for name in columns]
        first = [field for name, field in self._fields.items() if name not in columns]
        self._schema = pa.schema([*first, *(field for field in last if field is not None)])
        self._file = pq.ParquetWriter(output, self._schema)
        self._waiting: list[pa.Table] = []
        self._bytes = 0

    def write(self, batch: bytes) -> None:
        """See Writer."""
        import pyarrow as pa

        with pa.ipc.open_stream(batch) as reader:
            table = reader.read_all()
        self._waiting.append(_fitted(table, self._schema))
        self._bytes += table.nbytes
        if self._bytes >= ROW_GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """See Writer."""
        self._write_group()
        self._file.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        if self._waiting:
            table = pa.concat_tables(self._waiting)
            self._file.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting, self._bytes = [], 0


def _annotation_types(columns: Sequence[str]) -> dict[str, pa.DataType]:
    import pyarrow as pa

    types = dict(zip(SENTIMENT_FIELDS, (pa.string(), pa.float64(), pa.float64()), strict=True))
    types[LABEL_FIELDS[0]] = pa.list_(pa.string())
    kinds = (pa.int64(), pa.int64(), pa.string(), pa.string(), pa.float64())
    types[ENTITIES_FIELD] = pa.list_(pa.struct(list(zip(ENTITY_KEYS, kinds, strict=True))))
    return {name: types[name] for name in columns if name in types}


def _array(values: list[Any], kind: pa.DataType | None) -> tuple[pa.Array, dict | None]:
    import pyarrow as pa

    values = _replace_surrogates(values)
    for wanted in (kind, None) if kind is not None else (None,):
        try:
            array = pa.array(values, type=wanted)
            # A type that is given leaves out the keys that it does not know.
            lossy = wanted is not None and _has_other_keys(values, array.type)
        except (pa.ArrowException, OverflowError):
            continue
        if _storable(array.type) and not lossy:
            return array, None
    return _json_array(values), _AS_JSON


def _has_other_keys(values: list[Any], kind: pa.DataType) -> bool:
    import pyarrow as pa

    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    known = {field.name for field in kind.value_type}
    return any(item.keys() - known for value in values for item in value or () if item)


def _storable(kind: pa.DataType) -> bool:
    """Whether Parquet has room for the type: it has none for objects without fields."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_storable(field.type) for field in kind)
    return _storable(kind.value_type) if pa.types.is_list(kind) else True


def _json_array(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    texts = [None if value is None else to_json_text(value) for value in values]
    return pa.array(texts, type=pa.string())


def _replace_surrogates(value: Any) -> Any:
    """The value with lone surrogates replaced in all its strings."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, list):
        return [_replace_surrogates(inner) for inner in value]
    if isinstance(value, dict):
        return {replace_surrogates(key): _replace_surrogates(inner) for key, inner in value.items()}
    return value


def _common_field(one: pa.Field, other: pa.Field) -> pa.Field:
    import pyarrow as pa

    if other.metadata == one.metadata and other.type == one.type:
        return one
    if _AS_JSON not in (one.metadata, other.metadata):
        try:
            schemas = [pa.schema([one]), pa.schema([other])]
            return pa.unify_schemas(schemas, promote_options="permissive").field(0)
        except pa.ArrowException:
            pass
    return pa.field(one.name, pa.string(), metadata=_AS_JSON)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = []
    for field in schema:
        if field.name in table.schema.names:
            stored = table.schema.field(field.name)
            columns.append(_cast(table.column(field.name), stored, field))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, stored: pa.Field, field: pa.Field) -> Any:
    import pyarrow as pa

    if field.metadata == _AS_JSON and stored.metadata != _AS_JSON:
        return _json_array(column.to_pylist())
    if stored.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except pa.ArrowException:
        return pa.array(column.to_pylist(), type=field.type)
