"""What the rest of a document says about a word, beside each of its tokens."""

from __future__ import annotations

from collections.abc import Callable

import numpy
from spacy.attrs import LOWER
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats1d, Floats2d, Ints1d

from .flat import split


def build_word_memory(
    tok2vec: Model[list[Doc], list[Floats2d]],
) -> Model[list[Doc], list[Floats2d]]:
    """Set beside each token's state the mean state of its word (spacy-brnn.WordMemory.v1).

    The mean is over the document's tokens of the same word, whatever their case.
    A name that one sentence leaves open is often plain in another one of the same document.

    Source: Luo, Xiao and Zhao (2020), "Hierarchical Contextualized Representation for Named
    Entity Recognition", with the plain mean in place of attention.

    tok2vec: documents to one (tokens, width) array each.
    RETURNS: per document (tokens, 2 * width).
    Raises ValueError for a tok2vec of unknown width.
    """
    if not tok2vec.has_dim("nO"):
        raise ValueError(
            f"the output width of the tok2vec {tok2vec.name!r} is not known: "
            "spacy-brnn.WordMemory.v1 needs a tok2vec that states it, as spacy.Tok2Vec.v2 does"
        )
    width = 2 * tok2vec.get_dim("nO")
    return Model("word_memory", _forward, init=_init, layers=[tok2vec], dims={"nO": width})


def _init(model: Model, X: list[Doc] | None = None, Y: list[Floats2d] | None = None) -> None:
    model.layers[0].initialize(X=X)


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    ops = model.ops
    states, backprop_states = model.layers[0](docs, is_train)
    lengths = [len(x) for x in states]
    words, counts = _words(ops, docs)
    flat = ops.flatten(states)
    outputs = ops.xp.concatenate([flat, _mean(ops, flat, words, counts)], axis=1)

    def backprop(gradients: list[Floats2d]) -> list[Doc]:
        own, mean = ops.xp.split(ops.flatten(gradients), 2, axis=1)
        # The mean over a group is symmetric: what a token gives to another it gets from it.
        return backprop_states(split(own + _mean(ops, mean, words, counts), lengths))

    return split(outputs, lengths), backprop


def _words(ops: Ops, docs: list[Doc]) -> tuple[Ints1d, Floats1d]:
    """The number of each token's word, (N,), one per word and document, and (words,) counts."""
    lengths = [len(doc) for doc in docs]
    words = numpy.concatenate([doc.to_array(LOWER) for doc in docs])
    distinct, numbers = numpy.unique(words, return_inverse=True)
    owners = numpy.repeat(numpy.arange(len(docs)), lengths)
    _, places, counts = numpy.unique(
        owners * len(distinct) + numbers, return_inverse=True, return_counts=True
    )
    return ops.xp.asarray(places, dtype="int32"), ops.xp.asarray(counts, dtype="float32")


def _mean(ops: Ops, states: Floats2d, words: Ints1d, counts: Floats1d) -> Floats2d:
    """The mean over each token's word, (N, width)."""
    sums = ops.alloc2f(len(counts), states.shape[1])
    ops.scatter_add(sums, words, ops.as_contig(states))
    return (sums / ops.reshape2f(counts, -1, 1))[words]
