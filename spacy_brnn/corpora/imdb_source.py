"""The files of the Large Movie Review Dataset, from its archive or from its unpacked folder."""

import gzip
import os
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from spacy_brnn.corpora.errors import CorpusError

_FILE = re.compile(
    r"(?:^|/)(?P<name>(?P<split>train|test)/"
    r"(?:(?P<folder>pos|neg|unsup)/(?P<number>\d+)_\d+|urls_(?P<listed>pos|neg|unsup))\.txt)$"
)


class SourceFile(NamedTuple):
    """One file of the corpus: a review, or the list of a folder's film addresses."""

    name: str
    """Path below `aclImdb/`, such as `train/pos/0_9.txt` or `train/urls_pos.txt`."""
    folder: str
    """The folder that it belongs to, such as `train/pos` (for both names above)."""
    number: int | None
    """The review's number, None for a list of film addresses."""
    data: bytes
    """What the file holds."""
    progress: int
    """How far reading it took us, in the unit of the source's `size`."""


class ImdbSource(Protocol):
    """Where the corpus is read from."""

    path: Path

    def size(self, folders: Collection[str]) -> int:
        """How much there is to read, in a unit of the source's own."""

    def files(self, folders: Collection[str]) -> Iterator[SourceFile]:
        """Yield every file of these folders (`train/pos`, ...), in any order."""


def open_imdb(path: Path) -> ImdbSource:
    """Return the corpus at `path`: `aclImdb_v1.tar.gz`, `aclImdb/` or the folder around it.

    Raises CorpusError if a folder is none of these.
    """
    if not path.is_dir():
        return ImdbArchive(path)
    roots = [root for root in (path, path / "aclImdb") if _has_split(root)]
    if len(roots) == 1:
        return ImdbFolder(roots[0])
    if roots:
        raise CorpusError(f"{path}: holds a corpus and aclImdb/ another one; name the one you mean")
    raise CorpusError(
        f"{path}: neither train/ nor test/ is in it; expected the unpacked aclImdb/ folder"
    )


@dataclass(frozen=True)
class ImdbArchive:
    """The corpus in its gzipped tar archive, read as a stream; `size` is in bytes."""

    path: Path

    def size(self, folders: Collection[str]) -> int:
        """Return the archive's length in bytes, whatever the folders."""
        try:
            return self.path.stat().st_size
        except OSError as err:
            raise CorpusError(f"{self.path}: cannot be read ({err.strerror})") from None

    def files(self, folders: Collection[str]) -> Iterator[SourceFile]:
        """Yield every file of these folders in the archive's order.

        Raises CorpusError if the archive is truncated, damaged or no gzipped tar at all.
        """
        try:
            yield from self._stream(folders)
        except gzip.BadGzipFile as err:
            raise CorpusError(f"{self.path}: not a sound .tar.gz archive ({err})") from None
        except (EOFError, tarfile.TarError, zlib.error) as err:
            raise CorpusError(
                f"{self.path}: truncated or damaged archive ({err}); download it again"
            ) from None
        except OSError as err:
            raise CorpusError(f"{self.path}: cannot be read ({err.strerror})") from None

    def _stream(self, folders: Collection[str]) -> Iterator[SourceFile]:
        with (
            self.path.open("rb") as raw,
            gzip.open(raw) as unzipped,
            tarfile.open(fileobj=unzipped, mode="r|") as tar,
        ):
            done = 0
            for member in tar:
                match = _FILE.search(member.name)
                if match and member.isreg() and _folder(match) in folders:
                    data = tar.extractfile(member).read()
                    yield _source_file(match, data, raw.tell() - done)
                    done = raw.tell()
            # tarfile stops at its end mark: what follows holds the gzip checksum.
            while unzipped.read(1 << 20):
                pass


@dataclass(frozen=True)
class ImdbFolder:
    """The corpus unpacked; `size` is in files."""

    path: Path

    def size(self, folders: Collection[str]) -> int:
        """Return the number of files in these folders."""
        return sum(1 for _ in self._matches(folders))

    def files(self, folders: Collection[str]) -> Iterator[SourceFile]:
        """Yield every file of these folders; raises CorpusError at one that cannot be read."""
        for match in self._matches(folders):
            path = self.path / match["name"]
            try:
                data = path.read_bytes()
            except OSError as err:
                raise CorpusError(f"{path}: cannot be read ({err.strerror})") from None
            yield _source_file(match, data, 1)

    def _matches(self, folders: Collection[str]) -> Iterator[re.Match[str]]:
        for folder in sorted({*folders, *(folder.split("/")[0] for folder in folders)}):
            path = self.path / folder
            try:
                names = sorted(os.listdir(path)) if path.is_dir() else []
            except OSError as err:
                raise CorpusError(f"{path}: cannot be read ({err.strerror})") from None
            matches = (_FILE.search(f"{folder}/{name}") for name in names)
            yield from (match for match in matches if match and _folder(match) in folders)


def _has_split(root: Path) -> bool:
    return (root / "train").is_dir() or (root / "test").is_dir()


def _folder(match: re.Match[str]) -> str:
    return f"{match['split']}/{match['folder'] or match['listed']}"


def _source_file(match: re.Match[str], data: bytes, progress: int) -> SourceFile:
    number = None if match["number"] is None else int(match["number"])
    return SourceFile(match["name"], _folder(match), number, data, progress)
