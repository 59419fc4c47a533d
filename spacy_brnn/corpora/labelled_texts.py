"""Short and long texts with a sentiment: sets of JSONL files, read and cut into train and dev."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from ..surface import read_plain
from .errors import CorpusError
from .jsonl import read_objects, read_text
from .set_files import SetFiles, find_sets

LABELS = ("POSITIVE", "NEGATIVE", "NEUTRAL")
SHINGLE = 8
MAX_SHARED = 0.3


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One text of a set."""

    text: str
    """As a person reads it, without markup."""
    label: str
    """One of LABELS."""


@dataclass(frozen=True)
class TextSet:
    """The texts of one set."""

    name: str
    train: list[LabelledText]
    dev: list[LabelledText]

    @property
    def has_neutral(self) -> bool:
        """Whether neutral is one of its labels; where not, its texts say nothing of neutral."""
        return any(text.label == "NEUTRAL" for text in chain(self.train, self.dev))


def read_sets(folder: Path) -> list[TextSet]:
    """The sets in a folder: NAME.train.jsonl and, where there is one, NAME.dev.jsonl.

    Either may be gzipped. A line holds an object with `text` and `label`. Where a set has no dev
    file, its dev is the tenth of its texts that `is_dev_text` picks. Files that begin with
    `aspect_` hold labels toward a part of the text and are left out.

    Raises CorpusError for a folder without sets, a file that is there twice, or a line that is no
    such object.
    """
    return [_read_set(files) for files in find_sets(folder, targeted=False)]


def is_dev_text(text: str) -> bool:
    """Whether a text, as it stands in its file, is one of the tenth that make up dev."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), 16) % 10 == 0


def review_set(path: Path, docs: Iterable[Doc]) -> TextSet:
    """Documents with the cats POSITIVE and NEGATIVE, as the training half of a set.

    path: where they come from.
    Raises CorpusError for a document without them.
    """
    texts = [
        LabelledText(doc.text, "POSITIVE" if doc.cats["POSITIVE"] > 0.5 else "NEGATIVE")
        for doc in with_cats(docs, ("POSITIVE", "NEGATIVE"), path)
    ]
    return TextSet(path.stem, texts, [])


def with_cats(docs: Iterable[Doc], labels: Iterable[str], path: Path) -> Iterator[Doc]:
    """The documents of a file, each once it is seen to have these labels in its cats.

    Raises CorpusError for a document without one of them.
    """
    for place, doc in enumerate(docs):
        for label in labels:
            if label not in doc.cats:
                raise CorpusError(f"{path}: document {place} has no {label} in its cats")
        yield doc


def without_copies(sets: list[TextSet], originals: Iterable[str]) -> list[TextSet]:
    """The sets, without texts of train that share much with one of the originals.

    Much is MAX_SHARED of a text's SHINGLE-word runs: an edited copy shares more. A shorter text
    is a copy where all its words are those of an original.
    """
    known = {shingle for text in originals for shingle in shingles(text)}

    def is_copy(text: str) -> bool:
        own = shingles(text)
        return len(own & known) > MAX_SHARED * len(own)

    return [replace(s, train=[text for text in s.train if not is_copy(text.text)]) for s in sets]


def shingles(text: str) -> set[tuple[str, ...]]:
    """The runs of SHINGLE words in a text, lower-cased; of a shorter one, all its words."""
    words = re.findall(r"\w+", text.lower())
    if not words:
        return set()
    return {tuple(words[i : i + SHINGLE]) for i in range(max(len(words) - SHINGLE + 1, 1))}


def _read_set(files: SetFiles) -> TextSet:
    if files.dev:
        return TextSet(files.name, list(_read(files.train)), list(_read(files.dev)))
    train = list(_read(files.train, lambda text: not is_dev_text(text)))
    return TextSet(files.name, train, list(_read(files.train, is_dev_text)))


def _read(path: Path, keep: Callable[[str], bool] = lambda text: True) -> Iterator[LabelledText]:
    for text, label in read_objects(path, _parse, "text and label"):
        if keep(text):
            yield LabelledText(read_plain(text), label)


def _parse(row: dict[str, Any]) -> tuple[str, str]:
    text, label = read_text(row), row["label"]
    if label not in LABELS:
        raise CorpusError(f"label {label!r} is none of {LABELS}")
    return text, label
