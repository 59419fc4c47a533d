"""gzip and zstd, for inputs and outputs whose name ends in .gz or .zst."""

from __future__ import annotations

import gzip
import io
import zlib
from types import ModuleType
from typing import BinaryIO, cast

from spacy_brnn.annotate.errors import AnnotateError

SUFFIXES = {".gz": "gzip", ".zst": "zstd"}
GZIP_LEVEL = 6


def decompressed(raw: BinaryIO, compression: str | None) -> BinaryIO:
    """A binary stream over the decompressed content of `raw`."""
    if compression == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw, mode="rb"))
    if compression == "zstd":
        reader = _zstandard().ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return cast(BinaryIO, io.BufferedReader(reader, buffer_size=1 << 17))
    return raw


def compress(data: bytes, compression: str | None) -> bytes:
    """A complete gzip member or zstd frame: several in a row make one valid file.

    The bytes depend on `data` alone, so that a continued run writes what an undisturbed one does.
    """
    if compression == "gzip":
        return gzip.compress(data, GZIP_LEVEL, mtime=0)
    if compression == "zstd":
        return _zstandard().ZstdCompressor().compress(data)
    return data


def read_errors() -> tuple[type[Exception], ...]:
    """What reading a file may raise that is broken or was cut off."""
    errors: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error)
    try:
        import zstandard
    except ImportError:
        return errors
    return (*errors, zstandard.ZstdError)


def _zstandard() -> ModuleType:
    try:
        import zstandard
    except ImportError:
        raise AnnotateError(
            "zstd files need the extra 'zstd': pip install 'spacy-brnn[zstd]'"
        ) from None
    return zstandard
