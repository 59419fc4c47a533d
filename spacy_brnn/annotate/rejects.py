"""The rejects file: one JSON object for each record that was set aside."""

from __future__ import annotations

import base64
import json

from spacy_brnn.annotate.records import Rejected


def encode_rejected(item: Rejected) -> bytes:
    """A JSON line with file, line (or row, ...), reason, and the raw record.

    The raw record is in "raw"; where it is not UTF-8, in "raw_base64".
    """
    number = {} if item.unit == "file" else {item.unit: item.number}
    line = {"file": item.source, **number, "reason": item.reason, **_raw(item.raw)}
    return json.dumps(line).encode("ascii") + b"\n"


def _raw(raw: bytes | None) -> dict[str, str | None]:
    if raw is None:
        return {"raw": None}
    try:
        return {"raw": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode("ascii")}
