"""Bidirectional layers of scan.py's cells, forwards, and backwards with their gates held."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocked_scan import scan, scan_back
from .scan import QRNN, SRU, MinGRU, ScanCell


class MinGRULayer:
    """Of MinGRU; the base of the others. Each direction's steps are in the order it reads them.

    It remembers what the way back takes.
    """

    def __init__(self, ahead: ScanCell, back: ScanCell) -> None:
        self.linears = [self._linear(cell) for cell in (ahead, back)]
        self.signals = [self._signals(cell) for cell in (ahead, back)]

    def read(self, inputs: Tensor) -> Tensor:
        """(T, input_width) to (T, output width)."""
        products = inputs.new_empty(2, len(inputs), len(self.linears[0][1]))
        reads = inputs, inputs.flip(0)
        for (weight, bias), read, out in zip(self.linears, reads, products, strict=True):
            torch.addmm(bias, read, weight.T, out=out)
        ahead, back = self._run(products)
        return torch.cat([ahead, back.flip(0)], dim=1)

    def backprop(self, gains: Tensor) -> Tensor:
        """(T, output width) to (T, input_width)."""
        ahead, back = gains.chunk(2, dim=1)
        ahead, back = self._back(torch.stack([ahead, back.flip(0)]))
        return (ahead @ self.signals[0]).add_((back @ self.signals[1]).flip(0))

    def _linear(self, cell: ScanCell) -> tuple[Tensor, Tensor]:
        """The cell's weights, (columns, input_width), and biases."""
        return cell.linear.weight, cell.linear.bias

    def _signals(self, cell: ScanCell) -> Tensor:
        """The rows of the weights that are no gates'."""
        return cell.linear.weight[cell.hidden_size :]

    def _run(self, products: Tensor) -> Tensor:
        """(2, T, columns), overwritten, to (2, T, hidden_width)."""
        keep, candidate = products.chunk(2, dim=2)
        return self._scan(torch.sigmoid(keep), candidate)

    def _back(self, gains: Tensor) -> Tensor:
        """(2, T, hidden_width), overwritten, to (2, T, columns of signals)."""
        return self._scan_back(gains)

    def _scan(self, keep: Tensor, candidate: Tensor) -> Tensor:
        """states[t] = keep[t] * states[t - 1] + (1 - keep[t]) * candidate[t]."""
        self.keep = keep
        return scan(keep, torch.addcmul(candidate, keep, candidate, value=-1.0))

    def _scan_back(self, gains: Tensor) -> Tensor:
        by_new = scan_back(self.keep, gains)
        return torch.addcmul(by_new, self.keep, by_new, value=-1.0)


class SRULayer(MinGRULayer):
    """Of SRU: the highway is a signal, too."""

    def _signals(self, cell: ScanCell) -> Tensor:
        return cell.linear.weight[2 * cell.hidden_size :]

    def _run(self, products: Tensor) -> Tensor:
        keep, reset, candidate, highway = products.chunk(4, dim=2)
        self.reset = torch.sigmoid(reset)
        return torch.lerp(highway, self._scan(torch.sigmoid(keep), candidate), self.reset)

    def _back(self, gains: Tensor) -> Tensor:
        of_highway = torch.addcmul(gains, gains, self.reset, value=-1.0)
        return torch.cat([self._scan_back(gains.mul_(self.reset)), of_highway], dim=2)


class QRNNLayer(MinGRULayer):
    """Of QRNN, whose products are of a token for itself and for the one after it.

    What its tanh passes on is shared as what came in.
    """

    def _linear(self, cell: ScanCell) -> tuple[Tensor, Tensor]:
        assert isinstance(cell, QRNN)
        weight, bias = super()._linear(cell)
        return torch.cat([weight, cell.previous.weight]), torch.cat([bias, torch.zeros_like(bias)])

    def _signals(self, cell: ScanCell) -> Tensor:
        assert isinstance(cell, QRNN)
        start = 2 * cell.hidden_size
        return torch.cat([cell.linear.weight[start:], cell.previous.weight[start:]])

    def _run(self, products: Tensor) -> Tensor:
        current, following = products.chunk(2, dim=2)
        current[:, 1:] += following[:, :-1]
        keep, output, candidate = current.chunk(3, dim=2)
        bounded = torch.tanh(candidate)
        self.gain = torch.sigmoid(output)
        self.slope = torch.where(candidate == 0.0, 1.0, bounded / candidate)
        return self._scan(torch.sigmoid(keep), bounded) * self.gain

    def _back(self, gains: Tensor) -> Tensor:
        current = self._scan_back(gains.mul_(self.gain)).mul_(self.slope)
        following = torch.cat([current[:, 1:], torch.zeros_like(current[:, :1])], dim=1)
        return torch.cat([current, following], dim=2)


class ProjectionLayer:
    """Of a projection between two of them."""

    def __init__(self, linear: nn.Linear) -> None:
        self.weight = linear.weight

    def read(self, inputs: Tensor) -> Tensor:
        """(T, input_width) to (T, projection_width)."""
        return inputs @ self.weight.T

    def backprop(self, gains: Tensor) -> Tensor:
        """(T, projection_width) to (T, input_width)."""
        return gains @ self.weight


LAYERS: dict[type, type[MinGRULayer]] = {MinGRU: MinGRULayer, SRU: SRULayer, QRNN: QRNNLayer}
