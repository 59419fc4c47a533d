"""Layers of minGRU over whole documents, in compiled code, on a CPU.

PyTorch takes the products; what depends on the order of the tokens is one call for some hundred of
them (mingru_kernel.c), in place of some ten calls for each step of sequences side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from .products import PROJECTED, multiply, multiply_in_blocks, pad_rows
from .scan import MinGRU

try:
    from . import mingru_kernel
except ImportError:  # The package was installed where no C compiler was.
    mingru_kernel = None  # type: ignore[assignment]

# Tokens of whole sequences whose states are laid out at a time; one sequence may have more.
SPAN = 8192


class Layer(NamedTuple):
    """One layer: its cells, ahead and back, and what its input goes through before."""

    cells: tuple[MinGRU, MinGRU]
    projection: nn.Linear | None

    @property
    def width(self) -> int:
        """Features of the state, each way."""
        return self.cells[0].hidden_size

    def bias(self, backward: int) -> Tensor:
        """(2 * width,) of the cell ahead, or of that back."""
        return self.cells[backward].linear.bias


class _Products(NamedTuple):
    """What a cell reads at the tokens from start to end of a span, as mingru_kernel.pyi says."""

    start: int
    end: int
    address: int
    stride: int
    rows: int = 0


# Of the cell ahead and of that back, each in the order that it reads in.
_Both = tuple[Iterator[_Products], Iterator[_Products]]


def is_compiled() -> bool:
    """Whether the compiled code is there."""
    return mingru_kernel is not None


def can_read(layers: list[Layer], inputs: Tensor) -> bool:
    """Whether `pool` and `read` take these layers, with inputs of this kind."""
    return (
        is_compiled()
        and _is_plain(inputs)
        and all(map(_is_ours, layers))
        and not torch.is_autocast_enabled("cpu")
        and not torch.jit.is_tracing()  # type: ignore[attr-defined]
    )


def _is_ours(layer: Layer) -> bool:
    """Whether the cells compute what the compiled code does, of arrays that it may read."""
    widths = {cell.hidden_size for cell in layer.cells}
    return len(widths) == 1 and all(
        type(cell) is MinGRU
        and type(cell.linear) is nn.Linear
        # Pruning, for one, makes the weights in a hook.
        and not cell.linear._forward_pre_hooks
        and all(_is_plain(each) for each in (cell.linear.weight, cell.linear.bias))
        for cell in layer.cells
    )


def _is_plain(array: Tensor | None) -> bool:
    return array is not None and array.device.type == "cpu" and array.dtype == torch.float32


@torch.no_grad()
def pool(layers: list[Layer], inputs: Tensor, lengths: Tensor, rows: Tensor, mean: bool) -> Tensor:
    """The maximum of each feature of the last layer's states over each sequence; zeros for none.

    A sequence's values do not depend, in any bit, on what is read beside it.

    inputs: (types, input_width) vectors.
    lengths: (B,) tokens of each sequence, one sequence after the other; N in all.
    rows: (N,) the place of each token's vector in inputs.
    mean: whether the means follow the maxima.
    RETURNS: (B, 2 * hidden_width); with the means twice that.
    Raises IndexError for rows that do not fit the vectors or the lengths.
    """
    _check(rows, len(inputs), int(lengths.sum()))
    table = torch.cat([_multiply_all(cell, inputs) for cell in layers[0].cells], dim=1)
    rows = rows.to(torch.int32).contiguous()
    sequences = number(lengths)
    pooled = table.new_zeros(len(lengths), 2, 2 * layers[-1].width)
    for span in _spans(lengths.tolist()):
        products = _look_up(table, rows[span])
        for layer, above in pairwise(layers):
            products = _multiply(above, _states(layer, products, sequences[span]))
        _pool(layers[-1], products, sequences[span], pooled)
    if not mean:
        return pooled[:, 0]
    pooled[:, 1] /= lengths.clamp(min=1)[:, None]
    return pooled.flatten(1)


def read(layer: Layer, inputs: Tensor, sequences: Tensor) -> Tensor:
    """(N, 2 * width) the states of one layer at each token, ahead beside back.

    inputs: (N, features)
    sequences: (N,) of `number`.
    Raises IndexError where those are not as many.
    """
    if len(inputs) != len(sequences):
        raise IndexError(f"{len(inputs)} inputs for sequences of {len(sequences)} tokens in all")
    if not torch.is_grad_enabled():
        return _states(layer, _multiply(layer, inputs), sequences)
    if layer.projection is not None:
        inputs = layer.projection(inputs)
    weight = torch.cat([cell.linear.weight for cell in layer.cells])
    bias = torch.cat([cell.linear.bias for cell in layer.cells])
    return cast(Tensor, _Recurrence.apply(functional.linear(inputs, weight), bias, sequences))


def number(lengths: Tensor) -> Tensor:
    """(N,) int32, the place of each token's sequence, for (B,) lengths."""
    places = torch.arange(len(lengths), dtype=torch.int32, device=lengths.device)
    return places.repeat_interleave(lengths)


class _Recurrence(torch.autograd.Function):
    """(N, 4 * width) products and (4 * width,) biases, ahead beside back, to the states."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, bias: Tensor, sequences: Tensor) -> Tensor:
        products = products.contiguous()
        states = products.new_empty(len(products), len(bias) // 2)
        halves = zip(products.chunk(2, dim=1), bias.chunk(2), states.chunk(2, dim=1), strict=True)
        for backward, (read, own, kept) in enumerate(halves):
            found = _Products(0, len(read), read.data_ptr(), products.stride(0))
            _scan(own, iter([found]), sequences, backward, _keep(kept))
        ctx.save_for_backward(products, bias, sequences, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        products, bias, sequences, states = (each.contiguous() for each in ctx.saved_tensors)
        gradients, d_products = gradients.contiguous(), torch.empty_like(products)
        halves = (each.chunk(2, dim=1) for each in (products, states, gradients, d_products))
        for backward, half in enumerate(zip(bias.chunk(2), *halves, strict=True)):
            space = bias.new_zeros(len(bias) // 2)
            own, read, kept, gradient, d_read = (part.data_ptr() for part in half)
            mingru_kernel.scan_gradient(
                len(bias) // 4,
                read,
                products.stride(0),
                own,
                sequences.data_ptr(),
                len(products),
                backward,
                kept,
                states.stride(0),
                gradient,
                gradients.stride(0),
                d_read,
                space.data_ptr(),
            )
        return d_products, d_products.sum(dim=0), None


def _check(rows: Tensor, types: int, tokens: int) -> None:
    """The compiled code would read whatever lies there."""
    if len(rows) != tokens:
        raise IndexError(f"{len(rows)} rows for sequences of {tokens} tokens in all")
    if tokens:
        lowest, highest = (int(row) for row in rows.aminmax())
        if lowest < 0 or highest >= types:
            raise IndexError(f"rows must be from 0 to {types - 1}, not {lowest} to {highest}")


def _spans(lengths: list[int]) -> Iterator[slice]:
    """The tokens of whole sequences, some SPAN at a time."""
    start = end = 0
    for length in lengths:
        if end > start and end + length > start + SPAN:
            yield slice(start, end)
            start = end
        end += length
    if end > start:
        yield slice(start, end)


def _multiply_all(cell: MinGRU, inputs: Tensor) -> Tensor:
    """(N, columns) the products of all vectors, without the bias."""
    out = inputs.new_empty(len(inputs), cell.columns)
    product = partial(torch.mm, mat2=cell.linear.weight.t())
    deque(multiply_in_blocks(product, inputs, out), maxlen=0)
    return out


def _look_up(table: Tensor, rows: Tensor) -> _Both:
    """The products of the first layer, which tokens of a type share.

    table: (types, columns of the cell ahead and of that back).
    """
    ahead, back = (
        _Products(0, len(rows), part.data_ptr(), table.stride(0), rows.data_ptr())
        for part in table.chunk(2, dim=1)
    )
    return iter([ahead]), iter([back])


def _multiply(layer: Layer, states: Tensor) -> _Both:
    """The products of a layer above the first.

    states: (N, both directions) of the layer below.
    """
    if layer.projection is not None:
        out = states.new_empty(len(states), layer.projection.out_features)
        deque(multiply_in_blocks(partial(multiply, layer.projection), states, out), maxlen=0)
        states = out
    ahead, back = layer.cells
    starts = range(0, len(states), PROJECTED)
    return _multiply_blocks(ahead, states, starts), _multiply_blocks(back, states, starts[::-1])


def _multiply_blocks(cell: MinGRU, states: Tensor, starts: range) -> Iterator[_Products]:
    """Of a block at a time, valid until the next is asked for: they stay in the cache."""
    weight = cell.linear.weight.t()
    out = states.new_empty(PROJECTED, cell.columns)
    for start in starts:
        block = states[start : start + PROJECTED]
        torch.mm(pad_rows(block), weight, out=out)
        yield _Products(start, start + len(block), out.data_ptr(), cell.columns)


def _states(layer: Layer, products: _Both, sequences: Tensor) -> Tensor:
    states = layer.bias(0).new_empty(len(sequences), 2 * layer.width)
    for backward, part in enumerate(states.chunk(2, dim=1)):
        _scan(layer.bias(backward), products[backward], sequences, backward, _keep(part))
    return states


def _keep(states: Tensor) -> tuple[int, int, int, int, int]:
    """What has `_scan` put the states into these, (N, width)."""
    return states.data_ptr(), states.stride(0), 0, 0, 0


def _pool(layer: Layer, products: _Both, sequences: Tensor, pooled: Tensor) -> None:
    """Put the maxima and the sums of a layer's states into pooled, (sequences, 2, 2 * width)."""
    for backward, part in enumerate(pooled.chunk(2, dim=2)):
        highest, total = (each.data_ptr() for each in part.unbind(1))
        kept = 0, 0, highest, total, pooled.stride(0)
        _scan(layer.bias(backward), products[backward], sequences, backward, kept)


def _scan(
    bias: Tensor,
    products: Iterator[_Products],
    sequences: Tensor,
    backward: int,
    kept: tuple[int, int, int, int, int],
) -> None:
    """kept: the last five arguments in mingru_kernel.pyi."""
    bias = bias.contiguous()
    width = len(bias) // 2
    state = bias.new_empty(width)
    for start, end, address, stride, rows in products:
        mingru_kernel.scan(
            width,
            address,
            stride,
            rows,
            bias.data_ptr(),
            sequences.data_ptr(),
            len(sequences),
            start,
            end,
            backward,
            state.data_ptr(),
            *kept,
        )
