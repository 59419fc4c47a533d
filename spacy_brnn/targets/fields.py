"""Sentiment toward spans as fields of an annotated record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from spacy.tokens import Doc, Span

from ..pipeline.extensions import score_targets
from .value import TargetSentiment

TARGETS_FIELD = "sentiment_toward"
DECIMALS = 6
# Documents whose states are held at a time.
DOCS_AT_ONCE = 64

Place = tuple[str, int | None, int | None]


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


def toward_places(
    docs: Sequence[Doc], places: Sequence[Sequence[Place]]
) -> list[list[dict[str, Any]]]:
    """What documents of one pipeline say toward parts of them, in few passes.

    places: per document, name, start and end of each; None and None where the name does not occur.
    RETURNS: per document, a list as in target_fields; None for all values of such a name.
    Raises ValueError for offsets outside of the text, or around no word.
    """
    found: list[list[dict[str, Any]]] = []
    for start in range(0, len(docs), DOCS_AT_ONCE):
        some = slice(start, start + DOCS_AT_ONCE)
        rows = [_spans(*pair) for pair in zip(docs[some], places[some], strict=True)]
        values = iter(score_targets([span for row in rows for _, span in row if span is not None]))
        for row in rows:
            found.append(
                [_fields(span, next(values)) if span else _absent(name) for name, span in row]
            )
    return found


def _spans(doc: Doc, places: Sequence[Place]) -> list[tuple[str, Span | None]]:
    return [
        (name, None if start is None or end is None else _span(doc, start, end))
        for name, start, end in places
    ]


def _absent(name: str) -> dict[str, Any]:
    return {"text": name, **dict.fromkeys(("start", "end", "label", "score", "polarity"))}


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
