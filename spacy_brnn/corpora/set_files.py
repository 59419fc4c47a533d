"""The files of sets of texts in a folder: NAME.train.jsonl and NAME.dev.jsonl, gzipped or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import CorpusError

# Of sets whose labels are toward a part of the text.
TARGETED_PREFIX = "aspect_"
_ENDINGS = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class SetFiles:
    """The files of one set."""

    name: str
    train: Path
    dev: Path | None


def find_sets(folder: Path, *, targeted: bool) -> list[SetFiles]:
    """The sets in a folder, by name: those whose files begin with TARGETED_PREFIX, or the others.

    Raises CorpusError for a folder without such sets, or a file that is there twice.
    """
    names = {
        path.name.removesuffix(ending).removesuffix(".train")
        for ending in _ENDINGS
        for path in folder.glob(f"*.train{ending}")
        if path.name.startswith(TARGETED_PREFIX) == targeted
    }
    prefix = TARGETED_PREFIX if targeted else ""
    if not names:
        raise CorpusError(f"{folder}: holds no sets (files like {prefix}NAME.train.jsonl.gz)")
    return [_files(folder, name, prefix) for name in sorted(names)]


def _files(folder: Path, name: str, prefix: str) -> SetFiles:
    train, dev = _find(folder, f"{name}.train"), _find(folder, f"{name}.dev")
    assert train is not None
    return SetFiles(name.removeprefix(prefix), train, dev)


def _find(folder: Path, stem: str) -> Path | None:
    found = [path for ending in _ENDINGS if (path := folder / f"{stem}{ending}").exists()]
    if len(found) > 1:
        raise CorpusError(f"{found[0]} is there gzipped, too: remove one of the two")
    return found[0] if found else None
