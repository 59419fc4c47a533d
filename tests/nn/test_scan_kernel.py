"""The CUDA kernel of the scan, run by Triton's interpreter where there is no GPU."""

import pytest
import torch

from spacy_brnn.nn.scan import _Scan

GPU = torch.cuda.is_available()


@pytest.fixture(scope="module")
def kernel_scan():
    with pytest.MonkeyPatch.context() as patch:
        if not GPU:
            patch.setenv("TRITON_INTERPRET", "1")
        # The interpreter of Triton 3.0 computes other values: seen, on a processor.
        oldest = None if GPU else "3.1"
        pytest.importorskip("triton", minversion=oldest, reason="needs Triton, to interpret 3.1")
        from spacy_brnn.nn.scan_kernel import KernelScan

        yield KernelScan


@pytest.mark.parametrize("shape", [(1, 3, 50), (7, 3, 50), (5, 1, 128), (4, 2, 200)])
def test_states_and_gradients_are_those_of_a_step_at_a_time(kernel_scan, shape):
    torch.manual_seed(0)
    device = "cuda" if GPU else "cpu"
    keep, inputs, weights = (torch.rand(shape, device=device) for _ in range(3))
    state = torch.rand(shape[1:], device=device)
    found = []
    for scan in (_Scan, kernel_scan):
        given = [x.clone().requires_grad_(True) for x in (keep, inputs, state)]
        states = scan.apply(*given)
        (states * weights).sum().backward()
        found.append([states.detach(), *(x.grad for x in given)])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected)
