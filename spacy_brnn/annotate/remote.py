"""Inputs on a filesystem that pyarrow knows by a URI: s3://, gs://, hdfs://, file://, ..."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from spacy_brnn.annotate.errors import AnnotateError

if TYPE_CHECKING:
    from pyarrow import fs


def is_remote(path: str) -> bool:
    """Whether a path is a URI."""
    return "://" in path


def filesystem_of(uri: str) -> tuple[fs.FileSystem, str]:
    """The filesystem of a URI, and the path on it.

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
    except (ArrowException, ValueError) as error:
        raise AnnotateError(f"{uri}: {error}") from error


def list_remote(uri: str) -> list[tuple[str, int, int]]:
    """The file that a URI names, or those below the folder: URI, bytes, time of change in ns.

    Raises AnnotateError if there is neither.
    """
    from pyarrow import fs

    filesystem, path = filesystem_of(uri)
    found = filesystem.get_file_info(path)
    if found.type == fs.FileType.NotFound:
        raise AnnotateError(f"{uri}: no such file or folder")
    files = [found]
    if found.type == fs.FileType.Directory:
        files = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    root = uri.removesuffix("/").removesuffix(path.removesuffix("/"))
    return sorted(
        (root + file.path, file.size, file.mtime_ns or 0)
        for file in files
        if file.type == fs.FileType.File
    )


@contextmanager
def open_remote(uri: str) -> Iterator[BinaryIO]:
    """Open a file for reading."""
    filesystem, path = filesystem_of(uri)
    with filesystem.open_input_file(path) as file:
        yield cast(BinaryIO, io.BufferedReader(file, buffer_size=1 << 20))
