"""What a token costs in documents of very different lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .client import Problem, Worker
from .documents import Document, joined, pieces
from .peers.base import System

LENGTHS = (100, 1_000, 10_000, 100_000, 1_000_000)
# So many that the clock can tell.
LEAST_TOKENS = 50_000
WARMUP = 50


def measure(
    systems: list[System],
    documents: list[Document],
    lengths: tuple[int, ...],
    rounds: int,
    threads: int,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time each system on one text in pieces of each length, in every round in a fresh process.

    All lengths are of the same words: what a system does once for each word counts alike.

    lengths: each divides the longest, and LEAST_TOKENS where it is shorter than that.
    RETURNS: a row for each pair, of its quickest round: what else a machine does can only slow it.
    """
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    warmup = [document.text for document in documents[:WARMUP]]
    tokens = max(LEAST_TOKENS, *lengths)
    whole = joined(documents[WARMUP:] or documents, tokens)
    for number in range(rounds):
        for length in lengths:
            texts = pieces(whole, length)
            for system in systems:
                tell(
                    f"round {number + 1} of {rounds}, {len(texts):,} document(s) of {length:,} "
                    f"tokens: {system.name}"
                )
                sized = {"title": system.title, "tokens": length, "documents": len(texts)}
                row = {**sized, **_time(system, warmup, texts, tokens, threads)}
                found.setdefault((length, system.name), []).append(row)
    return [min(rows, key=_quickness) for rows in found.values()]


def _time(
    system: System, warmup: list[str], texts: list[str], tokens: int, threads: int
) -> dict[str, Any]:
    with Worker(system.name, threads) as worker:
        try:
            worker.ask("load")
            worker.ask("score", texts=warmup, processes=1)
            seconds = worker.ask("score", texts=texts, processes=1)["seconds"]
            peak = worker.ask("memory")["peak"]
        except Problem as problem:
            return {"problem": str(problem)}
    return {"microseconds_per_token": seconds * 1e6 / tokens, "peak_bytes": peak}


def _quickness(row: dict[str, Any]) -> float:
    return row.get("microseconds_per_token", float("inf"))
