"""spaCy's tokenizer alone: what no annotation by spaCy can be faster than."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .spacy_system import SpacySystem

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


class Tokenizer(SpacySystem):
    """`spacy.blank("en")`."""

    gives_sentiment = False
    times_length = True

    def make_pipeline(self) -> Language:
        """The blank English pipeline."""
        import spacy

        return spacy.blank("en")

    def read(self, doc: Doc) -> float:
        """Nothing to read."""
        return 0.0


class TokenizerAndTorch(Tokenizer):
    """`spacy.blank("en")` and `import torch`, for the time that it takes to load both."""

    load_only = True
    notes = ("loads like the row above, as spaCy imports torch itself where it is installed",)
    times_length = False

    def make_pipeline(self) -> Language:
        """The blank English pipeline, with torch imported."""
        import torch  # noqa: F401

        return super().make_pipeline()
