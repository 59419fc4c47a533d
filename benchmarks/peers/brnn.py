"""The project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .base import ROOT, bytes_below
from .spacy_system import SpacySystem

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


class Brnn(SpacySystem):
    """`nlp.add_pipe("brnn_sentiment")`, with the weights that ship.

    settings: of the component, for variants.
    """

    def __init__(self, name: str, title: str, settings: dict[str, Any] | None = None) -> None:
        super().__init__(name, title)
        self.settings = settings or {}
        # Variants are trained alike, and differ in speed alone.
        self.times_training = self.times_length = not self.settings

    def make_pipeline(self) -> Language:
        """A blank pipeline with the component."""
        import spacy

        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_sentiment", config=self.settings)
        return nlp

    def read(self, doc: Doc) -> float:
        """The polarity."""
        return doc._.sentiment.polarity

    def detail(self) -> str:
        """What `precision` came to on this machine, and what the weights have read."""
        precision = self.nlp.get_pipe("brnn_sentiment").precision
        return f"computed in {precision}; dev taught neither the weights nor their teacher"

    def size(self) -> int:
        """The folder of the weights."""
        from spacy_brnn.pretrained import weights

        return bytes_below(ROOT / "spacy_brnn" / "pretrained" / weights.DEFAULT)

    def train(
        self, train: Path, dev: Path, output: Path | None, limit: int | None = None
    ) -> dict[str, Any]:
        """Train the network of the weights that ship, on labels alone and from no vectors."""
        from .spacy_training import train_pipeline

        own: dict[str, Any] = {"corpora.train.@readers": "spacy.Corpus.v1", "paths.vectors": None}
        config = ROOT / "configs" / "sentiment_en.cfg"
        return train_pipeline(config, train, dev, output, limit, **own)
