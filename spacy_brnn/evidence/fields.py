"""Evidence as fields of an annotated record."""

from __future__ import annotations

from typing import Any

from spacy.tokens import Doc

EVIDENCE_FIELD = "sentiment_evidence"
DECIMALS = 4


def evidence_fields(doc: Doc, *, extension: str = "sentiment") -> dict[str, Any]:
    """The one to three clauses that say most for a document's score, the strongest first.

    extension: the component's setting of that name.
    RETURNS: {"sentiment_evidence": [{"text", "start", "end", "contribution"}, ...]}, with offsets
        of characters in `doc.text`; empty for a text without words, or where nothing was scored.
    """
    sentiment = doc._.get(extension)
    if sentiment is None or not any(not token.is_space for token in doc):
        return {EVIDENCE_FIELD: []}
    return {
        EVIDENCE_FIELD: [
            {
                "text": span.text,
                "start": span.start_char,
                "end": span.end_char,
                "contribution": round(contribution, DECIMALS),
            }
            for span, contribution in sentiment.evidence().strongest()
        ]
    }
