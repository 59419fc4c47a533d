"""A text classifier in its parts, for what reads its vectors and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats1d, Floats2d

from .cut_tok2vec import cut_tok2vec, in_order
from .textcat import forward as forward_textcat


@dataclass(frozen=True)
class CutModel:
    """The parts of a spacy-brnn.TextCatBRNN.v1 over a spacy.Tok2Vec.v2, in their order.

    prepare: layers that take documents and give documents, as one that reads their last tokens.
    embed: documents to (tokens, input_width) vectors each.
    encode: these to (tokens, width) states each.
    pool: these to (documents, pooled_width).
    weights, bias: (labels, pooled_width) and (labels,): from there to the logits.
    beside: whether pool reads the vectors after the states.
    ngrams: a layer that scores documents beside all that; None for none.
    of_ngrams: (labels, scores) what its scores add to the logits.
    """

    prepare: list[Model[list[Doc], list[Doc]]]
    embed: Model[list[Doc], list[Floats2d]]
    encode: Model[list[Floats2d], list[Floats2d]]
    pool: Model[list[Floats2d], Floats2d]
    weights: Floats2d
    bias: Floats1d
    beside: bool = False
    ngrams: Model[list[Doc], Floats2d] | None = None
    of_ngrams: Floats2d | None = None


def cut_model(model: Model[list[Doc], Floats2d]) -> CutModel:
    """Cut a text classifier.

    Raises ValueError for another architecture.
    """
    tok2vec = model.maybe_get_ref("tok2vec")
    cut = cut_tok2vec(tok2vec) if tok2vec is not None else None
    if tok2vec is None or cut is None or model._func is not forward_textcat:
        raise ValueError(
            "this is read off spacy-brnn.TextCatBRNN.v1 over spacy.Tok2Vec.v2, "
            f"not off {model.name!r}: train with that architecture, without a shared tok2vec, to "
            "have it"
        )
    embed, encode = cut
    output = model.get_ref("output_layer")
    parts = (tok2vec, output)
    start, end = (
        next(place for place, layer in enumerate(model.layers) if part in layer.walk())
        for part in parts
    )
    return CutModel(
        prepare=model.layers[:start],
        embed=embed,
        encode=encode,
        pool=in_order(model.layers[start + 1 : end]),
        weights=cast(Floats2d, output.get_param("W")),
        bias=cast(Floats1d, output.get_param("b")),
    )
