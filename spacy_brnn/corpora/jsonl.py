"""Lines of JSON objects, from a file that may be gzipped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from .errors import CorpusError

Parsed = TypeVar("Parsed")


def read_objects(
    path: Path, parse: Callable[[dict[str, Any]], Parsed], wanted: str
) -> Iterator[Parsed]:
    """What `parse` makes of the object of each line.

    parse: may raise ValueError, TypeError or KeyError for an object that will not do; a CorpusError
        of its own goes out with the place before it.
    wanted: what an object must have, for the message.
    Raises CorpusError, with file and line, for what is no such object.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield parse(json.loads(line))
            except CorpusError as error:
                raise CorpusError(f"{path}, line {number}: {error}") from None
            except (ValueError, TypeError, KeyError):
                raise CorpusError(f"{path}, line {number}: no object with {wanted}") from None


def read_text(row: dict[str, Any]) -> str:
    """Its `text`. Raises TypeError where that is no string."""
    text = row["text"]
    if not isinstance(text, str):
        raise TypeError("text is no string")
    return text
