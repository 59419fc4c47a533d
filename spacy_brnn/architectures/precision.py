"""The floating-point format that predictions are computed in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from thinc.util import get_torch_default_device

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
AUTO = "auto"

_precision: ContextVar[str] = ContextVar("precision", default="float32")


def choose_precision(name: str) -> str:
    """The precision that a setting stands for on the device in use.

    name: "float32", "bfloat16", or "auto" for bfloat16 where the device computes in it natively.
    Raises ValueError for another name.
    """
    if name in PRECISIONS:
        return name
    if name != AUTO:
        choices = ", ".join([AUTO, *PRECISIONS])
        raise ValueError(f"precision must be one of {choices}, not {name!r}")
    return "bfloat16" if _has_bfloat16() else "float32"


@contextlib.contextmanager
def predict_in(precision: str) -> Iterator[None]:
    """Compute all predictions in this precision until the context ends."""
    token = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(token)


def autocast(device: torch.device) -> torch.autocast:
    """PyTorch's autocast to the precision in force."""
    precision = _precision.get()
    return torch.autocast(
        device.type, dtype=torch.bfloat16, enabled=PRECISIONS[precision] is torch.bfloat16
    )


def _has_bfloat16() -> bool:
    """Elsewhere it is emulated, and slower than float32."""
    if get_torch_default_device().type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # PyTorch names no public way to ask the processor; one that has no such function is older.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return supported()
