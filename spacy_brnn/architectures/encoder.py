"""The bidirectional recurrent encoder, for the encode of any spacy.Tok2Vec."""

from __future__ import annotations

from typing import cast

import torch
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import ArgsKwargs, Floats2d, Ints1d

from ..nn.brnn import BRNN, POOLED
from .precision import is_int8
from .torch_shim import list_outputs, shim_of, wrap_torch

NAME = "brnn_encoder"


def build_brnn_encoder(
    width: int,
    depth: int = 1,
    cell: str = "lstm",
    input_width: int | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    mixed_precision: bool = False,
    lower_width: int | None = None,
    projection_width: int | None = None,
) -> Model[list[Floats2d], list[Floats2d]]:
    """Encode context with a bidirectional recurrent network (spacy-brnn.BRNNEncoder.v1).

    width: output width, even: the forward state and the backward state, width / 2 each.
    depth: number of layers.
    cell: "rnn" (tanh), "gru" or "lstm"; "qrnn", "sru" or "mingru", which have no matrix product
        per step.
    input_width: width of the embedded tokens; None for the same as width.
    dropout: variational dropout between layers.
    input_dropout: variational dropout on the embedded tokens.
    lower_width: as width, of every layer but the last (of one layer: none); None for the same.
    projection_width: features that a layer's states are projected to before the next layer reads
        them (of one layer: none); half of lower_width or less makes a stack faster. None for the
        states as they are.
    mixed_precision: train in half precision where it is safe (on a CPU in bfloat16, if it has it).
    RETURNS: per document (tokens, input_width) to (tokens, width).
    Raises ValueError for an odd width, an unknown cell or a value out of range.
    """
    input_width = width if input_width is None else input_width
    lower_width = width if lower_width is None else lower_width
    if min(width, input_width, depth, lower_width) < 1:
        raise ValueError(
            "width, input_width, depth and lower_width must be at least 1, "
            f"not {width}, {input_width}, {depth} and {lower_width}"
        )
    if width % 2 or lower_width % 2:
        raise ValueError(
            "the widths of spacy-brnn.BRNNEncoder.v1 must be even (half of it is each "
            f"direction's), not {width} and {lower_width}"
        )
    network = BRNN(
        input_width,
        width // 2,
        cell=cell,
        depth=depth,
        lower_width=lower_width // 2,
        projection_width=projection_width,
        dropout=dropout,
        input_dropout=input_dropout,
    )
    return wrap_torch(
        NAME,
        network,
        n_in=input_width,
        n_out=width,
        convert_outputs=list_outputs,
        mixed_precision=mixed_precision,
        reduced_precision=True,
    )


def predict_pooled(
    encoder: Model[list[Floats2d], list[Floats2d]],
    vectors: Floats2d,
    lengths: list[int],
    rows: Ints1d,
    pooling: str,
) -> Floats2d:
    """The encoder's features over each document, pooled: (documents, pooled width).

    Faster than the encoder's own output, pooled: the states of a token are never laid out.

    vectors: (types, input_width) that the tokens have in common.
    lengths: tokens of each document.
    rows: (tokens,) the place of each token's vector, one document after the other.
    pooling: one of nn.brnn.POOLED.
    """
    shim = shim_of(encoder)
    device = shim.device
    arguments = (
        xp2torch(vectors, device=device),
        torch.tensor(lengths, dtype=torch.int64, device=device),
        xp2torch(rows, device=device),
    )
    inputs = ArgsKwargs(arguments, {"rounded": is_int8()})
    pooled = shim.predict(inputs, POOLED[pooling])
    return cast(Floats2d, torch2xp(pooled))
