"""A text classifier in its parts, for what reads its vectors and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from spacy.tokens import Doc
from thinc.api import Model, chain
from thinc.types import Floats1d, Floats2d


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
    tok2vec, output = model.maybe_get_ref("tok2vec"), model.maybe_get_ref("output_layer")
    names = [layer.id for layer in model.layers]
    places = [
        [i for i, layer in enumerate(model.layers) if part and part.id in _ids(layer)]
        for part in (tok2vec, output)
    ]
    refs = ("embed", "encode")
    if (
        tok2vec is None
        or output is None
        or not all(places)
        or tok2vec.id not in names
        or not all(map(tok2vec.has_ref, refs))
    ):
        raise ValueError(
            "this is read off spacy-brnn.TextCatBRNN.v1 over spacy.Tok2Vec.v2, "
            f"not off {model.name!r}: train with that architecture, without a shared tok2vec, to "
            "have it"
        )
    (start, *_), (end, *_) = places
    pool = model.layers[start + 1 : end]
    return CutModel(
        prepare=model.layers[:start],
        embed=tok2vec.get_ref("embed"),
        encode=tok2vec.get_ref("encode"),
        pool=chain(*pool) if len(pool) > 1 else pool[0],
        weights=cast(Floats2d, output.get_param("W")),
        bias=cast(Floats1d, output.get_param("b")),
    )


def _ids(layer: Model) -> list[int]:
    """The layer's own id and, of one that wraps others, theirs."""
    return [node.id for node in layer.walk()]
