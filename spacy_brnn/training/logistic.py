"""Logistic regression on dense features and n-grams together, in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ..architectures.one_thread import one_thread

STEPS = 100


@dataclass(frozen=True)
class Features:
    """What the regression reads of some texts.

    states, vectors: (texts, features), each feature of mean 0 and variance 1.
    ngrams: (texts, n-grams) sparse, each row of length 1.
    """

    states: Tensor
    vectors: Tensor
    ngrams: Tensor

    def __len__(self) -> int:
        return len(self.states)

    def take(self, places: Tensor) -> Features:
        """Those of the texts at these places."""
        ngrams = self.ngrams.index_select(0, places).coalesce()
        return Features(self.states[places], self.vectors[places], ngrams)


@dataclass(frozen=True)
class Penalty:
    """How strongly the weights are held back.

    states, vectors: the length that those of a text have in the mean, beside n-grams of 1.
    inverse: the inverse of the penalty's strength, for one text.
    """

    states: float
    vectors: float
    inverse: float


@dataclass(frozen=True)
class Weights:
    """Of the features, (features, labels) each, and the bias."""

    states: Tensor
    vectors: Tensor
    ngrams: Tensor
    bias: Tensor

    def logits(self, features: Features) -> Tensor:
        """(texts, labels)"""
        sparse = torch.sparse.mm(features.ngrams, self.ngrams)
        dense = features.states @ self.states + features.vectors @ self.vectors
        return dense + sparse + self.bias


# Of states and vectors, in the order in which equals are preferred: labels of sentiment lie in the
# states, labels of topics in the vectors.
SCALES = ((1.0, 0.1), (0.3, 0.1), (1.0, 1.0), (0.1, 1.0))
INVERSES = (10.0, 40.0, 160.0), (10.0, 2.0)


def sparse_rows(ngrams: tuple, texts: int, known: int) -> Tensor:
    """The features of n-grams (text, n-gram, value) as a sparse matrix (texts, known)."""
    places, rows, values = ngrams
    indices = torch.from_numpy(numpy.stack([places, rows]))
    return torch.sparse_coo_tensor(
        indices, torch.from_numpy(values), (texts, known), check_invariants=False
    ).coalesce()


@one_thread()
def fit(features: Features, truths: Tensor, penalty: Penalty, *, exclusive: bool) -> Weights:
    """The weights that make the truths most likely, less the penalty.

    truths: (texts, labels) 0..1; those of a text sum to 1 where labels are exclusive.
    """
    of_states = penalty.states / max(features.states.shape[1], 1) ** 0.5
    of_vectors = penalty.vectors / max(features.vectors.shape[1], 1) ** 0.5
    scaled = Features(features.states * of_states, features.vectors * of_vectors, features.ngrams)
    blocks = (features.states, features.vectors, features.ngrams)
    weights = [
        torch.zeros(rows, truths.shape[1], requires_grad=True)
        for rows in (*(block.shape[1] for block in blocks), 1)
    ]
    optimizer = torch.optim.LBFGS(
        weights, max_iter=STEPS, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        squares = sum((weight**2).sum() for weight in weights[:3]) / (2 * penalty.inverse)
        loss = _loss(Weights(*weights).logits(scaled), truths, exclusive=exclusive) + squares
        loss = loss / len(truths)
        loss.backward()
        return loss

    optimizer.step(closure)
    states, vectors, ngrams, bias = (weight.detach() for weight in weights)
    return Weights(states * of_states, vectors * of_vectors, ngrams, bias[0])


@one_thread()
def choose_penalty(
    features: Features, truths: Tensor, *, exclusive: bool, folds: int, seed: int = 0
) -> Penalty:
    """The penalty under which texts left out of the fit are most likely, as far as was looked.

    First the best of SCALES, then from the first of INVERSES on, up and down, while it gets better.
    """
    order = torch.from_numpy(numpy.random.default_rng(seed).permutation(len(truths)))
    folded = [(order[fold::folds], _without(order, fold, folds)) for fold in range(folds)]
    parts = [(features.take(out), features.take(into), out, into) for out, into in folded]

    @cache
    def loss(penalty: Penalty) -> float:
        total = 0.0
        for left_out, kept, out, into in parts:
            weights = fit(kept, truths[into], penalty, exclusive=exclusive)
            total += float(_loss(weights.logits(left_out), truths[out], exclusive=exclusive))
        return total

    dense = features.states.shape[1] + features.vectors.shape[1]
    scaled = SCALES if dense else SCALES[:1]
    best = min((Penalty(*scales, INVERSES[0][0]) for scales in scaled), key=loss)
    for inverses in INVERSES:
        for inverse in inverses:
            other = replace(best, inverse=inverse)
            if loss(other) > loss(best):
                break
            best = other
    return best


def _without(order: Tensor, fold: int, folds: int) -> Tensor:
    return order[torch.arange(len(order)) % folds != fold]


def _loss(logits: Tensor, truths: Tensor, *, exclusive: bool) -> Tensor:
    if exclusive:
        return cross_entropy(logits, truths, reduction="sum")
    return binary_cross_entropy_with_logits(logits, truths, reduction="sum")
