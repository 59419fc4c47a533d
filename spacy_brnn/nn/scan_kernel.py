"""The scan along the steps as one CUDA kernel, where Triton is installed.

A step that is a kernel of its own takes longer to launch than to run.
"""

# Without annotations as strings: the interpreter of Triton 3.0 would not know tl.constexpr by them.
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

COLUMNS = 128


@triton.jit(do_not_specialize=["steps"])
def _run(keeps, inputs, begin, states, steps, width, COLUMNS: tl.constexpr):
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    real = column < width
    place = column.to(tl.int64)
    state = tl.load(begin + column, mask=real, other=0.0)
    for _ in range(steps):
        keep = tl.load(keeps + place, mask=real, other=0.0)
        state = keep * state + tl.load(inputs + place, mask=real, other=0.0)
        tl.store(states + place, state, mask=real)
        place += width


@triton.jit(do_not_specialize=["steps"])
def _run_back(
    keeps, begin, states, gradients, d_keeps, d_inputs, steps, last, width, COLUMNS: tl.constexpr
):
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    real = column < width
    place = column.to(tl.int64) + last
    first = tl.load(begin + column, mask=real, other=0.0)
    carried = tl.zeros([COLUMNS], dtype=tl.float32)
    for _ in range(steps):
        gradient = tl.load(gradients + place, mask=real, other=0.0) + carried
        has_before = place >= width
        before = tl.load(states + place - width, mask=real & has_before, other=0.0)
        before = tl.where(has_before, before, first)
        tl.store(d_inputs + place, gradient, mask=real)
        tl.store(d_keeps + place, gradient * before, mask=real)
        carried = gradient * tl.load(keeps + place, mask=real, other=0.0)
        place -= width


class KernelScan(torch.autograd.Function):
    """(T, B, width) the states; arguments as of scan._Scan, all float32."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, inputs: Tensor, state: Tensor) -> Tensor:  # noqa: D102
        keep, inputs, state = keep.contiguous(), inputs.contiguous(), state.contiguous()
        states = torch.empty_like(inputs)
        width = state.numel()
        with torch.cuda.device_of(inputs):
            _run[(triton.cdiv(width, COLUMNS),)](
                keep, inputs, state, states, len(inputs), width, COLUMNS
            )
        ctx.save_for_backward(keep, state, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: D102
        keep, state, states = ctx.saved_tensors
        d_keep, d_inputs = torch.empty_like(keep), torch.empty_like(states)
        width = state.numel()
        steps = len(keep)
        last = (steps - 1) * width
        with torch.cuda.device_of(keep):
            _run_back[(triton.cdiv(width, COLUMNS),)](
                keep,
                state,
                states,
                gradient.contiguous(),
                d_keep,
                d_inputs,
                steps,
                last,
                width,
                COLUMNS,
            )
        return d_keep, d_inputs, keep[0] * d_inputs[0]
