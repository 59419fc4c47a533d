"""Word vectors from converted corpora: python -m spacy_brnn.corpora.vectors CORPUS... -o OUT.

The training itself is gensim's; `spacy init vectors` reads what comes out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import numpy
from spacy.vocab import Vocab

from .docbin import read_docbin


class Sentences:
    """The words of each document in DocBin files, as often as they are asked for."""

    def __init__(self, paths: list[Path]) -> None:
        vocab = Vocab()
        self.documents = [
            # White space would break the lines and columns of the vectors' text format.
            [token.norm_ for token in doc if token.norm_.split() == [token.norm_]]
            for path in paths
            for doc in read_docbin(path, vocab)
        ]

    def __iter__(self) -> Iterator[list[str]]:
        return iter(self.documents)


def standardize(vectors: numpy.ndarray, counts: numpy.ndarray) -> numpy.ndarray:
    """Give each feature mean 0 and variance 1 over the corpus.

    vectors: (words, width). counts: (words,) occurrences in the corpus.
    Source: Miyato, Dai and Goodfellow (2016), "Adversarial Training Methods for
    Semi-Supervised Text Classification": it gives a perturbation's norm a meaning.
    """
    weights = (counts / counts.sum())[:, None]
    mean = (vectors * weights).sum(axis=0)
    variance = ((vectors - mean) ** 2 * weights).sum(axis=0)
    return (vectors - mean) / numpy.sqrt(variance)


@click.command()
@click.argument(
    "corpora", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the vectors go, in word2vec's text format.",
)
@click.option("--width", default=128, show_default=True, help="Features of a vector.")
@click.option("--epochs", default=8, show_default=True)
@click.option("--min-count", default=5, show_default=True, help="Leave out rarer words.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--workers",
    default=os.cpu_count() or 1,
    show_default="all cores",
    help="Threads; only 1 gives the same vectors again.",
)
def main(
    corpora: tuple[Path, ...],
    output: Path,
    width: int,
    epochs: int,
    min_count: int,
    seed: int,
    workers: int,
) -> None:
    """Train skip-gram vectors (Mikolov et al. 2013) on the DocBin files CORPORA.

    The most frequent word comes first, for `spacy init vectors`. Needs gensim:
    pip install 'spacy-brnn[vectors]'.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise click.ClickException("gensim is missing: pip install 'spacy-brnn[vectors]'") from None
    try:
        keyed = Word2Vec(
            Sentences(list(corpora)),
            sg=1,
            vector_size=width,
            window=5,
            negative=5,
            sample=1e-4,
            min_count=min_count,
            epochs=epochs,
            seed=seed,
            workers=workers,
        ).wv
    except RuntimeError:  # gensim's for an empty vocabulary
        raise click.ClickException(
            f"no word occurs {min_count} times in these corpora: lower --min-count"
        ) from None
    counts = numpy.asarray([keyed.get_vecattr(word, "count") for word in keyed.index_to_key])
    keyed.vectors = standardize(keyed.vectors, counts)
    partial = output.with_name(f"{output.name}.partial")
    keyed.save_word2vec_format(partial)
    partial.replace(output)
    click.echo(f"{output}: {len(keyed):,} words", err=True)


if __name__ == "__main__":
    main()
