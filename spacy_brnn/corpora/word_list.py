"""Vectors of the words that matter: python -m spacy_brnn.corpora.word_list CORPUS... -o OUT.

The words of the corpora as `spacy-brnn.SubwordEmbed.v1` spells them, then those that general
English uses most; each with its vector from a file of published ones, emoji with that of the words
of their names. `spacy init vectors` reads what comes out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import numpy
import spacy

from ..architectures.spelling import count_forms
from .documents import read_documents
from .errors import CorpusError
from .symbols import is_symbol, symbol_name

# Of the words without a published vector.
SPREAD = 0.2


def count_words(paths: list[Path]) -> Counter[str]:
    """How often each word occurs, white space aside."""
    nlp = spacy.blank("en")
    counts = count_forms(doc for path in paths for doc in read_documents(path, nlp))
    return Counter({form: count for form, count in counts.items() if form.split() == [form]})


@click.command()
@click.argument(
    "corpora", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--vectors",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Published vectors in word2vec's or GloVe's text format, the most frequent word first.",
)
@click.option("--rows", default=48_000, show_default=True, help="Words in all.")
@click.option("--own", default=40_000, show_default=True, help="Words of the corpora, at most.")
@click.option("--min-count", default=5, show_default=True, help="Leave out rarer words of theirs.")
@click.option("--seed", default=0, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
def main(
    corpora: tuple[Path, ...],
    vectors: Path,
    rows: int,
    own: int,
    min_count: int,
    seed: int,
    output: Path,
) -> None:
    """Write ROWS words and their vectors, words of CORPORA first."""
    try:
        counts = count_words(list(corpora))
    except CorpusError as error:
        raise click.ClickException(str(error)) from None
    words = [word for word, count in counts.most_common(min(own, rows)) if count >= min_count]
    wanted, lines, width = dict.fromkeys(words, ""), {}, 0
    named = {part for word in words if is_symbol(word) for part in symbol_name(word).split()}
    with vectors.open(encoding="utf-8") as published:
        for line in published:
            word, _, values = line.rstrip().partition(" ")
            if values.count(" ") < 2:
                continue  # word2vec's head line.
            width = width or values.count(" ") + 1
            if values.count(" ") + 1 != width:
                continue  # A word of several parts.
            if word not in wanted and len(wanted) < rows:
                wanted[word] = ""
            if word in wanted or word in named:
                lines[word] = values
    if not width:
        raise click.ClickException(f"{vectors} holds no vectors (lines of a word and its numbers)")
    random = numpy.random.default_rng(seed)
    with output.open("w", encoding="utf-8") as file:
        print(len(wanted), width, file=file)
        for word in wanted:
            drawn = random.normal(0, SPREAD, width).round(4)
            print(word, lines.get(word) or _of_name(word, lines, drawn), file=file)
    click.echo(
        f"{output}: {len(wanted):,} words, {len(wanted.keys() & lines.keys()):,} with a published "
        "vector",
        err=True,
    )


def _of_name(word: str, lines: dict[str, str], drawn: numpy.ndarray) -> str:
    """A symbol's vector from the words of its name, any other word's as it was drawn."""
    parts = symbol_name(word).split() if is_symbol(word) else []
    found = [numpy.fromstring(lines[part], sep=" ") for part in parts if part in lines]
    return " ".join(map(str, numpy.mean(found, axis=0).round(4) if found else drawn))


if __name__ == "__main__":
    main()
