"""What a token costs in documents of very different lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .client import Problem, Worker
from .documents import Document, joined
from .peers.base import System

LENGTHS = (100, 1_000, 10_000, 100_000, 1_000_000)
# Of the short ones so many that the clock can tell.
LEAST_TOKENS = 50_000
WARMUP = 50


def measure(
    systems: list[System],
    documents: list[Document],
    lengths: tuple[int, ...],
    threads: int,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time each system on each length in a fresh process. RETURNS: a row for each pair."""
    rows = []
    warmup = [document.text for document in documents[:WARMUP]]
    for length in lengths:
        count = max(1, LEAST_TOKENS // length)
        texts = joined(documents[WARMUP:] or documents, length, count)
        for system in systems:
            tell(f"{count} document(s) of {length:,} tokens: {system.name}")
            row: dict[str, Any] = {"title": system.title, "tokens": length, "documents": count}
            with Worker(system.name, threads) as worker:
                try:
                    worker.ask("load")
                    worker.ask("score", texts=warmup, processes=1)
                    seconds = worker.ask("score", texts=texts, processes=1)["seconds"]
                    row["microseconds_per_token"] = seconds * 1e6 / (length * count)
                    row["peak_bytes"] = worker.ask("memory")["peak"]
                except Problem as problem:
                    row["problem"] = str(problem)
            rows.append(row)
    return rows
