"""asent: VADER's lexicon and rules as a spaCy component."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .base import bytes_below
from .spacy_system import SpacySystem

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


class Asent(SpacySystem):
    """`nlp.add_pipe("asent_en_v1")`, after the sentencizer that it needs."""

    def make_pipeline(self) -> Language:
        """A blank pipeline with both components."""
        import asent  # noqa: F401
        import spacy

        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        nlp.add_pipe("asent_en_v1")
        return nlp

    def read(self, doc: Doc) -> float:
        """The compound polarity."""
        return doc._.polarity.compound

    def size(self) -> int:
        """The lexicon."""
        import asent

        return bytes_below(Path(asent.__file__).parent / "lexicons" / "en_lexicon_v1.txt")
