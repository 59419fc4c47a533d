"""Pretraining of a bidirectional recurrent encoder on text without labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy
import torch
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model, torch2xp, xp2torch
from thinc.layers.pytorchwrapper import forward as forward_torch
from thinc.types import ArgsKwargs, Floats1d, Floats2d

from ..nn.language_model import NeighbourLoss
from .flat import split
from .textcat import reads_with_brnn
from .torch_shim import FlatTorchShim, shim_of
from .word_embed import NAME as WORD_EMBED
from .word_embed import word_rows

Inputs = tuple[list[Floats2d], Floats2d, numpy.ndarray, numpy.ndarray]


def create_pretrain_language_model(
    subsampling: float = 1e-4, mixed_precision: bool = False
) -> Callable[[Vocab, Model], Model]:
    """Predict each token's neighbours, for `spacy pretrain` (spacy-brnn.PretrainLanguageModel.v1).

    The forward states predict the next word, the backward states the previous one, each among
    all words of the batch. The loss is that of Dai and Le (2015), "Semi-supervised Sequence
    Learning", in both directions at once.

    subsampling: words that make up a larger share of a batch than this are predicted less often
        than they occur, by the square root of the ratio, as Mikolov et al. (2013) do for word
        vectors.
    mixed_precision: compute the predictions in half precision (on a CPU in bfloat16).
    RETURNS: a function from the vocabulary and the tok2vec to the model that is trained; it
        raises ValueError where the tok2vec is not WordEmbed and a BRNNEncoder of one layer, or
        where WordEmbed has no words.
    """

    if subsampling <= 0.0:
        raise ValueError(f"subsampling must be more than 0, not {subsampling}")

    def create(vocab: Vocab, tok2vec: Model) -> Model[list[Doc], Floats1d]:
        if not _can_learn(tok2vec):
            raise ValueError(
                "spacy-brnn.PretrainLanguageModel.v1 pretrains spacy-brnn.WordEmbed.v1 with a "
                "spacy-brnn.BRNNEncoder.v1 of depth 1 (a deeper one's states know both neighbours)"
            )
        embed, encode = tok2vec.layers
        if not len(embed.attrs["keys"]):
            raise ValueError(
                "spacy-brnn.PretrainLanguageModel.v1 has no words to predict: the vocabulary of "
                "spacy-brnn.WordEmbed.v1 comes from `vectors` in [initialize], set that"
            )
        loss = NeighbourLoss(encode.get_dim("nO"), embed.get_dim("nO"))
        head: Model[Inputs, Floats1d] = Model(
            "neighbour_loss",
            forward_torch,
            attrs={"convert_inputs": _to_torch, "convert_outputs": _from_torch},
            shims=[FlatTorchShim(loss, mixed_precision=mixed_precision)],
        )
        return Model(
            "language_model",
            _forward,
            layers=[tok2vec, head],
            refs={"tok2vec": tok2vec},
            attrs={"loss": _loss, "subsampling": subsampling},
        )

    return create


def _can_learn(tok2vec: Model) -> bool:
    """Whether no half of its states knows what it is to predict."""
    if not reads_with_brnn(tok2vec):
        return False
    embed, encode = tok2vec.layers
    return embed.name == WORD_EMBED and len(encode.shims[0]._model.forwards) == 1


def _forward(
    model: Model[list[Doc], Floats1d], docs: list[Doc], is_train: bool
) -> tuple[Floats1d, Callable]:
    tok2vec, head = model.layers
    embed = tok2vec.get_ref("embed")
    states, backprop_states = tok2vec(docs, is_train)
    words, next_words, previous_words = _predictions(model, docs)
    words = model.ops.xp.asarray(words)
    vectors = embed.get_param("E")[words]
    loss, backprop_loss = head((states, vectors, next_words, previous_words), is_train)

    def backprop(d_loss: Floats1d) -> list[Doc]:
        d_states, d_vectors = backprop_loss(d_loss)
        d_table = model.ops.alloc2f(*embed.get_param("E").shape)
        d_table[words] = d_vectors
        embed.inc_grad("E", d_table)
        return backprop_states(d_states)

    return loss, backprop


def _predictions(
    model: Model, docs: list[Doc]
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """The batch's rows of the table; the places of states and what they predict of these.

    Only words with a row of their own are predicted; shared rows are among what is ruled out.
    """
    rows, unknown = word_rows(model.layers[0].get_ref("embed"), docs)
    rows = model.ops.to_numpy(rows)
    words, candidates, counts = numpy.unique(rows, return_inverse=True, return_counts=True)
    shares = counts / max(1, len(rows))
    keep = numpy.minimum(1.0, numpy.sqrt(model.attrs["subsampling"] / shares))
    chosen = numpy.random.uniform(size=len(rows)) < keep[candidates]
    chosen[model.ops.to_numpy(unknown)] = False
    lengths = numpy.asarray([len(doc) for doc in docs if len(doc)], dtype="int64")
    first = numpy.zeros(len(rows), dtype=bool)
    first[numpy.cumsum(lengths) - lengths] = True
    last = numpy.roll(first, -1)
    follows = numpy.flatnonzero(chosen & ~first)
    precedes = numpy.flatnonzero(chosen & ~last)
    next_words = numpy.stack([follows - 1, candidates[follows]], axis=1)
    previous_words = numpy.stack([precedes + 1, candidates[precedes]], axis=1)
    return words, next_words, previous_words


def _loss(ops: object, docs: list[Doc], loss: Floats1d) -> tuple[float, Floats1d]:
    """What `spacy pretrain` asks for: the loss is computed already."""
    return float(loss[0]), loss * 0 + 1


def _to_torch(model: Model, inputs: Inputs, is_train: bool) -> tuple[ArgsKwargs, Callable]:
    states, vectors, next_words, previous_words = inputs
    device = shim_of(model).device
    lengths = [len(x) for x in states]
    arguments = (
        xp2torch(model.ops.flatten(states), requires_grad=is_train, device=device),
        xp2torch(vectors, requires_grad=is_train, device=device),
        torch.from_numpy(next_words).to(device),
        torch.from_numpy(previous_words).to(device),
    )

    def from_torch(gradients: ArgsKwargs) -> tuple[list[Floats2d], Floats2d]:
        d_states, d_vectors = (cast(Floats2d, torch2xp(x)) for x in gradients.args[:2])
        return split(d_states, lengths), d_vectors

    return ArgsKwargs(args=arguments, kwargs={}), from_torch


def _from_torch(model: Model, inputs_outputs: tuple, is_train: bool) -> tuple[Floats1d, Callable]:
    _, loss = inputs_outputs

    def to_torch(d_loss: Floats1d) -> ArgsKwargs:
        gradient = xp2torch(d_loss, device=shim_of(model).device)
        return ArgsKwargs(args=((loss,),), kwargs={"grad_tensors": (gradient,)})

    return cast(Floats1d, torch2xp(loss)), to_torch
