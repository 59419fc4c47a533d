"""Annotating batches in this process, or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from spacy_brnn.annotate.annotator import Annotations, Annotator
from spacy_brnn.annotate.batches import Batch
from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.tokenizing import DocumentTokenizer, annotate_tokenized

BATCHES_PER_WORKER = 2
"""How many batches wait for each worker at most: what bounds memory."""

Annotated = Iterator[tuple[Batch, Annotations]]
Documents = list[str | bytes]
T = TypeVar("T")


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

    n_process: with a GPU, which this process holds, the others tokenize for it.

    Raises AnnotateError if the pipeline cannot be loaded or a worker process dies.
    """
    first = list(islice(batches, 2))
    batches = chain(first, batches)
    if n_process == 1 or len(first) < 2:
        return _annotate_here(batches, options)
    if options.gpu_id < 0:
        return in_workers(batches, options.load, n_process)
    annotator = options.load()
    load_tokenizer = partial(DocumentTokenizer, options.model)
    return annotate_tokenized(in_workers(batches, load_tokenizer, n_process), annotator)


def _annotate_here(batches: Iterator[Batch], options: PipelineOptions) -> Annotated:
    annotator = options.load()
    for batch in batches:
        yield batch, annotator(batch.documents())


def in_workers(
    batches: Iterator[Batch], load: Callable[[], Callable[[Documents], T]], n_process: int
) -> Generator[tuple[Batch, T], None, None]:
    """Yield every batch with what a worker process makes of its documents, in order.

    load: called once in each worker; makes the function that is called with the documents.

    Raises AnnotateError if `load` does, or if a worker process dies.
    """
    pool = ProcessPoolExecutor(n_process, _context(), initializer=_start_worker, initargs=(load,))
    waiting: deque[tuple[Batch, Future[T]]] = deque()
    try:
        for batch in batches:
            waiting.append((batch, pool.submit(_work, batch.documents())))
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


def _next(waiting: deque[tuple[Batch, Future[T]]]) -> tuple[Batch, T]:
    batch, future = waiting.popleft()
    return batch, future.result()


def _context() -> multiprocessing.context.BaseContext:
    # A fork of a process that has used torch or CUDA may hang; a fork server has used neither.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["spacy", "spacy_brnn.annotate.workers"])
    return context


_worker: Callable[[Documents], Any] | AnnotateError | None = None


def _start_worker(load: Callable[[], Callable[[Documents], Any]]) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _worker = load()
    except AnnotateError as error:
        _worker = error


def _work(documents: Documents) -> Any:
    if callable(_worker):
        return _worker(documents)
    raise _worker or AnnotateError("the worker was not started")


def _end_with_parent() -> None:
    # A worker waits for work in a pipe that it holds open itself: it would never see its end.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
