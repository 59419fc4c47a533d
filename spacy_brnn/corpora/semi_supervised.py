"""Labelled and unlabelled documents as one training corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from spacy.language import Language
from spacy.training import Example
from spacy.training.corpus import create_docbin_reader


def create_semi_supervised_reader(
    path: Path | None,
    unlabelled_path: Path | None,
    repeat_labelled: int = 1,
) -> Callable[[Language], Iterator[Example]]:
    """Read both (spacy-brnn.SemiSupervisedCorpus.v1).

    path: DocBin file or folder of documents with cats.
    unlabelled_path: DocBin file or folder of more documents; their cats, if any, are dropped.
    repeat_labelled: how often each labelled document comes in an epoch, at least 1.
    RETURNS: a function from the pipeline to the examples, labelled ones first.
    Raises ValueError where a path is missing or repeat_labelled is below 1.
    """
    if repeat_labelled < 1:
        raise ValueError(f"repeat_labelled must be at least 1, not {repeat_labelled}")
    labelled = create_docbin_reader(path, gold_preproc=False)
    unlabelled = create_docbin_reader(unlabelled_path, gold_preproc=False)

    def read(nlp: Language) -> Iterator[Example]:
        examples = labelled(nlp)
        # Repeated ones are kept in memory, once; others need not be.
        yield from examples if repeat_labelled == 1 else list(examples) * repeat_labelled
        for example in unlabelled(nlp):
            example.reference.cats = {}
            yield example

    return read
