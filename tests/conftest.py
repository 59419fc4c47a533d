import warnings
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small tensors gain nothing from threads, and forked processes cannot use them."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def three_threads():
    """PyTorch has three threads, as a host may have given it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def threads_of(monkeypatch):
    """Note how many threads PyTorch has whenever a function is called.

    Takes the function's object and name, and an error to raise in its place; gives the list.
    """
    import torch

    def threads_of(holder, name, error=None):
        seen = []
        function = getattr(holder, name)

        def noted(*arguments, **keywords):
            seen.append(torch.get_num_threads())
            if error is not None:
                raise error
            return function(*arguments, **keywords)

        monkeypatch.setattr(holder, name, noted)
        return seen

    return threads_of


@pytest.fixture
def any_bfloat16():
    """Let any CPU compute in bfloat16: oneDNN refuses to on some, PyTorch's own loops do not."""
    import torch

    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        yield
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It speaks of Intel's GPUs.
            with torch.backends.mkldnn.flags(enabled=False):
                yield


@pytest.fixture
def on_gpu():
    """A context in which models are made on the GPU; the test is skipped where there is none."""
    pytest.importorskip("cupy")
    import torch
    from thinc.api import require_cpu, require_gpu

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")

    @contextmanager
    def on_gpu():
        require_gpu()
        try:
            yield
        finally:
            require_cpu()

    return on_gpu
