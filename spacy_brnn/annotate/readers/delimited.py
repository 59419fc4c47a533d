"""CSV and TSV with a header line."""

from __future__ import annotations

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator

from spacy_brnn.annotate.readers.checks import missing_field, utf8_problem
from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.records import MAX_RECORD_BYTES, Item, Record, Rejected
from spacy_brnn.annotate.streams import InputStream, OversizeLine


def read_delimited(
    stream: InputStream, source: str, text_field: str, start: Start, *, delimiter: str
) -> Iterator[Item]:
    """Yield a record per row below the header; its number is that of the row's first line.

    A header that cannot be used is one rejected item, and no row follows.
    """
    rows = _Rows(stream, source, delimiter)
    try:
        columns = rows.header()
    except _BadRow as error:
        yield rows.rejected(str(error))
        return
    if not columns:
        return
    problem = _header_problem(columns, text_field)
    if problem:
        yield rows.rejected(problem)
        return
    if start.offset:
        rows.skip_to(start)
    for row in rows:
        yield _item(rows, row, columns, text_field)


def read_header(stream: InputStream, delimiter: str) -> list[str]:
    """The column names; empty where there is no readable header."""
    try:
        return _Rows(stream, "", delimiter).header()
    except _BadRow:
        return []


class _BadRow(Exception):
    """Why a row cannot be read."""


class _Rows:
    """Rows of a delimited file that remember the lines they were made of."""

    def __init__(self, stream: InputStream, source: str, delimiter: str) -> None:
        # The module's limit is per process and far below a long document's length.
        csv.field_size_limit(MAX_RECORD_BYTES)
        self.number = 1
        self._stream = stream
        self._source = source
        self._lines = _Lines(stream)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    def header(self) -> list[str]:
        for row in self:
            if isinstance(row, _BadRow):
                raise row
            return row
        return []

    def __iter__(self) -> Iterator[list[str] | _BadRow]:
        while True:
            self.number += len(self._lines.seen)
            self._lines.clear()
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _BadRow(f"not readable as a table row: {error}")
                continue
            except OversizeLine as error:
                yield _BadRow(str(error))
                continue
            if row:
                problem = self._lines.problem
                yield _BadRow(problem) if problem else row

    def skip_to(self, start: Start) -> None:
        self._stream.skip_to(start.offset)
        self._lines.clear()
        self.number = start.number

    def place(self) -> dict:
        return {
            "source": self._source,
            "unit": "line",
            "number": self.number,
            "end": self._stream.offset,
            "next_number": self.number + len(self._lines.seen),
            "raw": b"".join(self._lines.seen).rstrip(b"\r\n"),
        }

    def rejected(self, reason: str) -> Rejected:
        return Rejected(**self.place(), reason=reason)


class _Lines:
    """The stream's lines as text; those since the last `clear` stay in `seen`.

    An iterator of its own, because a generator would end at the first OversizeLine.
    """

    def __init__(self, stream: InputStream) -> None:
        self.seen: list[bytes] = []
        self.problem: str | None = None
        self._stream = stream

    def clear(self) -> None:
        self.seen.clear()
        self.problem = None

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        at_start = self._stream.offset == 0
        try:
            line = self._stream.readline()
        except OversizeLine as error:
            self.seen.append(error.head)
            raise
        if not line:
            raise StopIteration
        if at_start:
            line = line.removeprefix(BOM_UTF8)
        self.seen.append(line)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            self.problem = self.problem or utf8_problem(error)
            return line.decode("utf-8", "surrogateescape")


def _header_problem(columns: list[str], text_field: str) -> str | None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        return f'the header names the column "{twice[0]}" more than once; rename one of them'
    if text_field not in columns:
        return missing_field(text_field, columns)
    return None


def _item(rows: _Rows, row: list[str] | _BadRow, columns: list[str], text_field: str) -> Item:
    if isinstance(row, _BadRow):
        return rows.rejected(str(row))
    if len(row) != len(columns):
        return rows.rejected(f"the row has {len(row)} fields, the header {len(columns)}")
    fields = dict(zip(columns, row, strict=True))
    return Record(**rows.place(), text=fields[text_field], fields=fields)
