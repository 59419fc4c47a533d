"""PyTorch on one thread for the length of a call, with the host's own settings left alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cache

import torch
from threadpoolctl import LibController, ThreadpoolController

_IMPORTED_IN = os.getpid()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread: the steps of a recurrent layer, and of small trainings, are too
    short to share.

    Where another process has a core, threads that wait for each other at every step are hundreds
    of times slower than one. Processes, or threads that each call the pipeline, are the way to
    use more cores.

    OpenMP counts threads for each calling thread apart, so that other threads, and those that
    start meanwhile, see nothing of it; torch.set_num_threads would tell them too.
    """
    libraries = _openmp_libraries()
    if not libraries or os.getpid() != _IMPORTED_IN:
        with _one_torch_thread():
            yield
        return
    torch.get_num_threads()  # The first call in a thread gives it what the host has asked for.
    before = [library.get_num_threads() for library in libraries]
    for library in libraries:
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, threads in zip(libraries, before, strict=True):
            library.set_num_threads(threads)


@contextlib.contextmanager
def _one_torch_thread() -> Iterator[None]:
    """For a forked process, as `nlp.pipe(n_process=...)` makes them.

    It has lost the threads of OpenMP but not the memory of them, and waits for them forever at
    the first parallel loop. What torch.set_num_threads has said to MKL stands above what OpenMP
    is told; so it is said once more.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def _openmp_libraries() -> list[LibController]:
    """Those that PyTorch has loaded, first of all."""
    libraries = ThreadpoolController().lib_controllers
    return [library for library in libraries if library.user_api == "openmp"]
