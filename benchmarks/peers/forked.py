"""A pool of processes for systems that have no such thing themselves."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from multiprocessing import get_context

BATCHES_PER_PROCESS = 4
_score: Callable[[list[str]], list[float]]


def score_by_processes(
    score: Callable[[list[str]], list[float]], texts: list[str], processes: int
) -> list[float]:
    """Score batches of texts in forked processes, started for the purpose as spaCy's are."""
    global _score
    _score = score
    size = ceil(len(texts) / (processes * BATCHES_PER_PROCESS)) or 1
    batches = [texts[start : start + size] for start in range(0, len(texts), size)]
    with get_context("fork").Pool(processes) as pool:
        scored = pool.map(_score_batch, batches, chunksize=1)
    return [score for batch in scored for score in batch]


def _score_batch(texts: list[str]) -> list[float]:
    return _score(texts)
