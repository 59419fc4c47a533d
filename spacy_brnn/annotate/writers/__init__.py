"""One writer per output format: records and their annotations in, bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spacy_brnn.annotate.writers.base import Row, Writer
from spacy_brnn.annotate.writers.delimited import DelimitedWriter, SpooledDelimitedWriter
from spacy_brnn.annotate.writers.jsonl import JsonlWriter

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {"csv": ",", "tsv": "\t"}


def make_writer(
    output_format: str,
    compression: str | None,
    columns: Sequence[str] | None,
    schema: pa.Schema | None = None,
) -> Writer:
    """The writer for a format.

    columns: the fields of every record, where they are known before the first one is read;
    schema: the types of those that come from Parquet.
    """
    if output_format == "parquet":
        from spacy_brnn.annotate.writers.parquet import ParquetWriter

        return ParquetWriter(schema)
    if output_format == "spacy":
        from spacy_brnn.annotate.writers.docbin import DocBinWriter

        return DocBinWriter()
    if output_format == "jsonl":
        return JsonlWriter(compression)
    delimiter = DELIMITERS[output_format]
    if columns is None:
        return SpooledDelimitedWriter(delimiter, compression)
    return DelimitedWriter(delimiter, compression, columns)


__all__ = ["Row", "Writer", "make_writer"]
