"""The files of the Large Movie Review Dataset, from its archive or from its unpacked folder."""

import gzip
import os
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from spacy_brnn.corpora.errors import CorpusError

_FILE = re.compile(
    r"(?:^|/)(?P<name>(?P<split>train|test)/"
    r"(?:(?P<label>pos|neg|unsup)/(?P<number>\d+)_\d+|urls_(?P<listed>pos|neg|unsup))\.txt)$"
)


class SourceFile(NamedTuple):
    """One file of the corpus: a review, or the list of the film addresses of a folder's reviews."""

    name: str
    """Path below `aclImdb/`: `train/pos/0_9.txt`, or `train/urls_pos.txt`."""
    folder: str
    """The folder that it belongs to: `train/pos` for both of these."""
    number: int | None
    """The review's number, None for a list of film addresses."""
    data: bytes
    """What the file holds."""
    progress: int
    """How much of the source it took to read, in the unit of the source's `size`."""


class ImdbSource(Protocol):
    """Where the corpus is read from."""

    @property
    def path(self) -> Path:
        """The archive, or the folder."""

    def size(self, folders: Collection[str]) -> int:
        """Return how much there is to read for these folders, in a unit of the source's own."""

    def files(self, folders: Collection[str]) -> Iterator[SourceFile]:
        """Yield every file of these folders (`train/pos`, ...), in any order."""


def open_imdb(path: Path) -> ImdbSource:
    """Return the corpus at `path`: `aclImdb_v1.tar.gz`, `aclImdb/` or the folder around it.

    Raises CorpusError if a folder is none of these, or holds two corpora.
    """
    with _reading(path):
        if not path.is_dir():
            return ImdbArchive(path)
        roots = [root for root in (path, path / "aclImdb") if _has_split(root)]
    if not roots:
        raise CorpusError(f"{path}: holds neither train/ nor test/; give the aclImdb/ folder")
    if len(roots) > 1:
        raise CorpusError(f"{path}: holds a corpus, and another one in aclImdb/; give one of them")
    return ImdbFolder(roots[0])


@dataclass(frozen=True)
class ImdbArchive:
    """The corpus in its gzipped tar archive, read as a stream; its size is in bytes."""

    path: Path

    def size(self, folders: Collection[str]) -> int:
        """Return the length of the archive in bytes, whatever the folders."""
        with _reading(self.path):
            return self.path.stat().st_size

    def files(self, folders: Collection[str]) -> Iterator[SourceFile]:
        """Yield every file of these folders, in the archive's order.

        Raises CorpusError if the archive is truncated, damaged or no gzipped tar at all.
        """
        with _reading(self.path):
            try:
                yield from self._stream(folders)
            except (EOFError, gzip.BadGzipFile, tarfile.TarError, zlib.error) as err:
                raise CorpusError(
                    f"{self.path}: no complete .tar.gz archive ({err}); download it again"
                ) from None

    def _stream(self, folders: Collection[str]) -> Iterator[SourceFile]:
        with (
            self.path.open("rb") as raw,
            gzip.open(raw) as unzipped,
            tarfile.open(fileobj=unzipped, mode="r|") as tar,
        ):
            done = 0
            for member in tar:
                match = _FILE.search(member.name)
                if not match or not member.isreg() or _folder(match) not in folders:
                    continue
                if (file := tar.extractfile(member)) is not None:  # As of a regular file.
                    yield _source_file(match, file.read(), raw.tell() - done)
                    done = raw.tell()
            # tarfile stops at its own end mark; the gzip checksum comes after it.
            while unzipped.read(1 << 20):
                pass


@dataclass(frozen=True)
class ImdbFolder:
    """The corpus unpacked; its size is in files."""

    path: Path

    def size(self, folders: Collection[str]) -> int:
        """Return the number of files that belong to these folders."""
        return sum(1 for _ in self._matches(folders))

    def files(self, folders: Collection[str]) -> Iterator[SourceFile]:
        """Yield every file of these folders; raises CorpusError at one that cannot be read."""
        for match in self._matches(folders):
            path = self.path / match["name"]
            with _reading(path):
                data = path.read_bytes()
            yield _source_file(match, data, 1)

    def _matches(self, folders: Collection[str]) -> Iterator[re.Match[str]]:
        for folder in sorted({*folders, *(folder.split("/")[0] for folder in folders)}):
            path = self.path / folder
            with _reading(path):
                names = sorted(os.listdir(path)) if path.is_dir() else []
            matches = (_FILE.search(f"{folder}/{name}") for name in names)
            yield from (match for match in matches if match and _folder(match) in folders)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise CorpusError(f"{path}: cannot be read ({err.strerror})") from None


def _has_split(root: Path) -> bool:
    return (root / "train").is_dir() or (root / "test").is_dir()


def _folder(match: re.Match[str]) -> str:
    return f"{match['split']}/{match['label'] or match['listed']}"


def _source_file(match: re.Match[str], data: bytes, progress: int) -> SourceFile:
    number = None if match["number"] is None else int(match["number"])
    return SourceFile(match["name"], _folder(match), number, data, progress)
