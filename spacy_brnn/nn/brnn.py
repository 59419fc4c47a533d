"""The bidirectional recurrent network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .buckets import Bucket, bucket_by_length, may_share
from .dropout import LockedDropout, check_rate

# Steps read at a time where the states need not be kept: bounds the memory of a long sequence.
SEGMENT = 4096
CELLS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class BRNN(nn.Module):
    """Layers of one recurrent network reading forward and one reading backward.

    Source: Schuster and Paliwal (1997), "Bidirectional Recurrent Neural Networks".

    Each direction is a network of its own that reads padded sequences from its own first
    step on: the forward one from the first token, the backward one from the last. Padding
    then always comes after the last step, so that a sequence's states do not depend on its
    neighbours in the batch, and both directions run on PyTorch's fast unpacked path.

    input_width: features of each input vector.
    hidden_width: features of the state in each direction.
    cell: "rnn" (tanh), "gru" or "lstm".
    depth: layers; each reads both directions' states of the one below.
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
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}, not {cell!r}")
        if min(input_width, hidden_width, depth) < 1:
            raise ValueError(
                "input_width, hidden_width and depth must be at least 1, "
                f"not {input_width}, {hidden_width} and {depth}"
            )
        self.hidden_width = hidden_width
        rates = [check_rate("input_dropout", input_dropout)]
        rates += [check_rate("dropout", dropout)] * (depth - 1)
        self.dropouts = nn.ModuleList(LockedDropout(rate) for rate in rates)
        widths = [input_width] + [2 * hidden_width] * (depth - 1)
        self.forwards = nn.ModuleList(CELLS[cell](width, hidden_width) for width in widths)
        self.backwards = nn.ModuleList(CELLS[cell](width, hidden_width) for width in widths)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.apply(_reset_parameters)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Read a batch of sequences in both directions.

        inputs: (N, input_width) tokens of all sequences, one sequence after the other.
        lengths: (B,) tokens of each sequence, int64; N in all; zeros are allowed.
        RETURNS: (N, 2 * hidden_width) the forward state of each token beside its backward one.
        """
        buckets = list(bucket_by_length(lengths))
        states = inputs
        for layer in range(len(self.forwards)):
            states = self._layer(layer, states, lengths, buckets)
        return states.to(inputs.dtype)

    @torch.no_grad()
    def max_states(self, inputs: Tensor, lengths: Tensor, rows: Tensor | None = None) -> Tensor:
        """The maximum of each feature of forward's states over each sequence; zeros for none.

        The same as MaxPooling after forward in evaluation, without laying the states out token
        by token; for prediction, with no gradient.

        inputs: (N, input_width) as for forward; with rows, the vectors that they pick from.
        lengths: as for forward.
        rows: (N,) the place of each token's vector in inputs.
        RETURNS: (B, 2 * hidden_width)
        """
        buckets = list(bucket_by_length(lengths))
        states = inputs
        if rows is None or len(self.forwards) > 1:
            states = inputs if rows is None else inputs[rows]
            rows = torch.arange(len(states), device=states.device)
        for layer in range(len(self.forwards) - 1):
            states = self._layer(layer, states, lengths, buckets)
        if states.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            states = states.to(torch.get_autocast_dtype("cpu"))
        pooled = inputs.new_zeros(len(lengths), 2 * self.hidden_width)
        for bucket in buckets:
            forward = _max_state(self.forwards[-1], states, rows[bucket.forward_index], bucket)
            backward = _max_state(self.backwards[-1], states, rows[bucket.backward_index], bucket)
            pooled[bucket.members] = torch.cat([forward, backward], dim=1).to(pooled.dtype)
        return pooled

    def _layer(self, layer: int, inputs: Tensor, lengths: Tensor, buckets: list[Bucket]) -> Tensor:
        inputs = self.dropouts[layer](inputs, lengths)
        if not buckets:
            # The sum is zero; it is there for backpropagation to find its way.
            return inputs.new_zeros(0, 2 * self.hidden_width) + inputs.sum()
        forward, backward = self.forwards[layer], self.backwards[layer]
        read_forward = _read(forward, inputs, [(b.forward_index, b.mask) for b in buckets])
        read_backward = _read(backward, inputs, [(b.backward_index, b.mask) for b in buckets])
        return torch.cat([read_forward, read_backward], dim=1)


def _read(cell: nn.RNNBase, inputs: Tensor, blocks: list[tuple[Tensor, Tensor]]) -> Tensor:
    """States of one direction, (N, hidden_width), in the order of the flat inputs."""
    places = torch.cat([index[mask] for index, mask in blocks])
    states = torch.cat(
        [cell(inputs[_at_least_two(index)])[0][:, : mask.shape[1]][mask] for index, mask in blocks]
    )
    return torch.empty_like(states).index_copy(0, places, states)


def _max_state(cell: nn.RNNBase, inputs: Tensor, index: Tensor, bucket: Bucket) -> Tensor:
    """(B, hidden_width) the maximum over each sequence's steps, of one direction."""
    index = _at_least_two(index)
    highest, state = None, None
    for start in range(0, len(index), SEGMENT):
        steps = slice(max(start, bucket.shortest), start + SEGMENT)
        # An embedding's lookup is several times faster than indexing.
        states, state = cell(functional.embedding(index[start : start + SEGMENT], inputs), state)
        padding = ~bucket.mask[steps, :, None]
        states[steps.start - start :, : len(bucket.members)].masked_fill_(padding, float("-inf"))
        top = states.amax(dim=0)
        highest = top if highest is None else torch.maximum(highest, top)
    return highest[: len(bucket.members)]


def _at_least_two(index: Tensor) -> Tensor:
    """A sequence that is alone by chance is read twice.

    oneDNN has a routine for one row that rounds otherwise. A sequence too long for company is
    always alone, so once is enough.
    """
    return index.expand(-1, max(2, index.shape[1])) if may_share(len(index)) else index


def _reset_parameters(module: nn.Module) -> None:
    """Glorot-uniform input weights, orthogonal recurrent ones, zero biases, open LSTM gates.

    Source: what Keras does; the forget gate's bias of 1 is from Jozefowicz, Zaremba and
    Sutskever (2015), "An Empirical Exploration of Recurrent Network Architectures".
    """
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
            module.bias_ih_l0[width : 2 * width] = 1.0
