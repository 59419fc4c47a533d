"""From a field of a record to the parts of its text that a sentiment is wanted toward."""

from __future__ import annotations

import json
import re
from typing import Any

from spacy_brnn.annotate.records import Place, Record, json_type


def take_targets(record: Record, field: str) -> Record:
    """Set the record's targets from a field, or the problem where they are none; return it."""
    if record.problem is not None:
        return record
    try:
        record.targets = find_targets(record.text, record.value(field, "--targets"))
    except ValueError as error:
        record.problem = f'field "{field}" {error}'
    except KeyError as error:
        record.problem = error.args[0]
    return record


def find_targets(text: str, value: Any) -> list[Place]:
    """Where the targets that a field names stand in the text.

    value: a name, an object with start and end (offsets of characters), a list of either, or the
        JSON of one of these. None and blank text name no target.
    RETURNS: name, start and end of each; of a name each occurrence as a whole word, whatever its
        case, or one place of None and None where it does not occur.
    Raises ValueError for another value, or offsets outside of the text.
    """
    value = _parsed(value)
    if value is None:
        return []
    if isinstance(value, list):
        wrong = [one for one in value if not isinstance(one, str | dict)]
        if wrong:
            raise ValueError(f"holds {json_type(wrong[0])}, not strings or objects")
        return [place for one in value for place in _places(text, one)]
    if not isinstance(value, str | dict):
        raise ValueError(f"is {json_type(value)}, not a string or a list")
    return _places(text, value)


def _parsed(value: Any) -> Any:
    """The cell of a table may hold JSON."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _places(text: str, target: str | dict[str, Any]) -> list[Place]:
    if isinstance(target, dict):
        return [_given(text, target)]
    if not (name := target.strip()):
        return []
    found = re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE)
    return [(name, *match.span()) for match in found] or [(name, None, None)]


def _given(text: str, target: dict[str, Any]) -> Place:
    start, end = target.get("start"), target.get("end")
    if type(start) is not int or type(end) is not int:
        raise ValueError("holds an object without the numbers start and end")
    if not 0 <= start < end <= len(text):
        raise ValueError(
            f"is wrong: no part of the text lies from character {start} to {end}; it has "
            f"{len(text):,}"
        )
    return text[start:end], start, end
