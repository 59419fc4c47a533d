"""A teacher that is a trained pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy
from spacy.tokens import Doc

from ..loading import load_named_pipeline

# Nearer to 0 or 1 a probability in float32 can hardly be told from them.
LOWEST_PROBABILITY = 1e-6


def score(folder: Path, label: str, unlabelled: list[Doc]) -> numpy.ndarray:
    """The logits that the pipeline's brnn_sentiment gives the label.

    Raises click.ClickException for a pipeline without that component or label.
    """
    nlp = load_named_pipeline(folder)
    if "brnn_sentiment" not in nlp.pipe_names:
        raise click.ClickException(f"{folder} has no brnn_sentiment")
    component: Any = nlp.get_pipe("brnn_sentiment")
    if label not in component.labels:
        labels = ", ".join(component.labels)
        raise click.ClickException(f"{folder} has no label {label!r}; there are: {labels}")
    component.precision = "float32"
    docs = nlp.pipe(doc.text for doc in unlabelled)
    probabilities = numpy.asarray([doc.cats[label] for doc in docs])
    probabilities = numpy.clip(probabilities, LOWEST_PROBABILITY, 1 - LOWEST_PROBABILITY)
    return numpy.log(probabilities) - numpy.log1p(-probabilities)
