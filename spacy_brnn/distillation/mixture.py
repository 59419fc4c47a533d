"""What the student reads, in DocBin files: labelled texts, reviews, and texts with soft labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy
import spacy
from spacy.tokens import Doc

from ..corpora.docbin import write_docbin
from ..corpora.jsonl import read_objects, read_text
from ..corpora.labelled_texts import LABELS, TextSet, with_cats
from .sampling import draw

# Documents of a file: a training run reads one file at a time.
SHARD = 50_000
SHARD_NAMES = "[0-9][0-9][0-9].spacy"


def labelled(sets: list[TextSet], number: int, power: float, seed: int) -> Iterator[tuple]:
    """Texts and cats of the sets; each set's share goes with a power of its size."""
    for text, label, has_neutral in draw(sets, number, seed, power):
        cats = {known: float(known == label) for known in LABELS}
        # A set without neutral does not say that a text is not.
        yield text, cats if has_neutral else {**cats, "NEUTRAL": nan}


def reviews(path: Path, docs: Iterable[Doc]) -> Iterator[tuple]:
    """Texts and cats of a file's documents that only tell positive from negative.

    Raises CorpusError for a document that does not.
    """
    for doc in with_cats(docs, ("POSITIVE", "NEGATIVE"), path):
        yield doc.text, {**doc.cats, "NEUTRAL": nan}


def scored(path: Path) -> Iterator[tuple]:
    """Texts and cats that `scoring.score_texts` wrote.

    Raises CorpusError for a line that is not of that kind.
    """
    wanted = f"text and cats: shares of {', '.join(LABELS)}"
    return read_objects(path, _parse_scored, wanted)


def _parse_scored(row: dict[str, Any]) -> tuple[str, dict[str, float]]:
    shares = {label: row["cats"][label] for label in LABELS}
    total = sum(shares.values())  # They were rounded.
    if len(row["cats"]) > len(LABELS) or not (min(shares.values()) >= 0 and 0 < total < inf):
        raise ValueError("these are no shares")
    return read_text(row), {label: share / total for label, share in shares.items()}


def write_mixture(parts: Iterable[tuple], folder: Path, seed: int) -> int:
    """Write them in one shuffled order; RETURNS how many there are."""
    everything = [part for part in parts if part[0].strip()]
    folder.mkdir(parents=True, exist_ok=True)
    for shard in folder.glob(SHARD_NAMES):
        shard.unlink()  # Those of a larger mixture would be read with this one's.
    order = numpy.random.default_rng(seed).permutation(len(everything)).tolist()
    tokenizer = spacy.blank("en").tokenizer
    for number, start in enumerate(range(0, len(order), SHARD)):
        docs = (_doc(tokenizer, *everything[place]) for place in order[start : start + SHARD])
        write_docbin(docs, folder / f"{number:03}.spacy")
    return len(everything)


def _doc(tokenizer, text: str, cats: dict[str, float]) -> Doc:
    doc = tokenizer(text)
    doc.cats = cats
    return doc
