"""Several embeddings of a token, side by side."""

from __future__ import annotations

from spacy.tokens import Doc
from thinc.api import Model, concatenate
from thinc.types import Floats2d

from .fixed_vectors import fixed_vectors


def build_concat_embed(
    words: Model[list[Doc], list[Floats2d]],
    characters: Model[list[Doc], list[Floats2d]],
    vectors_attr: str | None = None,
    vectors: Model[list[Doc], list[Floats2d]] | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """Set word and character embeddings side by side (spacy-brnn.ConcatEmbed.v1).

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
    return concatenate(*layers)
