"""The states of a BRNN on the straight way from zero to what it reads, and their derivative.

For the cells without a matrix product per step. Autograd takes several times as long: here all
points share the first layer's products, which are linear in what is read, points and directions
run side by side, and parameters have no gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .brnn import BRNN
from .cell_gradients import GATES, input_weights


def has_path(network: object) -> bool:
    """Whether states_on_path takes the network."""
    return isinstance(network, BRNN) and all(type(cell) in GATES for cell in network.forwards)


@torch.no_grad()
def states_on_path(
    network: BRNN, inputs: Tensor, points: Sequence[float]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The states of one sequence whose vectors are scaled by each of the points; no dropout.

    network: one that has_path.
    inputs: (T, input_width), at least one token.
    RETURNS: (points, T, output width) states; and a function from a gradient by these to (T,):
        each token's vector times the gradient by the scaled vector, summed over the points.
    """
    layers = [_Layer(*cells) for cells in zip(network.forwards, network.backwards, strict=True)]
    states = layers[0].read_scaled(inputs, torch.tensor(points, device=inputs.device))
    for layer in layers[1:]:
        states = layer.read(states)

    @torch.no_grad()
    def backprop(gradient: Tensor) -> Tensor:
        for layer in reversed(layers[1:]):
            gradient = layer.backprop(gradient)
        return layers[0].backprop_to_scales(gradient)

    return states, backprop


class _Layer:
    """A layer at all points; each direction reads them in its own order."""

    def __init__(self, ahead: torch.nn.Module, back: torch.nn.Module) -> None:
        self.gates = GATES[type(ahead)]()
        (self.ahead, self.ahead_bias), (self.back, self.back_bias) = map(
            input_weights, (ahead, back)
        )

    def read_scaled(self, inputs: Tensor, points: Tensor) -> Tensor:
        """(T, input_width) and (points,) to (points, T, output width)."""
        self.products = inputs @ self.ahead.T, inputs.flip(0) @ self.back.T
        scales = points[:, None, None]
        ahead, back = self.products
        return self._run(
            torch.addcmul(self.ahead_bias, scales, ahead),
            torch.addcmul(self.back_bias, scales, back),
        )

    def read(self, inputs: Tensor) -> Tensor:
        """(points, T, input_width) to (points, T, output width)."""
        back = functional.linear(inputs, self.back, self.back_bias)
        return self._run(functional.linear(inputs, self.ahead, self.ahead_bias), back.flip(1))

    def backprop(self, gradient: Tensor) -> Tensor:
        """(points, T, output width) to (points, T, input_width)."""
        ahead, back = self._backprop(gradient)
        return (ahead @ self.ahead).add_((back @ self.back).flip(1))

    def backprop_to_scales(self, gradient: Tensor) -> Tensor:
        """(points, T, output width) to (T,)."""
        ahead, back = (
            torch.einsum("tc,ptc->t", product, part)
            for product, part in zip(self.products, self._backprop(gradient), strict=True)
        )
        return ahead + back.flip(0)

    def _run(self, ahead: Tensor, back: Tensor) -> Tensor:
        ahead, back = self.gates.run(torch.cat([ahead, back])).chunk(2)
        return torch.cat([ahead, back.flip(1)], dim=2)

    def _backprop(self, gradient: Tensor) -> tuple[Tensor, ...]:
        ahead, back = gradient.chunk(2, dim=2)
        return self.gates.backprop(torch.cat([ahead, back.flip(1)])).chunk(2)
