"""Several embeddings of a token, side by side."""

from __future__ import annotations

from spacy.ml.staticvectors import StaticVectors
from spacy.tokens import Doc
from thinc.api import Model, chain, concatenate, ragged2list
from thinc.types import Floats2d


def build_concat_embed(
    words: Model[list[Doc], list[Floats2d]],
    characters: Model[list[Doc], list[Floats2d]],
    vectors_width: int = 0,
) -> Model[list[Doc], list[Floats2d]]:
    """Set word and character embeddings side by side (spacy-brnn.ConcatEmbed.v1).

    words: an embedding of whole words or of their attributes, such as
        spacy.MultiHashEmbed.v2 or spacy-brnn.WordEmbed.v1.
    characters: an embedding by spelling, such as spacy-brnn.CharEmbed.v1.
    vectors_width: width of a learned projection of the pipeline's vectors, which themselves
        stay as they are, also for words that training never sees; 0 uses no vectors.
    RETURNS: per document (tokens, width of words + width of characters + vectors_width).
    Raises ValueError for a negative width.
    """
    if vectors_width < 0:
        raise ValueError(f"vectors_width must be at least 0, not {vectors_width}")
    layers = [words, characters]
    if vectors_width:
        layers.append(chain(StaticVectors(vectors_width), ragged2list()))
    return concatenate(*layers)
