"""A whole run: every section in turn, and the report written after each."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from . import length, speed, training
from .documents import Document, cut, read_documents
from .machine import describe
from .peers import SYSTEMS, TOKENIZER
from .peers.base import System
from .plot import draw
from .report import as_markdown


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    docbin: Path
    jsonl: Path | None
    limit: int | None
    rounds: int
    warmup: int
    loads: int
    systems: tuple[str, ...]
    sections: tuple[str, ...]
    train: Path
    train_documents: int
    longest: int
    threads: int
    output: Path


def run(options: Options) -> dict[str, Any]:
    """Measure, and write report.md, report.json and report.png. RETURNS: what the JSON holds.

    Raises ClickException for documents that are missing, unreadable or too few.
    """
    if "training" in options.sections and not options.train.exists():
        raise click.ClickException(
            f"{options.train} is not there, for the trainings: `spacy project run convert` makes "
            "it, or leave them out with --sections speed,lengths"
        )
    source = options.jsonl or options.docbin
    documents = read_documents(source, options.limit)
    slices = cut(documents, options.rounds, options.warmup)
    report: dict[str, Any] = {
        "machine": describe(),
        "run": {
            "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
            "source": source.name,
            "documents": len(documents),
            "tokens": sum(document.tokens for document in documents),
            "warmup": len(slices.warmup),
            "rounds": options.rounds,
            "documents_per_round": len(slices.rounds[0]),
            "train_documents": options.train_documents,
            "threads": options.threads,
        },
    }
    # Everything is measured against the tokenizer, so it always takes part.
    names = dict.fromkeys((TOKENIZER, *options.systems))
    systems = [SYSTEMS[name] for name in names]
    options.output.mkdir(parents=True, exist_ok=True)
    for section in options.sections:
        report[section] = _measure(section, systems, documents, options)
        _write(report, options.output)
    return report


def _measure(
    section: str, systems: list[System], documents: list[Document], options: Options
) -> list[dict[str, Any]]:
    if section == "speed":
        slices = cut(documents, options.rounds, options.warmup)
        read = [system for system in systems if not system.training_only]
        return speed.measure(read, slices, options.loads, options.threads, tell)
    if section == "training":
        timed = [system for system in systems if system.times_training]
        return training.measure(
            timed, options.train, options.train_documents, options.threads, tell
        )
    sized = [system for system in systems if system.times_length]
    lengths = tuple(number for number in length.LENGTHS if number <= options.longest)
    return length.measure(sized, documents, lengths, options.rounds, options.threads, tell)


def tell(message: str) -> None:
    """Progress, on standard error."""
    click.echo(message, err=True)


def _write(report: dict[str, Any], folder: Path) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.md").write_text(as_markdown(report), encoding="utf-8")
    try:
        draw(report.get("speed", []), folder / "report.png")
    except ModuleNotFoundError:
        tell("No plot: pip install -e '.[benchmarks]' brings matplotlib")
