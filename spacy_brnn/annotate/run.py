"""The run: inputs, batches, annotations, output."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import spacy_brnn
from spacy_brnn.annotate.annotator import SENTIMENT_FIELDS, Annotation, Annotations
from spacy_brnn.annotate.batches import Batch, cut_batches
from spacy_brnn.annotate.checkpoint import State
from spacy_brnn.annotate.compression import check_compression
from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.formats import LINE_FORMATS, OUTPUT_FORMATS, split_name
from spacy_brnn.annotate.headers import known_columns, known_schema
from spacy_brnn.annotate.inputs import (
    STDIN,
    Input,
    InputReader,
    Position,
    check_readable,
    describe_inputs,
    find_inputs,
)
from spacy_brnn.annotate.interruption import Interrupted, Interruption
from spacy_brnn.annotate.model_files import describe_model
from spacy_brnn.annotate.progress import Progress
from spacy_brnn.annotate.readers import check_format
from spacy_brnn.annotate.records import Record, Rejected, reject
from spacy_brnn.annotate.report import write_report
from spacy_brnn.annotate.sinks import FileSink, Sink, StreamSink
from spacy_brnn.annotate.tally import Tally
from spacy_brnn.annotate.workers import PipelineOptions, annotate_batches
from spacy_brnn.annotate.writers import DELIMITERS, Row, Writer, make_writer

STDOUT = "-"
BYTES_PER_PROCESS = 4 * 1024 * 1024
"""Least input for which one more process is worth its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotateOptions:
    """Everything the user may choose.

    inputs: files, globs, folders, "-"; output: a file, or "-" for standard output; model: see
    Annotator; n_process: None for one per core; errors: "stop" or "skip"; rejects: the rejects
    file, None for OUTPUT.rejects.jsonl; checkpoint_seconds: least time between two checkpoints.
    """

    inputs: Sequence[str]
    output: str = STDOUT
    model: str | None = None
    text_field: str = "text"
    batch_size: int = 256
    n_process: int | None = None
    gpu_id: int = -1
    input_format: str | None = None
    output_format: str | None = None
    errors: str = "stop"
    rejects: str | None = None
    restart: bool = False
    checkpoint_seconds: float = 10.0
    quiet: bool = False
    report: str | None = None


@dataclass(slots=True)
class Result:
    """What a run did: its counts, and the files it wrote (None where it wrote none)."""

    tally: Tally
    output: Path | None
    rejects: Path | None = None
    resumed_at: int = 0


def annotate_corpus(options: AnnotateOptions) -> Result:
    """Annotate every record of the inputs, or go on with an earlier run that was cut off.

    Raises AnnotateError for whatever the user can act on, Interrupted after Ctrl-C or SIGTERM,
    and OSError where a file cannot be written.
    """
    inputs = find_inputs(options.inputs, options.input_format)
    _refuse_to_overwrite_inputs(options, inputs)
    if options.errors == "stop":
        check_readable(inputs)
    output_format, compression = _output_format(options, inputs)
    check_format(output_format)
    check_compression(compression)
    writer = make_writer(output_format, compression, known_columns(inputs), known_schema(inputs))
    sink = _open_sink(options, inputs, writer, output_format)
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
                if self._options.report:
                    write_report(Path(self._options.report), self.tally, _settings(self._options))
                self._sink.finish(self._state())
        return self._result()

    def _annotate(self) -> None:
        options = self._options
        reader = InputReader(self._inputs, options.text_field, self.position)
        batches = cut_batches(reader, options.batch_size)
        pipeline = PipelineOptions(options.model, options.gpu_id, self._writer.needs_docs)
        n_process = _n_process(options, self._inputs)
        progress = Progress(_total(self._inputs), reader.consumed, quiet=options.quiet)
        columns: Sequence[str] = SENTIMENT_FIELDS
        saved = time.monotonic()
        try:
            for batch, annotations in annotate_batches(batches, pipeline, n_process):
                with self._interruption.shield():
                    self._commit(batch, annotations)
                    if time.monotonic() - saved >= options.checkpoint_seconds:
                        self._save()
                        saved = time.monotonic()
                columns = annotations.columns
                progress.show(batch.consumed, self.tally, self._rate())
        finally:
            progress.close()
        if self._sink.is_empty:
            self._sink.append(self._writer.encode([], columns, first=True), [])

    def _commit(self, batch: Batch, annotations: Annotations) -> None:
        rows, rejected = _sort_out(batch, annotations)
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
        if options.output == STDOUT:
            rejects = Path(options.rejects) if options.rejects else None
            return Result(self.tally, None, rejects)
        rejects = _rejects_path(options) if self.tally.rejected else None
        return Result(self.tally, Path(options.output), rejects, self.resumed_at)


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


def _settings(options: AnnotateOptions) -> dict[str, str]:
    """What the report says about the run."""
    return {
        "inputs": " ".join(options.inputs),
        "output": "standard output" if options.output == STDOUT else options.output,
        "pipeline": options.model or "the English model that ships",
        "spacy-brnn": spacy_brnn.__version__,
        "finished": time.strftime("%Y-%m-%d %H:%M"),
    }


def _sort_out(batch: Batch, annotations: Annotations) -> tuple[list[Row], list[Rejected]]:
    rows: list[Row] = []
    rejected: list[Rejected] = []
    results = iter(annotations.results)
    for item in batch.items:
        if isinstance(item, Rejected):
            rejected.append(item)
            continue
        result = next(results)
        if isinstance(item, Record) and isinstance(result, Annotation):
            rows.append((item, result))
        else:
            rejected.append(reject(item, result.reason))
    return rows, rejected


def _output_format(options: AnnotateOptions, inputs: list[Input]) -> tuple[str, str | None]:
    to_stdout = options.output == STDOUT
    by_name, compression = (None, None) if to_stdout else split_name(options.output)
    wanted = options.output_format or by_name
    if wanted is None and to_stdout:
        formats = {found.format for found in inputs}
        same = formats.pop() if len(formats) == 1 else "jsonl"
        wanted = same if same in (*DELIMITERS, "jsonl") else "jsonl"
    if wanted is None:
        raise AnnotateError(
            f"{options.output}: the name does not tell the format; "
            f"name it with --output-format ({', '.join(OUTPUT_FORMATS)})"
        )
    if wanted == "text":
        raise AnnotateError(
            f"{options.output}: plain text has no room for the annotation; "
            "name the output .jsonl, .csv or .tsv"
        )
    if compression and wanted not in LINE_FORMATS:
        raise AnnotateError(f"{options.output}: {wanted} is compressed by itself; drop the suffix")
    return wanted, compression


def _open_sink(
    options: AnnotateOptions, inputs: list[Input], writer: Writer, output_format: str
) -> Sink:
    if options.output == STDOUT:
        return StreamSink(writer, Path(options.rejects) if options.rejects else None)
    output = Path(options.output)
    rejects = _rejects_path(options)
    if output.is_dir():
        raise AnnotateError(f"{output} is a folder; name a file")
    if not output.parent.is_dir():
        raise AnnotateError(f"{output.parent}: no such folder to write {output.name} to")
    settings = {
        "version of spacy-brnn": spacy_brnn.__version__,
        "inputs": describe_inputs(options.inputs, inputs),
        "model": describe_model(options.model),
        "--text-field": options.text_field,
        "--batch-size": options.batch_size,
        "--output-format": output_format,
        "device": "gpu" if options.gpu_id >= 0 else "cpu",
    }
    resumable = all(found.path != STDIN for found in inputs)
    return FileSink(output, rejects, writer, settings, restart=options.restart or not resumable)


def _rejects_path(options: AnnotateOptions) -> Path:
    return Path(options.rejects or f"{options.output}.rejects.jsonl")


def _refuse_to_overwrite_inputs(options: AnnotateOptions, inputs: list[Input]) -> None:
    outputs = [options.report, options.rejects]
    if options.output != STDOUT:
        outputs += [options.output, _rejects_path(options)]
    written = {os.path.realpath(path) for path in outputs if path}
    for found in inputs:
        if found.path != STDIN and os.path.realpath(found.path) in written:
            raise AnnotateError(f"{found.path} is an input and would be overwritten")


def _total(inputs: list[Input]) -> int | None:
    sizes = [found.size for found in inputs]
    return None if None in sizes else sum(size for size in sizes if size)


def _n_process(options: AnnotateOptions, inputs: list[Input]) -> int:
    if options.n_process is not None:
        return options.n_process
    if options.gpu_id >= 0:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    total = _total(inputs)
    if total is None:
        return cores
    return max(1, min(cores, total // BYTES_PER_PROCESS))
