"""From a model and a text to the evidence for the text's score."""

from __future__ import annotations

import numpy
from spacy.tokens import Doc, Span
from thinc.api import Model
from thinc.types import Floats2d

from .attribution import attribute
from .cut_model import cut_model
from .direction import Direction
from .evidence import Evidence
from .reading import read_tokens


def explain(model: Model[list[Doc], Floats2d], text: Doc | Span, direction: Direction) -> Evidence:
    """The evidence for the sum of logits that `direction` names.

    model: a spacy-brnn.TextCatBRNN.v1 over a spacy.Tok2Vec.v2.
    text: a document, or a span of one, which then is read by itself.
    Raises ValueError for another model.
    """
    cut = cut_model(model)
    doc, span = (text, text[:]) if isinstance(text, Doc) else (text.as_doc(), text)
    read, places = read_tokens(doc)
    weights = model.ops.asarray1f(numpy.asarray(direction.weights, dtype="float32"))
    attribution = attribute(cut, read, weights)
    contributions = numpy.zeros(len(doc), dtype="float32")
    contributions[places] = attribution.contributions
    return Evidence(
        text=span,
        contributions=tuple(contributions.tolist()),
        logit=attribution.logit,
        remainder=attribution.remainder,
        toward=direction.toward,
        against=direction.against,
    )
