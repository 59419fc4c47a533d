"""A student's training texts as numbers: tokenized once, however often they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy
from spacy.attrs import ORTH
from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch

from ..pipeline.sentiment import BRNNSentiment

# Documents read at a time.
BUFFER = 1000


@dataclass(frozen=True)
class StudentTexts:
    """Texts and what they teach.

    tokens: (N,) int32, the place in `words` of each token, one text after the other.
    lengths: (B,) int64, tokens of each text, none of them 0; N in all.
    words: the distinct words, most frequent first.
    targets: (B, labels) float32 probabilities, NaN where the text leaves a label open; one at least
        is above 0.
    """

    tokens: numpy.ndarray
    lengths: numpy.ndarray
    words: list[str]
    targets: numpy.ndarray


def read_texts(nlp: Language, component: str, examples: Iterable[Example]) -> StudentTexts:
    """The examples as the component reads them, with what it trains them towards.

    Left out are those of which nothing is left to read, and those that no label is true of.
    Raises ValueError where there are no others, and for cats that are no exclusive labels'.
    """
    pipe = cast(BRNNSentiment, nlp.get_pipe(component))
    hashes, targets = [], []
    strings = nlp.vocab.strings
    for part in minibatch(examples, BUFFER):
        docs = pipe.read(example.predicted for example in part)
        for doc, truths in zip(docs, pipe.truths(part), strict=True):
            if len(doc) and numpy.nansum(truths) > 0:
                hashes.append(doc.to_array(ORTH))
                targets.append(truths)
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
