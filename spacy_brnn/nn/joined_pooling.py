"""Several poolings of the same states, side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .pooling import make_pooling


class JoinedPooling(nn.Module):
    """What each of several poolings makes of a sequence, one after the other."""

    def __init__(self, kinds: tuple[str, ...], width: int) -> None:
        super().__init__()
        self.poolings = nn.ModuleList(make_pooling(kind, width) for kind in kinds)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Pool each sequence.

        states: (N, width) states of all tokens, one sequence after the other.
        lengths: (B,) tokens of each sequence, int64; N in all.
        RETURNS: (B, kinds * width)
        """
        return torch.cat([pooling(states, lengths) for pooling in self.poolings], dim=1)
