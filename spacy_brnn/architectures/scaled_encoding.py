"""Encoding a document whose vectors are scaled, and what each token's scale adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats1d, Floats2d

from ..nn.path import has_path, states_on_path
from .encoder import NAME as BRNN_ENCODER
from .one_thread import one_thread

Backprop = Callable[[list[Floats2d]], Floats1d]


def encode_scaled(
    encode: Model[list[Floats2d], list[Floats2d]], vectors: Floats2d, points: Sequence[float]
) -> tuple[list[Floats2d], Backprop]:
    """The states of one document for each of the points that its vectors are scaled by.

    Dropout and the gradients of parameters are the caller's to take care of.

    vectors: (tokens, input_width), at least one token.
    RETURNS: (tokens, width) states for each point; and a function from a gradient by each of them
        to (tokens,): the vectors times the gradient by the scaled vectors, over all points.
    """
    network = encode.shims[0]._model if encode.name == BRNN_ENCODER else None
    if network is not None and has_path(network):
        return _on_path(encode, network, vectors, points)
    states, backprop_states = encode([point * vectors for point in points], is_train=True)

    def backprop(gradients: list[Floats2d]) -> Floats1d:
        return (vectors * sum(backprop_states(gradients))).sum(axis=1)

    return states, backprop


def _on_path(
    encode: Model, network: Any, vectors: Floats2d, points: Sequence[float]
) -> tuple[list[Floats2d], Backprop]:
    device = encode.shims[0].device
    with one_thread():
        states, backprop_states = states_on_path(network, xp2torch(vectors, device=device), points)

    def backprop(gradients: list[Floats2d]) -> Floats1d:
        with one_thread():
            gradient = xp2torch(encode.ops.xp.stack(gradients), device=device)
            return torch2xp(backprop_states(gradient))

    return list(torch2xp(states)), backprop
