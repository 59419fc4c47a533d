"""What evidence is for and against: a weighted sum of a classifier's logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Direction:
    """A weighted sum of logits whose weights add up to 0.

    weights: one per label, in the classifier's order; those above 0 add up to 1.
    toward, against: how to call a contribution above 0 and one below.
    """

    weights: tuple[float, ...]
    toward: str
    against: str


def is_scale(labels: Sequence[str], polarities: Mapping[str, float]) -> bool:
    """Whether there are labels on both sides, positive and negative."""
    scale = [polarities.get(label, 0.0) for label in labels]
    return max(scale, default=0.0) > 0.0 > min(scale, default=0.0)


def of_polarity(labels: Sequence[str], polarities: Mapping[str, float]) -> Direction:
    """The logits of the positive labels minus those of the negative ones; `is_scale` holds.

    With the labels that ship it is logit(POSITIVE) - logit(NEGATIVE). Where several labels lie
    on one side, each counts in proportion to its polarity.
    """
    scale = [polarities.get(label, 0.0) for label in labels]
    above = sum(value for value in scale if value > 0)
    below = -sum(value for value in scale if value < 0)
    weights = tuple(value / (above if value > 0 else below) for value in scale)
    return Direction(
        weights,
        " / ".join(label for label, weight in zip(labels, weights, strict=True) if weight > 0),
        " / ".join(label for label, weight in zip(labels, weights, strict=True) if weight < 0),
    )


def of_label(labels: Sequence[str], label: str) -> Direction:
    """A label's logit minus the mean of the others'.

    Raises ValueError for an unknown label.
    """
    if label not in labels:
        raise ValueError(f"there is no label {label!r}; there are: {', '.join(labels)}")
    share = 1.0 / max(1, len(labels) - 1)
    weights = tuple(1.0 if name == label else -share for name in labels)
    others = [name for name in labels if name != label]
    return Direction(weights, label, others[0] if len(others) == 1 else f"not {label}")
