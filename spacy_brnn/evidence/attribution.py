"""What each token adds to a sum of logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy
from spacy.tokens import Doc
from thinc.types import Floats1d, Floats2d

from ..architectures.cut_model import CutModel
from ..architectures.input_gradients import dropout_off, gradients_kept
from ..architectures.scaled_encoding import encode_scaled

# Points of the path and the weight of each; the first is 1, the document itself.
Path = Sequence[tuple[float, float]]
# Gauss-Radau quadrature: the logit is read off at one of its two points.
RADAU: Path = ((1.0, 0.25), (1.0 / 3.0, 0.75))
# Of all points together: beyond it they are taken one by one, which bounds the memory.
TOKENS_AT_ONCE = 20_000


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


def attribute(cut: CutModel, doc: Doc, weights: Floats1d, path: Path = RADAU) -> Attribution:
    """Split a weighted sum of logits among a document's tokens by integrated gradients.

    Source: Sundararajan, Taly and Yan (2017), "Axiomatic Attribution for Deep Networks". The
    path goes from a document whose tokens all have the vector zero, as words that word dropout
    took, to the document; the remainder is the logit of the former and what the sum over the
    points misses of the integral.

    weights: (labels,) of the logits.
    path: its points; time and memory grow with them.
    """
    read = doc
    for layer in cut.prepare:
        (read,) = layer.predict([read])
    if not len(read):
        bias = float(cut.bias @ weights)
        return Attribution(numpy.zeros(len(doc), dtype="float32"), bias, bias)
    (vectors,) = cut.embed.predict([read])
    value, shares = _along_path(cut, vectors, weights @ cut.weights, path)
    logit = float(value + cut.bias @ weights)
    # A layer may read the end of the document only.
    contributions = numpy.pad(cut.pool.ops.to_numpy(shares), (len(doc) - len(read), 0))
    return Attribution(contributions, logit, logit - float(contributions.sum(dtype="float64")))


def _along_path(
    cut: CutModel, vectors: Floats2d, d_pooled: Floats1d, path: Path
) -> tuple[float, Floats1d]:
    """The pooled vector's value at the path's end, and what each token adds to it.

    vectors: (tokens, input_width). d_pooled: (pooled_width,) what the value counts.
    RETURNS: the value, and (tokens,).
    """
    at_once = max(1, TOKENS_AT_ONCE // len(vectors))
    value, shares = 0.0, cut.pool.ops.alloc1f(len(vectors))
    with undisturbed(cut):
        for start in range(0, len(path), at_once):
            points, weights = zip(*path[start : start + at_once], strict=True)
            states, backprop_states = encode_scaled(cut.encode, vectors, points)
            pooled, backprop_pooled = cut.pool(states, is_train=True)
            d_rows = [weight * d_pooled for weight in weights]
            shares += backprop_states(backprop_pooled(cut.pool.ops.xp.stack(d_rows)))
            value = float(pooled[0] @ d_pooled) if start == 0 else value
    return value, shares


@contextmanager
def undisturbed(cut: CutModel) -> Iterator[None]:
    """Backpropagate through encoder and pooling without dropout, and leave no gradient behind."""
    with ExitStack() as stack:
        for part in (cut.encode, cut.pool):
            stack.enter_context(gradients_kept(part))
            stack.enter_context(dropout_off(part))
        yield
