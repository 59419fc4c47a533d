"""Resident memory over many documents that each bring a Vocab of their own.

    python -m benchmarks.unpickled_memory --documents 20000

Documents that come from a queue, from Spark or Dask are unpickled: each has its own Vocab, of some
half a megabyte, which must go when the document goes.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import click
import spacy

TEXT = "A superb cast, a clever script, and I laughed all the way through."


def resident_megabytes() -> float:
    """This process's resident memory, on Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


@click.command()
@click.option("--documents", default=20_000, show_default=True)
@click.option("--spans", is_flag=True, help="Ask each document's span for its sentiment, too.")
def main(documents: int, spans: bool) -> None:
    """Annotate unpickled documents one by one and print the memory ten times on the way."""
    nlp = spacy.blank("en")
    component = nlp.add_pipe("brnn_sentiment")
    pickled = pickle.dumps(nlp.make_doc(TEXT))
    for number in range(documents + 1):
        doc = component(pickle.loads(pickled))
        if spans:
            doc[:]._.sentiment  # noqa: B018
        if number % max(documents // 10, 1) == 0:
            click.echo(f"{number:>8,} documents  {resident_megabytes():7.1f} MB")


if __name__ == "__main__":
    main()
