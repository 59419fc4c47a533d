"""A tok2vec in its two parts: words to vectors, and these to states."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spacy.tokens import Doc
from thinc.api import Model, chain
from thinc.layers.chain import forward as forward_chain
from thinc.types import Floats2d

from .pretrained_tok2vec import forward as forward_pretrained

Embed = Model[list[Doc], list[Floats2d]]
Encode = Model[list[Floats2d], list[Floats2d]]


def cut_tok2vec(tok2vec: Model, *, beside: bool = False) -> tuple[Embed, Encode] | None:
    """The layers up to the embedding, and all that come after.

    One after the other they compute what the tok2vec does, and learn what it learns. What its
    references are called does not tell: layers may stand between them, or around.

    beside: also one that gives the vectors again, after the states.
    RETURNS: None where that cannot be: it is neither a chain of layers (as spacy.Tok2Vec.v2
        makes it), one of them the embedding, nor spacy-brnn.PretrainedTok2Vec.v1.
    """
    layers = tok2vec.layers
    if tok2vec._func is forward_pretrained:
        if tok2vec.attrs["with_vectors"] and not beside:
            return None
        embed, encode = layers
        return embed if tok2vec.attrs["train_embedding"] else _kept(embed), encode
    named = tok2vec.maybe_get_ref("embed")
    places = [place for place, layer in enumerate(layers, 1) if layer is named]
    if tok2vec._func is not forward_chain or not places or places[0] == len(layers):
        return None
    return in_order(layers[: places[0]]), in_order(layers[places[0] :])


def in_order(layers: Sequence[Model]) -> Model:
    """One layer that runs these one after the other; at least one."""
    return chain(*layers) if len(layers) > 1 else layers[0]


def _kept(embed: Embed) -> Embed:
    """An embedding that training leaves as it is."""
    return Model("kept_embed", _forward_kept, layers=[embed])


def _forward_kept(
    model: Embed, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    return model.layers[0](docs, is_train)[0], lambda gradients: []
