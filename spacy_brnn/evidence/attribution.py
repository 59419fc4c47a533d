"""What each token adds to a sum of logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import RLock

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats1d, Floats2d

from ..architectures.cut_model import CutModel
from ..architectures.input_gradients import dropout_off, gradients_kept
from ..architectures.ngrams import share_scores
from ..architectures.one_thread import one_thread
from ..architectures.relevance import encode_with_relevance, has_relevance

# Points of the path and the weight of each; the first is 1, the document itself.
Path = Sequence[tuple[float, float]]
# Gauss-Radau quadrature: the logit is read off at one of its two points.
RADAU: Path = ((1.0, 0.25), (1.0 / 3.0, 0.75))
# Of all points together: beyond it they are taken one by one, which bounds the memory.
TOKENS_AT_ONCE = 20_000
_one_at_a_time = RLock()


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


@one_thread()
def attribute(cut: CutModel, doc: Doc, weights: Floats1d) -> Attribution:
    """Split a weighted sum of logits among a document's tokens.

    By relevance, with the gates held, where the encoder's cells have it; else by integrated
    gradients.

    weights: (labels,) of the logits.
    """
    return (
        by_relevance(cut, doc, weights) if has_relevance(cut.encode) else by_path(cut, doc, weights)
    )


def by_relevance(cut: CutModel, doc: Doc, weights: Floats1d) -> Attribution:
    """The shares by layer-wise relevance propagation; the remainder is what biases add.

    Source: Arras et al. (2017), see nn/relevance.py.
    Raises ValueError for an encoder of other cells.
    """

    def split(vectors: Floats2d, d_pooled: Floats1d) -> tuple[float, Floats1d]:
        states, backprop_states = encode_with_relevance(cut.encode, vectors)
        with undisturbed(cut.pool):
            pooled, backprop_pooled = cut.pool([_pooled_of(cut, states, vectors)], is_train=True)
            (gradient,) = backprop_pooled(d_pooled.reshape((1, -1)))
        width = states.shape[1]
        gains = _add_beside(backprop_states(gradient[:, :width]), gradient[:, width:])
        return float(pooled[0] @ d_pooled), (vectors * gains).sum(axis=1)

    return _attribute(cut, doc, weights, split)


def by_path(cut: CutModel, doc: Doc, weights: Floats1d, path: Path = RADAU) -> Attribution:
    """The shares by integrated gradients.

    Source: Sundararajan, Taly and Yan (2017), "Axiomatic Attribution for Deep Networks". The
    path goes from a document whose tokens all have the vector zero, as words that word dropout
    took, to the document; the remainder is the logit of the former and what the sum over the
    points misses of the integral.

    path: its points; time and memory grow with them.
    """

    def split(vectors: Floats2d, d_pooled: Floats1d) -> tuple[float, Floats1d]:
        value, gradient = _along_path(cut, vectors, d_pooled, path)
        return value, (vectors * gradient).sum(axis=1)

    return _attribute(cut, doc, weights, split)


def _attribute(
    cut: CutModel,
    doc: Doc,
    weights: Floats1d,
    split: Callable[[Floats2d, Floats1d], tuple[float, Floats1d]],
) -> Attribution:
    """split: from vectors, and what the pooled features count, to their sum and tokens' shares."""
    read = doc
    for layer in cut.prepare:
        (read,) = layer.predict([read])
    if not len(read):
        bias = float(cut.bias @ weights)
        return Attribution(numpy.zeros(len(doc), dtype="float32"), bias, bias)
    (vectors,) = cut.embed.predict([read])
    value, shares = split(vectors, weights @ cut.weights)
    contributions = cut.pool.ops.to_numpy(shares)
    if cut.ngrams is not None and cut.of_ngrams is not None:
        by_ngrams = share_scores(cut.ngrams, read, cut.pool.ops.to_numpy(weights @ cut.of_ngrams))
        contributions = contributions + by_ngrams
        value += float(by_ngrams.sum(dtype="float64"))
    logit = float(value + cut.bias @ weights)
    # A layer may read the end of the document only.
    contributions = numpy.pad(contributions, (len(doc) - len(read), 0))
    return Attribution(contributions, logit, logit - float(contributions.sum(dtype="float64")))


def _along_path(
    cut: CutModel, vectors: Floats2d, d_pooled: Floats1d, path: Path
) -> tuple[float, Floats2d]:
    """The pooled vector's value at the path's end, and the mean gradient along the path.

    vectors: (tokens, input_width). d_pooled: (pooled_width,) what the value counts.
    RETURNS: the value, and (tokens, input_width).
    """
    at_once = max(1, TOKENS_AT_ONCE // len(vectors))
    value, gradient = 0.0, cut.pool.ops.xp.zeros_like(vectors)
    with undisturbed(cut.encode, cut.pool):
        for start in range(0, len(path), at_once):
            points, weights = zip(*path[start : start + at_once], strict=True)
            read = [p * vectors for p in points]
            states, backprop_states = cut.encode(read, is_train=True)
            width = states[0].shape[1]
            pooled, backprop_pooled = cut.pool(
                [_pooled_of(cut, *pair) for pair in zip(states, read, strict=True)], is_train=True
            )
            d_rows = [weight * d_pooled for weight in weights]
            by_pooled = backprop_pooled(cut.pool.ops.xp.stack(d_rows))
            by_states = backprop_states([rows[:, :width] for rows in by_pooled])
            beside = [rows[:, width:] for rows in by_pooled]
            gradient += sum(map(_add_beside, by_states, beside))
            value = float(pooled[0] @ d_pooled) if start == 0 else value
    return value, gradient


def _pooled_of(cut: CutModel, states: Floats2d, vectors: Floats2d) -> Floats2d:
    """(tokens, features) that are pooled."""
    return cut.pool.ops.xp.concatenate([states, vectors], axis=1) if cut.beside else states


def _add_beside(through_states: Floats2d, beside: Floats2d) -> Floats2d:
    """The gradient by the vectors; beside has no columns where they are not pooled themselves."""
    return through_states + beside if beside.shape[1] else through_states


@contextmanager
def undisturbed(*parts: Model) -> Iterator[None]:
    """Backpropagate through parts of a model without dropout, and leave no gradient behind.

    One thread at a time: what is set back must be what was there before any.
    """
    with ExitStack() as stack:
        stack.enter_context(_one_at_a_time)
        for part in parts:
            stack.enter_context(gradients_kept(part))
            stack.enter_context(dropout_off(part))
        yield
