"""The rows of a user's file, each with its place: the only door to the readers of `annotate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..annotate.readers import InputReader, ReadOptions
from ..annotate.records import AnnotateError, replace_surrogates
from ..annotate.sources import check_readable, find_inputs
from ..corpora.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it is, for messages, its text, its label, and the names of its fields.

    label: None where the row has none.
    """

    place: str
    text: str
    label: Any
    names: Iterable[str]


def rows(
    path: str, label_field: str, options: ReadOptions, input_format: str | None = None
) -> Iterator[Row]:
    """The rows of a file, or of all files of a glob or folder, in any format of `annotate`.

    label_field: its name; of nested objects a path.
    Raises CorpusError for a file or a row that cannot be read, with its place.
    """
    try:
        options.check()
        inputs = find_inputs([path], input_format)
        check_readable(inputs)
    except AnnotateError as error:
        raise CorpusError(str(error)) from None
    for record in InputReader(inputs, options):
        if record.problem is not None:
            raise CorpusError(f"{record.place}: {record.problem}")
        try:
            label = record.value(label_field, "--label-field")
        except KeyError:
            label = None
        yield Row(record.place, replace_surrogates(record.text), label, record.fields)
