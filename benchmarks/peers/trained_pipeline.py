"""A pipeline that `spacy train` makes from a config: spaCy's own text classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .base import bytes_below
from .spacy_system import SpacySystem

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


class TrainedPipeline(SpacySystem):
    """The best model of a training.

    config: what it is trained by.
    training_only: as System has it.
    """

    times_training = True

    def __init__(self, name: str, title: str, config: Path, training_only: bool = False) -> None:
        super().__init__(name, title)
        self.config = config
        self.training_only = training_only
        self.needs_training = not training_only

    def make_pipeline(self) -> Language:
        """Load the pipeline from disk."""
        path = self.trained(self.folder / "model-best")
        import spacy

        return spacy.load(path)

    def read(self, doc: Doc) -> float:
        """How much POSITIVE is above one half."""
        return doc.cats["POSITIVE"] - 0.5

    def size(self) -> int:
        """The saved pipeline."""
        return bytes_below(self.folder / "model-best")

    def train(
        self, train: Path, dev: Path, output: Path | None, limit: int | None = None
    ) -> dict[str, Any]:
        """Train by the config."""
        from .spacy_training import train_pipeline

        return train_pipeline(self.config, train, dev, output, limit)
