"""CSV and TSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy_brnn.annotate.compression import compress
from spacy_brnn.annotate.values import to_cell
from spacy_brnn.annotate.writers.base import Row
from spacy_brnn.annotate.writers.jsonl import JsonlWriter

_LINES_AT_A_TIME = 1000


class DelimitedWriter:
    """A table whose columns are known before the first row: those of the inputs' headers."""

    spooled = False
    needs_docs = False

    def __init__(self, delimiter: str, compression: str | None, columns: Sequence[str]) -> None:
        """columns: the records' fields; the annotations' come after them."""
        self._delimiter = delimiter
        self._compression = compression
        self._columns = columns

    def encode(self, rows: Sequence[Row], columns: Sequence[str], *, first: bool) -> bytes:
        """See Writer."""
        header = [*(name for name in self._columns if name not in columns), *columns]
        lines = ({**record.fields, **annotation.fields} for record, annotation in rows)
        table = _table(header, lines, self._delimiter, with_header=first)
        return compress(table, self._compression) if table else b""

    def assemble(self, store: Path, target: Path) -> None:
        """Never called: what was appended is the output."""
        raise NotImplementedError


class SpooledDelimitedWriter:
    """A table whose columns are known only after the last record: the union of their fields."""

    spooled = True
    needs_docs = False

    def __init__(self, delimiter: str, compression: str | None) -> None:
        """Rows are stored as JSON Lines until the columns are known."""
        self._delimiter = delimiter
        self._compression = compression
        self._store = JsonlWriter()

    def encode(self, rows: Sequence[Row], columns: Sequence[str], *, first: bool) -> bytes:
        """See Writer."""
        lines = self._store.encode(rows, columns, first=first)
        # The first line names the annotations' fields, which go behind all the others.
        return json.dumps(list(columns)).encode() + b"\n" + lines if first else lines

    def assemble(self, store: Path, target: Path) -> None:
        """See Writer."""
        header = _union(store)
        with open(store, "rb") as lines, open(target, "wb") as output:
            lines.readline()
            block = _block(lines)
            output.write(self._packed(header, block, with_header=True))
            while block := _block(lines):
                output.write(self._packed(header, block, with_header=False))

    def _packed(self, header: list[str], rows: list[dict[str, Any]], *, with_header: bool) -> bytes:
        table = _table(header, rows, self._delimiter, with_header=with_header)
        return compress(table, self._compression)


def _union(store: Path) -> list[str]:
    names: dict[str, None] = {}
    with open(store, "rb") as lines:
        last = json.loads(lines.readline() or b"[]")
        for line in lines:
            names.update(dict.fromkeys(json.loads(line)))
    return [*(name for name in names if name not in last), *last]


def _block(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    block: list[dict[str, Any]] = []
    for line in lines:
        block.append(json.loads(line))
        if len(block) == _LINES_AT_A_TIME:
            break
    return block


def _table(
    header: Sequence[str], rows: Iterable[dict[str, Any]], delimiter: str, *, with_header: bool
) -> bytes:
    text = io.StringIO()
    lines = [header] if with_header else []
    lines += ([row.get(name) for name in header] for row in rows)
    plain = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    quoted = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for line in lines:
        cells = [to_cell(value) for value in line]
        # The module quotes line ends only if they are its own, but readers take any.
        (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)
    return text.getvalue().encode("utf-8")
