import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small tensors gain nothing from threads, and forked processes cannot use them."""
    import torch

    torch.set_num_threads(1)
