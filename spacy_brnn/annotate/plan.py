"""What the user may choose about a run, and all that can be checked before anything is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import spacy_brnn
from spacy_brnn.annotate.annotator import PipelineOptions
from spacy_brnn.annotate.readers import ReadOptions
from spacy_brnn.annotate.records import (
    DELIMITERS,
    OUTPUT_FORMATS,
    TEXT_FORMATS,
    AnnotateError,
)
from spacy_brnn.annotate.sources import (
    STDIN,
    Input,
    check_installed,
    check_readable,
    fingerprint,
    is_remote,
    split_name,
)
from spacy_brnn.annotate.tally import Tally
from spacy_brnn.loading import PipelineError, find_pipeline

STDOUT = "-"

_SHIPPED = "spacy_brnn.pretrained"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotateOptions:
    """Everything the user may choose.

    inputs: files, globs, folders, "-"; output: a file, or "-" for standard output; n_process: None
    for one per core; errors: "stop" or "skip"; rejects: the rejects file, None for
    OUTPUT.rejects.jsonl; restart: drop an unfinished run; overwrite: replace files that are there;
    checkpoint_seconds: least time between two moments at which all that is done is safe from a
    power failure; engine: "local" or "ray"; ray_address: the cluster's address, None for one on
    this machine.
    """

    inputs: Sequence[str]
    reading: ReadOptions
    pipeline: PipelineOptions
    output: str = STDOUT
    batch_size: int = 1000
    n_process: int | None = None
    input_format: str | None = None
    output_format: str | None = None
    errors: str = "stop"
    rejects: str | None = None
    restart: bool = False
    overwrite: bool = False
    checkpoint_seconds: float = 10.0
    quiet: bool = False
    report: str | None = None
    engine: str = "local"
    ray_address: str | None = None

    @property
    def rejects_path(self) -> Path | None:
        """Where rejected records go; None for standard error."""
        if self.rejects:
            return Path(self.rejects)
        return None if self.output == STDOUT else Path(f"{self.output}.rejects.jsonl")

    @property
    def partial_path(self) -> Path:
        """Where an unfinished run is kept."""
        return Path(f"{self.output.rstrip('/')}.partial")

    @classmethod
    def of(cls, **chosen: Any) -> AnnotateOptions:
        """From the fields of all three classes on one level, as the command has them."""
        reading, pipeline = (
            {field.name: chosen.pop(field.name) for field in fields(part) if field.name in chosen}
            for part in (ReadOptions, PipelineOptions)
        )
        pipeline["targets"] = reading.get("targets") is not None
        return cls(reading=ReadOptions(**reading), pipeline=PipelineOptions(**pipeline), **chosen)


@dataclass(slots=True)
class Result:
    """What a run did: its counts, and the files it wrote (None where it wrote none)."""

    tally: Tally
    output: Path | None
    rejects: Path | None = None
    resumed_at: int = 0


def check_options(options: AnnotateOptions, inputs: Sequence[Input]) -> None:
    """Raise AnnotateError for what would fail, or would do nothing, or would do harm, later."""
    options.reading.check()
    _check_files(options, inputs)
    if options.rejects and options.errors != "skip":
        raise AnnotateError("--rejects needs --errors skip: else the first one stops the run")
    if options.ray_address and options.engine != "ray":
        raise AnnotateError("--ray-address needs --engine ray")
    if options.errors == "stop":
        check_readable(inputs)


def check_absent(options: AnnotateOptions) -> None:
    """Raise AnnotateError if a file that the run will write is there and may not be replaced."""
    if options.overwrite:
        return
    single = options.output != STDOUT and options.engine == "local"
    output = options.output if single else None
    rejects = options.rejects_path if options.errors == "skip" else None
    for path in (output, rejects, options.report):
        if path and not is_remote(str(path)) and os.path.lexists(path):
            raise AnnotateError(f"{path} exists; name another file, or replace it by --overwrite")


def output_format_of(options: AnnotateOptions, inputs: Sequence[Input]) -> tuple[str, str | None]:
    """The format and the compression of the output.

    Raises AnnotateError if the name tells none, or one that cannot be written.
    """
    to_stdout = options.output == STDOUT
    by_name, compression = (None, None) if to_stdout else split_name(options.output)
    wanted = options.output_format or by_name
    if wanted is None and to_stdout:
        formats = {found.format for found in inputs}
        same = formats.pop() if len(formats) == 1 else "jsonl"
        wanted = same if same in (*DELIMITERS, "json") else "jsonl"
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
    if compression and wanted not in TEXT_FORMATS:
        raise AnnotateError(f"{options.output}: {wanted} is compressed by itself; drop the suffix")
    check_installed(wanted, compression)
    return wanted, compression


def settings_of(
    options: AnnotateOptions, inputs: Sequence[Input], output_format: str
) -> dict[str, Any]:
    """All that the output depends on, JSON values by the name a message may give them.

    Raises AnnotateError if the model is neither a folder nor an installed package.
    """
    reading, pipeline = options.reading, options.pipeline
    return {
        "version of spacy-brnn": spacy_brnn.__version__,
        "inputs": {found.path: fingerprint(found) for found in inputs},
        "model": describe_model(pipeline.model),
        "--text-field": reading.text_field,
        "--encoding": reading.encoding,
        "--delimiter": reading.delimiter,
        "--no-header": not reading.header,
        "--no-quotes": not reading.quotes,
        "--neutral": pipeline.neutral,
        "--entities": pipeline.entities,
        "fields": list(pipeline.extra_fields),
        "--targets": reading.targets,
        "--batch-size": options.batch_size,
        "--output-format": output_format,
        "device": "gpu" if pipeline.gpu_id >= 0 else "cpu",
    }


def describe_model(model: str | None) -> str:
    """A digest of the model's files and of spaCy's version, to tell whether it is the same one.

    Raises AnnotateError if `model` is neither a folder nor an installed package.
    """
    from spacy import about

    try:
        folder = find_pipeline(_SHIPPED if model is None else model)
    except PipelineError as error:
        raise AnnotateError(str(error)) from error
    digest = sha256(about.__version__.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode())
            with open(path, "rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()


def _check_files(options: AnnotateOptions, inputs: Sequence[Input]) -> None:
    """Raise AnnotateError if a file cannot be written, or if one would overwrite another."""
    if options.report == STDOUT:
        raise AnnotateError("--report needs the name of a file; standard output is not one")
    output = None if options.output == STDOUT or is_remote(options.output) else options.output
    outputs = [str(path) for path in (output, options.rejects_path, options.report) if path]
    written = [os.path.realpath(path) for path in outputs]
    for found in inputs:
        if found.path != STDIN and os.path.realpath(found.path) in written:
            raise AnnotateError(f"{found.name} is an input and would be overwritten")
    for path in written:
        if written.count(path) > 1:
            raise AnnotateError(
                f"{path} is named twice: the output, the rejects and the report are files of "
                "their own"
            )
    rejects = str(options.rejects_path) if options.errors != "skip" else None
    for path in outputs:
        if path == rejects:
            continue  # none will be written
        folder = Path(path).parent
        if not folder.is_dir():
            raise AnnotateError(f"{folder}: no such folder to write {Path(path).name} to")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise AnnotateError(f"{folder}: you may not write {Path(path).name} to this folder")
        if os.path.islink(path) and not os.path.isdir(path):
            raise AnnotateError(
                f"{path} is a link to {os.path.realpath(path)}, and a file would replace it; name "
                "that file, or - for standard output"
            )
        if os.path.isdir(path) and options.engine == "local":
            raise AnnotateError(f"{path} is a folder; name a file")
        if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            raise AnnotateError(
                f"{path} is a pipe or a device, and a file would replace it; write to standard "
                "output, which is -, and redirect that"
            )
