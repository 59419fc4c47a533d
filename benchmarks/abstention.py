"""What abstaining gives: python -m benchmarks.abstention --dev corpus/dev.spacy.

For each threshold the share of documents that get a label, and the share of those that get theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_brnn.corpora.docbin import read_docbin
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.labelled_texts import read_sets
from spacy_brnn.pipeline.sentiment import BRNNSentiment

from .mistakes import load_sentiment, told_in_a_line

THRESHOLDS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95)
AT_ONCE = 256
Labelled = tuple[Doc, str]


@click.command()
@click.option("--model", help="A pipeline; default: the one that ships.")
@click.option("--dev", type=click.Path(exists=True, path_type=Path), help="A DocBin.")
@click.option("--sets", type=click.Path(exists=True, path_type=Path), help="A folder of sets.")
@click.option("--most", default=1000, show_default=True, help="Texts of each, drawn by seed 0.")
def main(model: str | None, dev: Path | None, sets: Path | None, most: int) -> None:
    """Print a table in Markdown: a row for DEV and one for the dev parts of SETS.

    Texts whose label the pipeline does not have are left out, as NEUTRAL without `neutral`.
    """
    if dev is None and sets is None:
        raise click.UsageError("give --dev, --sets or both")
    nlp, component = load_sentiment(model)
    labels = list(component.labels)
    with told_in_a_line():
        pairs = _read(nlp, dev, sets, labels)
    click.echo("| texts | " + " | ".join(f"{t:.2f}" for t in THRESHOLDS) + " |")
    click.echo("|---" * (len(THRESHOLDS) + 1) + "|")
    for name, texts in pairs.items():
        drawn = numpy.random.default_rng(0).permutation(len(texts))[:most]
        cells = _cells(component, [texts[i] for i in drawn], labels)
        click.echo(f"| {name}, {len(drawn)} | " + " | ".join(cells) + " |")


def _read(
    nlp: Language, dev: Path | None, sets: Path | None, labels: list[str]
) -> dict[str, list[Labelled]]:
    """By source the documents that have one of the labels.

    Raises CorpusError for a source without any, and for a document without cats.
    """
    pairs: dict[str, list[Labelled]] = {}
    if dev is not None:
        pairs[dev.name] = list(_read_docs(nlp, dev))
    if sets is not None:
        pairs["dev of all sets"] = [
            (nlp.make_doc(text.text), text.label) for one in read_sets(sets) for text in one.dev
        ]
    known = {
        name: [(doc, label) for doc, label in texts if label in labels]
        for name, texts in pairs.items()
    }
    for name, texts in known.items():
        if not texts:
            raise CorpusError(f"{name}: no text is labelled {' or '.join(labels)}")
    return known


def _read_docs(nlp: Language, dev: Path) -> Iterator[Labelled]:
    for place, doc in enumerate(read_docbin(dev, nlp.vocab)):
        if not doc.cats:
            raise CorpusError(f"{dev}: document {place} has no cats")
        yield doc, max(doc.cats, key=doc.cats.__getitem__)


def _cells(component: BRNNSentiment, texts: list[Labelled], labels: list[str]) -> list[str]:
    docs = [doc for doc, _ in texts]
    scores = numpy.concatenate(
        [component.predict(docs[i : i + AT_ONCE]) for i in range(0, len(docs), AT_ONCE)]
    )
    right = scores.argmax(axis=1) == [labels.index(label) for _, label in texts]
    cells = []
    for threshold in THRESHOLDS:
        answered = scores.max(axis=1) >= threshold
        share = f"{right[answered].mean():.1%} right" if answered.any() else "none"
        cells.append(f"{answered.mean():.0%} answered, {share}")
    return cells


if __name__ == "__main__":
    main()
