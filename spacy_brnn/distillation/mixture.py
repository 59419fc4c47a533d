"""What the student reads, in one file: labelled texts, reviews, and texts with soft labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import numpy
import spacy
from spacy.tokens import Doc

from ..corpora.docbin import write_docbin
from ..corpora.jsonl import read_objects
from ..corpora.labelled_texts import LABELS, TextSet, with_cats
from ..corpora.scored_corpus import parse_scored
from .sampling import draw


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
    return read_objects(path, _parse_shares, wanted)


def _parse_shares(row: dict[str, Any]) -> tuple[str, dict[str, float]]:
    text, cats = parse_scored(row)
    shares = {label: cats[label] for label in LABELS}
    total = sum(shares.values())  # They were rounded.
    if len(cats) > len(LABELS) or not (min(shares.values()) >= 0 and 0 < total < inf):
        raise ValueError("these are no shares")
    return text, {label: share / total for label, share in shares.items()}


def write_mixture(parts: Iterable[tuple], output: Path, seed: int) -> int:
    """Write them in one shuffled order; RETURNS how many there are.

    output: ends in .spacy for a DocBin; else gets lines as `spacy-brnn.ScoredTexts.v1` reads them.
    """
    everything = [part for part in parts if part[0].strip()]
    order = numpy.random.default_rng(seed).permutation(len(everything)).tolist()
    mixed = (everything[place] for place in order)
    if output.suffix == ".spacy":
        tokenizer = spacy.blank("en").tokenizer
        write_docbin((_doc(tokenizer, *part) for part in mixed), output)
        return len(everything)
    with output.open("w", encoding="utf-8") as lines:
        for text, cats in mixed:
            known = {label: None if isnan(value) else value for label, value in cats.items()}
            print(json.dumps({"text": text, "cats": known}, ensure_ascii=False), file=lines)
    return len(everything)


def _doc(tokenizer: Callable[[str], Doc], text: str, cats: dict[str, float]) -> Doc:
    doc = tokenizer(text)
    doc.cats = cats
    return doc
