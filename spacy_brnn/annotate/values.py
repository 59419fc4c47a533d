"""Field values as JSON and as table cells."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any

_SURROGATES = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
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
        return encodable(value)
    return "" if value is None else to_json_text(value)


def to_json_text(value: Any) -> str:
    """Any value as JSON that every encoding takes."""
    return encodable(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
