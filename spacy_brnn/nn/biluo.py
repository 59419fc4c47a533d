"""BILUO tags as numbers, and which of them may stand beside which.

Tag 0 is O (outside); label k of n has the four tags B (begin), I (in), L (last) and U (unit),
numbered 1 + 4k to 4 + 4k.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

OUTSIDE = 0
BEGIN, INSIDE, LAST, UNIT = range(1, 5)
TAGS_PER_LABEL = 4


@dataclass(frozen=True)
class TagRules:
    """Which tag sequences are valid, of T tags.

    transitions: (T, T) bool, whether the tag of the column may follow the tag of the row.
    starts: (T,) bool, whether a sequence may begin with the tag.
    ends: (T,) bool, whether a sequence may end with it.
    """

    transitions: Tensor
    starts: Tensor
    ends: Tensor


def count_tags(n_labels: int) -> int:
    """The number of tags for that many labels."""
    return 1 + TAGS_PER_LABEL * n_labels


def biluo_rules(n_labels: int) -> TagRules:
    """The rules of BILUO: an entity is one U, or B, any number of I and L of the same label."""
    tags = torch.arange(count_tags(n_labels))
    label = (tags - 1).div(TAGS_PER_LABEL, rounding_mode="floor")
    place = torch.where(tags == OUTSIDE, OUTSIDE, (tags - 1) % TAGS_PER_LABEL + 1)
    opens = (place == BEGIN) | (place == INSIDE)
    continues = (place == INSIDE) | (place == LAST)
    same_label = label[:, None] == label
    within = opens[:, None] & continues & same_label
    between = ~opens[:, None] & ~continues
    return TagRules(transitions=within | between, starts=~continues, ends=~opens)
