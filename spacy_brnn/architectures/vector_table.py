"""Word vectors that belong to the model: fixed, and a byte per number."""

from __future__ import annotations

from collections.abc import Callable

import numpy
from spacy.attrs import intify_attr
from spacy.tokens import Doc
from spacy.vectors import Mode
from thinc.api import Model
from thinc.types import Floats2d

from ..nn.dropout import check_rate

NAME = "vector_table"
LEVELS = 127


def build_vector_table(
    width: int, rows: int, attr: str = "LOWER", dropout: float = 0.0
) -> Model[list[Doc], list[Floats2d]]:
    """Look words up in a table of fixed vectors (spacy-brnn.VectorTable.v1).

    The table is copied from the pipeline's vectors, which `[initialize] vectors` gives, and
    kept in the model as 8-bit integers with a scale per word. The pipeline needs the vectors
    no longer. A model that has a table keeps it where the pipeline has no vectors.

    width: width of the vectors.
    rows: words in the table, the first ones of the pipeline's vectors, which are the most
        frequent ones where the file of vectors is sorted so.
    attr: token attribute that is looked up.
    dropout: share of tokens whose vector is left out in training.
    RETURNS: per document (tokens, width), zeros for words outside of the table.
    Raises ValueError for an unknown attribute or a value out of range.
    """
    if intify_attr(attr) is None:
        raise ValueError(f"attr must name a token attribute such as LOWER, not {attr!r}")
    if width < 1 or rows < 1:
        raise ValueError(f"width and rows must be at least 1, not {width} and {rows}")
    return Model(
        NAME,
        _forward,
        init=_init,
        dims={"nO": width},
        attrs={
            "attr": attr,
            "max_rows": rows,
            "vector_dropout": check_rate("dropout", dropout),
            # Hashes of the words in ascending order, and the vector of each.
            "keys": numpy.zeros(0, dtype="uint64"),
            "table": numpy.zeros((0, width), dtype="int8"),
            "scales": numpy.zeros(0, dtype="float32"),
        },
    )


def copy_vector_tables(source: Model, target: Model) -> None:
    """Give each table of a model the vectors of its counterpart in a model of the same build."""
    for old, new in zip(source.walk(), target.walk(), strict=True):
        if new.name == NAME:
            for attr in ("keys", "table", "scales"):
                new.attrs[attr] = old.attrs[attr]


def _init(model: Model, X: list[Doc] | None = None, Y: list[Floats2d] | None = None) -> None:
    vectors = X[0].vocab.vectors if X else None
    width = model.get_dim("nO")
    if len(model.attrs["keys"]) and (vectors is None or not vectors.n_keys):
        return
    if vectors is None or vectors.mode != Mode.default or not vectors.n_keys:
        raise ValueError(
            "spacy-brnn.VectorTable.v1 needs vectors with one row per word: give the config's "
            "`[initialize] vectors` the output of `spacy init vectors`"
        )
    if vectors.shape[1] != width:
        raise ValueError(
            f"spacy-brnn.VectorTable.v1 has width {width}, but the vectors of [initialize] have "
            f"width {vectors.shape[1]}: make the two agree"
        )
    words = sorted(vectors.key2row, key=vectors.key2row.__getitem__)[: model.attrs["max_rows"]]
    keys = numpy.sort(numpy.asarray(words, dtype="uint64"))
    found = model.ops.to_numpy(vectors.data)[[vectors.key2row[key] for key in keys.tolist()]]
    scales = numpy.abs(found).max(axis=1) / LEVELS
    scales[scales == 0.0] = 1.0
    model.attrs["keys"] = keys
    model.attrs["table"] = numpy.rint(found / scales[:, None]).astype("int8")
    model.attrs["scales"] = scales.astype("float32")


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    found = [_look_up(model, doc) for doc in docs]
    dropout = model.attrs["vector_dropout"]
    if is_train and dropout:
        for vectors in found:
            vectors *= numpy.random.uniform(size=(len(vectors), 1)) >= dropout
    return [model.ops.asarray2f(x) for x in found], lambda gradients: []


def _look_up(model: Model, doc: Doc) -> Floats2d:
    keys = model.attrs["keys"]
    words = doc.to_array(model.attrs["attr"])
    places = numpy.minimum(numpy.searchsorted(keys, words), len(keys) - 1)
    scales = numpy.where(keys[places] == words, model.attrs["scales"][places], 0.0)
    return model.attrs["table"][places] * scales[:, None].astype("float32")
