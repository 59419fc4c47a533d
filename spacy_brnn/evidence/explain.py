"""From a model and a text to the evidence for the text's score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc, Span
from thinc.api import Model
from thinc.types import Floats2d

from ..architectures.cut_classifier import cut_classifier
from .attribution import attribute
from .direction import Direction
from .evidence import Evidence


def explain(
    model: Model[list[Doc], Floats2d],
    text: Span,
    read: Doc,
    offsets: Sequence[tuple[int, int]],
    direction: Direction,
) -> Evidence:
    """The evidence for the sum of logits that `direction` names.

    model: a spacy-brnn.TextCatBRNN.v1 over a spacy.Tok2Vec.v2, or a spacy-brnn.TextCatEnsemble.v1.
    text: what the evidence is about, a document's whole span or one read by itself.
    read: what the model reads of it.
    offsets: where each token read stands in the document's text: start and end.
    Raises ValueError for another model.
    """
    cut = cut_classifier(model)
    weights = model.ops.asarray1f(direction.weights)
    attribution = attribute(cut, read, weights)
    return Evidence(
        text=text,
        contributions=_by_token(text, offsets, attribution.contributions),
        logit=attribution.logit,
        remainder=attribution.remainder,
        toward=direction.toward,
        against=direction.against,
    )


def _by_token(
    span: Span, offsets: Sequence[tuple[int, int]], contributions: numpy.ndarray
) -> tuple[float, ...]:
    """What each token of the span adds; of a token read that covers several, each its part.

    offsets: of the tokens read, in the span's document. contributions: (tokens read,)
    """
    starts, lengths = span.doc.to_array([IDX, LENGTH])[span.start : span.end].astype("int64").T
    ends = starts + lengths
    read_starts, read_ends = numpy.asarray(offsets, dtype="int64").reshape(-1, 2).T
    first = numpy.searchsorted(ends, read_starts, side="right")
    covered = numpy.searchsorted(starts, read_ends, side="left") - first
    # Of each token read the places of those that it covers: first, first + 1, and so on.
    before = numpy.repeat(numpy.cumsum(covered) - covered, covered)
    places = numpy.repeat(first, covered) + numpy.arange(covered.sum()) - before
    parts = numpy.repeat(contributions / numpy.maximum(covered, 1), covered)
    return tuple(numpy.bincount(places, parts, minlength=len(span)).tolist())
