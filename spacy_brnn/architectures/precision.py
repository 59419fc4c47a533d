"""The floating-point format that predictions are computed in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar

import torch
from thinc.util import get_torch_default_device

PRECISIONS = ("float32", "bfloat16")
AUTO = "auto"

_precision: ContextVar[str] = ContextVar("precision", default="float32")


def choose_precision(name: str) -> str:
    """The precision that a setting stands for on the device in use.

    name: "float32", "bfloat16", or "auto" for bfloat16 on a CPU that computes in it, else float32.
    Raises ValueError for another name.
    """
    if name in PRECISIONS:
        return name
    if name != AUTO:
        choices = ", ".join([AUTO, *PRECISIONS])
        raise ValueError(f"precision must be one of {choices}, not {name!r}")
    on_gpu = get_torch_default_device().type != "cpu"
    return "bfloat16" if not on_gpu and has_bfloat16() else "float32"


@contextlib.contextmanager
def predict_in(precision: str) -> Iterator[None]:
    """Compute the encoder's states in this precision until the context ends."""
    token = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(token)


def autocast(device: torch.device) -> AbstractContextManager:
    """PyTorch's autocast to the precision in force.

    On a GPU cuDNN computes recurrent layers in float16 under any autocast.
    """
    if _precision.get() == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def has_bfloat16() -> bool:
    """Whether the processor computes in it; elsewhere it is emulated, slower than float32."""
    # PyTorch has no public way to ask.
    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
