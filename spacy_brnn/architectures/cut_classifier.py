"""Any of our text classifiers in its parts."""

from __future__ import annotations

from typing import Any

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .cut_model import CutModel, cut_model
from .cut_tok2vec import cut_tok2vec


def cut_classifier(model: Model[list[Doc], Floats2d]) -> CutModel:
    """Cut a spacy-brnn.TextCatBRNN.v1 or a spacy-brnn.TextCatEnsemble.v1, which has n-grams.

    Raises ValueError for another architecture.
    """
    tok2vec = model.maybe_get_ref("tok2vec")
    if tok2vec is None or model.name != "textcat_ensemble":
        return cut_model(model)
    cut = cut_tok2vec(tok2vec, beside=True)
    if cut is None:
        return cut_model(model)
    embed, encode = cut
    output: Any = model.get_ref("output_layer")
    pool = model.get_ref("pooled").layers[-1]
    weights, width = output.get_param("W"), pool.get_dim("nO")
    return CutModel(
        prepare=[],
        embed=embed,
        encode=encode,
        pool=pool,
        weights=weights[:, :width],
        bias=output.get_param("b"),
        beside=tok2vec.attrs.get("with_vectors", False),
        ngrams=model.get_ref("ngrams"),
        of_ngrams=weights[:, width:],
    )
