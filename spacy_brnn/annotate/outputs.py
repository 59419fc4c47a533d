"""What the output is and where it goes."""

from __future__ import annotations

import os
from pathlib import Path

import spacy_brnn
from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.formats import LINE_FORMATS, OUTPUT_FORMATS, split_name
from spacy_brnn.annotate.inputs import STDIN, Input, describe_inputs
from spacy_brnn.annotate.model_files import describe_model
from spacy_brnn.annotate.options import STDOUT, AnnotateOptions
from spacy_brnn.annotate.sinks import FileSink, Sink, StreamSink
from spacy_brnn.annotate.writers import DELIMITERS, Writer


def output_format_of(options: AnnotateOptions, inputs: list[Input]) -> tuple[str, str | None]:
    """The format and the compression of the output.

    Raises AnnotateError if the name tells none, or one that cannot be written.
    """
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


def open_sink(
    options: AnnotateOptions, inputs: list[Input], writer: Writer, output_format: str
) -> Sink:
    """Where the output goes; raises AnnotateError if it cannot go there."""
    _check_folder(options.output)
    if options.output == STDOUT:
        return StreamSink(writer, options.rejects_path)
    output = Path(options.output)
    if output.is_dir():
        raise AnnotateError(f"{output} is a folder; name a file")
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
    return FileSink(
        output, options.rejects_path, writer, settings, restart=options.restart or not resumable
    )


def check_files(options: AnnotateOptions, inputs: list[Input]) -> None:
    """Raise AnnotateError if the report has no folder, or if one file would overwrite another."""
    if options.report == STDOUT:
        raise AnnotateError("--report needs the name of a file; standard output is not one")
    if options.report:
        _check_folder(options.report)
    output = None if options.output == STDOUT else options.output
    outputs = [output, options.rejects_path, options.report]
    written = [os.path.realpath(path) for path in outputs if path]
    for found in inputs:
        if found.path != STDIN and os.path.realpath(found.path) in written:
            raise AnnotateError(f"{found.name} is an input and would be overwritten")
    for path in written:
        if written.count(path) > 1:
            raise AnnotateError(
                f"{path} is named twice: the output, the rejects and the report are files of "
                "their own"
            )


def _check_folder(path: str) -> None:
    if not Path(path).parent.is_dir():
        raise AnnotateError(f"{Path(path).parent}: no such folder to write {Path(path).name} to")
