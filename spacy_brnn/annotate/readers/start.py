"""Where a reader begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """offset: what the reader seeks by (see Item.end); number: the first record's number."""

    offset: int = 0
    number: int = 1
