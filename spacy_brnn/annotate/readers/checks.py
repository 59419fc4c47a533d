"""The checks that every reader makes, and how their findings are worded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_JSON_TYPES = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_MOST_NAMES = 10


def text_problem(fields: dict[str, Any], text_field: str) -> str | None:
    """Why `fields` holds no text under `text_field`; None if it does."""
    if text_field not in fields:
        return missing_field(text_field, fields)
    value = fields[text_field]
    if isinstance(value, str):
        return None
    return f'field "{text_field}" is {type_name(value)}, not a string'


def missing_field(text_field: str, names: Iterable[str]) -> str:
    """The message for a record or table without the text field."""
    known = [str(name) for name in names]
    listed = ", ".join(known[:_MOST_NAMES]) + (", ..." if len(known) > _MOST_NAMES else "")
    return f'no field "{text_field}" (fields: {listed or "none"}); name it with --text-field'


def type_name(value: Any) -> str:
    """A JSON value's type, in words."""
    return _JSON_TYPES.get(type(value), f"of type {type(value).__name__}")


def utf8_problem(error: UnicodeDecodeError) -> str:
    """The message for bytes that are not UTF-8."""
    byte = error.object[error.start]
    return f"not UTF-8: byte 0x{byte:02x} at position {error.start + 1}; convert it to UTF-8"
