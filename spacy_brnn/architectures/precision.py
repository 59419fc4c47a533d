"""The floating-point format that predictions are computed in."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar

import torch
from thinc.api import Model
from thinc.util import get_torch_default_device

from ..nn.brnn import BRNN

PRECISIONS = ("float32", "bfloat16")
AUTO = "auto"

_precision: ContextVar[str] = ContextVar("precision", default="float32")


def choose_precision(name: str, model: Model) -> str:
    """The precision that a setting stands for on the device in use.

    name: "float32", "bfloat16", or "auto" for the faster of them. Where PyTorch refuses bfloat16,
        on a CPU without AVX-512, it is float32, with a warning.
    model: what is to be computed. Where its cells take a matrix product at each step, as an LSTM
        does, a CPU that computes in bfloat16 is faster in it. What others gain in their few
        products, they lose in changing between the two.
    Raises ValueError for another name.
    """
    check_precision(name)
    on_cpu = get_torch_default_device().type == "cpu"
    if name == AUTO:
        gains = on_cpu and has_bfloat16() and _multiplies_per_step(model)
        return "bfloat16" if gains else "float32"
    if name == "bfloat16" and on_cpu and not _takes_bfloat16():
        warnings.warn(
            'precision = "bfloat16", but PyTorch cannot compute in it on this processor: float32 '
            'is taken, as "auto" would',
            stacklevel=2,
        )
        return "float32"
    return name


def check_precision(name: str) -> str:
    """The name, where it is that of a precision or "auto".

    Raises ValueError where it is not.
    """
    if name not in (AUTO, *PRECISIONS):
        choices = ", ".join([AUTO, *PRECISIONS])
        raise ValueError(f"precision must be one of {choices}, not {name!r}")
    return name


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


def _multiplies_per_step(model: Model) -> bool:
    networks = (shim._model for node in model.walk() for shim in node.shims)
    return any(isinstance(one, BRNN) and one.multiplies_per_step for one in networks)


def _takes_bfloat16() -> bool:
    """Whether recurrent layers run in it at all."""
    if not torch.backends.mkldnn.is_available() or not torch.backends.mkldnn.enabled:
        return True  # PyTorch's own loops take any.
    return getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)()
