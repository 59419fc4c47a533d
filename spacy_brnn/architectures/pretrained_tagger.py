"""The tagger of named entities that ships, with its weights."""

from __future__ import annotations

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .pretrained import build_pretrained, check_kind

TAGGER = "spacy-brnn.BRNNTagger.v1"
DEFAULT = "entities_brnn"


def build_pretrained_tagger(name: str = DEFAULT) -> Model[list[Doc], list[Floats2d]]:
    """The tagger that ships (spacy-brnn.PretrainedBRNNTagger.v1).

    name: which of the models that ship.
    RETURNS: per document (tokens, tags) scores, for the labels of the attribute "labels". The
        attributes "pretrained" and "untrained" make it anew, with its weights and without.
    Raises ValueError for a name that does not ship, or that of another kind of model.
    """
    check_kind(name, TAGGER)
    return build_pretrained(name)
