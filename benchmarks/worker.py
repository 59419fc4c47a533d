"""The process that a system lives in: a line of JSON asks, a line of JSON answers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from .peers import SYSTEMS
from .peers.base import System, Unavailable

SENTENCE = "The film was not half as bad as I had feared."
LATENCY_SECONDS = 1.0
LATENCY_CALLS = 5, 200


def load(system: System) -> dict[str, Any]:
    """From before the first import to the first result."""
    started = perf_counter()
    system.load()
    system.score_one(SENTENCE)
    seconds = perf_counter() - started
    system.prepare()
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return {"seconds": seconds, "size": system.size(), "detail": system.detail()}


def score(system: System, texts: list[str], processes: int) -> dict[str, Any]:
    """From texts in to scores out."""
    started = perf_counter()
    scores = system.score_all(texts, processes)
    return {"seconds": perf_counter() - started, "scores": scores}


def latency(system: System) -> dict[str, Any]:
    """One short sentence by itself, the median of many times."""
    least, most = LATENCY_CALLS
    seconds: list[float] = []
    while len(seconds) < least or (len(seconds) < most and sum(seconds) < LATENCY_SECONDS):
        started = perf_counter()
        system.score_one(SENTENCE)
        seconds.append(perf_counter() - started)
    return {"seconds": median(seconds)}


def memory(system: System) -> dict[str, Any]:
    """The highest resident memory of this process so far, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return {"peak": None}
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return {"peak": int(lines[0].split()[1]) * 1024 if lines else None}


def train(
    system: System, train: str, dev: str, output: str | None, limit: int | None
) -> dict[str, Any]:
    """Train the system."""
    started = perf_counter()
    figures = system.train(Path(train), Path(dev), Path(output) if output else None, limit)
    return {**figures, "seconds_in_all": perf_counter() - started}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    function.__name__: function for function in (load, score, latency, memory, train)
}


def answer(system: System, request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked; a problem is an answer too."""
    try:
        return COMMANDS[request.pop("command")](system, **request)
    except Unavailable as error:
        return {"problem": str(error)}
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("benchmarks", "spacy_brnn"):
            raise
        return {"problem": f"not installed ({error.name}): pip install -e '.[benchmarks]'"}
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        return {"problem": f"{type(error).__name__}: {lines[-1]}"}


def main(name: str) -> None:
    """Answer until there are no more requests. Whatever a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(SYSTEMS[name], json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
