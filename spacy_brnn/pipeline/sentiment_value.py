"""What `doc._.sentiment` and `span._.sentiment` hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from ..evidence.evidence import Evidence

Explain = Callable[..., "Evidence"]

NEUTRAL = "NEUTRAL"


@dataclass(frozen=True)
class Sentiment:
    """The sentiment of a document or span.

    label: the most probable label, "POSITIVE" or "NEGATIVE" with the model that ships, or
        "NEUTRAL" where the setting `neutral` is on; None where its probability is lower than
        the setting `abstain_below`.
    score: the probability of the most probable label, 0..1.
    polarity: p(POSITIVE) - p(NEGATIVE), -1..1; for other labels the mean of the component's
        `polarities`, weighted by the labels' probabilities.
    """

    label: str | None
    score: float
    polarity: float
    # Not a field: it says where the value comes from, and is no part of it.
    _explain: ClassVar[Explain | None] = None

    @classmethod
    def from_scores(
        cls,
        scores: Mapping[str, float],
        polarities: Mapping[str, float],
        *,
        abstain_below: float = 0.0,
        explain: Explain | None = None,
    ) -> Sentiment:
        """Summarize the probabilities of exclusive labels; there must be at least one.

        abstain_below: the probability that a label must have to be given.
        explain: what evidence() calls.
        """
        label = max(scores, key=scores.__getitem__)
        polarity = sum(score * polarities.get(name, 0.0) for name, score in scores.items())
        value = cls(label if scores[label] >= abstain_below else None, scores[label], polarity)
        if explain is not None:
            object.__setattr__(value, "_explain", explain)
        return value

    def evidence(self, *, label: str | None = None) -> Evidence:
        """What each token, clause and sentence adds to the score; computed when asked for.

        label: a label to have the evidence for, against the others; None for positive against
            negative.
        Raises ValueError for an unknown label, where the pipeline is gone, or its model is not
        a spacy-brnn.TextCatBRNN.v1.
        """
        if self._explain is None:
            raise ValueError(
                "this value has lost its document, as copies and unpickled ones do: ask "
                "doc._.sentiment or span._.sentiment for the evidence"
            )
        return self._explain(label=label)

    def to_dict(self) -> dict[str, Any]:
        """Its values by name, for JSON: `json.dumps(data, default=Sentiment.to_dict)`."""
        return asdict(self)

    # The name by which srsly, and so Doc.to_json(underscore=["sentiment"]), asks for it.
    toDict = to_dict

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_explain"}

    def __str__(self) -> str:
        return f"{self.label or 'undecided'} ({self.score:.3f})"
