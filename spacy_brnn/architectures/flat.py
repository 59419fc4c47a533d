"""Rows of several documents, one document after the other."""

from __future__ import annotations

from itertools import accumulate
from typing import TypeVar

Rows = TypeVar("Rows")


def split(flat: Rows, lengths: list[int]) -> list[Rows]:
    """Each document's rows, as views; several times as fast as Thinc's unflatten.

    flat: an array of sum(lengths) rows.
    """
    ends = list(accumulate(lengths))
    return [flat[end - n : end] for end, n in zip(ends, lengths, strict=True)]  # type: ignore[index]
