"""Annotating batches in this process, or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from spacy_brnn.annotate.annotator import Annotations, PipelineOptions
from spacy_brnn.annotate.readers import InputReader
from spacy_brnn.annotate.records import AnnotateError, Position, Record, one_line
from spacy_brnn.annotate.tokenizing import DocumentTokenizer

BATCHES_PER_WORKER = 2
"""How many batches wait for each worker at most: what bounds memory."""
MAX_BATCH_CHARACTERS = 500_000
MAX_BATCH_BYTES = 16 * 1024 * 1024

Documents = Sequence[Any]
"""Texts, serialized Docs, or tokenized texts; with targets, Targeted ones."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records; after: where the inputs go on; consumed: bytes read by then."""

    records: list[Record]
    after: Position
    consumed: int

    def documents(self) -> Documents:
        """The documents of the records that can be annotated."""
        return [record.document for record in self.records if record.problem is None]


Annotated = Iterator[tuple[Batch, Annotations]]


def cut_batches(reader: InputReader, batch_size: int) -> Iterator[Batch]:
    """Yield batches of `batch_size` records, fewer where these are long.

    The cuts depend on the input alone, counted from where reading starts: a run that goes on
    behind a batch makes the same batches as one that never stopped. That is what makes its
    scores the same to the last digit.
    """
    records: list[Record] = []
    characters = size = 0
    for record in reader:
        records.append(record)
        characters += len(record.text)
        size += len(record.raw or record.text)
        full = len(records) >= batch_size or characters >= MAX_BATCH_CHARACTERS
        if full or size >= MAX_BATCH_BYTES:
            yield Batch(records, reader.position, reader.consumed)
            records, characters, size = [], 0, 0
    if records:
        yield Batch(records, reader.position, reader.consumed)


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


def annotate_tokenized(
    tokenized: Generator[tuple[Batch, Documents], None, None],
    annotate: Callable[[Documents], Annotations],
) -> Annotated:
    """Annotate in this process what others have tokenized; close their generator at the end."""
    with closing(tokenized):
        for batch, documents in tokenized:
            yield batch, annotate(documents)


def _annotate_here(batches: Iterator[Batch], options: PipelineOptions) -> Annotated:
    annotator = options.load()
    for batch in batches:
        yield batch, annotator(batch.documents())


def in_workers(
    batches: Iterator[Batch], load: Callable[[], Callable[[Documents], T]], n_process: int
) -> Generator[tuple[Batch, T], None, None]:
    """Yield every batch with what a worker process makes of its documents, in order.

    load: called once in each worker; makes the function that is called with the documents. What
    the workers warn of, this process warns of.

    Raises AnnotateError if `load` does, or if a worker process dies.
    """
    pool = ProcessPoolExecutor(n_process, _context(), initializer=_start_worker, initargs=(load,))
    waiting: deque[tuple[Batch, Future[tuple[T, list[str]]]]] = deque()
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


def _next(waiting: deque[tuple[Batch, Future[tuple[T, list[str]]]]]) -> tuple[Batch, T]:
    batch, future = waiting.popleft()
    result, warned = future.result()
    for message in warned:
        warnings.warn(message, stacklevel=2)
    return batch, result


def _context() -> multiprocessing.context.BaseContext:
    # A fork of a process that has used torch or CUDA may hang; a fork server has used neither.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["spacy", "spacy_brnn.annotate.workers"])
    return context


_worker: Callable[[Documents], Any] | AnnotateError | None = None
_warned: list[str] = []


def _start_worker(load: Callable[[], Callable[[Documents], Any]]) -> None:
    global _worker
    for signum in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        signal.signal(signum, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.showwarning = lambda message, *where: _warned.append(one_line(message))
    try:
        _worker = load()
    except AnnotateError as error:
        _worker = error


def _work(documents: Documents) -> tuple[Any, list[str]]:
    if not callable(_worker):
        raise _worker or AnnotateError("the worker was not started")
    result = _worker(documents)
    warned = _warned.copy()
    _warned.clear()
    return result, warned


def _end_with_parent() -> None:
    # A worker waits for work in a pipe that it holds open itself: it would never see its end.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
