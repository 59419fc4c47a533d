"""Short passages of documents, for models that meet short texts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span
from spacy.training import Example

_SENTENCIZER = Sentencizer()


def create_passage_augmenter(
    level: float, max_sentences: int = 3
) -> Callable[[Language, Example], Iterator[Example]]:
    """Show some documents by one of their passages only (spacy-brnn.passage.v1).

    A passage is one to max_sentences sentences in a row, under the categories of its document: a
    model that is trained on it learns how sure a few words make it of the whole. It takes the
    document's place; `max_epochs = -1` in `[training]` draws anew each epoch, while otherwise
    spaCy reads the corpus once and a document that drew a passage is never seen whole. For a
    corpus of text categories: other annotation and given tokens are not carried over.

    level: the share of the documents, 0 to 1; of the batches fewer, as passages are short.
    max_sentences: the longest passage, in sentences as spaCy's sentencizer finds them; at least 1.
    RETURNS: an augmenter for `[corpora.train.augmenter]`.
    Raises ValueError where a setting is out of its range.
    """
    if not 0 <= level <= 1:
        raise ValueError(f"level is the share of the documents, 0 to 1, not {level}")
    if max_sentences < 1:
        raise ValueError(f"max_sentences must be at least 1, not {max_sentences}")
    return partial(_augment, level=level, max_sentences=max_sentences)


def _augment(
    nlp: Language, example: Example, *, level: float, max_sentences: int
) -> Iterator[Example]:
    if random.random() < level and len(example.predicted):
        passage = _random_passage(example.predicted, max_sentences)
        # What follows the last full stop may be white space.
        if not passage.text.isspace():
            cats = example.reference.cats
            example = Example.from_dict(nlp.make_doc(passage.text), {"cats": cats})
    yield example


def _random_passage(doc: Doc, max_sentences: int) -> Span:
    (is_start,) = _SENTENCIZER.predict([doc])
    bounds = [i for i, start in enumerate(is_start) if start] + [len(doc)]
    first = random.randrange(len(bounds) - 1)
    last = min(first + random.randint(1, max_sentences), len(bounds) - 1)
    return doc[bounds[first] : bounds[last]]
