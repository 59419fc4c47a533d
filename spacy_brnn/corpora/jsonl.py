"""Lines of JSON objects, from a file that may be gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from .errors import CorpusError

Parsed = TypeVar("Parsed")


def read_objects(
    path: Path, parse: Callable[[dict[str, Any]], Parsed], wanted: str
) -> Iterator[Parsed]:
    """What `parse` makes of the object of each line.

    parse: may raise ValueError, TypeError, KeyError or AttributeError for an object that will not
        do; a CorpusError of its own goes out with the place before it.
    wanted: what an object must have, for the message.
    Raises CorpusError, with file and line, for what is no such object, and for a damaged archive.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                yield _parse_line(line, parse, wanted, f"{path}, line {number}")
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise CorpusError(f"{path}: damaged, or not gzipped: get or make it again") from None


def _parse_line(
    line: bytes, parse: Callable[[dict[str, Any]], Parsed], wanted: str, place: str
) -> Parsed:
    try:
        return parse(json.loads(line.decode("utf-8")))
    except CorpusError as error:
        raise CorpusError(f"{place}: {error}") from None
    except UnicodeDecodeError:
        raise CorpusError(f"{place}: not UTF-8: convert it first") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CorpusError(f"{place}: no object with {wanted}") from None


def read_text(row: dict[str, Any]) -> str:
    """Its `text`.

    Raises TypeError where that is no string, CorpusError where no encoding takes it.
    """
    text = row["text"]
    if not isinstance(text, str):
        raise TypeError("text is no string")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = ascii(text[error.start])
        raise CorpusError(f"text holds half a surrogate pair, {half}: leave it out") from None
    return text
