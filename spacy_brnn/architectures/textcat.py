"""Text classification over any tok2vec: pool the tokens' states, then one linear layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from spacy.ml.models.textcat import resize_and_set_ref
from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Logistic, Model, Softmax, resizable
from thinc.layers.chain import forward as forward_chain
from thinc.layers.chain import init as init_chain
from thinc.layers.resizable import resize_linear_weighted
from thinc.types import Floats2d

from ..nn.brnn import BRNN, POOLED
from ..nn.dropout import check_rate
from ..nn.pooling import make_pooling
from . import subword_embed, word_embed
from .encoder import NAME as BRNN_ENCODER
from .encoder import predict_pooled
from .last_tokens import last_tokens as read_last_tokens
from .torch_shim import array_outputs, shim_of, wrap_torch

# The bias of an exclusive label that is added later: too low to change the scores of the other
# labels, and high enough for training to reach the label (spaCy's own -5000 is not).
NEW_LABEL_BIAS = -20.0
# Embeddings that can give the vectors of distinct words.
EMBED_TYPES = {
    word_embed.NAME: word_embed.embed_types,
    subword_embed.NAME: subword_embed.embed_types,
}


def build_textcat_brnn(
    tok2vec: Model[list[Doc], list[Floats2d]],
    exclusive_classes: bool = True,
    pooling: str = "max",
    dropout: float = 0.0,
    last_tokens: int | None = None,
    nO: int | None = None,
) -> Model[list[Doc], Floats2d]:
    """Classify documents (spacy-brnn.TextCatBRNN.v1).

    tok2vec: documents to one (tokens, width) array each.
    exclusive_classes: softmax (one label a document) or a logistic per label.
    pooling: "last" (final forward state beside the backward state of the first token),
        "mean", "max", "max_mean" (both) or "attention".
    dropout: dropout on the pooled vector; `training.dropout` of a config overrides it.
    last_tokens: read only the last so many tokens of a document; None reads all of it.
    nO: number of labels; None to take it from the data.
    RETURNS: (documents, labels) scores in 0..1.
    Raises ValueError for an unknown pooling, a rate of dropout out of range, a last_tokens below
    1 or a tok2vec of unknown width.
    """
    width = _get_width(tok2vec)
    module = make_pooling(pooling, width)
    pooled_width = module.factor * width
    pool = wrap_torch(
        f"{pooling}_pooling",
        module,
        n_in=width,
        n_out=pooled_width,
        convert_outputs=array_outputs,
    )
    fill_defaults = {"b": NEW_LABEL_BIAS if exclusive_classes else 0.0, "W": 0.0}
    output_layer = (
        Softmax(nO=nO, nI=pooled_width) if exclusive_classes else Linear(nO=nO, nI=pooled_width)
    )
    resizable_layer: Model[Floats2d, Floats2d] = resizable(
        output_layer, resize_layer=partial(resize_linear_weighted, fill_defaults=fill_defaults)
    )
    layers: list[Model] = [tok2vec, pool, Dropout(check_rate("dropout", dropout)), resizable_layer]
    if last_tokens is not None:
        layers.insert(0, read_last_tokens(last_tokens))
    if not exclusive_classes:
        layers.append(Logistic())
    dims: dict[str, int | None] = {"nO": None}
    if tok2vec.has_dim("nI") is not False:
        dims["nI"] = None
    model: Model[list[Doc], Floats2d] = Model(
        "textcat_brnn", forward, init=init_chain, layers=layers, dims=dims
    )
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", output_layer)
    model.set_dim("nO", nO) if nO is not None else None
    model.attrs["pooling"] = pooling
    model.attrs["multi_label"] = not exclusive_classes
    model.attrs["resize_output"] = partial(resize_and_set_ref, resizable_layer=resizable_layer)
    return model


def forward(
    model: Model[list[Doc], Floats2d], docs: list[Doc], is_train: bool
) -> tuple[Floats2d, Callable]:
    """Run the layers in their order, or a faster way to the same scores."""
    if is_train or not _pools_with_brnn(model):
        return forward_chain(model, docs, is_train)
    tok2vec = model.get_ref("tok2vec")
    place = [layer.id for layer in model.layers].index(tok2vec.id)
    for layer in model.layers[:place]:
        docs = layer.predict(docs)
    embed = tok2vec.get_ref("embed")
    vectors, rows = EMBED_TYPES[embed.name](embed, docs)
    lengths = [len(doc) for doc in docs]
    encoder, pooling = tok2vec.get_ref("encode"), model.attrs["pooling"]
    scores = predict_pooled(encoder, vectors, lengths, rows, pooling)
    for layer in model.layers[place + 2 :]:
        scores = layer.predict(scores)
    return scores, _refuse_backprop


def reads_with_brnn(tok2vec: Model) -> bool:
    """Whether it is our embedding and our encoder, one after the other and nothing else.

    As spacy.Tok2Vec.v2 makes it of them. Other chains may have these for references, too, with
    layers around them that the fast way would leave out.
    """
    if tok2vec._func is not forward_chain or len(tok2vec.layers) != 2:
        return False
    embed, encode = (tok2vec.maybe_get_ref(name) for name in ("embed", "encode"))
    first, second = tok2vec.layers
    return (
        embed is first
        and encode is second
        and embed.name in EMBED_TYPES
        and encode.name == BRNN_ENCODER
    )


def pooling_network(model: Model) -> BRNN | None:
    """The network that pools its states itself: see `forward`'s faster way."""
    if not _pools_with_brnn(model):
        return None
    return cast(BRNN, shim_of(model.get_ref("tok2vec").get_ref("encode"))._model)


def reads_words_alone(model: Model) -> bool:
    """Whether it predicts of Words as of documents: see `forward`'s faster way."""
    if not _pools_with_brnn(model):
        return False
    tok2vec = model.get_ref("tok2vec")
    return tok2vec.id == model.layers[0].id and tok2vec.get_ref("embed").name == subword_embed.NAME


def _pools_with_brnn(model: Model) -> bool:
    # A copy has no references, until loaded.
    tok2vec = model.maybe_get_ref("tok2vec") if model._func is forward else None
    return tok2vec is not None and model.attrs["pooling"] in POOLED and reads_with_brnn(tok2vec)


def _refuse_backprop(gradient: Floats2d) -> list[Doc]:
    raise ValueError("a prediction cannot be backpropagated: run the model with is_train=True")


def _get_width(tok2vec: Model) -> int:
    if tok2vec.has_dim("nO"):
        return tok2vec.get_dim("nO")
    raise ValueError(
        f"the output width of the tok2vec {tok2vec.name!r} is not known: "
        "spacy-brnn.TextCatBRNN.v1 needs a tok2vec that states it, as spacy.Tok2Vec.v2 does"
    )
