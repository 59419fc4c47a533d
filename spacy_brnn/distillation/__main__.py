"""Soft labels for unlabelled documents: python -m spacy_brnn.distillation COMMAND."""

from __future__ import annotations

from pathlib import Path

import click
import numpy
from spacy.cli._util import setup_gpu
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..corpora.docbin import read_docbin, write_docbin
from . import document_vector_teacher, ngram_teacher, pipeline_teacher
from .reviews import targets

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)

label_option = click.option(
    "--label", default="POSITIVE", show_default=True, help="The label whose logits are scored."
)
other_option = click.option(
    "--other-label", default="NEGATIVE", show_default=True, help="The label for all others."
)
output_option = click.option("-o", "--output", required=True, type=OUTPUT)


@click.group()
def main() -> None:
    """Let teachers score the documents of a DocBin file, and make labels of their scores."""


@main.command()
@click.argument("labelled", type=FILE)
@click.argument("unlabelled", type=FILE)
@label_option
@output_option
def ngrams(labelled: Path, unlabelled: Path, label: str, output: Path) -> None:
    """Score UNLABELLED by a logistic regression on the n-grams of LABELLED (about 1 minute)."""
    _train(ngram_teacher.score, labelled, unlabelled, label, output)


@main.command()
@click.argument("labelled", type=FILE)
@click.argument("unlabelled", type=FILE)
@label_option
@output_option
def document_vectors(labelled: Path, unlabelled: Path, label: str, output: Path) -> None:
    """Score UNLABELLED by vectors of all documents (for IMDb 40 minutes on one core, 4 GB)."""
    _train(document_vector_teacher.score, labelled, unlabelled, label, output)


@main.command()
@click.argument("folder", metavar="PIPELINE", type=FOLDER)
@click.argument("unlabelled", type=FILE)
@label_option
@click.option("--gpu-id", default=-1, show_default=True, help="A CUDA device; -1 is the CPU.")
@output_option
def pipeline(folder: Path, unlabelled: Path, label: str, gpu_id: int, output: Path) -> None:
    """Score UNLABELLED by a trained PIPELINE."""
    setup_gpu(gpu_id)
    _save(pipeline_teacher.score(folder, label, _read(unlabelled)), output)


@main.command()
@click.argument("labelled", type=FILE)
@click.argument("unlabelled", type=FILE)
@click.argument("scores", nargs=-1, required=True, type=FILE)
@label_option
@other_option
@click.option("--seed", default=0, show_default=True, help="Of the order of the documents.")
@output_option
def combine(
    labelled: Path,
    unlabelled: Path,
    scores: tuple[Path, ...],
    label: str,
    other_label: str,
    seed: int,
    output: Path,
) -> None:
    """Write LABELLED with its labels and UNLABELLED with those of the teachers' SCORES, mixed.

    A document's probability is that of the mean of its logits, after each teacher's have been
    brought to the spread that the teachers' have in the mean: so all count alike.
    """
    gold, docs = _read(labelled), _read(unlabelled)
    logits = [numpy.load(path, allow_pickle=False) for path in scores]
    for path, teacher in zip(scores, logits, strict=True):
        if teacher.shape != (len(docs),):
            raise click.ClickException(
                f"{path} holds {teacher.shape} scores, but {unlabelled} {len(docs)} documents"
            )
        if not numpy.isfinite(teacher).all() or teacher.std() == 0:
            raise click.ClickException(f"{path} holds scores that are all the same, or no numbers")
    spreads = [teacher.std() for teacher in logits]
    scaled = [
        teacher * (numpy.mean(spreads) / s) for teacher, s in zip(logits, spreads, strict=True)
    ]
    for doc, probability in zip(docs, 1 / (1 + numpy.exp(-numpy.mean(scaled, 0))), strict=True):
        doc.cats = {label: float(probability), other_label: float(1 - probability)}
    mixed = [*gold, *docs]
    order = numpy.random.default_rng(seed).permutation(len(mixed))
    write_docbin((mixed[place] for place in order), output)
    click.echo(f"{output}: {len(mixed):,} documents", err=True)


def _train(teacher, labelled: Path, unlabelled: Path, label: str, output: Path) -> None:
    docs = _read(labelled)
    try:
        _save(teacher(docs, targets(docs, label, labelled), _read(unlabelled)), output)
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'spacy-brnn[distillation]'"
        ) from None


def _read(path: Path) -> list[Doc]:
    return list(read_docbin(path, Vocab()))


def _save(logits: numpy.ndarray, output: Path) -> None:
    with output.open("wb") as file:
        numpy.save(file, logits.astype("float32"))
    share = float((logits > 0).mean())
    click.echo(f"{output}: {len(logits):,} documents, {share:.1%} above 0", err=True)


if __name__ == "__main__":
    main()
