"""Text classification by an encoder's states and by n-grams, for corpora of a few texts."""

from __future__ import annotations

from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Logistic, Model, Softmax, chain, concatenate
from thinc.layers.chain import init as init_chain
from thinc.types import Floats2d

from ..nn.joined_pooling import JoinedPooling
from .ngrams import build_ngrams
from .torch_shim import array_outputs, wrap_torch

POOLINGS = ("max", "mean")


def build_textcat_ensemble(
    tok2vec: Model[list[Doc], list[Floats2d]],
    exclusive_classes: bool = True,
    ngram_size: int = 2,
    dropout: float = 0.0,
    nO: int | None = None,
) -> Model[list[Doc], Floats2d]:
    """Classify documents by states and n-grams (spacy-brnn.TextCatEnsemble.v1).

    The maximum and the mean of the tokens' states, and a linear layer's scores by n-grams, go
    into one output layer. The n-grams come from `spacy-brnn.fit_head.v1`, a callback for
    `[initialize] after_init`; without it there are none.

    tok2vec: documents to one (tokens, width) array each.
    exclusive_classes: softmax (one label a document) or a logistic per label.
    ngram_size: runs of one to so many tokens.
    dropout: dropout on the pooled states; `training.dropout` of a config overrides it.
    nO: number of labels; None to take it from the data.
    RETURNS: (documents, labels) scores in 0..1.
    Raises ValueError for an ngram_size below 1.
    """
    width = tok2vec.get_dim("nO")
    pool = wrap_torch(
        "max_mean_pooling",
        JoinedPooling(POOLINGS, width),
        n_in=width,
        n_out=len(POOLINGS) * width,
        convert_outputs=array_outputs,
    )
    pooled: Model[list[Doc], Floats2d] = chain(tok2vec, pool)
    ngrams = build_ngrams(ngram_size)
    output = Softmax(nO=nO) if exclusive_classes else Linear(nO=nO)
    layers: list[Model] = [concatenate(chain(pooled, Dropout(dropout)), ngrams), output]
    if not exclusive_classes:
        layers.append(Logistic())
    chained: Model[list[Doc], Floats2d] = chain(*layers)
    model: Model[list[Doc], Floats2d] = Model(
        "textcat_ensemble", chained._func, init=_init, layers=layers, dims={"nO": nO, "nI": None}
    )
    for name, layer in (
        ("tok2vec", tok2vec),
        ("pooled", pooled),
        ("ngrams", ngrams),
        ("output_layer", output),
    ):
        model.set_ref(name, layer)
    model.attrs["multi_label"] = not exclusive_classes
    return model


def _init(
    model: Model[list[Doc], Floats2d], X: list[Doc] | None = None, Y: Floats2d | None = None
) -> None:
    labels = Y.shape[1] if Y is not None else model.get_dim("nO")
    model.set_dim("nO", labels, force=True)
    model.get_ref("ngrams").set_dim("nO", labels, force=True)
    output = model.get_ref("output_layer")
    output.set_dim("nO", labels, force=True)
    output.set_dim(
        "nI", len(POOLINGS) * model.get_ref("tok2vec").get_dim("nO") + labels, force=True
    )
    init_chain(model, X=X, Y=Y)
