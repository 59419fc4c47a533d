"""One reader per input format: a stream in, records out, those that are rejected among them."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from spacy_brnn.annotate.records import (
    DELIMITERS,
    FIELDS_KEY,
    MAX_RECORD_BYTES,
    AnnotateError,
    Layout,
    Position,
    Record,
    missing_field,
    one_line,
    parse_object,
    utf8_problem,
)
from spacy_brnn.annotate.sources import (
    STDIN,
    Input,
    OversizeLine,
    Stream,
    error_text,
    open_input,
    read_errors,
)
from spacy_brnn.annotate.targets import take_targets

if TYPE_CHECKING:
    import pyarrow as pa
    from spacy.tokens import Doc

ROWS_AT_A_TIME = 256

_OTHER_DELIMITERS = (",", ";", "\t", "|")
_JSON_BLANKS = " \t\r\n,"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How the inputs are to be read.

    text_field: the field of the text; encoding: of the text formats, None for UTF-8, or UTF-16
    where a byte order mark says so; delimiter: between the cells of a table, None for what its
    header shows; header: whether tables begin with the names of their columns; quotes: whether
    quotation marks in tables hold a cell together, else they are text; targets: the
    field that names parts of the text, None where no sentiment toward any is wanted.
    """

    text_field: str = "text"
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    quotes: bool = True
    targets: str | None = None

    def check(self) -> None:
        """Raise AnnotateError for an encoding or a delimiter that cannot be."""
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise AnnotateError("--delimiter is one character (for a tab, write \\t)")
        try:
            if self.encoding is not None and not codecs.lookup(self.encoding)._is_text_encoding:
                raise LookupError
        except LookupError:
            raise AnnotateError(f"--encoding: Python knows no encoding {self.encoding}") from None


class InputReader:
    """All records of all inputs, in order, from a position on.

    After each record, `position` says where reading goes on behind it, and `consumed` how many
    bytes of the files have been read.
    """

    def __init__(
        self, inputs: Sequence[Input], options: ReadOptions, position: Position | None = None
    ) -> None:
        """Prepare to read; nothing is opened yet."""
        self.position = position or Position()
        self._inputs = inputs
        self._options = options
        self._done = sum(found.size or 0 for found in inputs[: self.position.input])
        self._stream: Stream | None = None

    @property
    def consumed(self) -> int:
        """Bytes read so far, of all inputs."""
        return self._done + (self._stream.consumed if self._stream else 0)

    def __iter__(self) -> Iterator[Record]:
        """Yield every record; a file that cannot be read (further) is one that is rejected."""
        for index in range(self.position.input, len(self._inputs)):
            yield from self._records(index, self.position.records)
            self.position = Position(index + 1)
            self._done += self._inputs[index].size or 0

    def _records(self, index: int, skipped: int) -> Iterator[Record]:
        source = self._inputs[index]
        last: Record | None = None
        try:
            with open_input(source, self._options.encoding) as stream:
                self._stream = stream
                records = READERS[source.format](stream, source.name, self._options)
                for count, last in enumerate(records, 1):
                    if count > skipped:
                        self.position = Position(index, count)
                        if self._options.targets is not None:
                            take_targets(last, self._options.targets)
                        yield last
        except read_errors() as error:
            self.position = Position(index + 1)
            yield Record(
                source.name,
                last.unit if last else "file",
                last.number + 1 if last else 1,
                problem=f"cannot be read from here on: {error_text(error)}",
                is_end=True,
            )
        finally:
            self._stream = None


def read_jsonl(stream: Stream, source: str, options: ReadOptions) -> Iterator[Record]:
    """Yield a record per line that is not blank."""
    for number, (line, problem) in enumerate(stream.lines(), 1):
        line = line.strip(b" \t\r\n")
        if not line:
            continue
        fields: dict[str, Any] = {}
        if problem is None:
            fields, problem = parse_object(line)
        record = Record(source, "line", number, line, "", fields, is_json=True, problem=problem)
        if problem is None:
            record.take_text(options.text_field)
        elif number == 1 and source == Input(STDIN, "jsonl").name:
            record.problem = (
                f"{problem}; if it is plain text, add --input-format text, and if it is a table, "
                "--input-format csv"
            )
        elif number == 1 and line.startswith(b"{"):
            record.problem = f"{problem}; if an object takes several lines, add --input-format json"
        yield record


def read_json(stream: Stream, source: str, options: ReadOptions) -> Iterator[Record]:
    """Yield a record per object of arrays, or of several objects one after the other."""
    for number, (raw, problem) in enumerate(_json_values(stream), 1):
        cut = problem is not None
        line = raw.encode("utf-8", "surrogatepass")
        fields: dict[str, Any] = {}
        if problem is None:
            fields, problem = parse_object(line)
        is_json = "\n" not in raw and "\r" not in raw
        record = Record(source, "record", number, line, "", fields, None, is_json, problem)
        record.is_end = cut
        if problem is None:
            record.take_text(options.text_field)
            if record.problem:
                record.problem += _advice_on(fields)
        yield record


def _advice_on(fields: dict[str, Any]) -> str:
    """What to do about an object that is no record, but holds them."""
    values = list(fields.values())
    if len(values) == 1 and isinstance(values[0], list) and {type(x) for x in values[0]} == {dict}:
        return f'; the records are in its list "{next(iter(fields))}": write that list by itself'
    if _is_by_columns(fields):
        return (
            "; the file is written by columns: write an object for each row, in pandas by "
            'to_json(orient="records")'
        )
    return ""


def _is_by_columns(fields: dict[str, Any]) -> bool:
    """Whether an object is a table by columns, as pandas writes one unless told otherwise."""
    kinds = {type(value) for value in fields.values()}
    return kinds in ({dict}, {list}) and len({len(value) for value in fields.values()}) == 1


def _json_values(stream: Stream) -> Iterator[tuple[str, str | None]]:
    """The values of arrays or a sequence, read a block at a time, and what is wrong with each."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    scan = json.JSONDecoder().raw_decode
    buffer, at, block, in_array, ended = "", 0, 1 << 16, None, False
    while True:
        while at < len(buffer) and buffer[at] in _JSON_BLANKS:
            at += 1
        if at < len(buffer) and in_array is None:
            in_array = buffer[at] == "["
            at += in_array
            continue
        if in_array and at < len(buffer) and buffer[at] == "]":
            at, in_array = at + 1, None  # Another may follow, in files that were joined.
            continue
        problem = "the file ends inside of its array" if in_array else None
        if at < len(buffer):
            try:
                end = scan(buffer, at)[1]
            except (ValueError, RecursionError) as error:
                problem = f"not JSON: {one_line(error)}; the rest of the file is not read"
            else:
                # At the end of a block, more digits or letters may follow.
                if end < len(buffer) or ended:
                    yield buffer[at:end], None
                    at, block = end, 1 << 16
                    continue
        if ended or len(buffer) - at > MAX_RECORD_BYTES:
            if problem:
                yield buffer[at : at + 1000], problem
            return
        more = stream.read_some(block)
        ended = not more
        buffer, at, block = buffer[at:] + decode(more, ended), 0, block * 2


def read_text_lines(stream: Stream, source: str, options: ReadOptions) -> Iterator[Record]:
    """Yield a record per line, empty ones included."""
    for number, (line, problem) in enumerate(stream.lines(), 1):
        raw = line if problem else line.removesuffix(b"\n").removesuffix(b"\r")
        yield _text_record(Record(source, "line", number, raw, problem=problem), options)


def read_text_file(stream: Stream, source: str, options: ReadOptions) -> Iterator[Record]:
    """Yield the whole file as one record, with its name in the field "file"."""
    raw = stream.read(MAX_RECORD_BYTES + 1)
    problem = str(OversizeLine(b"")) if len(raw) > MAX_RECORD_BYTES else None
    record = Record(source, "file", 1, raw[:1000] if problem else raw, problem=problem)
    _text_record(record, options)
    record.fields = {"file": source, **record.fields}
    # The line end that closes a file is not a part of what it says.
    record.text = record.text.removesuffix("\n").removesuffix("\r")
    yield record


def _text_record(record: Record, options: ReadOptions) -> Record:
    if record.problem is None and record.raw is not None:
        try:
            record.text = record.raw.decode("utf-8")
            record.fields = {options.text_field: record.text}
        except UnicodeDecodeError as error:
            record.problem = utf8_problem(error)
    return record


class Table:
    """The rows of a delimited file, and the lines that they are made of.

    columns: the names in its header, numbers without one; delimiter: what separates its cells;
    has_bom: whether it begins with a byte order mark.
    """

    def __init__(self, stream: Stream, source: str, options: ReadOptions, delimiter: str) -> None:
        """Read the header; delimiter: the one that the format's name stands for."""
        # The module's limit is per process and far below a long document's length.
        csv.field_size_limit(MAX_RECORD_BYTES)
        self.has_bom = stream.has_bom
        self._source = source
        self._lines = _Lines(stream)
        self.delimiter = options.delimiter or self._shown_delimiter(options, delimiter)
        self._reader = csv.reader(
            self._lines,
            delimiter=self.delimiter,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if options.quotes else csv.QUOTE_NONE,
        )
        self._rows = self._read()
        self.header: Record | None
        self.columns: list[str]
        self.header, self.columns = next(self._rows, (None, []))
        self._options = options

    def __iter__(self) -> Iterator[Record]:
        """Yield a record per row; its number is that of the row's first line.

        A header that cannot be used is one rejected record, and no row follows.
        """
        if self.header is None:
            return
        rows = self._rows
        first = (self.header, self.columns)
        columns, problem = self._named_columns()
        if self.header.problem or problem:
            self.header.problem = self.header.problem or problem
            yield self.header
            return
        if not self._options.header:
            yield self._record(*first, columns)
        for record, row in rows:
            yield self._record(record, row, columns)

    def _record(self, record: Record, row: list[str], columns: list[str]) -> Record:
        if record.problem is None and len(row) != len(columns):
            first = "header" if self._options.header else "first row"
            record.problem = f"the row has {len(row)} fields, the {first} {len(columns)}"
            if len(row) > len(columns):
                record.problem += f"; a cell with {self.delimiter!r} in it needs quotation marks"
        if record.problem is None:
            record.fields = dict(zip(columns, row, strict=True))
            record.take_text(self._options.text_field)
        return record

    def names(self) -> list[str]:
        """The columns' names."""
        return self._named_columns()[0]

    def _named_columns(self) -> tuple[list[str], str | None]:
        text_field, columns = self._options.text_field, self.columns
        if not self._options.header:
            # A table of one column needs no number to say which one holds the text.
            numbers = [str(number) for number in range(1, len(columns) + 1)]
            columns = [text_field] if len(columns) == 1 else numbers
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if text_field in columns and not twice:
            return columns, None
        problem = missing_field(text_field, columns)
        if twice == [""]:
            problem = "columns without a name in the header; name them, or take them out"
        elif twice:
            problem = f'the header names the column "{twice[0]}" more than once; rename one'
        elif len(self.columns) == 1:
            problem += f"; if {self.delimiter!r} does not separate the columns, use --delimiter"
        if self._options.header:
            problem += "; if the first line is a record, add --no-header"
        return columns, problem

    def _shown_delimiter(self, options: ReadOptions, usual: str) -> str:
        line = self._lines.peek()
        if line.lower().startswith("sep=") and len(line.rstrip("\r\n")) == 5:
            next(self._lines)
            return line[4]
        if not options.header:
            return usual
        columns = {one: _cells(line, one) for one in (usual, *_OTHER_DELIMITERS)}
        fitting = [one for one, names in columns.items() if options.text_field in names]
        several = [one for one, names in columns.items() if len(names) > 1]
        if fitting:
            return fitting[0]
        return usual if usual in several or len(several) != 1 else several[0]

    def _read(self) -> Iterator[tuple[Record, list[str]]]:
        number = 1
        while True:
            number += len(self._lines.seen)
            self._lines.clear()
            row: list[str] = []
            problem = None
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                problem = f"not readable as a table row: {_csv_problem(error)}"
            except OversizeLine as error:
                problem = str(error)
            raw = b"".join(self._lines.seen).rstrip(b"\r\n")
            if row or problem:
                problem = problem or self._lines.problem
                yield Record(self._source, "line", number, raw, problem=problem), row


class _Lines:
    """The stream's lines as text; those since the last `clear` stay in `seen`.

    An iterator of its own, because a generator would end at the first OversizeLine.
    """

    def __init__(self, stream: Stream) -> None:
        self.seen: list[bytes] = []
        self.problem: str | None = None
        self._stream = stream
        self._peeked: bytes | OversizeLine | None = None

    def clear(self) -> None:
        self.seen.clear()
        self.problem = None

    def peek(self) -> str:
        try:
            self._peeked = self._stream.readline()
        except OversizeLine as error:
            self._peeked = error
            return ""
        return self._peeked.decode("utf-8", "replace")

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        peeked, self._peeked = self._peeked, None
        try:
            if isinstance(peeked, OversizeLine):
                raise peeked
            raw = self._stream.readline() if peeked is None else peeked
        except OversizeLine as error:
            self.seen.append(error.head)
            raise
        if not raw:
            raise StopIteration
        self.seen.append(raw)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self.problem = self.problem or utf8_problem(error)
            return raw.decode("utf-8", "surrogateescape")


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []


def _csv_problem(error: csv.Error) -> str:
    if "universal-newline" in str(error):
        return (
            "a carriage return in a cell without quotes; where lines end in it alone, make line "
            r"feeds of them: tr '\r' '\n' < FILE > NEW"
        )
    if "expected after" in str(error) or "end of data" in str(error):
        return (
            f"{error}; double the quotation marks that belong to the text, or add --no-quotes if "
            "all of them do"
        )
    return str(error)


def read_parquet(stream: Stream, source: str, options: ReadOptions) -> Iterator[Record]:
    """Yield a record per row.

    A file that is not Parquet, or has no column of strings for the text, is one rejected record.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(stream.raw, pre_buffer=False)
        problem = _schema_problem(file.schema_arrow, options.text_field)
        if problem:
            yield Record(source, "file", 1, problem=problem)
            return
        size = stream.raw.seek(0, 2)
        row = 0
        for batch in file.iter_batches(batch_size=ROWS_AT_A_TIME):
            columns = [_values(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                row += 1
                fields = dict(zip(batch.schema.names, values, strict=True))
                yield Record(source, "row", row, fields=fields).take_text(options.text_field)
            stream.at = size * row // file.metadata.num_rows
    except pa.ArrowException as error:
        problem = f"cannot be read as Parquet: {one_line(error)}"
        yield Record(source, "file", 1, problem=problem, is_end=True)


def _values(column: pa.Array) -> list[Any]:
    # Python's own times have no nanoseconds: such values stay as they are.
    return list(column) if getattr(column.type, "unit", None) == "ns" else column.to_pylist()


def _schema_problem(schema: pa.Schema, text_field: str) -> str | None:
    import pyarrow as pa

    names = schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return f'the column "{twice[0]}" is there more than once; rename one of them'
    kind: Any = pa.struct(schema)
    for name in [text_field] if text_field in names else text_field.split("."):
        if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return missing_field(text_field, names)
        kind = kind.field(name).type
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(values) or pa.types.is_large_string(values):
        return None
    return f'column "{text_field}" is of type {kind}, not of strings'


def read_docbin(stream: Stream, source: str, options: ReadOptions) -> Iterator[Record]:
    """Yield a record per Doc. The file is one compressed block, so it is held in memory.

    A file that is not a DocBin is one rejected record.
    """
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    size = stream.raw.seek(0, 2)
    stream.raw.seek(0)
    try:
        docs = DocBin(store_user_data=True).from_bytes(stream.raw.read())
    except Exception as error:  # whatever zlib and msgpack make of foreign bytes
        problem = f"cannot be read as a DocBin: {one_line(error)}"
        yield Record(source, "file", 1, problem=problem, is_end=True)
        return
    for number, doc in enumerate(docs.get_docs(Vocab()), 1):
        stream.at = size * number // len(docs)
        fields = _doc_fields(doc, options.text_field)
        yield Record(source, "document", number, None, doc.text, fields, doc.to_bytes())


def _doc_fields(doc: Doc, text_field: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    kept = doc.user_data.get(FIELDS_KEY)
    if isinstance(kept, str):
        fields, problem = parse_object(kept.encode("utf-8", "surrogatepass"))
        if problem is None:
            # To read and write user data costs spaCy more than all else of a Doc.
            del doc.user_data[FIELDS_KEY]
    fields.setdefault(text_field, doc.text)
    if doc.cats:
        fields.setdefault("cats", dict(doc.cats))
    return fields


Reader = Callable[[Stream, str, ReadOptions], Iterable[Record]]
"""(stream, source name, options) -> records."""
READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": partial(Table, delimiter=DELIMITERS["csv"]),
    "tsv": partial(Table, delimiter=DELIMITERS["tsv"]),
    "text": read_text_lines,
    "text-file": read_text_file,
    "parquet": read_parquet,
    "spacy": read_docbin,
}


def layout_of(inputs: Sequence[Input], options: ReadOptions) -> Layout:
    """Read the inputs' headers and schemas; one that cannot be read tells nothing."""
    columns: dict[str, None] = {}
    delimiters: list[str] = []
    boms: list[bool] = []
    types: dict[str, pa.DataType] = {}
    conflicts: set[str] = set()
    for found in inputs:
        schema = _schema(found) if found.format == "parquet" else None
        if schema is not None:
            columns.update(dict.fromkeys(schema.names))
            for field in schema:
                if types.setdefault(field.name, field.type) != field.type:
                    conflicts.add(field.name)
        elif (
            found.format in DELIMITERS and found.path != STDIN and (table := _table(found, options))
        ):
            columns.update(dict.fromkeys(table.names()))
            delimiters.append(table.delimiter)
            boms.append(table.has_bom)
    tables = all(found.format in ("parquet", *DELIMITERS) for found in inputs)
    known = tables and all(found.path != STDIN for found in inputs)
    return Layout(
        list(columns) if known else None,
        delimiters[0] if len(set(delimiters)) == 1 else None,
        bool(boms) and boms[0],
        {name: kind for name, kind in types.items() if name not in conflicts},
    )


def _table(found: Input, options: ReadOptions) -> Table | None:
    try:
        with open_input(found, options.encoding) as stream:
            return Table(stream, found.name, options, DELIMITERS[found.format])
    except read_errors():
        return None


def _schema(found: Input) -> pa.Schema | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_input(found) as stream:
            return pq.read_schema(stream.raw)
    except (OSError, pa.ArrowException):
        return None
