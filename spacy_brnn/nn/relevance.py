"""What the inputs of a BRNN add to its states: layer-wise relevance propagation.

For the cells without a matrix product per step. Source: Arras, Montavon, Müller and Samek (2017),
"Explaining Recurrent Neural Network Predictions in Sentiment Analysis": what a gate lets through
is all the signal's, and nothing is the gate's. With its gates held a network is linear in what it
reads but for its biases, so that the parts add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .brnn import BRNN
from .relevance_layers import LAYERS, MinGRULayer, ProjectionLayer
from .scan import ScanCell


def has_relevance(network: object) -> bool:
    """Whether states_and_gains takes the network."""
    return isinstance(network, BRNN) and all(type(cell) in LAYERS for cell in network.forwards)


@torch.no_grad()
def states_and_gains(network: BRNN, inputs: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The states of one sequence, without dropout, and the way back with the gates held.

    network: one that has_relevance.
    inputs: (T, input_width), at least one token.
    RETURNS: (T, output width) states; and a function from the gradient of a value by these to its
        gains by the inputs, (T, input_width): inputs * gains is what each feature adds to it.
    """
    layers = list(_layers(network))
    states = inputs
    for layer in layers:
        states = layer.read(states)

    @torch.no_grad()
    def backprop(gains: Tensor) -> Tensor:
        for layer in reversed(layers):
            gains = layer.backprop(gains)
        return gains

    return states, backprop


def _layers(network: BRNN) -> Iterator[MinGRULayer | ProjectionLayer]:
    for number, (ahead, back) in enumerate(zip(network.forwards, network.backwards, strict=True)):
        if projection := network.projection(number):
            yield ProjectionLayer(projection)
        assert isinstance(ahead, ScanCell)
        assert isinstance(back, ScanCell)
        yield LAYERS[type(ahead)](ahead, back)
