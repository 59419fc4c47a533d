"""More than one core, batch sizes and many spans: what docs/scaling.md advises by.

    OMP_NUM_THREADS=1 python -m benchmarks.scaling

In one run: brnn_sentiment and spaCy's own text classifier, untrained, by one process, by two and by
two threads; `spacy-brnn annotate` of the same texts; batches of several sizes; sentences.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import click
import spacy
from spacy.language import Language
from spacy.training import Example

import spacy_brnn

from .documents import cut, docbin_option, read_documents
from .machine import describe
from .peers.spacy_system import BATCHES_PER_PROCESS
from .speed import in_a_cell, turns

SIZES = (1, 16, 64, 256, 500, 1000)
BATCHED_DOCUMENTS = 300
DOCUMENTS_WITH_SPANS = 60
# Of the file that `annotate` reads: its processes take some seconds to start.
COPIES = 12


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@docbin_option
@click.option("--limit", type=click.IntRange(min=1), help="Only so many documents.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--warmup", type=click.IntRange(min=1), default=100, show_default=True)
def main(docbin: Path, limit: int | None, rounds: int, warmup: int) -> None:
    """Print a table each of ways to use two cores, of batch sizes and of ways to ask spans."""
    documents = read_documents(docbin, limit)
    slices = cut(documents, rounds, warmup)
    machine = describe()
    click.echo(f"{machine['cpu']}, {machine['date']}, commit {machine['commit']}")
    warm = [document.text for document in slices.warmup]
    texts = [[document.text for document in documents] for documents in slices.rounds]
    _print_ways("brnn_sentiment", make_brnn, warm, texts)
    _print_ways("textcat", make_textcat, warm, texts)
    everything = [document.text for document in documents]
    _print_annotate(everything * COPIES, rounds)
    nlp = make_brnn()
    _print_sizes(nlp, everything[:BATCHED_DOCUMENTS], rounds)
    _print_spans(nlp, everything[:DOCUMENTS_WITH_SPANS], rounds)


def make_brnn() -> Language:
    """The weights that ship."""
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    return nlp


def make_textcat() -> Language:
    """spaCy's default text classifier, untrained."""
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    cats = {"POSITIVE": 1.0, "NEGATIVE": 0.0}
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("A film."), {"cats": cats})])
    return nlp


def by_one(nlp: Language, texts: list[str]) -> int:
    """One process, one thread. RETURNS: the number of documents."""
    return sum(1 for _ in nlp.pipe(texts))


def by_processes(nlp: Language, texts: list[str]) -> int:
    """`n_process=2`, in batches that give both enough to do."""
    size = max(1, len(texts) // (2 * BATCHES_PER_PROCESS))
    return sum(1 for _ in nlp.pipe(texts, n_process=2, batch_size=size))


def by_threads(nlp: Language, texts: list[str]) -> int:
    """Two threads over one pipeline, half of the texts each."""
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(partial(by_one, nlp), (texts[::2], texts[1::2])))


WAYS = {"one process": by_one, "n_process=2": by_processes, "two threads": by_threads}


def _print_ways(
    title: str, make: Callable[[], Language], warm: list[str], rounds: list[list[str]]
) -> None:
    # A pipeline each: none has read what another way has.
    loaded = {way: make() for way in WAYS}
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for way, nlp in loaded.items():
        WAYS[way](nlp, warm)
    for number, texts in enumerate(rounds):
        for way in turns(WAYS, number, len(rounds)):
            start = perf_counter()
            done = WAYS[way](loaded[way], texts)
            rates[way].append(done / (perf_counter() - start))
    click.echo(f"\n| {title} | documents/s | of one process |\n|---|---|---|")
    for way, found in rates.items():
        shares = [own / one for own, one in zip(found, rates["one process"], strict=True)]
        click.echo(f"| {way} | {median(found):.0f} | {in_a_cell(shares, 2)} |")


def _print_annotate(texts: list[str], rounds: int) -> None:
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with TemporaryDirectory() as folder:
        source, output = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
        command = [sys.executable, "-m", "spacy_brnn", "annotate", str(source), "-o", str(output)]
        for number in range(rounds):
            for processes in turns(seconds, number, rounds):
                output.unlink(missing_ok=True)
                start = perf_counter()
                own = ["--n-process", str(processes)]
                subprocess.run([*command, *own], check=True, capture_output=True)
                seconds[processes].append(perf_counter() - start)
    click.echo(f"\n| annotate, {len(texts):,} documents | seconds, start included |\n|---|---|")
    for processes, found in seconds.items():
        click.echo(f"| --n-process {processes} | {in_a_cell(found, 1)} |")


def _print_sizes(nlp: Language, texts: list[str], rounds: int) -> None:
    by_one(nlp, texts)
    taken = dict.fromkeys(SIZES, float("inf"))
    for number in range(rounds):
        for size in turns(SIZES, number, rounds):
            seconds = processor_time(partial(list, nlp.pipe(texts, batch_size=size)))
            taken[size] = min(taken[size], seconds)
    click.echo(f"\n| batch_size, {len(texts)} documents | ms, the best |\n|---|---|")
    for size, seconds in taken.items():
        click.echo(f"| {size:,} | {seconds * 1e3:.0f} |")


def _print_spans(nlp: Language, texts: list[str], rounds: int) -> None:
    sentencizer = spacy.blank("en")
    sentencizer.add_pipe("sentencizer")
    component = nlp.get_pipe("brnn_sentiment")
    parts = [list(component(doc).sents) for doc in sentencizer.pipe(texts)]
    spans = list(chain.from_iterable(parts))
    docs = [span.as_doc() for span in spans]
    ways: dict[str, Callable[[], object]] = {
        "predict, the sentences as documents": lambda: component.predict(docs),
        "one call of score_spans": lambda: spacy_brnn.score_spans(spans),
        "a call for each document": lambda: [spacy_brnn.score_spans(part) for part in parts],
        "span._.sentiment one by one": lambda: [span._.sentiment for span in spans],
    }
    taken = {way: processor_time(ask) for way, ask in ways.items()}
    for number in range(rounds):
        for way in turns(ways, number, rounds):
            taken[way] = min(taken[way], processor_time(ways[way]))
    click.echo(f"\n| {len(spans)} sentences of {len(parts)} documents | ms, the best |")
    click.echo("|---|---|")
    for way, seconds in taken.items():
        click.echo(f"| {way} | {seconds * 1e3:.0f} |")


def processor_time(ask: Callable[[], object]) -> float:
    """Seconds of this process."""
    start = process_time()
    ask()
    return process_time() - start


if __name__ == "__main__":
    main()
