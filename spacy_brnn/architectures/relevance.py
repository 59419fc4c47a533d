"""An encoder's states, and what each feature of the vectors adds to a value of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ..nn import relevance
from .encoder import NAME as BRNN_ENCODER
from .one_thread import one_thread

Encoder = Model[list[Floats2d], list[Floats2d]]


def has_relevance(encode: Encoder) -> bool:
    """Whether encode_with_relevance takes the encoder."""
    return encode.name == BRNN_ENCODER and relevance.has_relevance(encode.shims[0]._model)


def encode_with_relevance(
    encode: Encoder, vectors: Floats2d
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Encode one document, without dropout.

    encode: a spacy-brnn.BRNNEncoder.v1 that has_relevance.
    vectors: (tokens, input_width), at least one token.
    RETURNS: (tokens, width) states; and a function from the gradient of a value by these to its
        gains, (tokens, input_width): vectors * gains is what each feature adds to the value.
    """
    shim: Any = encode.shims[0]
    with one_thread():
        states, backprop_states = relevance.states_and_gains(
            shim._model, xp2torch(vectors, device=shim.device)
        )

    def backprop(gradient: Floats2d) -> Floats2d:
        with one_thread():
            gains = backprop_states(xp2torch(gradient, device=shim.device))
        return cast("Floats2d", torch2xp(gains))

    return cast("Floats2d", torch2xp(states)), backprop
