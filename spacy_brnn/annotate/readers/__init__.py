"""One reader per input format: a stream in, records and rejected records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from spacy_brnn.annotate.readers.delimited import read_delimited
from spacy_brnn.annotate.readers.jsonl import read_jsonl
from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.readers.text import read_text_file, read_text_lines
from spacy_brnn.annotate.records import Item
from spacy_brnn.annotate.streams import InputStream

Reader = Callable[[InputStream, str, str, Start], Iterator[Item]]
"""(stream, source name, text field, where to start) -> items."""

READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "csv": partial(read_delimited, delimiter=","),
    "tsv": partial(read_delimited, delimiter="\t"),
    "text": read_text_lines,
    "text-file": read_text_file,
}

__all__ = ["READERS", "Reader", "Start"]
