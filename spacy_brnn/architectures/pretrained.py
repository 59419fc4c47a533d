"""The models that ship, with their weights."""

from __future__ import annotations

from functools import partial
from typing import Any

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Config, Model
from thinc.types import Floats2d
from torch.random import fork_rng

from ..pretrained import card, weights

TEXTCAT = "spacy-brnn.TextCatBRNN.v1"


def build_pretrained_textcat(name: str = weights.DEFAULT) -> Model[list[Doc], Floats2d]:
    """The text classifier that ships (spacy-brnn.PretrainedTextCatBRNN.v1).

    name: which of the models that ship.
    RETURNS: (documents, labels) probabilities, in the order of the attribute "labels". The
        attributes "pretrained" and "untrained" make it anew, with its
        weights and without.
    Raises ValueError for a name that does not ship, or that of another kind of model.
    """
    check_kind(name, TEXTCAT)
    return build_pretrained(name)


def check_kind(name: str, architecture: str) -> None:
    """Raise ValueError where the model of that name is of another architecture."""
    found = _config(name)["model"]["@architectures"]
    if found != architecture:
        raise ValueError(f"the model {name!r} that ships is a {found}, not a {architecture}")


def build_pretrained(name: str) -> Model[list[Doc], Any]:
    """A model that ships, of whatever kind, with the attributes of build_pretrained_textcat's.

    Raises ValueError for a name that does not ship.
    """
    with fork_rng(devices=()):  # What is drawn is replaced.
        model = _build(name)
    weights.load(model, name)
    model.attrs["labels"] = card.load(name)["labels"]
    return model


def _build(name: str) -> Model[list[Doc], Any]:
    model = registry.resolve(_config(name))["model"]
    model.attrs["untrained"] = partial(_build, name)
    model.attrs["pretrained"] = partial(build_pretrained, name)
    return model


def _config(name: str) -> Config:
    return Config().from_disk(weights.folder(name) / "config.cfg")
