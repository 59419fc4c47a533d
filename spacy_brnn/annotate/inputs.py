"""From what the user names as inputs to one stream of items."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from spacy_brnn.annotate.compression import check_compression, read_errors
from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.formats import INPUT_FORMATS, extensions_of, split_name
from spacy_brnn.annotate.readers import NEED_WHOLE_FILE, READERS, Start, check_format
from spacy_brnn.annotate.records import Item, Rejected
from spacy_brnn.annotate.remote import is_remote, list_remote, open_remote
from spacy_brnn.annotate.streams import InputStream

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read: its path, its format (a key of READERS), its compression, its bytes.

    shown: what messages call it, by default its path.
    """

    path: str
    format: str
    compression: str | None
    size: int | None
    shown: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.shown or ("standard input" if self.path == STDIN else self.path)

    def anywhere(self) -> Input:
        """The same input, for a process in another folder."""
        if self.path == STDIN or is_remote(self.path):
            return self
        return replace(self, path=os.path.abspath(self.path), shown=self.name)


@dataclass(frozen=True, slots=True)
class Position:
    """How far the inputs have been read: the input's index, and the start within it."""

    input: int = 0
    offset: int = 0
    number: int = 1


def find_inputs(arguments: Sequence[str], input_format: str | None = None) -> list[Input]:
    """Expand files, globs and folders, in the order given and sorted within each argument.

    Raises AnnotateError if an argument names nothing, or nothing of a known format.
    """
    inputs = [found for argument in arguments for found in _expand(argument, input_format)]
    for name in {found.format for found in inputs}:
        check_format(name)
    for compression in {found.compression for found in inputs}:
        check_compression(compression)
    return inputs


def describe_inputs(arguments: Sequence[str], inputs: Sequence[Input]) -> dict[str, str]:
    """A digest over paths, sizes and times of change: equal as long as no input changed."""
    digest = sha256()
    for found in inputs:
        state = (found.path, found.format, _stamp(found.path))
        digest.update(repr(state).encode("utf-8", "backslashreplace"))
    return {"arguments": " ".join(arguments), "digest": digest.hexdigest()}


def total_bytes(inputs: Sequence[Input]) -> int | None:
    """Bytes of all files; None if one is of unknown size."""
    sizes = [found.size for found in inputs]
    return None if None in sizes else sum(size for size in sizes if size)


def check_readable(inputs: Sequence[Input]) -> None:
    """Raise AnnotateError for the first file that cannot be opened, before any work is done."""
    for found in inputs:
        if found.path != STDIN and not is_remote(found.path) and not os.access(found.path, os.R_OK):
            there = os.path.exists(found.path)
            raise AnnotateError(f"{found.name}: {'cannot be read' if there else 'no such file'}")


class InputReader:
    """All items of all inputs, in order, from a position on.

    After each item, `position` says where reading goes on behind it, and `consumed` how many
    bytes of the files have been read.
    """

    def __init__(self, inputs: Sequence[Input], text_field: str, position: Position) -> None:
        """Prepare to read; nothing is opened yet."""
        self.position = position
        self._inputs = inputs
        self._text_field = text_field
        self._done = sum(found.size or 0 for found in inputs[: position.input])
        self._stream: InputStream | None = None

    @property
    def consumed(self) -> int:
        """Bytes read so far, of all inputs."""
        return self._done + (self._stream.consumed if self._stream else 0)

    def __iter__(self) -> Iterator[Item]:
        """Yield every item; a file that cannot be read (further) is one rejected item."""
        for index in range(self.position.input, len(self._inputs)):
            yield from self._items(index)
            self._done += self._inputs[index].size or 0

    def _items(self, index: int) -> Iterator[Item]:
        source = self._inputs[index]
        start = Start(self.position.offset, self.position.number)
        number = start.number
        after = Position(index + 1)
        try:
            with open_input(source) as stream:
                self._stream = stream
                for item in READERS[source.format](stream, source.name, self._text_field, start):
                    number = item.next_number
                    self.position = Position(index, item.end, number)
                    yield item
        except read_errors() as error:
            self.position = after
            yield _unreadable(source, number, error)
        finally:
            self._stream = None
        self.position = after


@contextmanager
def open_input(source: Input) -> Iterator[InputStream]:
    """Open a file or standard input for a reader."""
    if source.path == STDIN:
        yield InputStream(sys.stdin.buffer, source.compression)
        return
    with (
        open_remote(source.path) if is_remote(source.path) else Path(source.path).open("rb") as raw
    ):
        yield InputStream(raw, source.compression)


def _unreadable(source: Input, number: int, error: Exception) -> Rejected:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Rejected(
        source=source.name,
        unit="file" if number == 1 else "line",
        number=number,
        end=0,
        next_number=number,
        raw=None,
        reason=f"cannot be read from here on: {why}",
    )


def _expand(argument: str, input_format: str | None) -> list[Input]:
    if argument == STDIN:
        if input_format in NEED_WHOLE_FILE:
            raise AnnotateError(f"{input_format} cannot be read from standard input; name a file")
        return [Input(STDIN, input_format or "jsonl", None, None)]
    if is_remote(argument):
        return _expand_remote(argument, input_format)
    if os.path.isdir(argument):
        return _expand_folder(argument, input_format)
    if os.path.lexists(argument):
        return [_file(argument, input_format)]
    if not glob.has_magic(argument):
        raise AnnotateError(f"{argument}: no such file or folder")
    paths = sorted(filter(os.path.isfile, glob.iglob(argument, recursive=True)))
    if not paths:
        raise AnnotateError(f"{argument}: no file matches")
    return [_file(path, input_format) for path in paths]


def _expand_remote(uri: str, input_format: str | None) -> list[Input]:
    files = list_remote(uri)
    if [path for path, _, _ in files] == [uri]:
        return [_file(uri, input_format, files[0][1])]
    endings = extensions_of(input_format or "jsonl")
    found = [_file(path, input_format, size) for path, size, _ in files if path.endswith(endings)]
    if not found:
        raise AnnotateError(f"{uri}: no {' or '.join(endings[:2])} file in this folder")
    return found


def _expand_folder(folder: str, input_format: str | None) -> list[Input]:
    wanted = input_format or "text"
    endings = extensions_of(wanted)
    paths = sorted(
        os.path.join(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(endings)
    )
    if not paths:
        raise AnnotateError(f"{folder}: no {' or '.join(endings[:2])} file in this folder")
    reader = "text-file" if wanted == "text" else wanted
    found = [_file(path, wanted) for path in paths]
    return [replace(each, format=reader) for each in found]


def _file(path: str, input_format: str | None, size: int | None = None) -> Input:
    by_name, compression = split_name(path)
    wanted = input_format or by_name
    if wanted is None:
        raise AnnotateError(
            f"{path}: the name does not tell the format; "
            f"name it with --input-format ({', '.join(INPUT_FORMATS)})"
        )
    if compression and wanted in NEED_WHOLE_FILE:
        raise AnnotateError(f"{path}: {wanted} is compressed by itself; decompress the file first")
    return Input(path, wanted, compression, _size(path) if size is None else size)


def _stamp(path: str) -> tuple[int, int] | None:
    if is_remote(path):
        return list_remote(path)[0][1:]
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _size(path: str) -> int | None:
    try:
        return os.path.getsize(path)
    except OSError:
        return None
