"""Recurrent cells without a matrix product per step.

Their gates depend on the inputs alone, so that all products are taken before the first step, and
a step is one element-wise operation. A vector that several tokens share is projected once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from . import blocked_scan
from .products import multiply

# Steps that are laid out at a time: bounds the memory of a long sequence.
SEGMENT = 4096
# From what each step keeps, what is new at it (T, B, width) and the state before, if any, to the
# states.
Recur = Callable[[Tensor, Tensor, Tensor | None], Tensor]
Outs = Iterator[Tensor] | None


class ScanCell(nn.Module):
    """Base of the cells; called as PyTorch's own are, on one direction's padded sequences.

    input_width: features of each input vector.
    hidden_width: features of the state.
    """

    gates: int
    # Of what `project` returns, in hidden widths.
    projected: int

    def __init__(self, input_width: int, hidden_width: int) -> None:
        super().__init__()
        self.hidden_size = hidden_width
        self.columns = self.projected * hidden_width
        self.linear = nn.Linear(input_width, self.gates * hidden_width)

    def reset_parameters(self) -> None:
        """Draw all weights anew: Glorot-uniform, with states that begin by keeping much."""
        for gate in self.linear.weight.split(self.hidden_size):
            nn.init.xavier_uniform_(gate)
        nn.init.zeros_(self.linear.bias)

    def project(self, inputs: Tensor) -> Tensor:
        """(N, input_width) to (N, columns): all that a step needs of its input."""
        return self.gate(self.multiply(inputs).float())

    def multiply(self, inputs: Tensor, out: Tensor | None = None) -> Tensor:
        """(N, input_width) to (N, columns): the products that `gate` takes."""
        return multiply(self.linear, inputs, out)

    def gate(self, products: Tensor) -> Tensor:
        """(N, columns) what a step needs; without gradient it is put in the place of products."""
        raise NotImplementedError

    def scan(
        self, projected: Tensor, state: Any = None, recur: Recur | None = None
    ) -> tuple[Tensor, Any]:
        """Run along the steps.

        projected: (T, B, columns) of `project`.
        state: what the scan of the steps before returned.
        recur: what takes the steps, if not one after the other.
        RETURNS: (T, B, hidden_width) states, and the state to go on from.
        """
        raise NotImplementedError

    def steps(self, rows: Iterator[Tensor], outs: Outs = None) -> Iterator[Tensor]:
        """The states one step at a time, for prediction: they need not be kept.

        rows: for each step (sequences, columns) of `project`, longest sequence first; those that
            have ended are left out.
        outs: where each step's states are put, of which they are then views.
        RETURNS: for each step (sequences, hidden_width), without outs valid until the next is
            asked for.
        """
        raise NotImplementedError

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """As torch.nn.LSTM: (T, B, input_width) to (T, B, hidden_width) and the last state."""
        return self.scan(self.project(inputs), state)


class MinGRU(ScanCell):
    """A GRU whose gate and candidate do not read the state.

    Source: Feng, Tung, Ahmed, Bengio and Hajimirsadeghi (2024), "Were RNNs All We Needed?".
    """

    gates = projected = 2

    def gate(self, products: Tensor) -> Tensor:  # noqa: D102
        keep, candidate = products.chunk(2, dim=-1)
        if torch.is_grad_enabled():
            return torch.cat(_weigh(keep, candidate), dim=-1)
        _weigh_in_place(keep, candidate)
        return products

    def scan(  # noqa: D102
        self, projected: Tensor, state: Any = None, recur: Recur | None = None
    ) -> tuple[Tensor, Any]:
        keep, candidate = projected.chunk(2, dim=-1)
        states = (recur or _scan)(keep, candidate, state)
        return states, states[-1]

    def steps(self, rows: Iterator[Tensor], outs: Outs = None) -> Iterator[Tensor]:  # noqa: D102
        for _, state in _states(rows, self.hidden_size, candidate=1, outs=outs):
            yield state


class SRU(ScanCell):
    """A simple recurrent unit, without the state in its gates.

    Source: Lei, Zhang, Wang, Dai and Artzi (2018), "Simple Recurrent Units for Highly
    Parallelizable Recurrence", equations 1 to 4 with v = 0 and a projected highway.
    """

    gates = projected = 4

    def gate(self, products: Tensor) -> Tensor:  # noqa: D102
        keep, reset, candidate, highway = products.chunk(4, dim=-1)
        if torch.is_grad_enabled():
            (keep, candidate), (reset, highway) = _weigh(keep, candidate), _weigh(reset, highway)
            return torch.cat([keep, reset, candidate, highway], dim=-1)
        _weigh_in_place(keep, candidate)
        _weigh_in_place(reset, highway)
        return products

    def scan(  # noqa: D102
        self, projected: Tensor, state: Any = None, recur: Recur | None = None
    ) -> tuple[Tensor, Any]:
        keep, reset, candidate, highway = projected.chunk(4, dim=-1)
        states = (recur or _scan)(keep, candidate, state)
        return torch.addcmul(highway, reset, states), states[-1]

    def steps(self, rows: Iterator[Tensor], outs: Outs = None) -> Iterator[Tensor]:  # noqa: D102
        for row, state in _states(rows, self.hidden_size, candidate=2):
            _, reset, _, highway = row.chunk(4, dim=-1)
            yield torch.addcmul(highway, reset, state, out=next(outs) if outs else None)


class QRNN(ScanCell):
    """A quasi-recurrent network: its gates read a token and the one before it.

    Source: Bradbury, Merity, Xiong and Socher (2017), "Quasi-Recurrent Neural Networks", window
    2, fo-pooling.
    """

    gates, projected = 3, 6

    def __init__(self, input_width: int, hidden_width: int) -> None:
        super().__init__(input_width, hidden_width)
        self.previous = nn.Linear(input_width, self.gates * hidden_width, bias=False)

    def reset_parameters(self) -> None:  # noqa: D102
        super().reset_parameters()
        for gate in self.previous.weight.split(self.hidden_size):
            nn.init.xavier_uniform_(gate)

    def multiply(self, inputs: Tensor, out: Tensor | None = None) -> Tensor:  # noqa: D102
        products = torch.cat([self.linear(inputs), self.previous(inputs)], dim=-1)
        return products if out is None else out.copy_(products)

    def gate(self, products: Tensor) -> Tensor:  # noqa: D102
        return products

    def scan(  # noqa: D102
        self, projected: Tensor, state: Any = None, recur: Recur | None = None
    ) -> tuple[Tensor, Any]:
        current, following = projected.chunk(2, dim=-1)
        before, state = (torch.zeros_like(following[0]), None) if state is None else state
        shifted = torch.cat([before[None], following[:-1]])
        keep, output, candidate = (current + shifted).chunk(3, dim=-1)
        keep = torch.sigmoid(keep)
        states = (recur or _scan)(keep, (1.0 - keep) * torch.tanh(candidate), state)
        return torch.sigmoid(output) * states, (following[-1], states[-1])

    def steps(self, rows: Iterator[Tensor], outs: Outs = None) -> Iterator[Tensor]:  # noqa: D102
        before = state = None
        for row in rows:
            current, following = row.chunk(2, dim=-1)
            if before is None or state is None:
                before, state = (
                    torch.zeros_like(following),
                    row.new_zeros(len(row), self.hidden_size),
                )
            before, state = before[: len(row)], state[: len(row)]
            keep, output, candidate = (current + before).chunk(3, dim=-1)
            keep = torch.sigmoid(keep)
            torch.addcmul((1.0 - keep) * torch.tanh(candidate), keep, state, out=state)
            before.copy_(following)
            yield torch.mul(torch.sigmoid(output), state, out=next(outs) if outs else None)


def _weigh(keep: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
    """The gate, and what it lets in of the candidate."""
    keep = torch.sigmoid(keep)
    return keep, (1.0 - keep) * candidate


def _weigh_in_place(keep: Tensor, candidate: Tensor) -> None:
    candidate.addcmul_(keep.sigmoid_(), candidate, value=-1.0)


def _states(
    rows: Iterator[Tensor], width: int, candidate: int, outs: Outs = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Each step's rows and states; rows begin with what is kept.

    candidate: where in the rows that is which is new, in widths.
    """
    new = slice(candidate * width, (candidate + 1) * width)
    state = None
    for row in rows:
        if state is None:
            state = row.new_zeros(row.size(0), width)
        if row.size(0) < state.size(0):  # Quicker than len.
            state = state[: row.size(0)]
        out = next(outs) if outs else state
        state = torch.addcmul(row[:, new], row[:, :width], state, out=out)
        yield row, state


@torch.no_grad()
def recur_in_blocks(keep: Tensor, inputs: Tensor, state: Tensor | None) -> Tensor:
    """The states of long sequences, in few operations and in place of the inputs; for prediction.

    They differ in rounding from those that are found step by step.
    """
    if state is not None:
        inputs[0].addcmul_(keep[0], state)
    blocked_scan.scan(keep.transpose(0, 1), inputs.transpose(0, 1))
    return inputs


def _scan(keep: Tensor, inputs: Tensor, state: Tensor | None) -> Tensor:
    """(T, B, width) the states: each is its input and what is kept of the one before."""
    state = torch.zeros_like(inputs[0]) if state is None else state
    if inputs.is_cuda and (kernel := _kernel()) is not None:
        return kernel.apply(keep, inputs, state)
    if torch.is_grad_enabled():
        return _Scan.apply(keep, inputs, state)
    return _forward(keep, inputs, state)


@cache
def _kernel() -> Any:
    """The scan as one kernel; None where Triton is not there, or does not build it right."""
    try:
        from .scan_kernel import KernelScan

        keep, inputs = torch.rand(2, 3, 1, 4, device="cuda")
        with torch.enable_grad():
            states = KernelScan.apply(keep.requires_grad_(), inputs, inputs[0])
            states.sum().backward()
        torch.testing.assert_close(states.detach(), _forward(keep.detach(), inputs, inputs[0]))
    except Exception:  # Of Triton, of the C compiler that it calls, of CUDA: any will do.
        return None
    return KernelScan


def _forward(keep: Tensor, inputs: Tensor, state: Tensor) -> Tensor:
    states = torch.empty_like(inputs, memory_format=torch.contiguous_format)
    for step, now, kept in zip(states, inputs, keep, strict=True):
        state = torch.addcmul(now, kept, state, out=step)
    return states


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, keep: Tensor, inputs: Tensor, state: Tensor) -> Tensor:
        states = _forward(keep, inputs, state)
        ctx.save_for_backward(keep, state, states)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keep, state, states = ctx.saved_tensors
        d_inputs = gradient.contiguous().clone()
        for step in range(len(keep) - 1, 0, -1):
            d_inputs[step - 1].addcmul_(keep[step], d_inputs[step])
        d_keep = torch.empty_like(d_inputs)
        torch.mul(d_inputs[1:], states[:-1], out=d_keep[1:])
        torch.mul(d_inputs[0], state, out=d_keep[0])
        return d_keep, d_inputs, keep[0] * d_inputs[0]
