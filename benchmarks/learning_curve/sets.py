"""The labelled texts of a set: those to learn from, and those held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.jsonl import read_objects, read_text
from spacy_brnn.corpora.labelled_texts import is_dev_text
from spacy_brnn.training.texts import LabelledText


def read_set(folder: Path, name: str, most: int) -> tuple[list[LabelledText], list[LabelledText]]:
    """The texts to learn from, in the order of a hash, and those held out, each text once.

    Held out is the set's dev: NAME.dev.jsonl.gz, or the tenth that is_dev_text picks. The weights
    that ship have not read it.

    name: NAME, or NAME:FIELD of the label.
    most: texts that must be there to learn from.
    Raises CorpusError for a file that is not there, a line without text and label, and a set of
    fewer texts.
    """
    stem, _, field = name.partition(":")
    files = {part: folder / f"{stem}.{part}.jsonl.gz" for part in ("train", "dev")}
    if not files["train"].exists():
        raise CorpusError(f"{files['train']} is not there")
    rows = dict(_read(files["train"], field or "label"))
    dev = files["dev"]
    if dev.exists():
        held_out = dict(_read(dev, field or "label"))
    else:
        held_out = {text: label for text, label in rows.items() if is_dev_text(text)}
    known = {text: label for text, label in rows.items() if text not in held_out}
    if len(known) < most:
        raise CorpusError(f"{name} has {len(known):,} texts to learn from, fewer than {most:,}")
    if not held_out:
        raise CorpusError(f"{name} has no dev")
    return _labelled(known), _labelled(held_out)


def _read(path: Path, field: str) -> Iterator[tuple[str, str]]:
    def parse(row: dict[str, Any]) -> tuple[str, str]:
        return read_text(row), str(row[field])

    return read_objects(path, parse, f"text and {field}")


def _labelled(rows: dict[str, str]) -> list[LabelledText]:
    texts = [LabelledText(text.strip(), {label: 1.0}, "") for text, label in rows.items()]
    return sorted(texts, key=lambda text: _hash(f"order {text.text}"))


def _hash(text: str) -> int:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), 16)
