"""The encoder that ships, under any head and in any spaCy component."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..pretrained import weights
from .pretrained import build_pretrained_textcat


def build_pretrained_tok2vec(
    name: str = weights.DEFAULT, train_embedding: bool = False, with_vectors: bool = False
) -> Model[list[Doc], list[Floats2d]]:
    """The embedding and encoder that ship, with their weights (spacy-brnn.PretrainedTok2Vec.v1).

    Initialized, it has the weights that ship again, whatever the pipeline's vectors and the
    training corpus hold.

    name: which of the models that ship.
    train_embedding: train the embedding too; else only the encoder, many times as fast.
    with_vectors: after each token's state also its vector, as the encoder reads it: what a text
        is about lies there, where the states were taught what it thinks of it.
    RETURNS: per document (tokens, width).
    Raises ValueError for a name that does not ship, or that of another kind of model.
    """
    shipped = build_pretrained_textcat(name).get_ref("tok2vec")
    embed, encode = shipped.get_ref("embed"), shipped.get_ref("encode")
    model: Model[list[Doc], list[Floats2d]] = Model(
        "pretrained_tok2vec",
        forward,
        init=partial(_init, name=name),
        layers=[embed, encode],
        dims={"nO": encode.get_dim("nO") + (embed.get_dim("nO") if with_vectors else 0)},
        attrs={"train_embedding": train_embedding, "with_vectors": with_vectors},
    )
    model.set_ref("embed", embed)
    model.set_ref("encode", encode)
    return model


def forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    """Embed and encode."""
    embed, encode = model.layers
    vectors, to_words = embed(docs, is_train)
    states, to_vectors = encode(vectors, is_train)
    width = encode.get_dim("nO")

    def backprop(gradient: list[Floats2d]) -> list[Doc]:
        by_vectors = to_vectors([rows[:, :width] for rows in gradient])
        if not model.attrs["train_embedding"]:
            return []
        if model.attrs["with_vectors"]:
            pairs = zip(by_vectors, gradient, strict=True)
            by_vectors = [through + rows[:, width:] for through, rows in pairs]
        return to_words(by_vectors)

    if model.attrs["with_vectors"]:
        pairs = zip(states, vectors, strict=True)
        states = [model.ops.xp.concatenate(pair, axis=1) for pair in pairs]
    return states, backprop


def _init(
    model: Model[list[Doc], list[Floats2d]],
    X: list[Doc] | None = None,
    Y: list[Floats2d] | None = None,
    *,
    name: str,
) -> None:
    shipped = build_pretrained_textcat(name).get_ref("tok2vec")
    for layer, source in zip(model.layers, ("embed", "encode"), strict=True):
        layer.from_bytes(shipped.get_ref(source).to_bytes())
