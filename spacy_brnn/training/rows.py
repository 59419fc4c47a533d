"""The rows of a user's file, each with its place: the only door to the readers of `annotate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..annotate.readers import InputReader, ReadOptions
from ..annotate.records import AnnotateError
from ..annotate.sources import check_readable, find_inputs
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
        check_readable(inputs)
    except AnnotateError as error:
        raise CorpusError(str(error)) from None
    for record in InputReader(inputs, ReadOptions(text_field=text_field)):
        if record.problem is not None:
            raise CorpusError(f"{record.place}: {record.problem}")
        yield Row(record.place, record.text, record.fields)
