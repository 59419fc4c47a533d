"""spacytextblob: TextBlob's lexicon as a spaCy component."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .base import bytes_below
from .spacy_system import SpacySystem

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


class SpacyTextBlob(SpacySystem):
    """`nlp.add_pipe("spacytextblob")`."""

    one_process_only = True
    notes = ("what it keeps in a document cannot go from one process to another",)

    def make_pipeline(self) -> Language:
        """A blank pipeline with the component."""
        import spacy
        from spacytextblob import spacytextblob  # noqa: F401

        nlp = spacy.blank("en")
        nlp.add_pipe("spacytextblob")
        return nlp

    def read(self, doc: Doc) -> float:
        """The polarity."""
        return doc._.blob.polarity

    def size(self) -> int:
        """The lexicon."""
        import textblob

        return bytes_below(Path(textblob.__file__).parent / "en" / "en-sentiment.xml")
