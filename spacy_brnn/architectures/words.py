"""The words of a document, for a model that reads nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from spacy.attrs import ORTH
from spacy.vocab import Vocab


@dataclass(frozen=True, eq=False)
class Words:
    """Stands for a Doc where making one would cost more than reading it.

    vocab: holds the words' strings. orths: (words,) their hashes, uint64.
    """

    vocab: Vocab
    orths: numpy.ndarray

    def __len__(self) -> int:
        return len(self.orths)

    def to_array(self, attribute: int) -> numpy.ndarray:
        """As Doc.to_array. Raises ValueError for any attribute but ORTH."""
        if attribute != ORTH:
            raise ValueError(f"words have no attribute but ORTH, not {attribute}")
        return self.orths

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.vocab.strings[orth] for orth in self.orths.tolist())
