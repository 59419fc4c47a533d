"""Training: the peers in full, and all that train for a moment, to see how fast."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .client import Problem, Worker
from .documents import SEED, read_docbin
from .machine import describe
from .peers.base import System

RECORD = "training.json"
DEV_DOCUMENTS = 20


def train_fully(system: System, train: Path, dev: Path, threads: int) -> dict[str, Any]:
    """Train into the system's folder, and leave a record there. Raises Problem."""
    system.folder.mkdir(parents=True, exist_ok=True)
    with Worker(system.name, threads, show=True) as worker:
        paths = {"train": str(train.resolve()), "dev": str(dev.resolve())}
        figures = worker.ask("train", **paths, output=str(system.folder), limit=None)
    record = {**figures, "threads": threads, "machine": describe()}
    (system.folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def measure(
    systems: list[System], train: Path, documents: int, threads: int, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Train each for so many documents, in a fresh process. RETURNS: a row for each."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        # As many again: a step to warm up, and a part of the last.
        some, few = Path(folder, "train.spacy"), Path(folder, "dev.spacy")
        _sample(train, {some: 2 * documents, few: DEV_DOCUMENTS})
        for system in systems:
            tell(f"training: {system.name}")
            row: dict[str, Any] = {"title": system.title, "full": _record(system)}
            paths = {"train": str(some), "dev": str(few)}
            with Worker(system.name, threads) as worker:
                try:
                    row |= worker.ask("train", **paths, output=None, limit=documents)
                except Problem as problem:
                    row["problem"] = str(problem)
            rows.append(row)
    return rows


def _sample(source: Path, sizes: dict[Path, int]) -> None:
    """Write some documents of a DocBin file to others, the same every time."""
    from spacy.tokens import DocBin

    docs = list(read_docbin(source))
    random.Random(SEED).shuffle(docs)
    for path, size in sizes.items():
        DocBin(attrs=("ORTH", "NORM", "SPACY"), docs=docs[:size]).to_disk(path)


def _record(system: System) -> dict[str, Any] | None:
    try:
        record = json.loads((system.folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {name: record.get(name) for name in ("dev_accuracy", "seconds_in_all")}
