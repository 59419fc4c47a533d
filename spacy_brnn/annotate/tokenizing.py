"""Tokenizing in other processes, for the one process that holds the GPU."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

import spacy
from spacy.language import Language
from spacy.tokenizer import Tokenizer

from spacy_brnn.annotate.annotator import MOST_NEW_STRINGS, Annotations, Annotator
from spacy_brnn.annotate.batches import Batch
from spacy_brnn.annotate.tokenized import Tokenized
from spacy_brnn.annotate.values import encodable

Document = str | bytes | Tokenized


def annotate_tokenized(
    tokenized: Generator[tuple[Batch, list[Document]], None, None], annotator: Annotator
) -> Iterator[tuple[Batch, Annotations]]:
    """Annotate in this process what others have tokenized; close their generator at the end."""
    with closing(tokenized):
        for batch, documents in tokenized:
            yield batch, annotator(documents)


class DocumentTokenizer:
    """The tokenizer of a pipeline, without the pipeline's components.

    model: see Annotator.
    """

    def __init__(self, model: str | None = None) -> None:
        """Load what the tokenizer needs."""
        self._model = model
        self._load()

    def __call__(self, documents: Sequence[str | bytes]) -> list[Document]:
        """Tokenize the texts among the documents, in order.

        One that cannot be tokenized stays a text: the Annotator says why.
        """
        if len(self._nlp.vocab.strings) > self._most_strings:
            self._load()
        return [self._tokenize(document) for document in documents]

    def _load(self) -> None:
        self._nlp = _load(self._model)
        self._most_strings = len(self._nlp.vocab.strings) + MOST_NEW_STRINGS
        # Those of some languages set more than Tokenized holds.
        self._plain = type(self._nlp.tokenizer) is Tokenizer

    def _tokenize(self, document: str | bytes) -> Document:
        if isinstance(document, bytes):
            return document
        try:
            doc = self._nlp.make_doc(encodable(document))
        except Exception:
            return document
        return Tokenized.of(doc) if self._plain else doc.to_bytes()


def _load(model: str | None) -> Language:
    if model is None:
        return spacy.blank("en")
    return spacy.load(model, config={"nlp": {"pipeline": [], "disabled": []}}, exclude=["vectors"])
