"""The pipeline's word vectors, as they are."""

from __future__ import annotations

from collections.abc import Callable

from spacy.attrs import intify_attr
from spacy.tokens import Doc
from spacy.vectors import Mode
from thinc.api import Model
from thinc.types import Floats2d


def fixed_vectors(attr: str) -> Model[list[Doc], list[Floats2d]]:
    """Look tokens up in the pipeline's vectors, which training leaves alone.

    Other than spacy.StaticVectors.v2, which looks up the attribute that `spacy init vectors
    --attr` set but that a saved pipeline forgets, this one has the attribute in its config.

    attr: token attribute that is looked up: LOWER for vectors of lower-case words such as
        GloVe, ORTH, NORM, ...
    RETURNS: per document (tokens, width of the vectors), zeros for words without a vector.
    Raises ValueError for an unknown attribute.
    """
    if intify_attr(attr) is None:
        raise ValueError(f"vectors_attr must name a token attribute such as LOWER, not {attr!r}")
    return Model("fixed_vectors", _forward, init=_init, attrs={"attr": intify_attr(attr)})


def _init(model: Model, X: list[Doc] | None = None, Y: list[Floats2d] | None = None) -> None:
    vectors = X[0].vocab.vectors if X else None
    if vectors is not None and (vectors.mode != Mode.default or not vectors.n_keys):
        raise ValueError(
            "vectors_attr is set, which needs vectors with one row per word: give the config's "
            "`[initialize] vectors` the output of `spacy init vectors`"
        )


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    found = [_look_up(doc, model.attrs["attr"]) for doc in docs]
    return [model.ops.asarray2f(x) for x in found], lambda gradients: []


def _look_up(doc: Doc, attr: int) -> Floats2d:
    vectors = doc.vocab.vectors
    rows = vectors.find(keys=doc.to_array(attr))
    found = vectors.data[rows]
    found[rows < 0] = 0.0
    return found
