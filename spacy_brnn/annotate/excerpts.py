"""What the report shows of a document, with the evidence in it marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

EXCERPT_CHARACTERS = 280
BEFORE = 40
"""Characters shown before evidence that an excerpt from the start would not reach."""


def excerpt(text: str, evidence: Sequence[Mapping[str, Any]] = ()) -> list[tuple[str, float]]:
    """The beginning of a text, or what surrounds the strongest evidence where that lies farther.

    evidence: as in the field "sentiment_evidence", the strongest first.
    RETURNS: pieces in order, each with what it adds to the score; 0 where it is no evidence.
    """
    start = _start(evidence)
    end, at = start + EXCERPT_CHARACTERS, start
    pieces = [("…" if start else "", 0.0)]
    for one in sorted(evidence, key=lambda one: one["start"]):
        first, last = max(one["start"], at), min(one["end"], end)
        if first < last:
            pieces += [(text[at:first], 0.0), (text[first:last], one["contribution"])]
            at = last
    pieces += [(text[at:end], 0.0), ("…" if end < len(text) else "", 0.0)]
    return [piece for piece in pieces if piece[0]]


def _start(evidence: Sequence[Mapping[str, Any]]) -> int:
    if not evidence or evidence[0]["end"] <= EXCERPT_CHARACTERS:
        return 0
    return max(0, evidence[0]["start"] - BEFORE)
