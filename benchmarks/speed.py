"""Rounds in which every system is timed once on the same documents, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeVar

from .client import Problem, Worker
from .documents import Document, Slices
from .peers import TOKENIZER
from .peers.base import System

PROCESSES = (1, 2)
Turn = TypeVar("Turn")


@dataclass(frozen=True)
class Pass:
    """One system over one slice."""

    documents: int
    tokens: int
    seconds: float

    @property
    def documents_per_second(self) -> float:
        """The figure that the table is about."""
        return self.documents / self.seconds

    @property
    def tokens_per_second(self) -> float:
        """What differs less between slices."""
        return self.tokens / self.seconds


@dataclass
class Figures:
    """What was measured of one system; `passes` by number of processes, then by round."""

    system: System
    problem: str | None = None
    detail: str | None = None
    notes: list[str] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    passes: dict[int, dict[int, Pass]] = field(default_factory=lambda: {n: {} for n in PROCESSES})
    latencies: list[float] = field(default_factory=list)
    right: int = 0
    labelled: int = 0
    size: int | None = None
    peak: int | None = None


def measure(
    systems: list[System], slices: Slices, loads: int, threads: int, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure all systems. RETURNS: a row for each, as the JSON report has it."""
    figures = {system.name: Figures(system) for system in systems}
    for number in range(loads):
        tell(f"loading, {number + 1} of {loads}")
        for each in figures.values():
            if each.problem is None:
                _time_load(each, threads)
    with ExitStack() as stack:
        workers = {}
        for each in figures.values():
            for processes in _numbers_of_processes(each):
                tell(f"warming up: {each.system.name}, {processes} process(es)")
                worker = stack.enter_context(Worker(each.system.name, threads))
                if _warm_up(each, worker, slices.warmup, count=processes == 1):
                    workers[each.system.name, processes] = worker
        for number, documents in enumerate(slices.rounds):
            tell(f"round {number + 1} of {len(slices.rounds)}")
            for name, processes in turns(workers, number, len(slices.rounds)):
                worker = workers[name, processes]
                if not _time_slice(figures[name], worker, number, documents, processes):
                    del workers[name, processes]
    return [as_row(each, figures[TOKENIZER]) for each in figures.values()]


def turns(keys: Iterable[Turn], number: int, rounds: int) -> list[Turn]:
    """The order in one of the rounds, which begin all round the circle."""
    order = list(keys)
    first = number * len(order) // rounds
    return order[first:] + order[:first]


def as_row(each: Figures, tokenizer: Figures) -> dict[str, Any]:
    """The figures of one system for the report; the tokenizer's are those of the same rounds."""
    system = each.system
    base = tokenizer.passes[1]
    alone = each.passes[1]
    shares = [
        done.tokens_per_second / base[number].tokens_per_second
        for number, done in alone.items()
        if number in base
    ]
    row: dict[str, Any] = {
        "name": system.name,
        "title": system.title,
        "problem": each.problem,
        "notes": [*system.notes, *([each.detail] if each.detail else []), *each.notes],
        "accuracy": each.right / each.labelled if each.labelled else None,
        "accuracy_documents": each.labelled,
        "published": vars(system.published) if system.published else None,
        "documents_per_round": max((done.documents for done in alone.values()), default=None),
        "share_of_tokenizer": spread(shares),
        "load_seconds": spread(each.loads),
        "latency_seconds": spread(each.latencies),
        "latency_above_tokenizer_seconds": None,
        "peak_bytes": each.peak,
        "size_bytes": each.size,
    }
    if each.latencies and tokenizer.latencies:
        above = median(each.latencies) - median(tokenizer.latencies)
        row["latency_above_tokenizer_seconds"] = above
    gains = [
        done.documents_per_second / alone[number].documents_per_second
        for number, done in each.passes[2].items()
        if number in alone
    ]
    row["gain_of_2_processes"] = spread(gains)
    for processes, passes in each.passes.items():
        row[f"processes_{processes}"] = {
            "documents_per_second": spread(p.documents_per_second for p in passes.values()),
            "tokens_per_second": spread(p.tokens_per_second for p in passes.values()),
        }
    return row


def spread(values: Iterable[float]) -> dict[str, float] | None:
    """Median, least and most."""
    found = list(values)
    if not found:
        return None
    return {"median": median(found), "min": min(found), "max": max(found)}


def in_a_cell(values: Sequence[float], digits: int) -> str:
    """Median, least and most, for a table."""
    middle, least, most = (f"{of(values):.{digits}f}" for of in (median, min, max))
    return f"{middle} ({least} to {most})"


def _time_load(each: Figures, threads: int) -> None:
    with Worker(each.system.name, threads) as worker:
        try:
            reply = worker.ask("load")
        except Problem as problem:
            each.problem = str(problem)
        else:
            each.loads.append(reply["seconds"])
            each.size, each.detail = reply["size"], reply["detail"]


def _numbers_of_processes(each: Figures) -> tuple[int, ...]:
    if each.problem is not None or each.system.load_only:
        return ()
    return (1,) if each.system.one_process_only else PROCESSES


def _warm_up(each: Figures, worker: Worker, documents: list[Document], count: bool) -> bool:
    """Whether it could be done."""
    try:
        worker.ask("load")
        _score(each, worker, documents, count=count)
    except Problem as problem:
        each.notes.append(str(problem))
        return False
    return True


def _time_slice(
    each: Figures, worker: Worker, number: int, documents: list[Document], processes: int
) -> bool:
    """Whether it could be done."""
    try:
        timed = _score(each, worker, documents, processes, count=processes == 1)
        each.passes[processes][number] = timed
        if processes == 1:
            each.latencies.append(worker.ask("latency")["seconds"])
            each.peak = worker.ask("memory")["peak"]
        else:
            # What they learned of words is gone with the processes that were started for this
            # pass. The next ones inherit what a single process would know by then.
            _score(each, worker, documents)
    except Problem as problem:
        each.notes.append(f"{processes} process(es), round {number + 1}: {problem}")
        return False
    return True


def _score(
    each: Figures,
    worker: Worker,
    documents: list[Document],
    processes: int = 1,
    count: bool = False,
) -> Pass:
    """Score by one system; where asked to, count what is right."""
    system = each.system
    chosen = documents[: system.most_documents]
    reply = worker.ask("score", texts=[document.text for document in chosen], processes=processes)
    if count and system.gives_sentiment and system.published is None:
        for document, score in zip(chosen, reply["scores"], strict=True):
            if document.positive is not None:
                each.labelled += 1
                each.right += (score > 0) == document.positive
    return Pass(len(chosen), sum(document.tokens for document in chosen), reply["seconds"])
