"""The command line: every command parses its options, calls one function of the package, prints."""

import sys
from pathlib import Path
from typing import Any

import click

from spacy_brnn import __version__
from spacy_brnn.annotate.formats import INPUT_FORMATS, OUTPUT_FORMATS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spacy-brnn")
def main() -> None:
    """Annotate documents with sentiment by bidirectional recurrent networks."""


@main.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="Where the annotated corpus goes; - is standard output.",
)
@click.option(
    "--model",
    metavar="PIPELINE",
    help="A spaCy pipeline with brnn_sentiment (or brnn_ner): a folder or an installed package. "
    "Default: the English model that ships.",
)
@click.option(
    "--text-field",
    default="text",
    show_default=True,
    metavar="NAME",
    help="The field, or column, that holds the text.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Documents annotated at a time.",
)
@click.option(
    "--n-process",
    type=click.IntRange(min=1),
    help="Processes, each on one core. With --gpu-id they tokenize, and one process more "
    "annotates on the GPU; with 1, one process does both. Default: as many as there are cores, "
    "fewer for a small input.",
)
@click.option(
    "--gpu-id",
    type=click.IntRange(min=-1),
    default=-1,
    show_default=True,
    help="CUDA device (extra cuda12x or cuda13x); -1 is the CPU.",
)
@click.option(
    "--input-format",
    type=click.Choice(INPUT_FORMATS),
    help="Format of the inputs. Default: by name; jsonl for standard input.",
)
@click.option(
    "--output-format",
    type=click.Choice(OUTPUT_FORMATS),
    help="Format of the output. Default: by name; for standard output that of the inputs.",
)
@click.option(
    "--errors",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What to do about a record that cannot be annotated: stop before there is an output, "
    "or set it aside in the rejects file and count it.",
)
@click.option(
    "--rejects",
    metavar="FILE",
    help="The rejects file. Default: OUTPUT.rejects.jsonl; with standard output, a line on "
    "standard error for each.",
)
@click.option("--restart", is_flag=True, help="Start anew, and drop an unfinished run.")
@click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Least time between two checkpoints.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where to run: on this machine, or on a Ray cluster, which writes a folder of Parquet "
    "(or, by --output-format, JSONL) shards.",
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="The Ray cluster's address. Default: RAY_ADDRESS, else a cluster started here.",
)
@click.option("--report", metavar="FILE.html", help="Also write a report, one HTML page.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def annotate(**options: Any) -> None:
    """Annotate a corpus of any size with sentiment.

    INPUT is a file, a quoted glob, a folder, or - for standard input. The name tells the format:
    .jsonl, .csv, .tsv, .parquet, .spacy (DocBin) or .txt (a document a line); .gz and .zst may
    follow those of text. In a folder every .txt file is a document; with --input-format its files
    of that format are read. Every record comes out with all its fields, in the same order, and
    with sentiment_label, sentiment_score and sentiment_polarity added, and entities where the
    pipeline sets them. Plain text comes out as JSONL (or what the output is named) with the line
    in the field "text".

    The output appears under its name when it is complete. Until then all that is done is kept
    in OUTPUT.partial: after an interruption of any kind the same command goes on where it was.

    \b
    Examples:
      spacy-brnn annotate corpus/sample.jsonl
      spacy-brnn annotate reviews.csv --text-field review -o reviews.annotated.csv
      spacy-brnn annotate "2024/*.jsonl.gz" -o 2024.parquet --report 2024.html
      cat reviews.txt | spacy-brnn annotate - --input-format text > annotated.jsonl

    \b
    Exit status: 0 done; 1 stopped by an error; 2 wrong usage; 130 interrupted (143 by SIGTERM);
    141 standard output was closed early.
    """
    from spacy_brnn.annotate.console import annotate_and_report
    from spacy_brnn.annotate.run import AnnotateOptions

    sys.exit(annotate_and_report(AnnotateOptions(**options)))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(as_json: bool) -> None:
    """Print versions, the device, and the card of the model that ships."""
    import json

    from spacy_brnn.info import as_lines, installation, shipped_model

    facts: dict[str, Any] = dict(installation())
    try:
        facts["shipped model"] = shipped_model()
    except ValueError as error:
        facts["shipped model"] = f"none: {error}"
    click.echo(json.dumps(facts, indent=2) if as_json else as_lines(facts))


@main.group()
def convert() -> None:
    """Convert a published corpus to spaCy's DocBin format."""


@convert.command()
@click.argument("source", metavar="SRC", type=click.Path(exists=True, path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option("--unsup", is_flag=True, help="Write the unlabelled reviews too: unsup.spacy.")
@click.option(
    "--train-includes-dev",
    is_flag=True,
    help="Put dev's reviews into train.spacy as well, to train final weights on all of train; "
    "dev.spacy is then part of it and no longer measures anything.",
)
def imdb(source: Path, output: Path, unsup: bool, train_includes_dev: bool) -> None:
    """Convert the Large Movie Review Dataset to train.spacy, dev.spacy and test.spacy in OUT.

    SRC is aclImdb_v1.tar.gz, which is read without unpacking it, or the unpacked aclImdb folder.

    Dev takes about a tenth of train, whole films at a time. What SRC does not hold is skipped
    with a notice. Files appear in OUT together, once all of them are complete.
    """
    from spacy_brnn.corpora.errors import CorpusError
    from spacy_brnn.corpora.imdb import convert_imdb

    try:
        conversion = convert_imdb(
            source, output, unsup=unsup, train_includes_dev=train_includes_dev
        )
    except CorpusError as err:
        raise click.ClickException(str(err)) from None
    for notice in conversion.notices:
        click.echo(f"Note: {notice}", err=True)
    for name, count in conversion.counts.items():
        click.echo(f"{output / name}: {count:,} documents", err=True)


@convert.command()
@click.argument(
    "source", metavar="SRC", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.argument("output", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--line-breaks",
    is_flag=True,
    help="Put a line break token between the sentences of a document.",
)
@click.option(
    "--group",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Sentences in a row that make up a document, where no -DOCSTART- tells.",
)
@click.option(
    "--types",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help='An object with the label of each type: {"Person": "PER", ...}; "O" for no entity, '
    '"-" for unknown.',
)
@click.option(
    "--labels-known",
    metavar="LABEL,...",
    help="The labels that SRC is annotated with, after --types: of others it says nothing, and "
    "neither training nor evaluation takes a word outside for none of those. Default: all.",
)
def conll(
    source: Path,
    output: Path,
    line_breaks: bool,
    group: int,
    types: Path | None,
    labels_known: str | None,
) -> None:
    """Convert named entities in columns to one .spacy file, as CoNLL-2003 and WNUT-17 have them.

    SRC has a line per token, the word first and its IOB1 or IOB2 tag last, and blank lines
    between sentences. Documents are kept whole where lines of -DOCSTART- tell where they begin;
    elsewhere each sentence is a document. SRC may be gzipped.
    """
    from spacy_brnn.corpora.conll import convert_conll, read_types
    from spacy_brnn.corpora.errors import CorpusError

    try:
        count = convert_conll(
            source,
            output,
            line_breaks=line_breaks,
            group=group,
            types=read_types(types) if types else None,
            known_labels=labels_known.split(",") if labels_known else None,
        )
    except CorpusError as err:
        raise click.ClickException(str(err)) from None
    click.echo(f"{output}: {count:,} documents", err=True)
