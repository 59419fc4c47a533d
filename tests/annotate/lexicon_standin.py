"""A sentiment component that starts at once: it counts words. It stands in for brnn_sentiment.

Words that trigger faults: "XXRAISE" makes the component fail, "XXDIE" ends its process.
"""

import os
import time

from spacy.language import Language
from spacy.tokens import Doc

from spacy_brnn.pipeline.extensions import register_extensions

GOOD = frozenset(["good", "great", "fine"])
BAD = frozenset(["bad", "awful", "dull"])


@Language.factory(
    "lexicon_standin",
    assigns=["doc.cats", "doc._.sentiment"],
    default_config={"seconds": 0.0},
)
class LexiconStandin:
    def __init__(self, nlp: Language, name: str, seconds: float) -> None:
        register_extensions("sentiment")
        self.seconds = seconds

    def __call__(self, doc: Doc) -> Doc:
        time.sleep(self.seconds)
        words = [token.lower_ for token in doc]
        if "xxraise" in words:
            raise RuntimeError("told to raise")
        if "xxdie" in words:
            os._exit(9)
        balance = sum(word in GOOD for word in words) - sum(word in BAD for word in words)
        p = 1 / (1 + 2.0**-balance)
        doc.cats = {"POSITIVE": p, "NEGATIVE": 1 - p}
        return doc
