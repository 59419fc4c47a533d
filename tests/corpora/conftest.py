import gzip
import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

# By the hash that cuts dev: the first is a dev film, the others are not.
FILMS = ("tt0000015", "tt0000002", "tt0000003")


@pytest.fixture
def corpus_files() -> dict[str, bytes]:
    """A whole corpus of the official shape: three reviews a folder, one of them of a dev film."""
    files = {"README": b"Large Movie Review Dataset v1.0", "train/unsupBow.feat": b"0:1"}
    folders = {"train": {"pos": 9, "neg": 2, "unsup": 0}, "test": {"pos": 8, "neg": 1}}
    for split, ratings in folders.items():
        for label, rating in ratings.items():
            urls = "".join(f"http://www.imdb.com/title/{film}/usercomments\n" for film in FILMS)
            files[f"{split}/urls_{label}.txt"] = urls.encode()
            for number in range(3):
                text = f"Review {number} of {split}/{label}.<br /><br />Café."
                files[f"{split}/{label}/{number}_{rating}.txt"] = text.encode()
    return files


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Write files below `tmp_path / "aclImdb"`."""

    def make(files: dict[str, bytes]) -> Path:
        root = tmp_path / "aclImdb"
        root.mkdir()
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        return root

    return make


@pytest.fixture
def make_archive(tmp_path: Path) -> Callable[[Iterable[tuple[str, bytes]]], Path]:
    """Write `tmp_path / "aclImdb_v1.tar.gz"` with these members, in this order."""

    def make(members: Iterable[tuple[str, bytes]]) -> Path:
        path = tmp_path / "aclImdb_v1.tar.gz"
        with gzip.open(path, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w|") as tar:
            for name, data in members:
                member = tarfile.TarInfo(f"aclImdb/{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return path

    return make
