"""One reader per input format: a stream in, records and rejected records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.readers.delimited import read_delimited
from spacy_brnn.annotate.readers.jsonl import read_jsonl
from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.readers.text import read_text_file, read_text_lines
from spacy_brnn.annotate.records import Item
from spacy_brnn.annotate.streams import InputStream

Reader = Callable[[InputStream, str, str, Start], Iterator[Item]]
"""(stream, source name, text field, where to start) -> items."""


def read_parquet(stream: InputStream, source: str, text_field: str, start: Start) -> Iterator[Item]:
    """Read Parquet; pyarrow is imported only then."""
    from spacy_brnn.annotate.readers import parquet

    return parquet.read_parquet(stream, source, text_field, start)


def read_docbin(stream: InputStream, source: str, text_field: str, start: Start) -> Iterator[Item]:
    """Read a DocBin; spaCy is imported only then."""
    from spacy_brnn.annotate.readers import docbin

    return docbin.read_docbin(stream, source, text_field, start)


READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "csv": partial(read_delimited, delimiter=","),
    "tsv": partial(read_delimited, delimiter="\t"),
    "text": read_text_lines,
    "text-file": read_text_file,
    "parquet": read_parquet,
    "spacy": read_docbin,
}
NEED_WHOLE_FILE = ("parquet", "spacy")
"""Formats that cannot be read from a pipe."""


def check_format(name: str) -> None:
    """Raise AnnotateError if the package that a format needs is not installed."""
    if name == "parquet" and not find_spec("pyarrow"):
        raise AnnotateError("Parquet needs the extra 'parquet': pip install 'spacy-brnn[parquet]'")


__all__ = ["NEED_WHOLE_FILE", "READERS", "Reader", "Start", "check_format"]
