"""A linear recurrence over the steps of long sequences in few operations, either way."""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor


def scan(keep: Tensor, values: Tensor) -> Tensor:
    """What is kept of each step's state joins the next step's value, in place.

    keep, values: (B, T, width), T at least 1; the first step has nothing to keep.
    RETURNS: values, now states[t] = values[t] + keep[t] * states[t - 1].
    """
    _recur(keep[:, 1:], values[:, 1:], values[:, 0], 1)
    return values


def scan_back(keep: Tensor, gradients: Tensor) -> Tensor:
    """From the gradient by the states of `scan` to that by its values, in place.

    keep, gradients: (B, T, width)
    RETURNS: gradients, now d[t] = gradients[t] + keep[t + 1] * d[t + 1].
    """
    _recur(keep[:, 1:], gradients[:, :-1], gradients[:, -1], -1)
    return gradients


def _recur(keep: Tensor, values: Tensor, state: Tensor, order: int) -> None:
    """Blocks of steps side by side: first what each adds, then from the state it begins with.

    Source: Blelloch (1990), "Prefix Sums and Their Applications", section 1.2.

    state: (B, width) before the first step.
    order: 1 from the first step to the last, -1 from the last to the first.
    """
    steps = keep.shape[1]
    # Three operations for each step of the blocks, one for each block.
    size = max(1, isqrt(steps // 3))
    rest = steps % size
    body = slice(0, steps - rest) if order > 0 else slice(rest, steps)
    if steps:
        keeps, news = (part[:, body].unflatten(1, (-1, size)) for part in (keep, values))
        state = _recur_blocks(keeps, news, state, order)
    for step in range(steps - rest, steps) if order > 0 else range(rest - 1, -1, -1):
        state = values[:, step].addcmul_(keep[:, step], state)


def _recur_blocks(keep: Tensor, values: Tensor, state: Tensor, order: int) -> Tensor:
    """keep, values: (B, blocks, steps, width). RETURNS: (B, width) the last state."""
    keeps, news = keep.unbind(2)[::order], values.unbind(2)[::order]
    kept, added = keeps[0].clone(), news[0].clone()
    for keep_now, new in zip(keeps[1:], news[1:], strict=True):
        kept.mul_(keep_now)
        torch.addcmul(new, keep_now, added, out=added)
    begins = added.new_empty(added.shape)
    for begin, by_block, adds in zip(
        *(part.unbind(1)[::order] for part in (begins, kept, added)), strict=True
    ):
        begin.copy_(state)
        state = adds.addcmul_(by_block, begin)
    for keep_now, new in zip(keeps, news, strict=True):
        begins = new.addcmul_(keep_now, begins)
    return state
