"""The same run on a Ray cluster: actors that each keep one pipeline, shards as output."""

from __future__ import annotations

import io
import logging
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.data.context import DataContext
from ray.exceptions import RayError

from spacy_brnn.annotate.annotator import SENTIMENT_FIELDS
from spacy_brnn.annotate.batches import Batch, cut_batches, sort_out
from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.headers import known_columns, known_schema
from spacy_brnn.annotate.inputs import (
    STDIN,
    Input,
    InputReader,
    Position,
    check_readable,
    find_inputs,
    total_bytes,
)
from spacy_brnn.annotate.interruption import Interrupted, Interruption
from spacy_brnn.annotate.model_files import describe_model
from spacy_brnn.annotate.options import STDOUT, AnnotateOptions, Result
from spacy_brnn.annotate.outputs import check_files
from spacy_brnn.annotate.progress import Progress
from spacy_brnn.annotate.records import Rejected
from spacy_brnn.annotate.rejects import encode_rejected
from spacy_brnn.annotate.remote import is_remote
from spacy_brnn.annotate.report import write_report
from spacy_brnn.annotate.shard_folder import ShardFolder
from spacy_brnn.annotate.tally import Tally
from spacy_brnn.annotate.workers import PipelineOptions
from spacy_brnn.annotate.writers import Row, Writer, make_writer

SHARD_FORMATS = ("parquet", "jsonl")
BATCHES_PER_SHARD = 16
BLOCK_BYTES = 1 << 20
"""Ray hands out blocks of about this size: small ones, so that all actors have work."""


def annotate_on_ray(options: AnnotateOptions) -> Result:
    """Annotate the inputs on a cluster, and write a folder of shards whose names sort in order.

    The folder appears under its name when it is complete; on a filesystem without folders that
    can be renamed (an object store), the file _SUCCESS in it says so.

    Raises AnnotateError for whatever the user can act on, and Interrupted.
    """
    # The cluster's processes run in folders of their own.
    inputs = [found.anywhere() for found in find_inputs(options.inputs, options.input_format)]
    _check(options, inputs)
    shards = _Shards.of(options, inputs)
    folder = ShardFolder(options.output)
    interruption = Interruption()
    tally = Tally()
    try:
        # What Ray says of its workers is no data.
        with (
            redirect_stdout(sys.stderr),
            interruption.listening(),
            Progress(total_bytes(inputs), quiet=options.quiet) as bar,
        ):
            _connect(options)
            folder.open()
            _follow(_dataset(inputs, shards, folder, options), tally, options, bar)
            if not tally.written:
                shards.write_empty(folder)
            with interruption.shield():
                write_report(options, tally)
                folder.complete()
    except RayError as error:
        raise AnnotateError(f"Ray: {_cause(error)}") from error
    except (AnnotateError, Interrupted) as error:
        error.read = tally.read
        raise
    finally:
        ray.shutdown()
    return Result(tally, Path(options.output), options.rejects_path if tally.rejected else None)


@dataclass(frozen=True)
class _Shards:
    """How actors annotate a chunk of items and write it as one shard."""

    pipeline: PipelineOptions
    format: str
    columns: Sequence[str] | None
    schema: Any

    @classmethod
    def of(cls, options: AnnotateOptions, inputs: Sequence[Input]) -> _Shards:
        # An actor sees only the GPU that Ray gave it, as number 0.
        gpu_id = 0 if options.gpu_id >= 0 else -1
        model = options.model
        if model is not None and os.path.isdir(model):
            model = os.path.abspath(model)
        return cls(
            PipelineOptions(model, gpu_id),
            options.output_format or "parquet",
            known_columns(inputs),
            known_schema(inputs),
        )

    def writer(self) -> Writer:
        return make_writer(self.format, None, self.columns, self.schema)

    def write_empty(self, folder: ShardFolder) -> None:
        store = self.writer().encode([], SENTIMENT_FIELDS, first=True)
        folder.write(self.name(0, 0), self._assembled(self.writer(), store))

    def write(
        self,
        folder: ShardFolder,
        name: str,
        batches: Sequence[tuple[list[Row], Sequence[str]]],
    ) -> None:
        writer = self.writer()
        store = io.BytesIO()
        for rows, columns in batches:
            store.write(writer.encode(rows, columns, first=store.tell() == 0))
        folder.write(name, self._assembled(writer, store.getvalue()))

    def name(self, source: int, part: int) -> str:
        return f"part-{source:05d}-{part:06d}.{self.format}"

    @staticmethod
    def _assembled(writer: Writer, store: bytes) -> bytes:
        if not writer.spooled:
            return store
        with tempfile.TemporaryDirectory() as folder:
            stored, target = Path(folder, "store"), Path(folder, "target")
            stored.write_bytes(store)
            writer.assemble(stored, target)
            return target.read_bytes()


class _ChunkReader:
    """Reads one input and yields its chunks, each with the number of the shard it becomes."""

    def __init__(self, text_field: str, batch_size: int) -> None:
        self._text_field = text_field
        self._batch_size = batch_size

    def __call__(self, block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for source, pickled in zip(block["source"], block["input"], strict=True):
            reader = InputReader([pickle.loads(pickled)], self._text_field, Position())
            chunk: list[Batch] = []
            part = consumed = 0
            for batch in cut_batches(reader, self._batch_size):
                chunk.append(batch)
                if len(chunk) == BATCHES_PER_SHARD:
                    yield _chunk(source, part, chunk, consumed)
                    part, consumed, chunk = part + 1, batch.consumed, []
            if chunk:
                yield _chunk(source, part, chunk, consumed)


class _ShardAnnotator:
    """What each actor runs: it loads the pipeline once, then turns chunks into shards."""

    def __init__(self, shards: _Shards, folder: ShardFolder) -> None:
        self._shards = shards
        self._folder = folder
        self._annotator = shards.pipeline.load()

    def __call__(self, block: Mapping[str, Any]) -> dict[str, Any]:
        chunks = zip(block["source"], block["part"], block["chunk"], strict=True)
        return _objects(result=[self._annotate(*chunk) for chunk in chunks])

    def _annotate(self, source: int, part: int, pickled: bytes) -> bytes:
        tally = Tally()
        written: list[tuple[list[Row], Sequence[str]]] = []
        rejected: list[Rejected] = []
        batches, consumed = pickle.loads(pickled)
        for batch in batches:
            annotations = self._annotator(batch.documents())
            rows, bad = sort_out(batch.items, annotations)
            for record, annotation in rows:
                tally.add(record, annotation.fields)
            for item in bad:
                tally.add_rejected(item)
            written.append((rows, annotations.columns))
            rejected += bad
        if tally.written:
            self._shards.write(self._folder, self._shards.name(source, part), written)
        return pickle.dumps((tally, rejected, consumed))


def _dataset(
    inputs: Sequence[Input], shards: _Shards, folder: ShardFolder, options: AnnotateOptions
) -> ray.data.Dataset:
    _configure(DataContext.get_current())
    sources = [{"source": i, "input": pickle.dumps(found)} for i, found in enumerate(inputs)]
    reading = ray.data.from_items(sources, override_num_blocks=len(sources))
    # Half a core: steps that ask for the same are run as one, by one actor for each file.
    chunks = reading.map_batches(
        _ChunkReader(options.text_field, options.batch_size).__call__, batch_size=1, num_cpus=0.5
    )
    return chunks.map_batches(
        _ShardAnnotator,
        fn_constructor_args=(shards, folder),
        batch_size=1,
        num_cpus=1,
        num_gpus=1 if options.gpu_id >= 0 else 0,
        compute=ray.data.ActorPoolStrategy(size=_actors(options)),
    )


def _configure(context: DataContext) -> None:
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = BLOCK_BYTES
    # The first bad record that is told is then the first one in the corpus.
    context.execution_options.preserve_order = True
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _follow(
    results: ray.data.Dataset, tally: Tally, options: AnnotateOptions, bar: Progress
) -> None:
    """Collect what the actors counted and rejected, while they work."""
    path = options.rejects_path
    new = path.with_name(path.name + ".partial")
    started = time.monotonic()
    done = 0
    try:
        with open(new, "wb") as rejects:
            for row in results.iter_rows():
                counted, rejected, consumed = pickle.loads(row["result"])
                if rejected and options.errors == "stop":
                    raise AnnotateError(f"{rejected[0].place()}: {rejected[0].reason}")
                rejects.writelines(map(encode_rejected, rejected))
                tally.merge(counted)
                tally.seconds = time.monotonic() - started
                done += consumed
                bar.show(done, tally, tally.documents_per_second)
        if tally.rejected:
            os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def _chunk(source: int, part: int, batches: list[Batch], before: int) -> dict[str, Any]:
    pickled = pickle.dumps((batches, batches[-1].consumed - before))
    return {"source": np.array([source]), "part": np.array([part]), **_objects(chunk=[pickled])}


def _objects(**columns: list[bytes]) -> dict[str, Any]:
    """Columns of bytes that numpy must not take for padded strings."""
    arrays = {}
    for name, values in columns.items():
        arrays[name] = np.empty(len(values), dtype=object)
        arrays[name][:] = values
    return arrays


def _check(options: AnnotateOptions, inputs: Sequence[Input]) -> None:
    if options.output == STDOUT:
        raise AnnotateError("--engine ray writes a folder of shards: name it with --output")
    if any(found.path == STDIN for found in inputs):
        raise AnnotateError("--engine ray reads files, not standard input")
    if options.output_format not in (None, *SHARD_FORMATS):
        raise AnnotateError(f"--engine ray writes {' or '.join(SHARD_FORMATS)}")
    if is_remote(options.output) and not options.rejects and options.errors == "skip":
        raise AnnotateError("name a local rejects file with --rejects")
    check_files(options, list(inputs))
    ShardFolder(options.output).check()
    if options.errors == "stop":
        check_readable(inputs)
    describe_model(options.model)


def _connect(options: AnnotateOptions) -> None:
    here = options.ray_address is None and "RAY_ADDRESS" not in os.environ
    cores = os.cpu_count() or 1
    # One core more than there are actors, for reading.
    more = {"num_cpus": max(cores, (options.n_process or 0) + 1), "include_dashboard": False}
    try:
        ray.init(
            options.ray_address,
            logging_level="ERROR",
            log_to_driver=False,
            **(more if here else {}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise AnnotateError(f"Ray: {_cause(error)}") from error


def _actors(options: AnnotateOptions) -> int:
    if options.n_process is not None:
        return options.n_process
    resources = ray.cluster_resources()
    if options.gpu_id >= 0:
        return max(1, int(resources.get("GPU", 0)))
    return max(1, int(resources.get("CPU", 1)) - 1)


def _cause(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
