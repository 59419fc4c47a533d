"""Field values as JSON and as table cells."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from spacy_brnn.annotate.annotator import encodable


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
    if value is None:
        return ""
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
