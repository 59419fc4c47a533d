"""Tokenizing in other processes, for the one process that holds the GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import spacy
from spacy.language import Language
from spacy.tokenizer import Tokenizer

from spacy_brnn.annotate.annotator import ForgottenWords, Tokenized
from spacy_brnn.annotate.records import Targeted, replace_surrogates
from spacy_brnn.loading import load_folder_or_package


class DocumentTokenizer:
    """The tokenizer of a pipeline, without the pipeline's components.

    model: see Annotator.
    """

    def __init__(self, model: str | None = None) -> None:
        """Load what the tokenizer needs."""
        self._nlp = _load(model)
        self._words = ForgottenWords(self._nlp)
        # Those of some languages set more than Tokenized holds.
        self._plain = type(self._nlp.tokenizer) is Tokenizer

    def __call__(
        self, documents: Sequence[str | bytes | Targeted]
    ) -> list[str | bytes | Tokenized | Targeted]:
        """Tokenize the texts among the documents, in order.

        One that cannot be tokenized stays a text: the Annotator says why.
        """
        self._words.forget()
        return [self._tokenize(document) for document in documents]

    def _tokenize(self, document: str | bytes | Targeted) -> str | bytes | Tokenized | Targeted:
        if isinstance(document, Targeted):
            return replace(document, document=self._tokenize(document.document))
        if isinstance(document, bytes):
            return document
        try:
            doc = self._nlp.make_doc(replace_surrogates(document))
        except Exception:
            return document
        return Tokenized.of(doc) if self._plain else doc.to_bytes()


def _load(model: str | None) -> Language:
    if model is None:
        return spacy.blank("en")
    return load_folder_or_package(
        model, config={"nlp": {"pipeline": [], "disabled": []}}, exclude=["vectors"]
    )
