"""The bidirectional recurrent network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from . import compiled_mingru
from .buckets import Bucket, ReadingOrder, at_least_two, bucket_by_length, reading_orders
from .dropout import LockedDropout, check_rate
from .pooling import MaxMeanPooling
from .products import multiply, multiply_in_blocks
from .scan import QRNN, SEGMENT, SRU, MinGRU, ScanCell, recur_in_blocks

# Tokens whose states are projected for the next layer at a time: they stay in the cache.
PROJECTED_STEPS = 2048
# Steps of sequences side by side where those that have ended cost nothing: bounds the index's size.
MAX_SCANNED = 1 << 20
# The same where a layer's states are laid out for the next one.
MAX_STACKED = 1 << 16
# A sequence of more tokens is read by itself, its own parts side by side.
MAX_SHARED = 1024
# Tokens of such a one whose projections are held at a time.
LONG_SEGMENT = 1 << 11
# Steps that a cell runs at a time: oneDNN fails at a million of an LSTM's.
MOST_STEPS = 1 << 17
CELLS: dict[str, type[nn.Module]] = {
    "rnn": nn.RNN,
    "gru": nn.GRU,
    "lstm": nn.LSTM,
    "qrnn": QRNN,
    "sru": SRU,
    "mingru": MinGRU,
}
# What it can pool itself, and by which method.
POOLED = {"max": "max_states", "max_mean": "max_mean_states"}


class Projection(nn.Linear):
    """A linear bottleneck between two layers, of both directions' states together.

    Not PyTorch's `proj_size` (Sak, Senior and Beaufays 2014), which projects each direction's
    states before they come back to their own layer.
    """

    def __init__(self, input_width: int, projection_width: int) -> None:
        super().__init__(input_width, projection_width, bias=False)

    def reset_parameters(self) -> None:
        """Draw the weights anew, Glorot-uniform."""
        nn.init.xavier_uniform_(self.weight)


class BRNN(nn.Module):
    """Layers of one recurrent network reading forward and one reading backward.

    Source: Schuster and Paliwal (1997), "Bidirectional Recurrent Neural Networks".

    Each direction is a network of its own that reads a sequence from its own first step on: the
    forward one from the first token, the backward one from the last. On a CPU in float32,
    compiled code reads minGRU cells, one token after the other. What else there is reads padded
    sequences side by side: padding then always comes after the last step, so that a sequence's
    states do not depend on its neighbours in the batch, and both directions run on PyTorch's fast
    unpacked path.

    input_width: features of each input vector.
    hidden_width: features of the state in each direction.
    cell: "rnn" (tanh), "gru" or "lstm"; "qrnn", "sru" or "mingru", which have no matrix product
        per step.
    depth: layers; each reads both directions' states of the one below.
    lower_width: as hidden_width, of every layer but the last; None for the same.
    projection_width: features that both directions' states are projected to, linearly, before
        the next layer reads them; None for the states as they are.
    dropout: locked dropout between layers.
    input_dropout: locked dropout on the input.
    Raises ValueError for an unknown cell or a value out of range.
    """

    def __init__(
        self,
        input_width: int,
        hidden_width: int,
        *,
        cell: str = "lstm",
        depth: int = 1,
        lower_width: int | None = None,
        projection_width: int | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}, not {cell!r}")
        lower_width = hidden_width if lower_width is None else lower_width
        if min(input_width, hidden_width, depth, lower_width) < 1:
            raise ValueError(
                "input_width, hidden_width, depth and lower_width must be at least 1, "
                f"not {input_width}, {hidden_width}, {depth} and {lower_width}"
            )
        if projection_width is not None and projection_width < 1:
            raise ValueError(f"projection_width must be at least 1, not {projection_width}")
        self.hidden_width = hidden_width
        rates = [check_rate("input_dropout", input_dropout)]
        rates += [check_rate("dropout", dropout)] * (depth - 1)
        self.dropouts = nn.ModuleList(LockedDropout(rate) for rate in rates)
        hidden = [lower_width] * (depth - 1) + [hidden_width]
        below = [2 * width for width in hidden[:-1]]
        read = [input_width, *(projection_width or width for width in below)]
        widths = list(zip(read, hidden, strict=True))
        self.forwards = nn.ModuleList(CELLS[cell](*shape) for shape in widths)
        self.backwards = nn.ModuleList(CELLS[cell](*shape) for shape in widths)
        self.projections = nn.ModuleList(
            Projection(width, projection_width) for width in below if projection_width
        )
        self.reset_parameters()

    @property
    def multiplies_per_step(self) -> bool:
        """Whether each step takes a matrix product, as an LSTM's does."""
        return not isinstance(self.forwards[-1], ScanCell)

    def projection(self, layer: int) -> Projection | None:
        """What a layer reads the states of the one below through, if anything."""
        if not layer or not self.projections:
            return None
        return cast(Projection, self.projections[layer - 1])

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.apply(_reset_parameters)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Read a batch of sequences in both directions.

        inputs: (N, input_width) tokens of all sequences, one sequence after the other.
        lengths: (B,) tokens of each sequence, int64; N in all; zeros are allowed.
        RETURNS: (N, 2 * hidden_width) the forward state of each token beside its backward one.
        """
        states = inputs
        layers = self._compiled_layers()
        if compiled_mingru.can_read(layers, inputs):
            sequences = compiled_mingru.number(lengths)
            for dropout, compiled in zip(self.dropouts, layers, strict=True):
                states = compiled_mingru.read(compiled, dropout(states, lengths), sequences)
            return states
        orders = reading_orders(list(bucket_by_length(lengths)), self.multiplies_per_step)
        for layer in range(len(self.forwards)):
            states = self._layer(layer, states, lengths, orders)
        return states.to(inputs.dtype)

    @property
    def can_round(self) -> bool:
        """Whether `rounded` makes a difference."""
        return compiled_mingru.can_round(self._compiled_layers())

    @torch.no_grad()
    def max_states(
        self,
        inputs: Tensor,
        lengths: Tensor,
        rows: Tensor | None = None,
        rounded: bool = False,
    ) -> Tensor:
        """The maximum of each feature of forward's states over each sequence; zeros for none.

        The same as MaxPooling after forward in evaluation, without laying the states out token
        by token; for prediction, with no gradient.

        inputs: (N, input_width) as for forward; with rows, the vectors that they pick from.
        lengths: as for forward.
        rows: (N,) the place of each token's vector in inputs.
        rounded: whether states below the last layer are multiplied in 8 bits, where compiled code
            reads, which then is quicker; else it makes no difference.
        RETURNS: (B, 2 * hidden_width)
        """
        if isinstance(self.forwards[-1], ScanCell):
            return self._pool_scan(inputs, lengths, rows, False, rounded)
        return self._max_states(inputs, lengths, rows)

    @torch.no_grad()
    def max_mean_states(
        self,
        inputs: Tensor,
        lengths: Tensor,
        rows: Tensor | None = None,
        rounded: bool = False,
    ) -> Tensor:
        """As max_states, with the mean of each feature after the maxima.

        RETURNS: (B, 4 * hidden_width)
        """
        if isinstance(self.forwards[-1], ScanCell):
            return self._pool_scan(inputs, lengths, rows, True, rounded)
        states = self(inputs if rows is None else inputs[rows], lengths)
        return MaxMeanPooling()(states, lengths)

    def _max_states(self, inputs: Tensor, lengths: Tensor, rows: Tensor | None) -> Tensor:
        buckets = list(bucket_by_length(lengths))
        states = inputs
        if rows is None or len(self.forwards) > 1:
            states = inputs if rows is None else inputs[rows]
            rows = torch.arange(len(states), device=states.device)
        *lower, last = range(len(self.forwards))
        orders = reading_orders(buckets, self.multiplies_per_step) if lower else []
        for layer in lower:
            states = self._layer(layer, states, lengths, orders)
        states = _as_computed(self._reduce(last, states))
        pooled = inputs.new_zeros(len(lengths), 2 * self.hidden_width)
        for bucket in buckets:
            forward = _max_state(self.forwards[-1], states, rows[bucket.forward_index], bucket)
            backward = _max_state(self.backwards[-1], states, rows[bucket.backward_index], bucket)
            pooled[bucket.members] = torch.cat([forward, backward], dim=1).to(pooled.dtype)
        return pooled

    def _pool_scan(
        self, inputs: Tensor, lengths: Tensor, rows: Tensor | None, mean: bool, rounded: bool
    ) -> Tensor:
        """Both directions of all sequences side by side: a step costs little but its call."""
        if rows is None:
            rows = torch.arange(len(inputs), device=inputs.device)
        layers = self._compiled_layers()
        if compiled_mingru.can_read(layers, inputs):
            return compiled_mingru.pool(layers, inputs, lengths, rows, mean, rounded)
        table = torch.cat([_project(cell, _as_computed(inputs)) for cell in self._cells(0)])
        size = MAX_SCANNED if len(self.forwards) == 1 else MAX_STACKED
        pooled = table.new_zeros(len(lengths), 2 if mean else 1, 2 * self.hidden_width)
        for bucket in bucket_by_length(lengths, size, min_fill=0.0, max_shared=MAX_SHARED):
            ahead, back = rows[bucket.forward_index], rows[bucket.backward_index] + len(inputs)
            index = torch.stack([ahead, back], dim=2)
            if len(index) > MAX_SHARED:
                pooled[bucket.members] = self._pool_long(table, index[:, 0], mean)
                continue
            steps = _look_up(table, index.flatten(1), bucket.running)
            for layer in range(1, len(self.forwards)):
                states = self._scan_states(layer - 1, steps, bucket)
                steps = self._project_steps(layer, states, bucket)
            pooled[bucket.members] = self._pool_steps(steps, bucket, mean)
        return pooled.flatten(1)

    def _compiled_layers(self) -> list[compiled_mingru.Layer]:
        cells = zip(self.forwards, self.backwards, strict=True)
        return [
            compiled_mingru.Layer(cast(tuple[MinGRU, MinGRU], pair), self.projection(layer))
            for layer, pair in enumerate(cells)
        ]

    def _cells(self, layer: int) -> tuple[ScanCell, ScanCell]:
        ahead, back = self.forwards[layer], self.backwards[layer]
        assert isinstance(ahead, ScanCell)
        assert isinstance(back, ScanCell)
        return ahead, back

    def _scan_states(self, layer: int, steps: Iterator[Tensor], bucket: Bucket) -> Tensor:
        """(N, 2, width) the states of a bucket step by step, both directions of each.

        steps: what is read at each, (2 * running, columns): of each sequence its token ahead, then
            its token back.
        """
        cell, _ = self._cells(layer)
        tokens = sum(bucket.running)
        states = torch.empty(2 * tokens, cell.hidden_size, device=bucket.mask.device)
        outs = states.split([2 * sequences for sequences in bucket.running])
        deque(cell.steps(steps, iter(outs)), maxlen=0)
        return states.view(tokens, 2, cell.hidden_size)

    def _project_steps(self, layer: int, states: Tensor, bucket: Bucket) -> Iterator[Tensor]:
        """What the layer reads at each step, of the states of the one below."""
        cells = self._cells(layer)
        places = _places_read(bucket)
        flat = states.flatten(0, 1)
        vectors = self._reduce_tokens(layer, flat, places) if self.projections else None
        end = 0
        for running in _cut_steps(bucket.running):
            start, end = end, end + sum(running)
            if vectors is None:
                read = flat.index_select(0, places[start:end].flatten()).view(end - start, 2, -1)
                ahead, back = read.unbind(1)
            else:
                ahead = vectors[start:end]
                # Of a token's two states among all, the places are twice its own and that plus 1.
                back = vectors.index_select(0, places[start:end, 2] // 2)
            projected = _project_both(cells, ahead, back)
            yield from projected.flatten(0, 1).split([2 * sequences for sequences in running])

    def _reduce_tokens(self, layer: int, flat: Tensor, places: Tensor) -> Tensor:
        """(N, projection width) of each token that is read ahead, in the order of the steps."""
        parts = []
        for some in places[:, :2].split(PROJECTED_STEPS):
            both = flat.index_select(0, some.flatten()).view(len(some), -1)
            parts.append(self._reduce(layer, both))
        return torch.cat(parts)

    def _reduce(self, layer: int, states: Tensor) -> Tensor:
        """What a layer reads of the states of the one below, (N, both directions)."""
        projection = self.projection(layer)
        if projection is None:
            return states
        if torch.is_grad_enabled():
            return projection(states)
        out = states.new_empty(len(states), projection.out_features)
        deque(multiply_in_blocks(partial(multiply, projection), states, out), maxlen=0)
        return out

    def _pool_steps(self, steps: Iterator[Tensor], bucket: Bucket, mean: bool) -> Tensor:
        """(B, 1 or 2, 2 * hidden_width) the maxima, and the means, of the last layer's states."""
        cell, _ = self._cells(-1)
        shape = 2 * len(bucket.members), self.hidden_width
        highest = torch.full(shape, float("-inf"), device=bucket.mask.device)
        total = torch.zeros_like(highest)
        top, added = highest, total
        for states, sequences in zip(cell.steps(steps), bucket.running, strict=True):
            if 2 * sequences < top.size(0):  # Quicker than len.
                top, added = highest[: 2 * sequences], total[: 2 * sequences]
            torch.maximum(top, states, out=top)
            if mean:
                # Step by step: the order of the sum is then the same whatever runs beside.
                added += states
        parts = [highest.view(len(bucket.members), -1)]
        if mean:
            parts.append(total.view_as(parts[0]) / bucket.mask.sum(dim=0)[:, None])
        return torch.stack(parts, dim=1)

    def _pool_long(self, table: Tensor, index: Tensor, mean: bool) -> Tensor:
        """(1 or 2, 2 * hidden_width) as _pool_steps, of one sequence.

        index: (T, 2) the places in the table of what is read ahead and back, from either's first
            step on.
        """
        below = None
        for layer in range(len(self.forwards) - 1):
            states = table.new_empty(len(index), 2, self._cells(layer)[0].hidden_size)
            end = 0
            for segment in self._read_long(layer, table, index, below):
                start, end = end, end + len(segment)
                states[start:end, 0] = segment[:, 0]
                states[len(index) - end : len(index) - start, 1] = segment[:, 1].flip(0)
            below = self._reduce(layer + 1, states.flatten(1))
        highest = table.new_full((2, self.hidden_width), float("-inf"))
        total = torch.zeros_like(highest)
        for segment in self._read_long(-1, table, index, below):
            torch.maximum(highest, segment.amax(dim=0), out=highest)
            total += segment.sum(dim=0)
        both = [highest.flatten(), total.flatten() / len(index)]
        return torch.stack(both[: 1 + mean])

    def _read_long(
        self, layer: int, table: Tensor, index: Tensor, below: Tensor | None
    ) -> Iterator[Tensor]:
        """(..., 2, width) the states of a layer ahead and back, each in the order that it reads
        in, a segment at a time.

        below: (T, width) the states of the layer below it, None for the first.
        """
        cells = self._cells(layer)
        state = None
        for start in range(0, len(index), LONG_SEGMENT):
            end = min(start + LONG_SEGMENT, len(index))
            if below is None:
                places = index[start:end].flatten()
                projected = table.index_select(0, places).view(end - start, 2, -1)
            else:
                mirrored = below[len(below) - end : len(below) - start].flip(0)
                projected = _project_both(cells, below[start:end], mirrored)
            states, state = cells[0].scan(projected, state, recur_in_blocks)
            yield states

    def _layer(
        self, layer: int, inputs: Tensor, lengths: Tensor, orders: list[ReadingOrder]
    ) -> Tensor:
        inputs = self._reduce(layer, self.dropouts[layer](inputs, lengths))
        if not orders:
            # The sum is zero; it is there for backpropagation to find its way.
            width = cast(int, self.forwards[layer].hidden_size)
            return inputs.new_zeros(0, 2 * width) + inputs.sum()
        cells = self.forwards[layer], self.backwards[layer]
        states = [_read(cell, inputs, order) for cell, order in zip(cells, orders, strict=True)]
        return torch.cat(states, dim=1)


def _read(cell: nn.Module, inputs: Tensor, order: ReadingOrder) -> Tensor:
    """States of one direction, (N, hidden_width), in the order of the flat inputs."""
    run: Callable[..., tuple[Tensor, Any]] = cell
    if isinstance(cell, ScanCell):
        run, inputs = cell.scan, _project(cell, inputs)
    # At once for all blocks, as a gradient for each would be as large as the inputs. Selecting
    # rows is much cheaper to backpropagate than indexing.
    parts = inputs.index_select(0, order.rows).split([t * b for t, b in order.shapes])
    blocks = [part.view(*shape, -1) for part, shape in zip(parts, order.shapes, strict=True)]
    states = torch.cat([_run(run, block).flatten(0, 1) for block in blocks])
    return states.index_select(0, order.places)


def _run(run: Callable[..., tuple[Tensor, Any]], block: Tensor) -> Tensor:
    """(T, B, hidden_width) the states along the steps."""
    if len(block) <= MOST_STEPS:
        return run(block)[0]
    state, parts = None, []
    for part in block.split(MOST_STEPS):
        states, state = run(part, state)
        parts.append(states)
    return torch.cat(parts)


def _max_state(run: nn.Module, inputs: Tensor, index: Tensor, bucket: Bucket) -> Tensor:
    """(B, hidden_width) the maximum over each sequence's steps, of one direction."""
    index = at_least_two(index)
    highest: list[Tensor] = []
    state = None
    for start in range(0, len(index), SEGMENT):
        steps = slice(max(start, bucket.shortest), start + SEGMENT)
        # An embedding's lookup is several times faster than indexing.
        states, state = run(functional.embedding(index[start : start + SEGMENT], inputs), state)
        padding = ~bucket.mask[steps, :, None]
        states[steps.start - start :, : len(bucket.members)].masked_fill_(padding, float("-inf"))
        highest.append(states.amax(dim=0))
    return torch.stack(highest).amax(dim=0)[: len(bucket.members)]


def _look_up(table: Tensor, index: Tensor, running: list[int]) -> Iterator[Tensor]:
    """The rows of the table that the index names for each step, valid until the next step."""
    rows = table.new_empty(index.shape[1], table.shape[1])
    for places, sequences in zip(index.unbind(), running, strict=True):
        if 2 * sequences < rows.size(0):  # Quicker than len.
            rows = rows[: 2 * sequences]
        yield torch.index_select(table, 0, places[: 2 * sequences], out=rows)


def _places_read(bucket: Bucket) -> Tensor:
    """(N, 4) among the states of a bucket's steps, ahead and back of each, those of the token that
    is read ahead, then those of the token that is read back."""
    number = torch.zeros_like(bucket.forward_index)
    number[bucket.mask] = torch.arange(sum(bucket.running), device=number.device)
    steps = torch.arange(len(number), device=number.device)[:, None]
    mirrored = (bucket.mask.sum(dim=0) - 1 - steps).clamp(min=0)
    here, there = 2 * number[bucket.mask], 2 * number.gather(0, mirrored)[bucket.mask]
    return torch.stack([here, there + 1, there, here + 1], dim=1)


def _cut_steps(running: list[int]) -> Iterator[list[int]]:
    """Runs of steps with some PROJECTED_STEPS tokens each."""
    start = tokens = 0
    for step, sequences in enumerate(running):
        tokens += sequences
        if tokens >= PROJECTED_STEPS or step == len(running) - 1:
            yield running[start : step + 1]
            start, tokens = step + 1, 0


def _as_computed(inputs: Tensor) -> Tensor:
    """In the type that products are taken in."""
    if inputs.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        return inputs.to(torch.get_autocast_dtype("cpu"))
    return inputs


def _project(cell: ScanCell, inputs: Tensor, out: Tensor | None = None) -> Tensor:
    """What the cell reads of each input vector along the steps, (N, columns); in out, if given."""
    if torch.is_grad_enabled():
        return cell.project(inputs)
    if out is None:
        out = inputs.new_empty(len(inputs), cell.columns, dtype=torch.float32)
    for part in multiply_in_blocks(cell.multiply, inputs, out):
        cell.gate(part)
    return out


def _project_both(cells: tuple[ScanCell, ScanCell], ahead: Tensor, back: Tensor) -> Tensor:
    """(N, 2, columns) what the two directions' cells read of their vectors, (N, input_width)."""
    projected = ahead.new_empty(len(ahead), 2, cells[0].columns)
    _project(cells[0], _as_computed(ahead), projected[:, 0])
    _project(cells[1], _as_computed(back), projected[:, 1])
    return projected


def _reset_parameters(module: nn.Module) -> None:
    """Glorot-uniform input weights, orthogonal recurrent ones, zero biases, open LSTM gates.

    Source: what Keras does; the forget gate's bias of 1 is from Jozefowicz, Zaremba and
    Sutskever (2015), "An Empirical Exploration of Recurrent Network Architectures".
    """
    if isinstance(module, ScanCell | Projection):
        module.reset_parameters()
    if not isinstance(module, nn.RNNBase):
        return
    width = module.hidden_size
    for name, parameter in module.named_parameters():
        if name.startswith("weight_ih"):
            for gate in parameter.split(width):
                nn.init.xavier_uniform_(gate)
        elif name.startswith("weight_hh"):
            for gate in parameter.split(width):
                nn.init.orthogonal_(gate)
        else:
            nn.init.zeros_(parameter)
    if isinstance(module, nn.LSTM):
        with torch.no_grad():
            module.get_parameter("bias_ih_l0")[width : 2 * width] = 1.0
