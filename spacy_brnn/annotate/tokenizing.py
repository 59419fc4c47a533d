"""Tokenizing in other processes, for the one process that holds the GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
import spacy
from spacy.attrs import NORM, ORTH, SPACY
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_brnn.annotate.annotator import ForgottenWords
from spacy_brnn.annotate.records import encodable


@dataclass(frozen=True, slots=True)
class Tokenized:
    """All that spaCy's tokenizer knows of a text, in the form that is the fastest to read.

    A serialized Doc takes longer to read than its text takes to tokenize.

    words: the tokens' texts; spaces: whether a space follows each; norms: the hash of each
    token's norm, which is one that the vocab knows, of a word or of a tokenizer exception.
    """

    words: list[str]
    spaces: list[bool]
    norms: numpy.ndarray

    @classmethod
    def of(cls, doc: Doc) -> Tokenized:
        """Take it from a Doc to which nothing but the tokenizer was applied."""
        strings = doc.vocab.strings
        words, spaces, norms = doc.to_array([ORTH, SPACY, NORM]).T
        return cls([strings[word] for word in words.tolist()], spaces.astype(bool).tolist(), norms)

    def to_doc(self, vocab: Vocab) -> Doc:
        """The Doc again."""
        doc = Doc(vocab, words=self.words, spaces=self.spaces)
        return doc.from_array([NORM], self.norms[:, None])


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

    def __call__(self, documents: Sequence[str | bytes]) -> list[str | bytes | Tokenized]:
        """Tokenize the texts among the documents, in order.

        One that cannot be tokenized stays a text: the Annotator says why.
        """
        self._words.forget()
        return [self._tokenize(document) for document in documents]

    def _tokenize(self, document: str | bytes) -> str | bytes | Tokenized:
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
