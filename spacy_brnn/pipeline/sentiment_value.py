"""What `doc._.sentiment` and `span._.sentiment` hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NEUTRAL = "NEUTRAL"


@dataclass(frozen=True)
class Sentiment:
    """The sentiment of a document or span.

    label: the most probable label, "POSITIVE" or "NEGATIVE" with the model that ships, or
        "NEUTRAL" where the setting `neutral` is on.
    score: the probability of that label, 0..1.
    polarity: p(POSITIVE) - p(NEGATIVE), -1..1; for other labels the mean of the component's
        `polarities`, weighted by the labels' probabilities.
    """

    label: str
    score: float
    polarity: float

    @classmethod
    def from_scores(cls, scores: Mapping[str, float], polarities: Mapping[str, float]) -> Sentiment:
        """Summarize the probabilities of exclusive labels; there must be at least one."""
        label = max(scores, key=scores.__getitem__)
        polarity = sum(score * polarities.get(name, 0.0) for name, score in scores.items())
        return cls(label, scores[label], polarity)

    def to_dict(self) -> dict[str, Any]:
        """Its values by name, for JSON: `json.dumps(data, default=Sentiment.to_dict)`."""
        return asdict(self)

    # The name by which srsly, and so Doc.to_json(underscore=["sentiment"]), asks for it.
    toDict = to_dict

    def __str__(self) -> str:
        return f"{self.label} ({self.score:.3f})"
