"""Take the vectors out of a pipeline once its components have copied them."""

from __future__ import annotations

from collections.abc import Callable

from spacy.language import Language


def create_clear_vectors() -> Callable[[Language], Language]:
    """For `[initialize.after_init]` or `[training.before_to_disk]` (spacy-brnn.clear_vectors.v1).

    spacy-brnn.WordEmbed.v1 starts from the vectors of `[initialize]` and keeps what it makes of
    them in the model, so that the table need not be saved a second time with the vocabulary. Not
    for a pipeline with a component that reads the vectors later, as spacy.StaticVectors.v2 does.
    A config that `spacy pretrain` reads too needs the second place: pretraining initializes the
    embedding after the first.
    """

    def clear_vectors(nlp: Language) -> Language:
        nlp.vocab.reset_vectors(width=0)
        return nlp

    return clear_vectors
