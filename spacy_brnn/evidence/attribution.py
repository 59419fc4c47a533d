"""What each token adds to a sum of logits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy
from spacy.tokens import Doc
from thinc.types import Floats1d

from ..architectures.input_gradients import dropout_off, gradients_kept
from .cut_model import CutModel


@dataclass(frozen=True)
class Attribution:
    """How a document's logit comes about.

    contributions: (tokens,) what each token adds.
    logit: the weighted sum of logits; contributions and remainder add up to it.
    remainder: what no token adds: the bias, and what the method leaves unexplained.
    """

    contributions: numpy.ndarray
    logit: float
    remainder: float


def attribute(cut: CutModel, doc: Doc, weights: Floats1d) -> Attribution:
    """Split a weighted sum of logits among the tokens whose states the pooling took it from.

    Under max pooling each pooled unit's share goes to the token it took its maximum from, under
    mean pooling evenly to all: in general a state is worth its product with the gradient, which
    for those two leaves the bias alone to the remainder. As a state has read its neighbours,
    what a token adds is what was read at it, not what it would say alone. One pass forward, in
    single precision.

    weights: (labels,) of the logits.
    """
    read = doc
    for layer in cut.prepare:
        (read,) = layer.predict([read])
    if not len(read):
        bias = float(cut.bias @ weights)
        return Attribution(numpy.zeros(len(doc), dtype="float32"), bias, bias)
    (states,) = cut.encode.predict(cut.embed.predict([read]))
    d_pooled = (weights @ cut.weights)[None]
    with undisturbed(cut):
        pooled, backprop = cut.pool([states], is_train=True)
        (d_states,) = backprop(d_pooled)
    shares = cut.pool.ops.to_numpy((states * d_states).sum(axis=1))
    logit = float((pooled * d_pooled).sum() + cut.bias @ weights)
    # A layer may read the end of the document only.
    contributions = numpy.pad(shares, (len(doc) - len(read), 0))
    return Attribution(contributions, logit, logit - float(contributions.sum(dtype="float64")))


@contextmanager
def undisturbed(cut: CutModel) -> Iterator[None]:
    """Backpropagate through encoder and pooling without dropout, and leave no gradient behind."""
    with ExitStack() as stack:
        for part in (cut.encode, cut.pool):
            stack.enter_context(gradients_kept(part))
            stack.enter_context(dropout_off(part))
        yield
