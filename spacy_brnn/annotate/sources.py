"""From what the user names as inputs to open, decompressed, decoded files."""

from __future__ import annotations

import codecs
import glob
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path, PurePath
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from spacy_brnn.annotate.records import (
    INPUT_FORMATS,
    MAX_RECORD_BYTES,
    TEXT_FORMATS,
    AnnotateError,
    one_line,
)

if TYPE_CHECKING:
    from pyarrow import fs

STDIN = "-"
EXTENSIONS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "text",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".spacy": "spacy",
}
SUFFIXES = {".gz": "gzip", ".zst": "zstd"}
GZIP_LEVEL = 6
MOST_BYTES_DIGESTED = 256 * 1024 * 1024
"""A larger file counts as changed where its time has changed."""

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive, as .xlsx and .ods are: save the sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old file of Office: save the sheet as CSV",
    b"%PDF-": "a PDF: save its text",
    b"BZh91AY&SY": "compressed by bzip2: unpack it, or pack it by gzip or zstd",
    b"\xfd7zXZ": "compressed by xz: unpack it, or pack it by gzip or zstd",
}
_SPREADSHEETS = (".xlsx", ".xls", ".ods")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD = 64


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read: its path, its format, its compression, its bytes, None if unknown.

    format: one of INPUT_FORMATS, or "text-file" for a document a file; shown: what messages call
    it, by default its path.
    """

    path: str
    format: str
    compression: str | None = None
    size: int | None = None
    shown: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.shown or ("standard input" if self.path == STDIN else self.path)

    def with_absolute_path(self) -> Input:
        """The same input, for a process in another folder."""
        if self.path == STDIN or is_remote(self.path):
            return self
        return replace(self, path=os.path.abspath(self.path), shown=self.name)


class OversizeLine(Exception):
    """A line longer than MAX_RECORD_BYTES; `head` holds its first bytes."""

    def __init__(self, head: bytes) -> None:
        """Keep the line's first bytes."""
        limit = MAX_RECORD_BYTES // 2**20
        super().__init__(f"longer than {limit} MiB (only its beginning is kept here)")
        self.head = head


class Stream:
    """A file's content in UTF-8, without a byte order mark, and how much of it has been read.

    raw: a binary file object, which the caller closes; compression: None, "gzip" or "zstd", where
    the content's first bytes do not say; encoding: by default UTF-8, or UTF-16 where a byte
    order mark says so; binary: leave the content as it is. has_bom: whether there was one of UTF-8;
    at: bytes read, where a reader that jumps about knows it better.

    Raises AnnotateError for what is plainly UTF-16 but does not say so, and for what is no text.
    """

    def __init__(
        self,
        raw: BinaryIO,
        compression: str | None = None,
        encoding: str | None = None,
        *,
        binary: bool = False,
    ) -> None:
        """Look at the first bytes."""
        self.raw = raw
        self.at: int | None = None
        self.has_bom = False
        if binary:
            self._body: Any = raw
            return
        body = _peekable(raw)
        magic = [name for start, name in _MAGIC.items() if body.peek(4).startswith(start)]
        if known := next(iter(magic), compression):
            body = _peekable(_decompressed(body, known))
        head = body.peek(_HEAD)[:_HEAD]
        self.has_bom = head.startswith(codecs.BOM_UTF8) and encoding is None
        if self.has_bom:
            body.read(len(codecs.BOM_UTF8))
        elif encoding is None and head.startswith(_UTF16):
            encoding = "utf-16"
        elif encoding is None and (byte_order := _byte_order(head)):
            raise AnnotateError(f"it looks like UTF-16; add --encoding utf-16-{byte_order}")
        for start, what in _FOREIGN.items():
            if head.startswith(start):
                raise AnnotateError(f"it is {what}")
        self._body = body if encoding is None else _Recoded(body, encoding)

    @property
    def consumed(self) -> int:
        """Bytes of the (compressed) file read so far, 0 where that cannot be told."""
        if self.at is not None:
            return self.at
        return self.raw.tell() if self.raw.seekable() else 0

    def read(self, size: int = -1) -> bytes:
        """About `size` bytes, all that is left by default, none at the end."""
        return self._body.read(size)

    def read_some(self, size: int) -> bytes:
        """At most `size` bytes, as many as can be had at once, none at the end."""
        return self._body.read1(size)

    def lines(self) -> Iterator[tuple[bytes, str | None]]:
        """Each line with its line feed, and what is wrong with it: of a long one only the head."""
        while True:
            try:
                line = self.readline()
            except OversizeLine as error:
                yield error.head, str(error)
                continue
            if not line:
                return
            yield line, None

    def readline(self) -> bytes:
        """The next line with its line feed, b"" at the end.

        Raises OversizeLine after skipping a line that is too long.
        """
        line = self._body.readline(MAX_RECORD_BYTES)
        if len(line) < MAX_RECORD_BYTES or line.endswith(b"\n"):
            return line
        while (part := self._body.readline(1 << 20)) and not part.endswith(b"\n"):
            pass
        raise OversizeLine(line[:1000])


def _byte_order(head: bytes) -> str | None:
    """Of UTF-16 without a mark: every other byte is zero, but for letters of other alphabets."""
    even, odd = head[: len(head) // 2 * 2 : 2], head[1::2]
    for order, low, high in (("le", even, odd), ("be", odd, even)):
        if len(low) >= 4 and all(low) and high.count(0) * 2 > len(high):
            return order
    return None


class _Recoded:
    """Another encoding as UTF-8, with line feeds as the only line ends."""

    def __init__(self, body: io.BufferedReader, encoding: str) -> None:
        self._text = io.TextIOWrapper(body, encoding, newline="\n")

    def read(self, size: int = -1) -> bytes:
        return self._text.read(size).encode("utf-8", "surrogatepass")

    read1 = read

    def readline(self, size: int) -> bytes:
        return self._text.readline(size).encode("utf-8", "surrogatepass")


@contextmanager
def open_input(source: Input, encoding: str | None = None) -> Iterator[Stream]:
    """Open a file or standard input for a reader."""
    if source.path == STDIN:
        yield Stream(sys.stdin.buffer, None, encoding)
        return
    with _open(source.path) as raw:
        binary = source.format in ("parquet", "spacy")
        yield Stream(raw, source.compression, encoding, binary=binary)


@contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    if not is_remote(path):
        with open(path, "rb") as local:
            yield local
        return
    filesystem, name = filesystem_of(path)
    with filesystem.open_input_file(name) as file:
        yield cast(BinaryIO, io.BufferedReader(file, buffer_size=1 << 20))


def read_errors() -> tuple[type[Exception], ...]:
    """What reading a file may raise that is broken, was cut off, or is of another encoding."""
    zstd = zstd_module()
    more = (zstd.ZstdError,) if zstd else ()
    return (OSError, EOFError, zlib.error, UnicodeError, AnnotateError, *more)


def error_text(error: Exception) -> str:
    """What to tell of one of the `read_errors`."""
    return error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)


@contextmanager
def compressed(file: BinaryIO, compression: str | None) -> Iterator[BinaryIO]:
    """A file to write the content to; the bytes depend on the content alone."""
    if compression == "gzip":
        with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as packed:
            yield cast(BinaryIO, packed)
    elif compression == "zstd":
        with cast(ModuleType, zstd_module()).ZstdFile(file, "wb") as packed:
            yield packed
    else:
        yield file


def find_inputs(arguments: Sequence[str], input_format: str | None = None) -> list[Input]:
    """Expand files, globs and folders, in the order given and sorted within each argument.

    Raises AnnotateError if an argument names nothing, or nothing of a known format.
    """
    inputs = [found for argument in arguments for found in _expand(argument, input_format)]
    for found in inputs:
        check_installed(found.format, found.compression)
    return inputs


def check_installed(file_format: str, compression: str | None) -> None:
    """Raise AnnotateError if the package for a format or a compression is not installed."""
    if file_format == "parquet" and not find_spec("pyarrow"):
        raise AnnotateError("Parquet needs the extra 'parquet': pip install 'spacy-brnn[parquet]'")
    if compression == "zstd" and not zstd_module():
        raise AnnotateError("zstd files need the extra 'zstd': pip install 'spacy-brnn[zstd]'")


def check_readable(inputs: Sequence[Input]) -> None:
    """Raise AnnotateError for the first file that cannot be opened, before any work is done."""
    for found in inputs:
        if found.path != STDIN and not is_remote(found.path) and not os.access(found.path, os.R_OK):
            there = os.path.exists(found.path)
            raise AnnotateError(f"{found.name}: {'cannot be read' if there else 'no such file'}")


def total_bytes(inputs: Sequence[Input]) -> int | None:
    """Bytes of all files; None if one is of unknown size."""
    sizes = [found.size for found in inputs]
    return None if None in sizes else sum(size for size in sizes if size)


def fingerprint(found: Input) -> list[Any]:
    """Format, size, time of change and digest of an input, to tell later whether it changed."""
    if is_remote(found.path):
        ((_, size, changed),) = _list_remote(found.path)
        return [found.format, size, changed, None]
    try:
        status = os.stat(found.path)
        small = status.st_size <= MOST_BYTES_DIGESTED
        digest = sha256(Path(found.path).read_bytes()).hexdigest() if small else None
    except OSError:
        return [found.format, None, None, None]
    return [found.format, status.st_size, status.st_mtime_ns, digest]


def same_fingerprint(one: Sequence[Any] | None, other: Sequence[Any] | None) -> bool:
    """Whether two fingerprints are of the same content."""
    if not one or not other or one[:2] != other[:2]:
        return False
    return one[3] == other[3] if one[3] and other[3] else one[2] == other[2]


def split_name(path: str) -> tuple[str | None, str | None]:
    """The format and the compression that a file name's extensions stand for, None if unknown."""
    name = PurePath(path)
    compression = SUFFIXES.get(name.suffix.lower())
    if compression:
        name = name.with_suffix("")
    return EXTENSIONS.get(name.suffix.lower()), compression


def is_remote(path: str) -> bool:
    """Whether a path is a URI."""
    return "://" in path


def filesystem_of(uri: str) -> tuple[fs.FileSystem, str]:
    """The filesystem of a URI (s3://, gs://, hdfs://, file://, ...), and the path on it.

    Raises AnnotateError if pyarrow is missing or does not know the filesystem.
    """
    try:
        from pyarrow import ArrowException, fs
    except ImportError:
        raise AnnotateError(
            f"{uri}: remote files need the extra 'parquet': pip install 'spacy-brnn[parquet]'"
        ) from None
    try:
        return fs.FileSystem.from_uri(uri)
    except (ArrowException, ValueError, OSError) as error:
        raise AnnotateError(f"{uri}: {one_line(error)}") from error


def _list_remote(uri: str) -> list[tuple[str, int, int]]:
    """The file that a URI names, or those below the folder: URI, bytes, time of change in ns."""
    if uri.startswith(("http://", "https://")):
        raise AnnotateError(
            f"{uri}: web addresses are not read; download the file, or pipe it: "
            "curl URL | spacy-brnn annotate - --input-format FORMAT"
        )
    filesystem, path = filesystem_of(uri)
    from pyarrow import fs

    try:
        found = filesystem.get_file_info(path)
        files = [found]
        if found.type == fs.FileType.Directory:
            files = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    except OSError as error:
        raise AnnotateError(f"{uri}: {one_line(error)}") from error
    if found.type == fs.FileType.NotFound:
        raise AnnotateError(f"{uri}: no such file or folder")
    address, query = (*uri.split("?", 1), "")[:2]
    root = address.removesuffix("/").removesuffix(path.removesuffix("/"))
    end = f"?{query}" if query else ""
    return sorted(
        (root + file.path + end, file.size, file.mtime_ns or 0)
        for file in files
        if file.type == fs.FileType.File
    )


def _expand(argument: str, input_format: str | None) -> list[Input]:
    if argument == STDIN:
        if input_format not in (None, *TEXT_FORMATS):
            raise AnnotateError(f"{input_format} cannot be read from standard input; name a file")
        return [Input(STDIN, input_format or "jsonl")]
    if is_remote(argument):
        files = [(path, size) for path, size, _ in _list_remote(argument)]
        if [path for path, _ in files] == [argument]:
            return [_file(argument, input_format, files[0][1])]
        return _in_folder(argument, files, input_format)
    if os.path.isdir(argument):
        walk = ((parent, name) for parent, _, names in os.walk(argument) for name in names)
        paths = sorted(os.path.join(*place) for place in walk)
        return _in_folder(argument, [(path, _size(path)) for path in paths], input_format)
    if os.path.lexists(argument):
        return [_file(argument, input_format, _size(argument))]
    if not glob.has_magic(argument):
        raise AnnotateError(f"{argument}: no such file or folder")
    paths = sorted(filter(os.path.isfile, glob.iglob(argument, recursive=True)))
    if not paths:
        raise AnnotateError(f"{argument}: no file matches")
    return [_file(path, input_format, _size(path)) for path in paths]


def _in_folder(
    folder: str, files: Iterable[tuple[str, int | None]], input_format: str | None
) -> list[Input]:
    by_format: dict[str, list[tuple[str, int | None]]] = {}
    for path, size in files:
        if _is_hidden(path[len(folder) :]):
            continue
        if known := split_name(path.split("?")[0])[0]:
            by_format.setdefault(known, []).append((path, size))
    # What is empty does not tell what the folder is about.
    full = [name for name, found in by_format.items() if any(size for _, size in found)]
    wanted = input_format or (full[0] if len(full) == 1 else None)
    if wanted is None and len(full) > 1:
        counts = ", ".join(f"{len(by_format[name]):,} {name}" for name in full)
        raise AnnotateError(
            f"{folder}: files of several formats ({counts}); choose one with --input-format"
        )
    wanted = wanted or next(iter(by_format), None)
    if wanted not in by_format:
        endings = [end for end, name in EXTENSIONS.items() if wanted in (None, name)]
        listed = ", ".join(sorted(endings, key=".txt".__ne__))
        raise AnnotateError(f"{folder}: no {listed} file in this folder")
    found = [_file(path, wanted, size) for path, size in by_format[wanted]]
    return [replace(one, format="text-file") if wanted == "text" else one for one in found]


def _is_hidden(below: str) -> bool:
    """Of a path below a folder: copies of an editor's, a notebook's or the system's own."""
    return any(part.startswith(".") for part in PurePath(below).parts)


def _file(path: str, input_format: str | None, size: int | None) -> Input:
    by_name, compression = split_name(path.split("?")[0] if is_remote(path) else path)
    wanted = input_format or by_name
    if wanted is None and PurePath(path).suffix.lower() in _SPREADSHEETS:
        raise AnnotateError(
            f"{path}: spreadsheets are not read; save the sheet as CSV (if the file is text for "
            "all its name, say with --input-format of which format)"
        )
    if wanted is None:
        raise AnnotateError(
            f"{path}: the name does not tell the format; "
            f"name it with --input-format ({', '.join(INPUT_FORMATS)})"
        )
    if compression and wanted not in TEXT_FORMATS:
        raise AnnotateError(f"{path}: {wanted} is compressed by itself; decompress the file first")
    return Input(path, wanted, compression, size)


def _size(path: str) -> int | None:
    try:
        return os.path.getsize(path)
    except OSError:
        return None


def _peekable(raw: Any) -> io.BufferedReader:
    return raw if hasattr(raw, "peek") else io.BufferedReader(raw, buffer_size=1 << 17)


def _decompressed(raw: Any, compression: str) -> Any:
    # Not in a buffer of our own: it would lose what comes before the place where a file breaks off.
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw)
    check_installed("", compression)
    return cast(ModuleType, zstd_module()).ZstdFile(raw)


def zstd_module() -> ModuleType | None:
    """Python's own module (3.14), or its backport: both tell a file that ends early."""
    try:
        from compression import zstd
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            return None
    return zstd
