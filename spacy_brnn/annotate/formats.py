"""Which format and compression a file name stands for."""

from __future__ import annotations

from pathlib import PurePath

from spacy_brnn.annotate.compression import SUFFIXES

EXTENSIONS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "text",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".spacy": "spacy",
}
INPUT_FORMATS = ("jsonl", "csv", "tsv", "parquet", "text", "spacy")
OUTPUT_FORMATS = ("jsonl", "csv", "tsv", "parquet", "spacy")
LINE_FORMATS = ("jsonl", "csv", "tsv", "text")
"""Formats that may be compressed, written to standard output, and appended to."""


def split_name(path: str) -> tuple[str | None, str | None]:
    """The format and the compression that a file name's extensions stand for, None if unknown."""
    name = PurePath(path)
    compression = SUFFIXES.get(name.suffix.lower())
    if compression:
        name = name.with_suffix("")
    return EXTENSIONS.get(name.suffix.lower()), compression


def extensions_of(file_format: str) -> tuple[str, ...]:
    """Every file name ending of a format, compressed ones included."""
    plain = [ending for ending, name in EXTENSIONS.items() if name == file_format]
    if file_format not in LINE_FORMATS:
        return tuple(plain)
    packed = [ending + suffix for ending in plain for suffix in SUFFIXES]
    return tuple(plain + packed)
