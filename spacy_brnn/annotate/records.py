"""What everything else here is about: records, the names of fields and formats, errors."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""Longest record that is read at all; a longer one is rejected, so that memory stays bounded."""

INPUT_FORMATS = ("jsonl", "json", "csv", "tsv", "parquet", "text", "spacy")
OUTPUT_FORMATS = ("jsonl", "json", "csv", "tsv", "parquet", "spacy")
TEXT_FORMATS = ("jsonl", "json", "csv", "tsv", "text")
"""Formats that may be compressed, and read from and written to a pipe."""
DELIMITERS = {"csv": ",", "tsv": "\t"}
SENTIMENT_FIELDS = ("sentiment_label", "sentiment_score", "sentiment_polarity")
LABEL_FIELDS = ("textcat_labels", "textcat_scores")
ENTITIES_FIELD = "entities"
ENTITY_KEYS = ("start", "end", "label", "text", "confidence")
FIELDS_KEY = "fields"
"""Where a Doc's user_data keeps the fields of the record that it was made from, as JSON."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_MOST_NAMES = 10
_JSON_TYPES = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class AnnotateError(Exception):
    """One clear line: what was wrong, where, and what to do about it.

    read: records that were done, and are safe, when it happened.
    """

    read = 0


class RecordError(AnnotateError):
    """A record that cannot be annotated, where it stops the run."""


Place = tuple[str, int | None, int | None]
"""A target's name, and where it stands in the text: from and to which character; None: nowhere."""


@dataclass(frozen=True, slots=True)
class Targeted:
    """A document, and the parts of it that a sentiment is wanted toward."""

    document: Any
    places: list[Place]


@dataclass(slots=True)
class Record:
    """A record of an input: one to annotate, or one that cannot be, and why.

    source: the input's name; unit: what `number` counts ("line", "row", "document", "record" or
    "file"); number: from 1; raw: the record as it stands in the input, None where it is not text;
    text: what is annotated; fields: all its fields; doc: the serialized Doc where the input holds
    Docs; is_json: `raw` is a JSON object, which is kept byte for byte; problem: why it is rejected;
    targets: where a sentiment toward parts of the text is wanted; is_end: what follows in the file
    cannot be read, so that nobody knows how many records are missing.
    """

    source: str
    unit: str
    number: int
    raw: bytes | None = None
    text: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    doc: bytes | None = None
    is_json: bool = False
    problem: str | None = None
    targets: list[Place] | None = None
    is_end: bool = False

    @property
    def place(self) -> str:
        """Where the record is, for messages."""
        if self.unit == "file":
            return self.source
        if self.unit == "line":
            return f"{self.source}:{self.number}"
        return f"{self.source}, {self.unit} {self.number}"

    @property
    def document(self) -> str | bytes | Targeted:
        """What the pipeline gets."""
        document = self.text if self.doc is None else self.doc
        return document if self.targets is None else Targeted(document, self.targets)

    def value(self, field: str, option: str) -> Any:
        """The value of a field; where there is none of that name, of a path with dots.

        Raises KeyError with a message, which says to name another with this option.
        """
        value: Any = self.fields
        for name in [field] if field in self.fields else field.split("."):
            if not isinstance(value, dict) or name not in value:
                raise KeyError(missing_field(field, self.fields, option))
            value = value[name]
        return value

    def take_text(self, text_field: str) -> Record:
        """Set the text from the fields, or the problem where there is none; return the record."""
        try:
            value = self.value(text_field, "--text-field")
        except KeyError as error:
            self.problem = error.args[0]
            return self
        if isinstance(value, str):
            self.text = value
        else:
            self.problem = f'field "{text_field}" is {json_type(value)}, not a string'
        return self

    def rejection(self) -> bytes:
        """The line of the rejects file: file, line (or row, ...), reason, and the raw record."""
        number = {} if self.unit == "file" else {self.unit: self.number}
        raw = to_json(self.fields) if self.raw is None and self.fields else self.raw
        line = {"file": self.source, **number, "reason": self.problem, **_raw_value(raw)}
        return json.dumps(line).encode("ascii") + b"\n"


@dataclass(frozen=True, slots=True)
class Position:
    """How far the inputs have been read: the input's index, and the records of it."""

    input: int = 0
    records: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """What the inputs' headers and schemas tell before the first record is read.

    columns: the union of the tables' columns, None unless every input is a table file; delimiter:
    that of all delimited inputs, None where they differ; bom: whether the first begins with a byte
    order mark; types: those of the columns that are of one type in every Parquet input.
    """

    columns: list[str] | None = None
    delimiter: str | None = None
    bom: bool = False
    types: Mapping[str, pa.DataType] = field(default_factory=dict)


def parse_object(line: bytes) -> tuple[dict[str, Any], str | None]:
    """The JSON object of a line, and what is wrong with it."""
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
    if isinstance(value, dict):
        return value, None
    problem = f"not a JSON object but {_JSON_TYPES.get(type(value), 'a string')}"
    if isinstance(value, str):
        problem += '; a text by itself is written {"text": "..."}'
    if isinstance(value, list):
        problem += "; if the whole file is one JSON array, add --input-format json"
    return {}, problem


def json_type(value: Any) -> str:
    """What a message calls a value that is no string."""
    return _JSON_TYPES.get(type(value), f"of type {type(value).__name__}")


def missing_field(field: str, names: Iterable[str], option: str = "--text-field") -> str:
    """The message for a record or table without the field that an option names."""
    known = [_shown_name(str(name)) for name in names]
    listed = ", ".join(known[:_MOST_NAMES]) + (", ..." if len(known) > _MOST_NAMES else "")
    return f'no field "{field}" (fields: {listed or "none"}); name it with {option}'


def _shown_name(name: str) -> str:
    """A field's name; in quotes where else nobody would see what is typed around it."""
    return name if name and name == name.strip() else f'"{name}"'


def utf8_problem(error: UnicodeDecodeError) -> str:
    """The message for bytes that are not UTF-8."""
    byte = error.object[error.start]
    return (
        f"not UTF-8: byte 0x{byte:02x} at position {error.start + 1}; convert it to UTF-8, or name "
        "the encoding (--encoding cp1252, latin-1, utf-16, ...)"
    )


def one_line(error: object) -> str:
    """A message without its line breaks."""
    return " ".join(str(error).split())


def replace_surrogates(text: str) -> str:
    """The text with lone surrogates, which no encoding takes, replaced one by one by U+FFFD."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def to_json(fields: dict[str, Any]) -> bytes:
    """One JSON object, UTF-8; values that JSON lacks become strings, NaN and infinities null."""
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        text = json.dumps(_finite(fields), ensure_ascii=False, default=_plain)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8, but it has an escape.
        return json.dumps(_finite(fields), default=_plain).encode("ascii")


def to_cell(value: Any) -> str:
    """One cell of a table: strings as they are, nothing for None, the rest as JSON."""
    if isinstance(value, str):
        return replace_surrogates(value)
    return "" if value is None else to_json_text(value)


def to_json_text(value: Any) -> str:
    """Any value as JSON that every encoding takes."""
    return replace_surrogates(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _raw_value(raw: bytes | None) -> dict[str, str | None]:
    try:
        return {"raw": None if raw is None else raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw or b"").decode("ascii")}
