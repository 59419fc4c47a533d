"""Dropout whose mask stays the same along a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def check_rate(name: str, rate: float) -> float:
    """The rate, where it is one of dropout, 0 <= rate < 1.

    name: of the setting.
    Raises ValueError for a rate outside of it.
    """
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"{name} must be at least 0 and less than 1, not {rate}")
    return rate


class LockedDropout(nn.Module):
    """Variational dropout: one mask per sequence, shared by all its tokens.

    Source: Gal and Ghahramani (2016), "A Theoretically Grounded Application of Dropout in
    Recurrent Neural Networks".

    rate: the share of features set to zero in training, 0 <= rate < 1.
    Raises ValueError for a rate outside of it.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = check_rate("dropout", rate)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """(N, width) flat states and (B,) lengths to (N, width)."""
        if not self.training or self.rate == 0.0:
            return states
        mask = torch.empty(len(lengths), states.shape[1], dtype=states.dtype, device=states.device)
        mask.bernoulli_(1.0 - self.rate).div_(1.0 - self.rate)
        return states * mask.repeat_interleave(lengths, dim=0)
