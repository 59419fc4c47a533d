"""A teacher that is a trained pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy
import spacy
from spacy.tokens import Doc

# Further from 0 a probability in float32 is no longer told from 0 or 1.
HIGHEST_LOGIT = 12.0


def score(pipeline: Path, label: str, unlabelled: list[Doc]) -> numpy.ndarray:
    """The pipeline's logits of the label."""
    nlp = spacy.load(pipeline)
    docs = nlp.pipe(doc.text for doc in unlabelled)
    probabilities = numpy.asarray([doc.cats[label] for doc in docs])
    logits = numpy.log(probabilities) - numpy.log1p(-probabilities)
    return numpy.clip(logits, -HIGHEST_LOGIT, HIGHEST_LOGIT)
