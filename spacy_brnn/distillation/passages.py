"""Unlabelled text cut into passages that a teacher scores each by itself."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy
import spacy
from spacy.tokens import Doc

from ..corpora.docbin import read_docbin
from ..corpora.errors import CorpusError
from ..surface import read_plain

# Of a passage.
MAX_SENTENCES = 3
MIN_TOKENS = 3
MAX_TOKENS = 80
# A document that gives more passages would speak for its kind alone.
MAX_FROM_A_DOCUMENT = 20


def draw_passages(paths: list[Path], number: int, seed: int) -> list[str]:
    """So many passages of one to MAX_SENTENCES sentences, from each file as many as it is large.

    paths: DocBin files, or JSONL files of objects with `text`, gzipped or not.
    Raises CorpusError for a line that is no such object.
    """
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.max_length = sys.maxsize  # No parser: memory is no matter.
    random = numpy.random.default_rng(seed)
    found: dict[str, None] = {}
    for path in paths:
        for doc in _docs(path, nlp):
            found.update(dict.fromkeys(_passages(doc, random)))
    passages = list(found)
    chosen = random.permutation(len(passages))[:number]
    return [passages[place] for place in chosen.tolist()]


def _docs(path: Path, nlp: spacy.Language) -> Iterator[Doc]:
    if path.suffix == ".spacy":
        yield from map(nlp.get_pipe("sentencizer"), read_docbin(path, nlp.vocab))
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                text = json.loads(line)["text"]
            except (ValueError, TypeError, KeyError):
                raise CorpusError(f"{path}, line {number}: no object with text") from None
            yield nlp(read_plain(text))


def _passages(doc: Doc, random: numpy.random.Generator) -> Iterator[str]:
    sentences = list(doc.sents)
    lengths = 1 + random.integers(MAX_SENTENCES, size=len(sentences))
    starts = numpy.cumsum(lengths) - lengths
    starts = starts[starts < len(sentences)]
    for start in random.permutation(starts)[:MAX_FROM_A_DOCUMENT].tolist():
        end = min(start + lengths[start], len(sentences))
        span = doc[sentences[start].start : sentences[end - 1].end]
        if MIN_TOKENS <= len(span) <= MAX_TOKENS:
            yield " ".join(span.text.split())
