"""The run: inputs, batches, annotations, output."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy_brnn.annotate.annotator import SENTIMENT_FIELDS, Annotations
from spacy_brnn.annotate.batches import Batch, cut_batches, sort_out
from spacy_brnn.annotate.checkpoint import State
from spacy_brnn.annotate.compression import check_compression
from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.headers import known_columns, known_schema
from spacy_brnn.annotate.inputs import (
    Input,
    InputReader,
    Position,
    check_readable,
    find_inputs,
    total_bytes,
)
from spacy_brnn.annotate.interruption import Interrupted, Interruption
from spacy_brnn.annotate.options import STDOUT, AnnotateOptions, Result
from spacy_brnn.annotate.outputs import check_files, open_sink, output_format_of
from spacy_brnn.annotate.progress import Progress
from spacy_brnn.annotate.readers import check_format
from spacy_brnn.annotate.report import write_report
from spacy_brnn.annotate.sinks import Sink
from spacy_brnn.annotate.tally import Tally
from spacy_brnn.annotate.workers import PipelineOptions, annotate_batches
from spacy_brnn.annotate.writers import Writer, make_writer

BYTES_PER_PROCESS = 4 * 1024 * 1024
"""Least input for which one more process is worth its start."""


def annotate_corpus(options: AnnotateOptions) -> Result:
    """Annotate every record of the inputs, or go on with an earlier run that was cut off.

    Raises AnnotateError for whatever the user can act on, Interrupted after Ctrl-C or SIGTERM,
    and OSError where a file cannot be written.
    """
    inputs = find_inputs(options.inputs, options.input_format)
    check_files(options, inputs)
    if options.errors == "stop":
        check_readable(inputs)
    output_format, compression = output_format_of(options, inputs)
    check_format(output_format)
    check_compression(compression)
    writer = make_writer(output_format, compression, known_columns(inputs), known_schema(inputs))
    sink = open_sink(options, inputs, writer, output_format)
    try:
        return _Run(options, inputs, writer, sink).go()
    finally:
        sink.close()


class _Run:
    """One run's state: what is counted, where the inputs go on."""

    def __init__(
        self, options: AnnotateOptions, inputs: list[Input], writer: Writer, sink: Sink
    ) -> None:
        earlier = sink.state or State(Position(), Tally())
        self.tally = earlier.tally
        self.position = earlier.position
        self.complete = earlier.complete
        self.resumed_at = self.tally.read
        self._options = options
        self._inputs = inputs
        self._writer = writer
        self._sink = sink
        self._clock = _Clock(self.tally.seconds)
        self._interruption = Interruption()

    def go(self) -> Result:
        with self._interruption.listening():
            try:
                if not self.complete:
                    self._annotate()
            except (Interrupted, AnnotateError) as error:
                # Not after an OSError: what of the last batch reached the disk is unknown then.
                self._save()
                error.read = self.tally.read
                raise
            self.tally.seconds = self._clock.seconds
            with self._interruption.shield():
                write_report(self._options, self.tally)
                self._sink.finish(self._state())
        return self._result()

    def _annotate(self) -> None:
        options = self._options
        reader = InputReader(self._inputs, options.text_field, self.position)
        batches = cut_batches(reader, options.batch_size)
        pipeline = PipelineOptions(options.model, options.gpu_id, self._writer.needs_docs)
        n_process = _n_process(options, self._inputs)
        columns: Sequence[str] = SENTIMENT_FIELDS
        saved = time.monotonic()
        with Progress(total_bytes(self._inputs), reader.consumed, quiet=options.quiet) as progress:
            for batch, annotations in annotate_batches(batches, pipeline, n_process):
                with self._interruption.shield():
                    self._commit(batch, annotations)
                    if time.monotonic() - saved >= options.checkpoint_seconds:
                        self._save()
                        saved = time.monotonic()
                columns = annotations.columns
                progress.show(batch.consumed, self.tally, self._rate())
        if self._sink.is_empty:
            self._sink.append(self._writer.encode([], columns, first=True), [])

    def _commit(self, batch: Batch, annotations: Annotations) -> None:
        rows, rejected = sort_out(batch.items, annotations)
        if rejected and self._options.errors == "stop":
            raise AnnotateError(f"{rejected[0].place()}: {rejected[0].reason}")
        encoded = self._writer.encode(rows, annotations.columns, first=self._sink.is_empty)
        self._sink.append(encoded, rejected)
        for record, annotation in rows:
            self.tally.add(record, annotation.fields)
        for item in rejected:
            self.tally.add_rejected(item)
        self.position = batch.after

    def _state(self) -> State:
        return State(self.position, self.tally, self.complete)

    def _save(self) -> None:
        self.tally.seconds = self._clock.seconds
        self._sink.save(self._state())

    def _rate(self) -> float:
        return (self.tally.read - self.resumed_at) / max(self._clock.here, 1e-9)

    def _result(self) -> Result:
        options = self._options
        output = None if options.output == STDOUT else Path(options.output)
        rejects = options.rejects_path if self.tally.rejected or options.rejects else None
        return Result(self.tally, output, rejects, self.resumed_at)


@dataclass(slots=True)
class _Clock:
    """Seconds of this run on top of those of the runs that it continues."""

    before: float
    started: float = field(default_factory=time.monotonic)

    @property
    def here(self) -> float:
        return time.monotonic() - self.started

    @property
    def seconds(self) -> float:
        return self.before + self.here


def _n_process(options: AnnotateOptions, inputs: list[Input]) -> int:
    if options.n_process is not None:
        return options.n_process
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    total = total_bytes(inputs)
    if total is None:
        return cores
    return max(1, min(cores, total // BYTES_PER_PROCESS))
