"""The rows of a user's file, each with its place: the only door to the readers of `annotate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..annotate.errors import AnnotateError
from ..annotate.inputs import InputReader, Position, find_inputs
from ..annotate.records import Record, Rejected
from ..corpora.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it is, for messages, its text, and all its fields, the text among them."""

    place: str
    text: str
    fields: dict[str, Any]


def rows(path: str, text_field: str, input_format: str | None = None) -> Iterator[Row]:
    """The rows of a file, or of all files of a glob or folder, in any format of `annotate`.

    Raises CorpusError for a file or a row that cannot be read, with its place.
    """
    try:
        inputs = find_inputs([path], input_format)
    except AnnotateError as error:
        raise CorpusError(str(error)) from None
    for item in InputReader(inputs, text_field, Position()):
        if isinstance(item, Rejected):
            raise CorpusError(f"{item.place()}: {item.reason}")
        if isinstance(item, Record):
            yield Row(item.place(), item.text, item.fields)
