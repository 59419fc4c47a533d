"""JSON Lines: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from spacy_brnn.annotate.readers.checks import text_problem, type_name, utf8_problem
from spacy_brnn.annotate.readers.lines import numbered_lines
from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.records import Item, Record, Rejected
from spacy_brnn.annotate.streams import InputStream


def read_jsonl(stream: InputStream, source: str, text_field: str, start: Start) -> Iterator[Item]:
    """Yield a record per line that is not blank."""
    for number, line, problem in numbered_lines(stream, start):
        if problem:
            yield _rejected(stream, source, number, line, problem)
        elif line := line.strip(b" \t\r\n"):
            yield _item(stream, source, number, line, text_field)


def _item(stream: InputStream, source: str, number: int, line: bytes, text_field: str) -> Item:
    fields, problem = _parse(line, text_field)
    if problem:
        return _rejected(stream, source, number, line, problem)
    return Record(
        source=source,
        unit="line",
        number=number,
        end=stream.offset,
        next_number=number + 1,
        raw=line,
        text=fields[text_field],
        fields=fields,
        is_json=True,
    )


def _parse(line: bytes, text_field: str) -> tuple[dict[str, Any], str | None]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return {}, utf8_problem(error)
    except json.JSONDecodeError as error:
        return {}, f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
    except RecursionError:
        return {}, "not JSON that can be read: nested too deeply"
    except ValueError as error:
        return {}, f"not JSON that can be read: {error}"
    if not isinstance(value, dict):
        return {}, f"not a JSON object but {type_name(value)}"
    return value, text_problem(value, text_field)


def _rejected(stream: InputStream, source: str, number: int, raw: bytes, reason: str) -> Rejected:
    return Rejected(
        source=source,
        unit="line",
        number=number,
        end=stream.offset,
        next_number=number + 1,
        raw=raw,
        reason=reason,
    )
