"""Annotating batches in this process, or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice

from spacy_brnn.annotate.annotator import Annotations, Annotator
from spacy_brnn.annotate.batches import Batch
from spacy_brnn.annotate.errors import AnnotateError

BATCHES_PER_WORKER = 2
"""How many batches wait for each worker at most: what bounds memory."""

Annotated = Iterator[tuple[Batch, Annotations]]


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How every process makes its Annotator."""

    model: str | None = None
    gpu_id: int = -1
    with_docs: bool = False

    def load(self) -> Annotator:
        """Load the pipeline; one process uses one core, so that results do not depend on it."""
        annotator = Annotator(self.model, self.gpu_id, with_docs=self.with_docs)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(1)
        return annotator


def annotate_batches(
    batches: Iterator[Batch], options: PipelineOptions, n_process: int
) -> Annotated:
    """Yield every batch with its annotations, in order; a single batch is not worth a worker.

    Raises AnnotateError if the pipeline cannot be loaded or a worker process dies.
    """
    first = list(islice(batches, 2))
    if n_process == 1 or len(first) < 2:
        return _annotate_here(chain(first, batches), options)
    return _annotate_in_workers(chain(first, batches), options, n_process)


def _annotate_here(batches: Iterator[Batch], options: PipelineOptions) -> Annotated:
    annotator = options.load()
    for batch in batches:
        yield batch, annotator(batch.documents())


def _annotate_in_workers(
    batches: Iterator[Batch], options: PipelineOptions, n_process: int
) -> Annotated:
    pool = ProcessPoolExecutor(
        n_process, _context(), initializer=_start_worker, initargs=(options,)
    )
    waiting: deque[tuple[Batch, Future[Annotations]]] = deque()
    try:
        for batch in batches:
            waiting.append((batch, pool.submit(_annotate, batch.documents())))
            if len(waiting) >= n_process * BATCHES_PER_WORKER:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    except BrokenProcessPool as error:
        raise AnnotateError(
            "a worker process was killed (out of memory?); "
            "try a smaller --n-process or --batch-size"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _next(waiting: deque[tuple[Batch, Future[Annotations]]]) -> tuple[Batch, Annotations]:
    batch, future = waiting.popleft()
    return batch, future.result()


def _context() -> multiprocessing.context.BaseContext:
    # A fork of a process that has used torch or CUDA may hang; a fork server has used neither.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["spacy", "spacy_brnn.annotate.workers"])
    return context


_annotator: Annotator | AnnotateError | None = None


def _start_worker(options: PipelineOptions) -> None:
    global _annotator
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _annotator = options.load()
    except AnnotateError as error:
        _annotator = error


def _annotate(documents: list[str | bytes]) -> Annotations:
    if isinstance(_annotator, Annotator):
        return _annotator(documents)
    raise _annotator or AnnotateError("the worker was not started")


def _end_with_parent() -> None:
    # A worker waits for work in a pipe that it holds open itself: it would never see its end.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
