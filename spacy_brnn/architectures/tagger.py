"""Tags for the tokens of any tok2vec: a score per token and tag, and a CRF over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, chain, with_array
from thinc.types import Floats2d

from ..nn.biluo import count_tags
from ..nn.dropout import check_rate
from .crf_layer import add_crf_labels, build_crf, scale_crf, set_crf_labels

# The score of a label that is added later, against the mean of the others' tags: too low to change
# what is found of those, and high enough for training to reach.
NEW_LABEL_SCORE = -10.0


def build_brnn_tagger(
    tok2vec: Model[list[Doc], list[Floats2d]],
    dropout: float = 0.0,
) -> Model[list[Doc], list[Floats2d]]:
    """Tag tokens (spacy-brnn.BRNNTagger.v1).

    The model gives scores of BILUO tags; the layer "crf", found by that reference, learns and
    finds sequences of tags on top of them. set_labels gives both their size.

    tok2vec: documents to one (tokens, width) array each.
    dropout: dropout on the states; `training.dropout` of a config overrides it.
    RETURNS: per document (tokens, tags) scores.
    Raises ValueError for a rate of dropout out of range.
    """
    output_layer: Model[Floats2d, Floats2d] = Linear()
    scores: Model[list[Doc], list[Floats2d]] = chain(
        tok2vec, Dropout(check_rate("dropout", dropout)), with_array(output_layer)
    )
    crf = build_crf()
    return Model(
        "brnn_tagger",
        _forward,
        init=_init,
        layers=[scores, crf],
        refs={"tok2vec": tok2vec, "output_layer": output_layer, "crf": crf},
    )


def set_labels(model: Model, n_labels: int) -> None:
    """Give a tagger its number of labels, before it is initialized."""
    output_layer, n_tags = model.get_ref("output_layer"), count_tags(n_labels)
    if output_layer.has_dim("nO") and output_layer.get_dim("nO") != n_tags:
        _replace_output_layer(model, Linear(nO=n_tags))
    else:
        output_layer.set_dim("nO", n_tags)
    set_crf_labels(model.get_ref("crf"), n_labels)


def add_labels(model: Model, n_labels: int) -> None:
    """Make room for that many labels in all in a tagger that has its weights.

    What it finds of the labels that it has stays the same until it is trained further.
    """
    old = model.get_ref("output_layer")
    new: Model[Floats2d, Floats2d] = Linear(nO=count_tags(n_labels), nI=old.get_dim("nI"))
    n_more = new.get_dim("nO") - old.get_dim("nO")
    for name, score in (("W", 0.0), ("b", NEW_LABEL_SCORE)):
        known: Any = old.get_param(name)
        more = [known.mean(axis=0) + score] * n_more
        new.set_param(name, model.ops.xp.concatenate([known, model.ops.xp.stack(more)]))
    _replace_output_layer(model, new)
    add_crf_labels(model.get_ref("crf"), n_labels)


def scale_scores(model: Model, temperature: float) -> None:
    """Divide all scores of a tagger by a temperature: the best tags stay, probabilities change."""
    layer = model.get_ref("output_layer")
    for name in ("W", "b"):
        layer.set_param(name, layer.get_param(name) / temperature)
    scale_crf(model.get_ref("crf"), 1.0 / temperature)


def _replace_output_layer(model: Model, new: Model[Floats2d, Floats2d]) -> None:
    """By one of another width, which the layers around it have for theirs."""
    old = model.get_ref("output_layer")
    for layer in model.walk():
        if layer is not old and layer.has_dim("nO") and any(x is old for x in layer.walk()):
            layer.set_dim("nO", new.get_dim("nO"), force=True)
    model.replace_node(old, new)


def _init(model: Model, X: list[Doc] | None = None, Y: list[Floats2d] | None = None) -> None:
    model.layers[0].initialize(X=X)


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    return model.layers[0](docs, is_train)
