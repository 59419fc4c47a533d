"""The numbers that predictions are computed in."""

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
from ..nn.compiled_mingru import is_quicker_rounded

PRECISIONS = ("float32", "bfloat16", "int8")
AUTO = "auto"

_precision: ContextVar[str] = ContextVar("precision", default="float32")


def choose_precision(name: str, model: Model, pooled: BRNN | None = None) -> str:
    """The precision that a setting stands for on the device in use.

    name: one of PRECISIONS, or "auto" for the fastest. Where it cannot be, it is float32, with a
        warning: bfloat16 is refused by PyTorch on a CPU without AVX-512; in int8 compiled code
        multiplies the states of layers of minGRU on a CPU with AVX2, and all else is float32.
    model: what is to be computed. Where its cells take a matrix product at each step, as an LSTM
        does, a CPU that computes in bfloat16 is faster in it. What others gain in their few
        products, they lose in changing between the two.
    pooled: the network whose states are pooled as they are read (textcat.pooling_network), which
        int8 is for; it is faster on a CPU without AVX-512, or where that has products of 8 bits
        (VNNI).
    Raises ValueError for another name.
    """
    check_precision(name)
    on_cpu = get_torch_default_device().type == "cpu"
    takes_int8 = on_cpu and pooled is not None and pooled.can_round
    if name == AUTO:
        if on_cpu and has_bfloat16() and _multiplies_per_step(model):
            return "bfloat16"
        return "int8" if takes_int8 and is_quicker_rounded() else "float32"
    is_taken = {"bfloat16": not on_cpu or _takes_bfloat16(), "int8": takes_int8}
    if not is_taken.get(name, True):
        warnings.warn(
            f'precision = "{name}", but this network cannot be computed in it on this processor: '
            'float32 is taken; "auto" takes the fastest that there is',
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
    if _precision.get() != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def is_int8() -> bool:
    """Whether that is the precision in force."""
    return _precision.get() == "int8"


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
