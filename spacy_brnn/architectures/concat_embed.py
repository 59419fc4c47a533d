"""Several embeddings of a token, side by side."""

from __future__ import annotations

from collections.abc import Callable

from spacy.tokens import Doc
from thinc.api import Model, concatenate
from thinc.layers.concatenate import forward
from thinc.types import Floats2d

from .distinct_words import distinct_words, reads_words_alone
from .fixed_vectors import fixed_vectors
from .flat import split


def build_concat_embed(
    words: Model[list[Doc], list[Floats2d]],
    characters: Model[list[Doc], list[Floats2d]],
    vectors_attr: str | None = None,
    vectors: Model[list[Doc], list[Floats2d]] | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """Set word and character embeddings side by side (spacy-brnn.ConcatEmbed.v1).

    In prediction each word of a batch is embedded once, where all embeddings go by words alone.

    words: an embedding of whole words or of their attributes, such as
        spacy.MultiHashEmbed.v2 or spacy-brnn.WordEmbed.v1.
    characters: an embedding by spelling, such as spacy-brnn.CharEmbed.v1.
    vectors_attr: token attribute to be looked up in the pipeline's vectors, which stay as they
        are, also for words that training never sees; None uses no vectors.
    vectors: vectors of words that the model keeps itself, as spacy-brnn.VectorTable.v1.
    RETURNS: per document (tokens, width of words + width of characters + width of vectors).
    Raises ValueError for an unknown attribute.
    """
    layers = [words, characters]
    if vectors_attr is not None:
        layers.append(fixed_vectors(vectors_attr))
    if vectors is not None:
        layers.append(vectors)
    model: Model[list[Doc], list[Floats2d]] = concatenate(*layers)
    if not reads_words_alone(model):
        return model
    # Of the same name and layers as Thinc's, which weights are saved by.
    return Model(
        model.name,
        _forward,
        init=model.init,
        dims={"nO": None},
        layers=model.layers,
    )


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    lengths = [len(doc) for doc in docs]
    if is_train or not any(lengths) or len({id(doc.vocab) for doc in docs}) > 1:
        return forward(model, docs, is_train)
    words, places = distinct_words(docs)
    (vectors,), backprop = forward(model, [words], is_train)
    return split(vectors[model.ops.xp.asarray(places)], lengths), backprop
