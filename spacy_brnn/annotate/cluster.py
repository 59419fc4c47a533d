"""The same run on a Ray cluster: actors that each keep one pipeline, shards as output.

Ray Data reads, annotates and writes: `from_items(inputs)` -> chunks of records -> shards. A shard
that is done is not done again: beside it lies a note of what it counted, and a run that was cut
off takes the notes that it finds.
"""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import ray
from pyarrow import fs
from ray.data.context import DataContext
from ray.exceptions import RayError

from spacy_brnn.annotate.annotator import PipelineOptions
from spacy_brnn.annotate.plan import (
    STDOUT,
    AnnotateOptions,
    Result,
    check_absent,
    check_options,
    settings_of,
)
from spacy_brnn.annotate.progress import Progress
from spacy_brnn.annotate.readers import InputReader, ReadOptions, layout_of
from spacy_brnn.annotate.records import SENTIMENT_FIELDS, AnnotateError, Layout, Record, one_line
from spacy_brnn.annotate.report import write_report
from spacy_brnn.annotate.run import (
    Interrupted,
    count_results,
    fail_if_nothing_was_written,
    interruptible,
)
from spacy_brnn.annotate.sinks import changes
from spacy_brnn.annotate.sources import (
    STDIN,
    Input,
    filesystem_of,
    find_inputs,
    is_remote,
    total_bytes,
)
from spacy_brnn.annotate.tally import Tally
from spacy_brnn.annotate.workers import Batch, cut_batches
from spacy_brnn.annotate.writers import assemble, make_writer

SHARD_FORMATS = ("parquet", "jsonl")
SHARD_CHARACTERS = 2_000_000
"""A shard holds whole batches, of some 2 MB of text: what is lost where an actor dies."""
BLOCK_BYTES = 1 << 20
"""Ray hands out blocks of about this size: small ones, so that all actors have work."""

_RUN = "_run.json"
_SUCCESS = "_SUCCESS"
_NOTES = "_notes"


def annotate_on_ray(options: AnnotateOptions) -> Result:
    """Annotate the inputs on a cluster, and write a folder of shards whose names sort in order.

    The folder appears under its name when it is complete; on a filesystem without folders that
    can be renamed (an object store), the file _SUCCESS in it says so.

    Raises AnnotateError for whatever the user can act on, and Interrupted.
    """
    # The cluster's processes run in folders of their own.
    found = find_inputs(options.inputs, options.input_format)
    inputs = [one.with_absolute_path() for one in found]
    _check(options, inputs)
    shards = _Shards.of(options, inputs)
    folder = ShardFolder(options.output)
    settings = settings_of(options, inputs, shards.format)
    done = folder.check(settings, restart=options.restart)
    tally = Tally()
    try:
        # What Ray says of its workers is no data.
        with (
            redirect_stdout(sys.stderr),
            interruptible(),
            Progress(total_bytes(inputs), quiet=options.quiet) as bar,
        ):
            _connect(options)
            folder.open(settings)
            _follow(_dataset(inputs, shards, folder, options, done), tally, options, bar)
            fail_if_nothing_was_written(tally)
            if not tally.written:
                shards.write(folder, shards.name(0, 0), [], SENTIMENT_FIELDS)
            write_report(options, tally)
            folder.complete()
    except RayError as error:
        raise AnnotateError(f"Ray: {_cause(error)}") from error
    except (AnnotateError, Interrupted) as error:
        error.read = tally.read if tally.written else 0
        raise
    finally:
        ray.shutdown()
        if not tally.written:
            folder.drop_if_empty()
    resumed = sum(json.loads(note)["read"] for note in done.values())
    rejects = options.rejects_path if tally.rejected else None
    return Result(tally, Path(options.output), rejects, resumed)


class ShardFolder:
    """A folder of shards, here or on a filesystem that pyarrow knows.

    While the run goes on, it also holds `_run.json`, what the output depends on, and in `_notes`
    a note for each shard that is done.
    """

    def __init__(self, output: str) -> None:
        """Nothing is made yet."""
        self._shown = output
        self._remote = is_remote(output)
        self._target = output.rstrip("/") if self._remote else os.path.abspath(output)
        self._working = self._target if self._remote else f"{self._target}.partial"
        local = fs.LocalFileSystem(), self._working
        self._files, self._root = filesystem_of(self._working) if self._remote else local

    def check(self, settings: dict[str, Any], *, restart: bool) -> dict[str, str]:
        """The notes of the shards that an earlier run has done, by their names.

        Raises AnnotateError if there is something else under the folder's name, or a run with other
        settings.
        """
        names = self._names(self._root)
        others = bool(names) and (_SUCCESS in names or _RUN not in names)
        if others if self._remote else os.path.exists(self._target):
            raise AnnotateError(f"{self._shown} exists; name a folder that does not")
        if _RUN not in names:
            return {}
        if restart:
            self._files.delete_dir_contents(self._root)
            return {}
        if problem := changes(json.loads(self._read(_RUN)), settings):
            raise AnnotateError(f"{self._working} holds an unfinished run, {problem}")
        notes = self._names(f"{self._root}/{_NOTES}")
        return {name: self._read(f"{_NOTES}/{name}").decode() for name in notes}

    def open(self, settings: dict[str, Any]) -> None:
        """Make the folder, or go on with it."""
        self._files.create_dir(f"{self._root}/{_NOTES}")
        self._write(_RUN, json.dumps(settings).encode())

    def write(self, name: str, content: bytes, note: bytes) -> None:
        """Write a shard and then its note, each whole or not at all."""
        if content:
            self._write(name, content)
        self._write(f"{_NOTES}/{name}", note)

    def complete(self) -> None:
        """Say that nothing is missing, and leave nothing but the shards."""
        self._files.delete_dir(f"{self._root}/{_NOTES}")
        for name in self._names(self._root):
            # What a killed worker was writing, too.
            if name == _RUN or name.startswith("."):
                self._files.delete_file(f"{self._root}/{name}")
        self._write(_SUCCESS, b"")
        if not self._remote:
            os.rename(self._working, self._target)

    def drop_if_empty(self) -> None:
        """Leave nothing behind of a run in which no shard was written."""
        with suppress(OSError):
            names = self._names(self._root)
            if _RUN in names and not any(name.startswith("part-") for name in names):
                self._files.delete_dir(self._root)

    def _names(self, folder: str) -> list[str]:
        selector = fs.FileSelector(folder, allow_not_found=True)
        return sorted(found.base_name for found in self._files.get_file_info(selector))

    def _read(self, name: str) -> bytes:
        with self._files.open_input_stream(f"{self._root}/{name}") as file:
            return file.read()

    def _write(self, name: str, content: bytes) -> None:
        path = f"{self._root}/{name}"
        # An object store shows a file when it is whole.
        new = path if self._remote else f"{self._root}/.{os.path.basename(name)}.{os.getpid()}"
        with self._files.open_output_stream(new) as file:
            file.write(content)
        if not self._remote:
            os.replace(new, path)


@dataclass(frozen=True)
class _Shards:
    """How actors annotate a chunk of records and write it as one shard."""

    pipeline: PipelineOptions
    format: str
    layout: Layout

    @classmethod
    def of(cls, options: AnnotateOptions, inputs: Sequence[Input]) -> _Shards:
        model = options.pipeline.model
        if model is not None and os.path.isdir(model):
            model = os.path.abspath(model)
        # An actor sees only the GPU that Ray gave it, as number 0.
        gpu_id = 0 if options.pipeline.gpu_id >= 0 else -1
        pipeline = replace(options.pipeline, model=model, gpu_id=gpu_id)
        layout = layout_of(inputs, options.reading)
        return cls(pipeline, options.output_format or "parquet", layout)

    def write(
        self,
        folder: ShardFolder,
        name: str,
        batches: Sequence[bytes],
        columns: Sequence[str],
        note: bytes = b"{}",
    ) -> None:
        output = io.BytesIO()
        assemble(make_writer(self.format, self.layout), lambda: batches, output, columns)
        folder.write(name, output.getvalue(), note)

    def name(self, source: int, part: int) -> str:
        return f"part-{source:05d}-{part:06d}.{self.format}"


def _read_chunks(
    block: Mapping[str, Any],
    *,
    reading: ReadOptions,
    batch_size: int,
    shards: _Shards,
    done: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Yield the chunks of inputs, each with the name of the shard that it becomes.

    done: the notes of shards that need no records any more.
    """
    for source, pickled in zip(block["source"], block["input"], strict=True):
        reader = InputReader([pickle.loads(pickled)], reading)
        for part, (batches, consumed) in enumerate(_chunks(reader, batch_size)):
            name = shards.name(source, part)
            note = done.get(name)
            content = pickle.dumps((None if note else batches, consumed, note))
            yield _objects(name=[name], chunk=[content])


def _chunks(reader: InputReader, batch_size: int) -> Iterator[tuple[list[Batch], int]]:
    """Whole batches, as many as fill a shard, and the bytes that were read for them."""
    chunk: list[Batch] = []
    characters = before = 0
    for batch in cut_batches(reader, batch_size):
        chunk.append(batch)
        # Records without texts fill a shard, too.
        characters += sum(len(record.text) + 100 for record in batch.records)
        if characters >= SHARD_CHARACTERS or len(chunk) == 16:
            yield chunk, batch.consumed - before
            chunk, characters, before = [], 0, batch.consumed
    if chunk:
        yield chunk, chunk[-1].consumed - before


class _ShardAnnotator:
    """What each actor runs: it loads the pipeline once, then turns chunks into shards."""

    def __init__(self, shards: _Shards, folder: ShardFolder) -> None:
        self._shards = shards
        self._folder = folder
        self._annotator = shards.pipeline.load()

    def __call__(self, block: Mapping[str, Any]) -> dict[str, Any]:
        chunks = zip(block["name"], block["chunk"], strict=True)
        return _objects(result=[self._annotate(*chunk) for chunk in chunks])

    def _annotate(self, name: str, pickled: bytes) -> bytes:
        batches, consumed, note = pickle.loads(pickled)
        if note is None:
            note = self._write(name, batches)
        return pickle.dumps((note, consumed))

    def _write(self, name: str, batches: Sequence[Batch]) -> str:
        tally, rejects, stored = Tally(), b"", []
        writer = make_writer(self._shards.format, self._shards.layout)
        for batch in batches:
            annotations = self._annotator(batch.documents())
            rows, rejected = count_results(batch, annotations, tally)
            rejects += b"".join(map(Record.rejection, rejected))
            if rows:
                stored.append(writer.encode(rows, annotations.columns))
        values = {"read": tally.read, "tally": tally.to_dict(), "rejects": rejects.decode("ascii")}
        note = json.dumps(values)
        if stored:
            self._shards.write(self._folder, name, stored, self._annotator.columns, note.encode())
        elif tally.rejected:
            self._folder.write(name, b"", note.encode())
        return note


def _dataset(
    inputs: Sequence[Input],
    shards: _Shards,
    folder: ShardFolder,
    options: AnnotateOptions,
    done: Mapping[str, str],
) -> ray.data.Dataset:
    _configure(DataContext.get_current())
    items = [{"source": i, "input": pickle.dumps(found)} for i, found in enumerate(inputs)]
    sources = ray.data.from_items(items, override_num_blocks=len(items))
    chunks = sources.map_batches(
        _read_chunks,
        fn_kwargs={
            "reading": options.reading,
            "batch_size": options.batch_size,
            "shards": shards,
            "done": done,
        },
        batch_size=1,
        # Half a core: steps that ask for the same are run as one, by one actor for each file.
        num_cpus=0.5,
    )
    return chunks.map_batches(
        _ShardAnnotator,
        fn_constructor_args=(shards, folder),
        batch_size=1,
        num_cpus=1,
        num_gpus=1 if options.pipeline.gpu_id >= 0 else 0,
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
    path = options.rejects_path if options.errors == "skip" else None
    new = Path(os.devnull) if path is None else path.with_name(path.name + ".partial")
    started = time.monotonic()
    consumed = 0
    try:
        with open(new, "wb") as rejects:
            for row in results.iter_rows():
                note, more = pickle.loads(row["result"])
                done = json.loads(note)
                counted = Tally.from_dict(done["tally"])
                if counted.rejected and options.errors == "stop":
                    first = counted.rejects[0]
                    raise AnnotateError(f"{first['place']}: {first['reason']}")
                rejects.write(done["rejects"].encode("ascii"))
                tally.merge(counted)
                tally.seconds = time.monotonic() - started
                consumed += more
                bar.show(consumed, tally, tally.documents_per_second)
        if path is not None and tally.written and (tally.rejected or options.rejects):
            os.replace(new, path)
    finally:
        if path is not None:
            new.unlink(missing_ok=True)


def _objects(**columns: list[Any]) -> dict[str, Any]:
    """Columns of values that numpy must not take for padded strings."""
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
    check_options(options, inputs)
    check_absent(options)


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
    if options.pipeline.gpu_id >= 0:
        return max(1, int(resources.get("GPU", 0)))
    return max(1, int(resources.get("CPU", 1)) - 1)


def _cause(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else type(error).__name__
