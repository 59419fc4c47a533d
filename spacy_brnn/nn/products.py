"""Matrix products of many vectors, a fixed number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

# Vectors in a product.
PROJECTED = 128


def multiply(linear: nn.Linear, inputs: Tensor, out: Tensor | None = None) -> Tensor:
    """What the linear layer makes of (N, features); in out, if given, which takes no gradient."""
    if out is None:
        return linear(inputs)
    # Hooks, as of pruning, are not run by a product of the weights alone.
    hooked = linear._forward_pre_hooks or linear._forward_hooks
    if hooked or torch.is_autocast_enabled(inputs.device.type):
        return out.copy_(linear(inputs))
    if linear.bias is None:
        return torch.mm(inputs, linear.weight.t(), out=out)
    return torch.addmm(linear.bias, inputs, linear.weight.t(), out=out)


def multiply_in_blocks(
    product: Callable[..., Tensor], inputs: Tensor, out: Tensor
) -> Iterator[Tensor]:
    """Take the products of all vectors. RETURNS: the parts of out as soon as each is there.

    product: of some vectors, in `out` if given, as `multiply`.
    """
    for block, part in zip(inputs.split(PROJECTED), out.split(PROJECTED), strict=True):
        # Filled up, since a product's rounding depends on how many vectors there are.
        if missing := PROJECTED - len(block):
            padded = functional.pad(block, (0, 0, 0, missing))
            part.copy_(product(padded)[: len(block)])
        else:
            product(block, out=part)
        yield part
