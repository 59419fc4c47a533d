"""What `span._.sentiment_toward` holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LABELS = ("POSITIVE", "NEGATIVE", "NEUTRAL")


@dataclass(frozen=True)
class TargetSentiment:
    """The sentiment of a document toward one of its spans.

    label: the most probable of POSITIVE, NEGATIVE and NEUTRAL.
    score: its probability, 0..1.
    polarity: p(POSITIVE) - p(NEGATIVE), -1..1.
    probabilities: of POSITIVE, NEGATIVE and NEUTRAL, in that order; their sum is 1.
    """

    label: str
    score: float
    polarity: float
    probabilities: tuple[float, float, float]

    @classmethod
    def from_probabilities(cls, probabilities: Sequence[float]) -> TargetSentiment:
        """Summarize the probabilities of POSITIVE, NEGATIVE and NEUTRAL."""
        positive, negative, neutral = probabilities
        place = max(range(len(LABELS)), key=probabilities.__getitem__)
        three = (positive, negative, neutral)
        return cls(LABELS[place], probabilities[place], positive - negative, three)

    def __str__(self) -> str:
        return f"{self.label} ({self.score:.3f})"
