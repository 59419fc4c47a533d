"""A spaCy pipeline."""

from __future__ import annotations

from abc import abstractmethod
from math import ceil
from typing import TYPE_CHECKING

from .base import System

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

# With spaCy's batches of 1,000 one process would have all the work.
BATCHES_PER_PROCESS = 4


class SpacySystem(System):
    """A system that is a pipeline, run as a user would: `nlp.pipe`, at its own batch size."""

    @abstractmethod
    def make_pipeline(self) -> Language:
        """Import and load the pipeline."""

    @abstractmethod
    def read(self, doc: Doc) -> float:
        """The document's score."""

    def load(self) -> None:
        """Load the pipeline, and lift its limit on the length of a text."""
        self.nlp = self.make_pipeline()
        self.nlp.max_length = 10**9

    def score_all(self, texts: list[str], processes: int = 1) -> list[float]:
        """Score by `nlp.pipe`; several processes by its `n_process`."""
        size = None
        if processes > 1:
            size = ceil(len(texts) / (processes * BATCHES_PER_PROCESS)) or 1
        docs = self.nlp.pipe(texts, n_process=processes, batch_size=size)
        return [self.read(doc) for doc in docs]

    def score_one(self, text: str) -> float:
        """Score by `nlp(text)`."""
        return self.read(self.nlp(text))
