"""A tokenized text on its way from one process to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from spacy.attrs import NORM, ORTH, SPACY
from spacy.tokens import Doc
from spacy.vocab import Vocab


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
