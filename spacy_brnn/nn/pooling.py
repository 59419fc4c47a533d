"""From the states of a sequence's tokens to one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Pooling(nn.Module):
    """Base of the poolings: flat states in, one vector per sequence out.

    The vector of an empty sequence is zero.
    """

    # Features of the pooled vector for each of the states'.
    factor = 1

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Pool each sequence.

        states: (N, width) states of all tokens, one sequence after the other.
        lengths: (B,) tokens of each sequence, int64; N in all.
        RETURNS: (B, factor * width)
        """
        pooled = states.new_zeros(len(lengths), self.factor * states.shape[1])
        filled = lengths.nonzero().squeeze(1)
        if len(filled) == 0:
            # The sum is zero; it is there for backpropagation to find its way.
            return pooled + states.sum()
        return pooled.index_copy(0, filled, self.pool(states, lengths[filled]))

    def pool(self, states: Tensor, lengths: Tensor) -> Tensor:
        """As forward, with no empty sequence among them."""
        raise NotImplementedError


class LastPooling(Pooling):
    """The forward state of the last token beside the backward state of the first.

    Each is the state of a direction that has read the whole sequence. The first half of the
    features belongs to the forward direction.
    """

    def pool(self, states: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        ends = lengths.cumsum(0)
        forward, backward = states.chunk(2, dim=1)
        return torch.cat([forward[ends - 1], backward[ends - lengths]], dim=1)


class MeanPooling(Pooling):
    """The mean over the tokens."""

    def pool(self, states: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        return _reduce(states, lengths, "mean")


class MaxPooling(Pooling):
    """The maximum of each feature over the tokens.

    Source: Collobert et al. (2011), "Natural Language Processing (Almost) from Scratch".
    """

    def pool(self, states: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        return _reduce(states, lengths, "max")


class MaxMeanPooling(Pooling):
    """The maximum of each feature over the tokens, then the mean of each.

    A maximum hears each feature once: the mean tells how often.
    """

    factor = 2

    def pool(self, states: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        return torch.cat([_reduce(states, lengths, how) for how in ("max", "mean")], dim=1)


class AttentionPooling(Pooling):
    """The mean over the tokens, weighted by a learned softmax attention.

    Source: Yang et al. (2016), "Hierarchical Attention Networks for Document
    Classification": a token's weight is the softmax over the sequence of u . tanh(W h + b).

    width: features of the states.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, width)
        self.query = nn.Linear(width, 1, bias=False)

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.key.reset_parameters()
        self.query.reset_parameters()

    def pool(self, states: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        scores = self.query(torch.tanh(self.key(states)))
        highest = torch.segment_reduce(scores.detach(), "max", lengths=lengths, axis=0)
        weights = torch.exp(scores - highest.repeat_interleave(lengths, dim=0))
        total = torch.segment_reduce(weights, "sum", lengths=lengths, axis=0)
        return torch.segment_reduce(weights * states, "sum", lengths=lengths, axis=0) / total


def _reduce(states: Tensor, lengths: Tensor, how: str) -> Tensor:
    """(N, width) to (B, width), the "max" or "mean" over each sequence."""
    # The same to the bit, in half the time; but its maximum may pass over what is no number.
    if states.device.type == "cpu" and not states.detach().sum().isnan():
        ends = lengths.cumsum(0)
        if ends[-1] != len(states):
            raise IndexError(f"{len(states)} states for sequences of {int(ends[-1])} tokens in all")
        places = torch.arange(len(states), device=states.device)
        return functional.embedding_bag(places, states, ends - lengths, mode=how)
    return torch.segment_reduce(states, how, lengths=lengths, axis=0)


POOLINGS = ("last", "mean", "max", "max_mean", "attention")


def make_pooling(name: str, width: int) -> Pooling:
    """The pooling of that name for states of that width.

    Raises ValueError for an unknown name.
    """
    if name == "last":
        return LastPooling()
    if name == "mean":
        return MeanPooling()
    if name == "max":
        return MaxPooling()
    if name == "max_mean":
        return MaxMeanPooling()
    if name == "attention":
        return AttentionPooling(width)
    raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, not {name!r}")
