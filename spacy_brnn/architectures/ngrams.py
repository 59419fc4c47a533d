"""Scores for labels by the words and runs of words that a document has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy
from spacy.attrs import IS_SPACE, LOWER
from spacy.tokens import Doc
from thinc.api import Model, NumpyOps
from thinc.types import Floats2d

NAME = "ngrams"
MAX_NGRAMS = 200_000

Features = tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]
"""Of each n-gram in each document: the document's place, the n-gram's row, its tf-idf value."""

_ops = NumpyOps()


def build_ngrams(ngram_size: int, nO: int | None = None) -> Model[list[Doc], Floats2d]:
    """A linear layer over a document's n-grams, weighted by tf-idf to a vector of length 1.

    It knows no n-gram, and scores 0, until `learn_vocabulary` gives it some.

    ngram_size: runs of one to so many tokens, in lower case; white space is passed over.
    nO: number of labels; None to take it from the data.
    RETURNS: (documents, labels)
    Raises ValueError for an ngram_size below 1.
    """
    if ngram_size < 1:
        raise ValueError(f"ngram_size must be at least 1, not {ngram_size}")
    return Model(
        NAME,
        _forward,
        init=_init,
        params={"W": None},
        dims={"nO": nO},
        attrs={
            "ngram_size": ngram_size,
            # Hashes of the n-grams in ascending order, and the weight of each.
            "keys": numpy.zeros(0, dtype="uint64"),
            "idf": numpy.zeros(0, dtype="float32"),
        },
    )


def learn_vocabulary(model: Model[list[Doc], Floats2d], docs: Iterable[Doc]) -> None:
    """Give the layer the documents' n-grams, the MAX_NGRAMS that are in most; all weights 0."""
    counts: Counter[int] = Counter()
    total = 0
    for total, doc in enumerate(docs, 1):  # noqa: B007
        counts.update(set(_keys(doc, model.attrs["ngram_size"]).tolist()))
    # Ties are broken by the hash, so that the order of the corpus does not matter.
    kept = sorted(sorted(counts, key=lambda key: (-counts[key], key))[:MAX_NGRAMS])
    frequencies = numpy.asarray([counts[key] for key in kept], dtype="float64")
    model.attrs["keys"] = numpy.asarray(kept, dtype="uint64")
    model.attrs["idf"] = (numpy.log((1 + total) / (1 + frequencies)) + 1).astype("float32")
    model.set_param("W", model.ops.alloc2f(len(kept), model.get_dim("nO")))


def read_ngrams(model: Model[list[Doc], Floats2d], docs: list[Doc]) -> Features:
    """The documents' known n-grams."""
    known, idf = model.attrs["keys"], model.attrs["idf"]
    places, rows, values = [], [], []
    for place, doc in enumerate(docs):
        keys, counts = numpy.unique(_keys(doc, model.attrs["ngram_size"]), return_counts=True)
        found = numpy.searchsorted(known, keys)
        is_known = found < len(known)
        is_known[is_known] = known[found[is_known]] == keys[is_known]
        found, counts = found[is_known], counts[is_known]
        value = (1 + numpy.log(counts)) * idf[found]
        places.append(numpy.full(len(found), place))
        rows.append(found)
        values.append(value / max(numpy.linalg.norm(value), 1e-12))
    empty = numpy.zeros(0, dtype="int64")
    return (
        numpy.concatenate([empty, *places]),
        numpy.concatenate([empty, *rows]),
        numpy.concatenate([empty, *values]).astype("float32"),
    )


def share_scores(
    model: Model[list[Doc], Floats2d], doc: Doc, weights: numpy.ndarray
) -> numpy.ndarray:
    """What each token adds to a weighted sum of a document's scores.

    An n-gram's part is shared among the places where it stands, and there among its tokens.

    weights: (labels,)
    RETURNS: (tokens,); their sum is that of the scores.
    """
    shares = numpy.zeros(len(doc), dtype="float32")
    _, rows, values = read_ngrams(model, [doc])
    if not len(rows):
        return shares
    scores = (model.ops.to_numpy(model.get_param("W"))[rows] @ weights) * values
    of_key = dict(zip(model.attrs["keys"][rows].tolist(), scores.tolist(), strict=True))
    runs = _runs(doc, model.attrs["ngram_size"])
    counts = Counter(key for keys in runs for key in keys.tolist())
    places = numpy.flatnonzero(doc.to_array([IS_SPACE]) == 0)
    for size, keys in enumerate(runs, 1):
        parts = [of_key.get(key, 0.0) / counts[key] / size for key in keys.tolist()]
        for before in range(size):
            shares[places[before : before + len(parts)]] += numpy.asarray(parts, dtype="float32")
    return shares


def _keys(doc: Doc, ngram_size: int) -> numpy.ndarray:
    return numpy.concatenate(_runs(doc, ngram_size))


def _runs(doc: Doc, ngram_size: int) -> list[numpy.ndarray]:
    """The keys of the n-grams of each size, in the order of the text."""
    words, is_space = doc.to_array([LOWER, IS_SPACE]).reshape(-1, 2).T
    words = numpy.ascontiguousarray(words[is_space == 0])
    runs = [_ops.ngrams(size, words) for size in range(2, min(ngram_size, len(words)) + 1)]
    return [words, *runs]


def _init(
    model: Model[list[Doc], Floats2d], X: list[Doc] | None = None, Y: Floats2d | None = None
) -> None:
    model.attrs["keys"], model.attrs["idf"] = model.attrs["keys"][:0], model.attrs["idf"][:0]
    model.set_param("W", model.ops.alloc2f(0, model.get_dim("nO")))


def _forward(
    model: Model[list[Doc], Floats2d], docs: list[Doc], is_train: bool
) -> tuple[Floats2d, Callable]:
    ops = model.ops
    weights = model.get_param("W")
    places, rows, values = map(ops.xp.asarray, read_ngrams(model, docs))
    values = ops.reshape2f(values, -1, 1)
    scores = ops.alloc2f(len(docs), model.get_dim("nO"))
    ops.scatter_add(scores, places, weights[rows] * values)

    def backprop(gradient: Floats2d) -> list[Doc]:
        if len(weights):
            d_weights = ops.alloc2f(*weights.shape)
            ops.scatter_add(d_weights, rows, gradient[places] * values)
            model.inc_grad("W", d_weights)
        return []

    return scores, backprop
