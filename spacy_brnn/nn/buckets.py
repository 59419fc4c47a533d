"""Which sequences run through a recurrent layer side by side, and where their tokens lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# A padded block may hold this many steps, padding included: enough to fill the processor,
# few enough to bound memory whatever the batch size.
MAX_STEPS = 16_384
# A sequence shorter than this share of its block's longest one opens the next block.
MIN_FILL = 0.6
# Below this many sequences a block is so cheap per step that padding costs less than opening
# another block.
MIN_SEQUENCES = 8


@dataclass(frozen=True)
class Bucket:
    """Sequences of similar length, as places in the flat (N, width) tensor.

    members: (B,) the sequences, as places in the batch.
    forward_index: (T, B) place of step t of each sequence, read first token to last.
    backward_index: (T, B) the same, read last token to first.
    mask: (T, B) true where a step is a token, false where it is padding. Padding stands
        after the last step in both reading directions, so no state of a token depends on it.
    shortest: tokens of the shortest sequence; padding comes after that many steps only.
    """

    members: Tensor
    forward_index: Tensor
    backward_index: Tensor
    mask: Tensor
    shortest: int

    @cached_property
    def running(self) -> list[int]:
        """(T,) how many sequences have not ended at each step."""
        return self.mask.sum(dim=1).tolist()


def bucket_by_length(
    lengths: Tensor,
    max_steps: int | None = None,
    min_fill: float | None = None,
    max_shared: int | None = None,
) -> Iterator[Bucket]:
    """Group sequences of similar length, longest first; empty sequences are in no bucket.

    lengths: (B,) tokens of each sequence, in the order of the flat tensor.
    max_steps, min_fill: in place of MAX_STEPS and MIN_FILL, where padding is not computed.
    max_shared: a longer sequence has a bucket of its own.
    """
    max_steps = MAX_STEPS if max_steps is None else max_steps
    min_fill = MIN_FILL if min_fill is None else min_fill
    offsets = lengths.cumsum(0) - lengths
    order = torch.argsort(lengths, descending=True, stable=True)
    max_shared = max_steps if max_shared is None else max_shared
    # Numbers of the list, as each that is asked of a tensor waits for a GPU.
    descending = lengths[order].tolist()
    for start, end in _cut(descending, max_steps, min_fill, max_shared):
        members = order[start:end]
        longest, shortest = descending[start], descending[end - 1]
        yield _bucket(members, offsets[members], lengths[members], longest, shortest)


def may_share(length: int) -> bool:
    """Whether a sequence of that many tokens may stand in a bucket beside others."""
    return 2 * length <= MAX_STEPS


def at_least_two(index: Tensor) -> Tensor:
    """(T, B) places, those of a sequence that is alone by chance twice.

    oneDNN has a routine for one row that rounds otherwise. A sequence too long for company is
    always alone, so once is enough.
    """
    return index.expand(-1, max(2, index.shape[1])) if may_share(len(index)) else index


@dataclass(frozen=True)
class ReadingOrder:
    """What one direction reads of all buckets, and where the tokens' states then are.

    rows: places in the flat tensor, of each bucket step by step.
    shapes: (T, B) of each bucket.
    places: (N,) of each token's state among those of all rows.
    """

    rows: Tensor
    shapes: list[tuple[int, int]]
    places: Tensor


def reading_orders(buckets: list[Bucket], alone_twice: bool) -> list[ReadingOrder]:
    """Of the forward and of the backward direction; none where there is nothing to read.

    alone_twice: whether a bucket of one sequence is read as `at_least_two` says.
    """
    if not buckets:
        return []
    forward, backward = (
        [at_least_two(index) if alone_twice else index for index in indices]
        for indices in ([b.forward_index for b in buckets], [b.backward_index for b in buckets])
    )
    # Both directions have their padding in the same places.
    real, found, start = [], [], 0
    for bucket, index in zip(buckets, forward, strict=True):
        step, sequence = bucket.mask.nonzero(as_tuple=True)
        real.append(step * index.shape[1] + sequence)
        found.append(real[-1] + start)
        start += index.numel()
    states = torch.cat(found)
    return [_reading_order(indices, real, states) for indices in (forward, backward)]


def _reading_order(indices: list[Tensor], real: list[Tensor], states: Tensor) -> ReadingOrder:
    """real: where each bucket's flat index is no padding. states: the same, among all rows."""
    blocks = [index.flatten() for index in indices]
    tokens = torch.cat([block[places] for block, places in zip(blocks, real, strict=True)])
    order = torch.empty_like(tokens)
    order[tokens] = states
    shapes = [(index.shape[0], index.shape[1]) for index in indices]
    return ReadingOrder(torch.cat(blocks), shapes, order)


def _cut(
    lengths: list[int], max_steps: int, min_fill: float, max_shared: int
) -> Iterator[tuple[int, int]]:
    """Cut descending lengths into runs [start, end) that are worth padding together."""
    start = 0
    for end, length in enumerate(lengths):
        longest = lengths[start]
        size = end - start
        if length == 0:
            break
        sparse = size >= MIN_SEQUENCES and length < min_fill * longest
        if size and (sparse or longest > max_shared or (size + 1) * longest > max_steps):
            yield start, end
            start = end
    else:
        end = len(lengths)
    if lengths and lengths[start]:
        yield start, end


def _bucket(
    members: Tensor, offsets: Tensor, lengths: Tensor, longest: int, shortest: int
) -> Bucket:
    steps = torch.arange(longest, device=lengths.device)[:, None]
    last = lengths - 1
    forward = offsets + torch.minimum(steps, last)
    backward = offsets + (last - steps).clamp(min=0)
    return Bucket(members, forward, backward, steps < lengths, shortest)
