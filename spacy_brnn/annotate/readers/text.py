"""Plain text: a document a line, or a document a file."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator

from spacy_brnn.annotate.readers.checks import utf8_problem
from spacy_brnn.annotate.readers.lines import numbered_lines
from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.records import MAX_RECORD_BYTES, Item, Record, Rejected
from spacy_brnn.annotate.streams import InputStream, OversizeLine


def read_text_lines(
    stream: InputStream, source: str, text_field: str, start: Start
) -> Iterator[Item]:
    """Yield a record per line, empty ones included."""
    for number, line, problem in numbered_lines(stream, start):
        if not problem:
            line = line.removesuffix(b"\n").removesuffix(b"\r")
        yield _item(stream, source, "line", number, line, text_field, problem)


def read_text_file(
    stream: InputStream, source: str, text_field: str, start: Start
) -> Iterator[Item]:
    """Yield the whole file as one record, with its name in the field "file"."""
    if start.offset:
        return
    raw = stream.read(MAX_RECORD_BYTES + 1)
    if len(raw) > MAX_RECORD_BYTES:
        reason = str(OversizeLine(b""))
        yield _item(stream, source, "file", 1, raw[:1000], text_field, reason)
        return
    item = _item(stream, source, "file", 1, raw.removeprefix(BOM_UTF8), text_field)
    if isinstance(item, Record):
        item.fields = {"file": source, **item.fields}
    item.end = 1
    yield item


def _item(
    stream: InputStream,
    source: str,
    unit: str,
    number: int,
    raw: bytes,
    text_field: str,
    problem: str | None = None,
) -> Item:
    place = {
        "source": source,
        "unit": unit,
        "number": number,
        "end": stream.offset,
        "next_number": number + 1,
        "raw": raw,
    }
    if problem:
        return Rejected(**place, reason=problem)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Rejected(**place, reason=utf8_problem(error))
    return Record(**place, text=text, fields={text_field: text})
