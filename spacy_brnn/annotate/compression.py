"""gzip and zstd, for inputs and outputs whose name ends in .gz or .zst."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO, cast

from spacy_brnn.annotate.errors import AnnotateError

SUFFIXES = {".gz": "gzip", ".zst": "zstd"}
GZIP_LEVEL = 6

try:
    from compression import zstd as _python_zstd  # Python 3.14
except ImportError:
    _python_zstd = None
try:
    import zstandard as _zstandard
except ImportError:
    _zstandard = None


def decompressed(raw: BinaryIO, compression: str | None) -> BinaryIO:
    """A binary stream over the decompressed content of `raw`."""
    if compression == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw, mode="rb"))
    if compression == "zstd":
        return _zstd_stream(raw)
    return raw


def compress(data: bytes, compression: str | None) -> bytes:
    """A complete gzip member or zstd frame: several in a row make one valid file.

    The bytes depend on `data` alone, so that a continued run writes what an undisturbed one does.
    """
    if compression == "gzip":
        return gzip.compress(data, GZIP_LEVEL, mtime=0)
    if compression == "zstd":
        return _zstd_frame(data)
    return data


def check_compression(compression: str | None) -> None:
    """Raise AnnotateError if the package for a compression is not installed."""
    if compression == "zstd" and not (_python_zstd or _zstandard):
        raise AnnotateError("zstd files need the extra 'zstd': pip install 'spacy-brnn[zstd]'")


def read_errors() -> tuple[type[Exception], ...]:
    """What reading a file may raise that is broken or was cut off."""
    zstd = [module.ZstdError for module in (_python_zstd, _zstandard) if module]
    return (OSError, EOFError, zlib.error, *zstd)


def _zstd_stream(raw: BinaryIO) -> BinaryIO:
    if _python_zstd:
        return cast(BinaryIO, _python_zstd.ZstdFile(raw))
    reader = _zstandard.ZstdDecompressor().stream_reader(
        raw, read_across_frames=True, closefd=False
    )
    return cast(BinaryIO, io.BufferedReader(reader, buffer_size=1 << 17))


def _zstd_frame(data: bytes) -> bytes:
    if _python_zstd:
        return _python_zstd.compress(data)
    return _zstandard.ZstdCompressor().compress(data)
