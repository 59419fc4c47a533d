"""Layers of minGRU over whole documents, in compiled code, on a CPU.

The recurrence of a layer in one direction is one call (mingru_kernel.c), in place of some ten calls
for each step of sequences side by side. Above the first layer, where tokens of a type share their
products, it takes these too, of a few tokens at a time, which stay in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from .scan import MinGRU

try:
    from . import mingru_kernel
except ImportError:  # The package was installed where neither GCC nor Clang was.
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


class _Weights(NamedTuple):
    """Of a product, as mingru_kernel.PANEL says, rounded or not.

    features, columns: without those that fill up blocks and panels.
    """

    panels: Tensor
    features: int
    columns: int

    @property
    def width(self) -> int:
        """Of all columns."""
        return len(self.panels) * mingru_kernel.PANEL

    @property
    def is_rounded(self) -> bool:
        """Whether to 8 bits."""
        return self.panels.dtype == torch.uint8

    def check(self, vectors: Tensor) -> None:
        """Raise ValueError for vectors past whose end the compiled code would read."""
        if vectors.size(1) != self.features:
            raise ValueError(f"vectors of {vectors.size(1)} features, not {self.features}")


class _Read(NamedTuple):
    """What a cell reads: vectors, (N, features), and what multiplies them, rounded if that is.

    Without weights the vectors are the products, each token's, or those that rows name.
    """

    vectors: Tensor
    weights: _Weights | None = None
    rows: Tensor | None = None


class _Kept(NamedTuple):
    """Where a cell's states are put: each token's, (N, width), or pooled, (sequences, 2, width)."""

    states: Tensor | None = None
    pooled: Tensor | None = None


# Of the cell ahead and of that back.
_Both = tuple[_Read, _Read]


class _Upper(NamedTuple):
    """What a layer multiplies its input by, laid out for the compiled code."""

    cells: tuple[_Weights, _Weights]
    projection: _Weights | None

    @classmethod
    def of(cls, layer: Layer, rounded: bool = False) -> _Upper:
        """Lay it out; rounded: the cells' weights to 8 bits."""
        lay_out = _round_weights if rounded else _lay_out
        ahead, back = (lay_out(cell.linear.weight) for cell in layer.cells)
        projection = layer.projection
        return cls((ahead, back), None if projection is None else _lay_out(projection.weight))

    def read(self, states: Tensor) -> _Both:
        """Of the states of the layer below, both directions."""
        if self.projection is not None:
            states = _multiply(states, self.projection)
        ahead, back = self.cells
        ahead.check(states)
        back.check(states)
        if ahead.is_rounded:
            states = _round_vectors(states)
        return _Read(states, ahead), _Read(states, back)


def is_compiled() -> bool:
    """Whether the compiled code is there."""
    return mingru_kernel is not None


def rounds() -> bool:
    """Whether numbers of 8 bits are multiplied on this processor where it is told to."""
    return is_compiled() and bool(mingru_kernel.ROUNDS)


def can_round(layers: list[Layer]) -> bool:
    """Whether it then does so in `pool`, of these layers."""
    return rounds() and len(layers) > 1 and all(map(_is_ours, layers))


def is_quicker_rounded() -> bool:
    """Whether numbers of 8 bits are multiplied quicker on this processor."""
    return is_compiled() and bool(mingru_kernel.IS_QUICKER_ROUNDED)


def can_read(layers: list[Layer], inputs: Tensor) -> bool:
    """Whether `pool` and `read` take these layers, with inputs of this kind."""
    return (
        is_compiled()
        and inputs.dim() == 2
        and _is_plain(inputs)
        and all(map(_is_ours, layers))
        and not torch.is_autocast_enabled("cpu")
        and not torch.jit.is_tracing()  # type: ignore[attr-defined]
        and not torch.compiler.is_compiling()
    )


def _is_ours(layer: Layer) -> bool:
    """Whether it computes what the compiled code does, of arrays that this may read."""
    projection = layer.projection
    return (
        layer.cells[0].hidden_size == layer.cells[1].hidden_size
        and all(map(_is_cell, layer.cells))
        and (projection is None or (_is_product(projection) and projection.bias is None))
    )


def _is_cell(cell: MinGRU) -> bool:
    if type(cell) is not MinGRU or not _is_product(cell.linear) or not _is_plain(cell.linear.bias):
        return False
    return cell.linear.weight.size(0) == len(cell.linear.bias) == 2 * cell.hidden_size


def _is_product(linear: nn.Module) -> bool:
    """Whether calling it multiplies by its weights; pruning, for one, makes others in a hook."""
    return (
        isinstance(linear, nn.Linear)
        and type(linear).forward is nn.Linear.forward
        and not linear._forward_pre_hooks
        and not linear._forward_hooks
        and linear.weight.dim() == 2
        and _is_plain(linear.weight)
    )


def _is_plain(array: Tensor | None) -> bool:
    return (
        array is not None
        and array.device.type == "cpu"
        and array.dtype == torch.float32
        and not array.is_neg()
    )


@torch.no_grad()
def pool(
    layers: list[Layer],
    inputs: Tensor,
    lengths: Tensor,
    rows: Tensor,
    mean: bool,
    rounded: bool = False,
) -> Tensor:
    """The maximum of each feature of the last layer's states over each sequence; zeros for none.

    A sequence's values do not depend, in any bit, on what is read beside it.

    inputs: (types, input_width) vectors.
    lengths: (B,) tokens of each sequence, one sequence after the other; N in all.
    rows: (N,) the place of each token's vector in inputs.
    mean: whether the means follow the maxima.
    rounded: whether to multiply states above the first layer in 8 bits, where it `rounds`: each
        token's by the greatest of its own, of the weights each column's by the greatest of it.
    RETURNS: (B, 2 * hidden_width); with the means twice that.
    Raises IndexError for rows that do not fit the vectors or the lengths, ValueError for vectors
    that do not fit a layer.
    """
    _check(rows, len(inputs), int(lengths.sum()))
    first, *above = layers
    table = _multiply(inputs, _lay_out(torch.cat([cell.linear.weight for cell in first.cells])))
    halves = table.chunk(2, dim=1)
    uppers = [_Upper.of(layer, rounded and rounds()) for layer in above]
    rows = rows.to("cpu", torch.int32).contiguous()
    sequences = number(lengths)
    pooled = table.new_zeros(len(lengths), 2, 2 * layers[-1].width)
    for span in _spans(lengths.tolist()):
        both = _Read(halves[0], rows=rows[span]), _Read(halves[1], rows=rows[span])
        for layer, upper in zip(layers[:-1], uppers, strict=True):
            both = upper.read(_states(layer, both, sequences[span]))
        _pool(layers[-1], both, sequences[span], pooled)
    if not mean:
        return pooled[:, 0]
    pooled[:, 1] /= lengths.clamp(min=1)[:, None]
    return pooled.flatten(1)


def read(layer: Layer, inputs: Tensor, sequences: Tensor) -> Tensor:
    """(N, 2 * width) the states of one layer at each token, ahead beside back.

    inputs: (N, features)
    sequences: (N,) of `number`.
    Raises IndexError where those are not as many, ValueError for inputs that do not fit the layer.
    """
    if len(inputs) != len(sequences):
        raise IndexError(f"{len(inputs)} inputs for sequences of {len(sequences)} tokens in all")
    if not torch.is_grad_enabled():
        return _states(layer, _Upper.of(layer).read(inputs.contiguous()), sequences)
    if layer.projection is not None:
        inputs = layer.projection(inputs)
    weight = torch.cat([cell.linear.weight for cell in layer.cells])
    bias = torch.cat([cell.linear.bias for cell in layer.cells])
    return cast(Tensor, _Recurrence.apply(functional.linear(inputs, weight), bias, sequences))


def number(lengths: Tensor) -> Tensor:
    """(N,) int32, the place of each token's sequence, for (B,) lengths."""
    places = torch.arange(len(lengths), dtype=torch.int32, device="cpu")
    return places.repeat_interleave(lengths.cpu())


class _Recurrence(torch.autograd.Function):
    """(N, 4 * width) products and (4 * width,) biases, ahead beside back, to the states."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, bias: Tensor, sequences: Tensor) -> Tensor:
        products = products.contiguous()
        states = products.new_empty(len(products), len(bias) // 2)
        halves = zip(products.chunk(2, dim=1), bias.chunk(2), states.chunk(2, dim=1), strict=True)
        for backward, (read, own, part) in enumerate(halves):
            _scan(own, _Read(read), sequences, backward, _Kept(states=part))
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
                own,
                sequences.data_ptr(),
                len(products),
                backward,
                read,
                products.stride(0),
                kept,
                states.stride(0),
                gradient,
                gradients.stride(0),
                d_read,
                space.data_ptr(),
                (bias, sequences, products, states, gradients, d_products, space),
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


def _lay_out(weight: Tensor) -> _Weights:
    """Of (columns, features)."""
    panel = mingru_kernel.PANEL
    columns, features = weight.shape
    if missing := -columns % panel:
        weight = functional.pad(weight, (0, 0, 0, missing))
    panels = weight.reshape(-1, panel, features).transpose(1, 2).contiguous()
    return _Weights(panels, features, columns)


def _round_weights(weight: Tensor) -> _Weights:
    """Of (columns, features), to 8 bits."""
    weight = weight.contiguous()
    columns, features = weight.shape
    panels = -(-columns // mingru_kernel.PANEL)
    size = mingru_kernel.PANEL_HEAD + mingru_kernel.PANEL * _whole_blocks(features)
    out = torch.zeros(panels, size, dtype=torch.uint8, device="cpu")
    arrays = weight, out
    mingru_kernel.round_weights(weight.data_ptr(), columns, features, out.data_ptr(), arrays)
    return _Weights(out, features, columns)


def _round_vectors(vectors: Tensor) -> Tensor:
    """(N, bytes), of (N, features), each vector by itself, to 8 bits."""
    count, features = vectors.shape
    size = mingru_kernel.VECTOR_HEAD + _whole_blocks(features)
    out = torch.empty(count, size, dtype=torch.uint8, device="cpu")
    arrays = vectors, out
    mingru_kernel.round_vectors(
        vectors.data_ptr(), vectors.stride(0), features, count, out.data_ptr(), arrays
    )
    return out


def _whole_blocks(features: int) -> int:
    return features + -features % mingru_kernel.BLOCK


def _multiply(vectors: Tensor, weights: _Weights) -> Tensor:
    """(N, columns) the products of (N, features)."""
    weights.check(vectors)
    vectors = vectors.contiguous()
    out = vectors.new_empty(len(vectors), weights.width)
    mingru_kernel.multiply(
        vectors.data_ptr(),
        vectors.stride(0),
        vectors.size(1),
        weights.panels.data_ptr(),
        weights.width,
        len(vectors),
        out.data_ptr(),
        weights.width,
        (vectors, weights.panels, out),
    )
    return out[:, : weights.columns]


def _states(layer: Layer, read: _Both, sequences: Tensor) -> Tensor:
    states = layer.bias(0).new_empty(len(sequences), 2 * layer.width)
    for backward, part in enumerate(states.chunk(2, dim=1)):
        _scan(layer.bias(backward), read[backward], sequences, backward, _Kept(states=part))
    return states


def _pool(layer: Layer, read: _Both, sequences: Tensor, pooled: Tensor) -> None:
    """Put the maxima and the sums of a layer's states into pooled, (sequences, 2, 2 * width)."""
    for backward, part in enumerate(pooled.chunk(2, dim=2)):
        _scan(layer.bias(backward), read[backward], sequences, backward, _Kept(pooled=part))


def _scan(bias: Tensor, read: _Read, sequences: Tensor, backward: int, kept: _Kept) -> None:
    bias = bias.contiguous()
    width = len(bias) // 2
    vectors, weights, rows = read
    panels, columns, rounded, features = None, 0, False, vectors.size(1)
    if weights is not None:
        panels, columns, rounded = weights.panels, weights.width, weights.is_rounded
    if rounded:
        features -= mingru_kernel.VECTOR_HEAD
    states, pooled = kept
    highest, total = (None, None) if pooled is None else pooled.unbind(1)
    space = bias.new_empty(width + mingru_kernel.TILE * columns)
    mingru_kernel.scan(
        width,
        bias.data_ptr(),
        sequences.data_ptr(),
        len(sequences),
        backward,
        vectors.data_ptr(),
        vectors.stride(0),
        features,
        _address(panels),
        columns,
        rounded,
        _address(rows),
        space.data_ptr(),
        _address(states),
        _stride(states),
        _address(highest),
        _address(total),
        _stride(pooled),
        (bias, sequences, vectors, panels, rows, space, states, pooled),
    )


def _address(array: Tensor | None) -> int:
    return 0 if array is None else array.data_ptr()


def _stride(array: Tensor | None) -> int:
    return 0 if array is None else array.stride(0)
