"""The cells of scan.py forwards and backwards from their products on, whole sequences at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocked_scan import scan, scan_back
from .scan import QRNN, SRU, MinGRU, ScanCell


def input_weights(cell: nn.Module) -> tuple[Tensor, Tensor]:
    """What the cell multiplies its input by, (columns, input_width), and adds, (columns,)."""
    assert isinstance(cell, ScanCell)
    weight, bias = cell.linear.weight, cell.linear.bias
    if not isinstance(cell, QRNN):
        return weight, bias
    return torch.cat([weight, cell.previous.weight]), torch.cat([bias, torch.zeros_like(bias)])


class MinGRUGates:
    """The states of a MinGRU; remembers what it takes to go back once."""

    def run(self, products: Tensor) -> Tensor:
        """(B, T, columns) to (B, T, hidden_width)."""
        keep, candidate = products.chunk(2, dim=2)
        return self._scan(torch.sigmoid(keep), candidate)

    def backprop(self, gradient: Tensor) -> Tensor:
        """(B, T, hidden_width), overwritten, to (B, T, columns)."""
        result = gradient.new_empty(*gradient.shape[:2], 2 * gradient.shape[2])
        self._scan_back(gradient, *result.chunk(2, dim=2))
        return result

    def _scan(self, keep: Tensor, candidate: Tensor) -> Tensor:
        """states[t] = keep[t] * states[t - 1] + (1 - keep[t]) * candidate[t]."""
        self.keep, self.candidate = keep, candidate
        self.states = scan(keep, torch.addcmul(candidate, keep, candidate, value=-1.0))
        return self.states

    def _scan_back(self, gradient: Tensor, by_keep: Tensor, by_candidate: Tensor) -> None:
        """Write the gradients by what stands before the sigmoid, and by the candidate."""
        by_new = scan_back(self.keep, gradient)
        torch.addcmul(by_new, self.keep, by_new, value=-1.0, out=by_candidate)
        slope = by_candidate * self.keep
        torch.mul(slope, self.candidate, out=by_keep).neg_()
        by_keep[:, 1:].addcmul_(slope[:, 1:], self.states[:, :-1])


class SRUGates(MinGRUGates):
    """The same of an SRU."""

    def run(self, products: Tensor) -> Tensor:  # noqa: D102
        keep, reset, candidate, self.highway = products.chunk(4, dim=2)
        self.reset = torch.sigmoid(reset)
        states = self._scan(torch.sigmoid(keep), candidate)
        return torch.lerp(self.highway, states, self.reset)

    def backprop(self, gradient: Tensor) -> Tensor:  # noqa: D102
        result = gradient.new_empty(*gradient.shape[:2], 4 * gradient.shape[2])
        by_keep, by_reset, by_candidate, by_highway = result.chunk(4, dim=2)
        torch.addcmul(gradient, gradient, self.reset, value=-1.0, out=by_highway)
        torch.mul(by_highway * self.reset, self.states - self.highway, out=by_reset)
        self._scan_back(gradient.mul_(self.reset), by_keep, by_candidate)
        return result


class QRNNGates(MinGRUGates):
    """The same of a QRNN, whose products are of a token for itself and for the one after it."""

    def run(self, products: Tensor) -> Tensor:  # noqa: D102
        current, following = products.chunk(2, dim=2)
        current[:, 1:] += following[:, :-1]
        keep, output, candidate = current.chunk(3, dim=2)
        self.output = torch.sigmoid(output)
        return self._scan(torch.sigmoid(keep), torch.tanh(candidate)) * self.output

    def backprop(self, gradient: Tensor) -> Tensor:  # noqa: D102
        result = gradient.new_empty(*gradient.shape[:2], 6 * gradient.shape[2])
        current, following = result.chunk(2, dim=2)
        by_keep, by_output, by_candidate = current.chunk(3, dim=2)
        slope = torch.addcmul(self.output, self.output, self.output, value=-1.0)
        torch.mul(gradient * slope, self.states, out=by_output)
        self._scan_back(gradient.mul_(self.output), by_keep, by_candidate)
        by_candidate.addcmul_(by_candidate * self.candidate, self.candidate, value=-1.0)
        following[:, :-1] = current[:, 1:]
        following[:, -1] = 0.0
        return result


GATES: dict[type, type[MinGRUGates]] = {MinGRU: MinGRUGates, SRU: SRUGates, QRNN: QRNNGates}
