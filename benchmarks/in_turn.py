"""Text in, score out, of several pipelines beside the tokenizer alone.

    OMP_NUM_THREADS=1 python -m benchmarks.in_turn training/one training/another

A PIPELINE is a folder or a package with brnn_sentiment. They read in turn in one process, each in
every round texts that it has not read, beside what ships.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import process_time

import click
import spacy
from spacy.language import Language

from .documents import cut, docbin_option, read_documents
from .machine import describe
from .mistakes import load_sentiment
from .speed import in_a_cell, turns

TOKENIZER = "the tokenizer"
SHIPS = "what ships"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("pipelines", nargs=-1, metavar="PIPELINE...")
@docbin_option
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--warmup", type=click.IntRange(min=1), default=100, show_default=True)
def main(pipelines: tuple[str, ...], docbin: Path, rounds: int, warmup: int) -> None:
    """Print processor time a token of each PIPELINE, and its speed as a share of the tokenizer's.

    The medians of the rounds; in brackets the least and the greatest share.
    """
    loaded = {
        TOKENIZER: spacy.blank("en"),
        SHIPS: load_sentiment(None)[0],
        **{name: load_sentiment(name)[0] for name in pipelines},
    }
    slices = cut(read_documents(docbin), rounds, warmup)
    for nlp in loaded.values():
        nlp.max_length = 10**9
        microseconds(nlp, [document.text for document in slices.warmup])
    taken: dict[str, list[float]] = {name: [] for name in loaded}
    for number, documents in enumerate(slices.rounds):
        texts = [document.text for document in documents]
        for name in turns(loaded, number, rounds):
            taken[name].append(microseconds(loaded[name], texts))
    machine = describe()
    click.echo(f"{machine['cpu']}, {machine['date']}, commit {machine['commit']}\n")
    click.echo("| | us/token | of the tokenizer |\n|---|---|---|")
    for name, times in taken.items():
        shares = [alone / own for alone, own in zip(taken[TOKENIZER], times, strict=True)]
        click.echo(f"| {name} | {median(times):.2f} | {in_a_cell(shares, 3)} |")


def microseconds(nlp: Language, texts: list[str]) -> float:
    """Processor time a token of `nlp.pipe`."""
    start = process_time()
    tokens = sum(map(len, nlp.pipe(texts)))
    return (process_time() - start) * 1e6 / tokens


if __name__ == "__main__":
    main()
