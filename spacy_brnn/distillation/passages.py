"""Unlabelled text cut into passages that a teacher scores each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy
import spacy
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

from ..corpora.documents import read_documents

# Of a passage.
MAX_SENTENCES = 3
MIN_TOKENS = 3
MAX_TOKENS = 80
# A document that gives more passages would speak for its kind alone.
MAX_FROM_A_DOCUMENT = 20

_SENTENCIZER = Sentencizer()


def draw_passages(paths: list[Path], number: int, seed: int) -> list[str]:
    """So many passages of one to MAX_SENTENCES sentences, from each file as many as it is large.

    paths: DocBin files, or JSONL files of objects with `text`, gzipped or not.
    Raises CorpusError for a line that is no such object.
    """
    nlp = spacy.blank("en")
    random = numpy.random.default_rng(seed)
    found: dict[str, None] = {}
    for path in paths:
        for doc in map(_SENTENCIZER, read_documents(path, nlp)):
            found.update(dict.fromkeys(_passages(doc, random)))
    passages = list(found)
    chosen = random.permutation(len(passages))[:number]
    return [passages[place] for place in chosen.tolist()]


def _passages(doc: Doc, random: numpy.random.Generator) -> Iterator[str]:
    sentences = list(doc.sents)
    lengths = 1 + random.integers(MAX_SENTENCES, size=len(sentences))
    starts = numpy.cumsum(lengths) - lengths
    starts = starts[starts < len(sentences)]
    for place in random.permutation(len(starts))[:MAX_FROM_A_DOCUMENT].tolist():
        start = starts[place]
        end = min(start + lengths[place], len(sentences))
        span = doc[sentences[start].start : sentences[end - 1].end]
        if MIN_TOKENS <= len(span) <= MAX_TOKENS:
            yield " ".join(span.text.split())
