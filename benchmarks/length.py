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
    rounds: int,
    threads: int,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time each system on each length, in every round in a fresh process.

    RETURNS: a row for each pair, of its quickest round: what else a machine does can only slow it.
    """
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    warmup = [document.text for document in documents[:WARMUP]]
    counts = {length: max(1, LEAST_TOKENS // length) for length in lengths}
    rest = documents[WARMUP:] or documents
    texts = {length: joined(rest, length, count) for length, count in counts.items()}
    for number in range(rounds):
        for length, count in counts.items():
            for system in systems:
                tell(
                    f"round {number + 1} of {rounds}, {count} document(s) of {length:,} tokens: "
                    f"{system.name}"
                )
                sized = {"title": system.title, "tokens": length, "documents": count}
                row = {**sized, **_time(system, warmup, texts[length], length * count, threads)}
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
