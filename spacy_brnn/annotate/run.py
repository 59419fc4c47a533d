"""The run: inputs, batches, annotations, output."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from spacy_brnn.annotate.annotator import Annotation, Annotations
from spacy_brnn.annotate.plan import (
    STDOUT,
    AnnotateOptions,
    Result,
    check_absent,
    check_options,
    describe_model,
    output_format_of,
    settings_of,
)
from spacy_brnn.annotate.progress import Progress
from spacy_brnn.annotate.readers import InputReader, layout_of
from spacy_brnn.annotate.records import AnnotateError, Position, Record, RecordError
from spacy_brnn.annotate.report import write_report
from spacy_brnn.annotate.sinks import FileSink, Sink, StreamSink
from spacy_brnn.annotate.sources import Input, find_inputs, total_bytes
from spacy_brnn.annotate.spool import State
from spacy_brnn.annotate.tally import Tally
from spacy_brnn.annotate.workers import Batch, annotate_batches, cut_batches
from spacy_brnn.annotate.writers import Row, Writer, make_writer

BYTES_PER_PROCESS = 4 * 1024 * 1024
"""Least input for which one more process is worth its start."""


class Interrupted(BaseException):
    """The run was asked to stop; signum: by which signal; read: records done by then."""

    read = 0

    def __init__(self, signum: int) -> None:
        """Keep the signal's number."""
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


def annotate_corpus(options: AnnotateOptions) -> Result:
    """Annotate every record of the inputs, or go on with an earlier run that was cut off.

    Raises AnnotateError for whatever the user can act on, Interrupted after Ctrl-C, SIGTERM or
    SIGHUP, and OSError where a file cannot be written.
    """
    inputs = find_inputs(options.inputs, options.input_format)
    check_options(options, inputs)
    output_format, compression = output_format_of(options, inputs)
    writer = make_writer(
        output_format,
        layout_of(inputs, options.reading),
        delimiter=options.reading.delimiter,
        header=options.reading.header,
    )
    sink = _open_sink(options, inputs, writer, output_format, compression)
    try:
        if not (sink.state and sink.state.complete):
            check_absent(options)
        with interruptible():
            return _annotate(options, inputs, writer, sink)
    finally:
        sink.close()


def count_results(
    batch: Batch, annotations: Annotations, tally: Tally
) -> tuple[list[Row], list[Record]]:
    """Part a batch's records into rows to write and rejected ones, each in order; count them."""
    rows: list[Row] = []
    rejected: list[Record] = []
    results = iter(annotations.results)
    for record in batch.records:
        result = next(results) if record.problem is None else None
        if isinstance(result, Annotation):
            rows.append((record, result.fields, result.doc))
            tally.add(record, result.fields)
        else:
            problem = record.problem if result is None else result.reason
            rejected.append(replace(record, problem=problem))
            tally.add_rejected(rejected[-1])
    return rows, rejected


def fail_if_nothing_was_written(tally: Tally) -> None:
    """Raise AnnotateError if every record was rejected: then something else is wrong."""
    if tally.rejected and not tally.written:
        first = tally.rejects[0]
        raise AnnotateError(
            f"nothing was written: all of {tally.rejected:,} records were rejected, the first: "
            f"{first['place']}: {first['reason']}"
        )


def _annotate(options: AnnotateOptions, inputs: list[Input], writer: Writer, sink: Sink) -> Result:
    state = sink.state or State(Position(), Tally())
    tally, resumed_at, before = state.tally, state.tally.read, state.tally.seconds
    started = synced = time.monotonic()
    reader = InputReader(inputs, options.reading, state.position)
    batches = cut_batches(reader, options.batch_size) if not state.complete else iter(())
    pipeline = replace(options.pipeline, with_docs=writer.needs_docs)
    n_process = _processes(options, inputs)
    try:
        with Progress(total_bytes(inputs), reader.consumed, quiet=options.quiet) as progress:
            for batch, annotations in annotate_batches(batches, pipeline, n_process):
                rows, rejected = count_results(batch, annotations, tally)
                if rejected and options.errors == "stop":
                    raise RecordError(f"{rejected[0].place}: {rejected[0].problem}")
                encoded = writer.encode(rows, annotations.columns)
                now = time.monotonic()
                tally.seconds = before + now - started
                state = State(batch.after, tally, annotations.columns)
                sink.append(encoded, rejected, state)
                if now - synced >= options.checkpoint_seconds:
                    sink.sync()
                    synced = now
                rate = (tally.read - resumed_at) / max(now - started, 1e-9)
                progress.show(batch.consumed, tally, rate)
    except (Interrupted, AnnotateError) as error:
        error.read = sink.written
        raise
    fail_if_nothing_was_written(tally)
    write_report(options, tally)
    sink.finish(replace(state, complete=True))
    return Result(
        tally,
        None if options.output == STDOUT else Path(options.output),
        options.rejects_path if tally.rejected or options.rejects else None,
        resumed_at,
    )


def _open_sink(
    options: AnnotateOptions,
    inputs: list[Input],
    writer: Writer,
    output_format: str,
    compression: str | None,
) -> Sink:
    if options.output == STDOUT or options.rejects_path is None:
        describe_model(options.pipeline.model)
        return StreamSink(writer, options.rejects_path)
    settings = settings_of(options, inputs, output_format)
    return FileSink(options, options.rejects_path, writer, compression, settings)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the signals that ask to stop into Interrupted; what a batch writes, it writes whole.

    Outside the main thread, where that cannot be, do nothing.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        raise Interrupted(signum)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    # What a caller such as nohup ignores stays ignored.
    asked = [which for which in names if which and signal.getsignal(which) != signal.SIG_IGN]
    before = {which: signal.signal(which, stop) for which in asked}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _processes(options: AnnotateOptions, inputs: list[Input]) -> int:
    if options.n_process is not None:
        return options.n_process
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    total = total_bytes(inputs)
    return cores if total is None else max(1, min(cores, total // BYTES_PER_PROCESS))
