"""The embedding of known words by a table row each, of unknown words by shared rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import numpy
from spacy.attrs import SUFFIX, intify_attr
from spacy.ml.featureextractor import FeatureExtractor
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import Model
from thinc.types import Floats2d, Ints1d, Ints2d

from ..nn.dropout import check_rate
from .flat import split
from .word_table import first_words, most_frequent, starting_table

NAME = "word_embed"


def build_word_embed(
    width: int,
    rows: int,
    oov_rows: int = 1000,
    attr: str = "NORM",
    word_dropout: float = 0.0,
) -> Model[list[Doc], list[Floats2d]]:
    """Embed tokens by words (spacy-brnn.WordEmbed.v1).

    The vocabulary comes from the pipeline's vectors where `[initialize] vectors` gives some
    (their first rows, copied as starting values), else from the words that the component
    counts in the training corpus, else it is empty. A word outside of it gets the sum of two
    of the shared rows, one picked by a hash of the word, one by a hash of its suffix; both
    are trained by the rare words that the vocabulary leaves out.

    width: width of the vectors.
    rows: words in the vocabulary, at most.
    oov_rows: rows shared by all other words.
    attr: token attribute that is looked up: NORM, LOWER, ORTH, ...
    word_dropout: share of tokens whose vector is set to zero in training.
    RETURNS: per document (tokens, width).
    Raises ValueError for a value out of range or an unknown attribute.

    Source of the hashed rows: Serrà and Karatzoglou (2017), "Getting Deep Recommenders Fit:
    Bloom Embeddings for Sparse Binary Input/Output Networks".
    """
    if intify_attr(attr) is None:
        raise ValueError(f"attr must name a token attribute such as NORM or LOWER, not {attr!r}")
    if width < 1 or rows < 0 or oov_rows < 1:
        raise ValueError(
            "width and oov_rows must be at least 1 and rows at least 0, "
            f"not {width}, {oov_rows} and {rows}"
        )
    check_rate("word_dropout", word_dropout)
    return Model(
        NAME,
        # Not an attribute: those come back with pretrained weights.
        _Forward(word_dropout),
        init=_init,
        layers=[FeatureExtractor([intify_attr(attr), SUFFIX])],
        params={"E": None},
        dims={"nO": width},
        attrs={
            "attr": attr,
            "max_rows": rows,
            "oov_rows": oov_rows,
            # The vocabulary: hashes of its words in ascending order, and the row of each.
            "keys": numpy.zeros(0, dtype="uint64"),
            "key_rows": numpy.zeros(0, dtype="int64"),
        },
    )


def count_words(model: Model, docs: Iterable[Doc]) -> None:
    """Give the embedding the most frequent words of the documents."""
    counts: Counter[int] = Counter()
    for doc in docs:
        counts.update(doc.to_array(model.attrs["attr"]).tolist())
    _set_keys(model, most_frequent(counts, model.attrs["max_rows"]))


def word_rows(model: Model, docs: list[Doc]) -> tuple[Ints1d, Ints1d]:
    """Each token's row, of all documents, and the places of tokens without one of their own."""
    rows, unknown, _ = _rows(model, _features(model, docs))
    return rows, unknown


def embed_types(model: Model, docs: list[Doc]) -> tuple[Floats2d, Ints1d]:
    """The vectors of the distinct tokens of all documents, and which of them each token has.

    RETURNS: (types, width) and (tokens,)
    """
    xp = model.ops.xp
    features = _features(model, docs)
    # One number for both hashes, by a large odd factor.
    pairs = features[:, 0] + features[:, 1] * xp.uint64(0x9E3779B97F4A7C15)
    distinct, types = xp.unique(pairs, return_inverse=True)
    of_types = xp.zeros((len(distinct), 2), dtype="uint64")
    of_types[types] = features
    return _vectors(_table(model), *_rows(model, of_types)), types


def _set_keys(model: Model, words: list[int]) -> None:
    """Rows 0, 1, ... for these words, given as hashes."""
    keys = numpy.asarray(words, dtype="uint64")
    order = numpy.argsort(keys)
    model.attrs["keys"] = keys[order]
    model.attrs["key_rows"] = order


def _init(model: Model, X: list[Doc] | None = None, Y: list[Floats2d] | None = None) -> None:
    vectors = X[0].vocab.vectors if X else Vectors()
    width = model.get_dim("nO")
    words = first_words(vectors, model.attrs["max_rows"], width, "spacy-brnn.WordEmbed.v1")
    if words:
        _set_keys(model, words)
    rows = len(model.attrs["keys"]) + model.attrs["oov_rows"]
    model.set_param("E", starting_table(model.ops, vectors, words, rows, width))


@dataclass(frozen=True)
class _Forward:
    """The layer's function, in the shape that Thinc's validation takes."""

    word_dropout: float

    @property
    def __name__(self) -> str:
        return NAME

    def __call__(
        self, model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
    ) -> tuple[list[Floats2d], Callable]:
        return _forward(model, docs, self.word_dropout if is_train else 0.0)


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], word_dropout: float
) -> tuple[list[Floats2d], Callable]:
    xp = model.ops.xp
    table = _table(model)
    lengths = [len(doc) for doc in docs]
    rows, unknown, suffix_rows = _rows(model, _features(model, docs))
    vectors = _vectors(table, rows, unknown, suffix_rows)
    keep = xp.ones((len(rows), 1), dtype="float32")
    if word_dropout:
        keep = (xp.random.uniform(size=(len(rows), 1)) >= word_dropout).astype("f")
        vectors *= keep

    def backprop(gradients: list[Floats2d]) -> list[Doc]:
        gradient = model.ops.flatten(gradients) * keep
        d_table = model.ops.alloc2f(*table.shape)
        model.ops.scatter_add(d_table, rows, gradient)
        model.ops.scatter_add(d_table, suffix_rows, gradient[unknown])
        model.inc_grad("E", d_table)
        return []

    return split(vectors, lengths), backprop


def _table(model: Model) -> Floats2d:
    return cast(Floats2d, model.get_param("E"))


def _vectors(table: Floats2d, rows: Ints1d, unknown: Ints1d, suffix_rows: Ints1d) -> Floats2d:
    vectors = table[rows]
    vectors[unknown] += table[suffix_rows]
    return vectors


def _features(model: Model, docs: list[Doc]) -> Ints2d:
    """(tokens of all documents, 2) hashes of the word and of its suffix."""
    xp = model.ops.xp
    features = model.layers[0].predict(docs)
    return xp.concatenate(features) if features else xp.zeros((0, 2), dtype="uint64")


def _rows(model: Model, features: Ints2d) -> tuple:
    """Each token's row, the places of unknown words, and the second row of those."""
    xp = model.ops.xp
    keys = xp.asarray(model.attrs["keys"])
    words, suffixes = features[:, 0], features[:, 1]
    oov_rows = xp.uint64(model.attrs["oov_rows"])
    rows = (words % oov_rows).astype("int64") + len(keys)
    known = xp.zeros(len(words), dtype=bool)
    if len(keys):
        places = xp.minimum(xp.searchsorted(keys, words), len(keys) - 1)
        known = keys[places] == words
        rows[known] = xp.asarray(model.attrs["key_rows"])[places[known]]
    unknown = xp.flatnonzero(~known)
    suffix_rows = (suffixes[unknown] % oov_rows).astype("int64") + len(keys)
    return rows, unknown, suffix_rows
