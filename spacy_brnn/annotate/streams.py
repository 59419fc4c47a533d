"""A binary input that knows how far it has been read, and can go on from there."""

from __future__ import annotations

from typing import BinaryIO

from spacy_brnn.annotate.compression import decompressed
from spacy_brnn.annotate.records import MAX_RECORD_BYTES

_SKIP_BYTES = 1 << 20


class OversizeLine(Exception):
    """A line longer than MAX_RECORD_BYTES; `head` holds its first bytes."""

    def __init__(self, head: bytes) -> None:
        """Keep the line's first bytes."""
        limit = MAX_RECORD_BYTES // 2**20
        super().__init__(f"longer than {limit} MiB (only its beginning is kept here)")
        self.head = head


class InputStream:
    """Lines and blocks of a binary file, decompressed, with the offset of the next byte.

    raw: a binary file object; compression: None, "gzip" or "zstd".
    """

    def __init__(self, raw: BinaryIO, compression: str | None = None) -> None:
        """Wrap `raw`, which the caller closes."""
        self.raw = raw
        self.offset = 0
        self._consumed: int | None = None
        self._seekable = compression is None and raw.seekable()
        self._content = decompressed(raw, compression)

    @property
    def consumed(self) -> int:
        """Bytes of the (compressed) file read so far; readers that jump about set it."""
        if self._consumed is not None:
            return self._consumed
        return self.raw.tell() if self.raw.seekable() else self.offset

    @consumed.setter
    def consumed(self, value: int) -> None:
        self._consumed = value

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that is left by default."""
        data = self._content.read(size)
        self.offset += len(data)
        return data

    def readline(self) -> bytes:
        """The next line with its line feed, b"" at the end.

        Raises OversizeLine after skipping a line that is too long.
        """
        line = self._content.readline(MAX_RECORD_BYTES)
        self.offset += len(line)
        if len(line) == MAX_RECORD_BYTES and not line.endswith(b"\n"):
            self._skip_line()
            raise OversizeLine(line[:1000])
        return line

    def skip_to(self, offset: int) -> None:
        """Go forward to an offset in the decompressed content."""
        if self._seekable:
            self._content.seek(offset)
            self.offset = offset
            return
        while self.offset < offset and self.read(min(_SKIP_BYTES, offset - self.offset)):
            pass

    def _skip_line(self) -> None:
        while part := self._content.readline(_SKIP_BYTES):
            self.offset += len(part)
            if part.endswith(b"\n"):
                return
