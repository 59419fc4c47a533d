"""Sentiment toward spans as fields of an annotated record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from spacy.tokens import Doc, Span

from ..pipeline.extensions import score_targets
from .value import TargetSentiment

TARGETS_FIELD = "sentiment_toward"
DECIMALS = 6


def target_fields(doc: Doc, targets: Iterable[Sequence[int]] | None = None) -> dict[str, Any]:
    """What a document says toward parts of it.

    targets: the characters (start, end) of each; None for the document's entities.
    RETURNS: {"sentiment_toward": [{"text", "start", "end", "label", "score", "polarity"}, ...]}
    Raises ValueError for offsets outside of the text, or around no word.
    """
    spans = list(doc.ents) if targets is None else [_span(doc, *offsets) for offsets in targets]
    return {
        TARGETS_FIELD: [_fields(*pair) for pair in zip(spans, score_targets(spans), strict=True)]
    }


def _span(doc: Doc, start: int, end: int) -> Span:
    span = None
    if 0 <= start < end <= len(doc.text):
        span = doc.char_span(start, end, alignment_mode="expand")
    if span is None:
        raise ValueError(f"no part of the text lies from character {start} to {end}")
    return span


def _fields(span: Span, value: TargetSentiment) -> dict[str, Any]:
    return {
        "text": span.text,
        "start": span.start_char,
        "end": span.end_char,
        "label": value.label,
        "score": round(value.score, DECIMALS),
        "polarity": round(value.polarity, DECIMALS),
    }
