"""Texts and their cats, from JSONL files, as a training corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example

from .jsonl import read_objects, read_text


def create_scored_reader(
    path: Path,
    augmenter: Callable[[Language, Example], Iterator[Example]] | None = None,
) -> Callable[[Language], Iterator[Example]]:
    """Read a file a line at a time (spacy-brnn.ScoredTexts.v1).

    For the many texts that teachers score: each is tokenized when it is needed, and none is kept.

    path: lines of objects with `text` and `cats`, gzipped or not; null stands for a value that is
        not known.
    augmenter: as for spacy.Corpus.v1.
    RETURNS: a function from the pipeline to the examples, which raises CorpusError for a line that
        is no such object.
    """

    def read(nlp: Language) -> Iterator[Example]:
        for text, cats in read_objects(Path(path), parse_scored, "text and cats"):
            doc = nlp.make_doc(text)
            reference = doc.copy()
            reference.cats = cats
            example = Example(doc, reference)
            yield from [example] if augmenter is None else augmenter(nlp, example)

    return read


def parse_scored(row: dict[str, Any]) -> tuple[str, dict[str, float]]:
    """The text and the cats of a line. Raises ValueError, TypeError or KeyError without them."""
    cats = {label: nan if value is None else value + 0.0 for label, value in row["cats"].items()}
    return read_text(row), cats
