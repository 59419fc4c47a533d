"""A student's training texts as numbers: tokenized once, however often they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import cast

import numpy
from spacy.attrs import ORTH
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..pipeline.sentiment import BRNNSentiment

# Documents read at a time.
BUFFER = 1000


@dataclass(frozen=True)
class StudentTexts:
    """Texts and what they teach.

    tokens: (N,) int32, the place in `words` of each token, one text after the other.
    lengths: (B,) int64, tokens of each text, none of them 0; N in all.
    words: the distinct words, most frequent first.
    targets: (B, labels) float32 probabilities; NaN where the text leaves a label open.
    """

    tokens: numpy.ndarray
    lengths: numpy.ndarray
    words: list[str]
    targets: numpy.ndarray


def read_texts(nlp: Language, component: str, examples: Iterable[Example]) -> StudentTexts:
    """The examples as the component reads them; those of which nothing is left are left out.

    Raises ValueError where there are none.
    """
    pipe = cast(BRNNSentiment, nlp.get_pipe(component))
    hashes, targets = [], []
    strings = nlp.vocab.strings
    for docs, cats in _buffered(examples):
        for doc, values in zip(pipe.read(docs), cats, strict=True):
            if len(doc):
                hashes.append(doc.to_array(ORTH))
                targets.append([values.get(label, numpy.nan) for label in pipe.labels])
    if not hashes:
        raise ValueError("the training corpus has no texts to read")
    found, tokens = numpy.unique(numpy.concatenate(hashes), return_inverse=True)
    order = numpy.argsort(-numpy.bincount(tokens), kind="stable")
    places = numpy.empty_like(order)
    places[order] = numpy.arange(len(order))
    return StudentTexts(
        places[tokens].astype("int32"),
        numpy.asarray([len(words) for words in hashes], dtype="int64"),
        [strings[word] for word in found[order].tolist()],
        numpy.asarray(targets, dtype="float32"),
    )


def _buffered(examples: Iterable[Example]) -> Iterator[tuple[list[Doc], list[dict[str, float]]]]:
    rest = iter(examples)
    while part := list(islice(rest, BUFFER)):
        yield [example.predicted for example in part], [e.reference.cats for e in part]
