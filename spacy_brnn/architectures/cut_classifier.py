"""Any of our text classifiers in its parts."""

from __future__ import annotations

from typing import Any

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .cut_model import CutModel, cut_model


def cut_classifier(model: Model[list[Doc], Floats2d]) -> CutModel:
    """Cut a spacy-brnn.TextCatBRNN.v1 or a spacy-brnn.TextCatEnsemble.v1, which has n-grams.

    Raises ValueError for another architecture.
    """
    ngrams, pooled = model.maybe_get_ref("ngrams"), model.maybe_get_ref("pooled")
    tok2vec = model.maybe_get_ref("tok2vec")
    if ngrams is None or pooled is None or tok2vec is None or not tok2vec.has_ref("encode"):
        return cut_model(model)
    output: Any = model.get_ref("output_layer")
    weights, width = output.get_param("W"), pooled.layers[-1].get_dim("nO")
    encode = tok2vec.get_ref("encode")
    return CutModel(
        prepare=[],
        embed=tok2vec.get_ref("embed"),
        encode=encode,
        pool=pooled.layers[-1],
        weights=weights[:, :width],
        bias=output.get_param("b"),
        beside=tok2vec.get_dim("nO") > encode.get_dim("nO"),
        ngrams=ngrams,
        of_ngrams=weights[:, width:],
    )
