"""The command line: every command parses its options, calls one function of the package, prints."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spacy_brnn import __version__
from spacy_brnn.annotate.records import INPUT_FORMATS, OUTPUT_FORMATS


def _table_options(command: Callable) -> Callable:
    """The options that say how files of text, and tables above all, are read."""
    options = [
        click.option(
            "--encoding",
            metavar="NAME",
            help="Encoding of the inputs in text formats, such as cp1252, latin-1 or utf-16. "
            "Default: UTF-8, or UTF-16 where a byte order mark says so. What is written is UTF-8.",
        ),
        click.option(
            "--delimiter",
            metavar="CHARACTER",
            callback=lambda context, option, value: {"\\t": "\t", "tab": "\t"}.get(value, value),
            help="What separates the cells of tables, in and out; \\t for a tab. Default: what "
            "the header of the input shows.",
        ),
        click.option(
            "--no-header",
            "header",
            flag_value=False,
            default=True,
            help="Tables have no header; a field is then named by its column's number, from 1.",
        ),
        click.option(
            "--no-quotes",
            "quotes",
            flag_value=False,
            default=True,
            help="Quotation marks in tables are part of the text; else they hold a cell together.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(__version__, prog_name="spacy-brnn")
@click.pass_context
def main(context: click.Context) -> None:
    """Annotate documents with sentiment by bidirectional recurrent networks."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


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
    help="The field, or column, that holds the text; of nested objects a path: review.body.",
)
@click.option(
    "--neutral",
    is_flag=True,
    help="Use the model's third label, NEUTRAL, where it has one.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=1000,
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
@_table_options
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
    "--overwrite",
    is_flag=True,
    help="Replace the output, its rejects and the report where they exist.",
)
@click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Least time between two moments from which a run goes on after a power failure. After "
    "any other interruption it goes on at the batch it was at.",
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
@click.option(
    "--evidence",
    is_flag=True,
    help="Add sentiment_evidence: the one to three clauses that say most, with offsets.",
)
@click.option(
    "--entities",
    is_flag=True,
    help="Add entities by the brnn_ner that ships (people, places, organizations and others, in "
    "English), unless the pipeline has a brnn_ner.",
)
@click.option(
    "--targets",
    metavar="NAME",
    help="Add sentiment_toward: what is said of each target that this field names, a string, a "
    "list, or {start, end}. Needs a head, see docs/evidence.md.",
)
@click.option("--report", metavar="FILE.html", help="Also write a report, one HTML page.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def annotate(**options: Any) -> None:
    """Annotate a corpus of any size with sentiment.

    INPUT is a file, a quoted glob, a folder, or - for standard input. The name tells the format:
    .jsonl, .json, .csv, .tsv, .parquet, .spacy (DocBin) or .txt (a document a line); .gz and .zst
    may follow those of text. Of a folder the files of its format are read, or those of
    --input-format; every .txt file in it is a document. Every record comes out with all its
    fields, in the same order, and with sentiment_label, sentiment_score and sentiment_polarity
    added, and entities, with the confidence of each, by --entities or where the pipeline sets them
    (and textcat_labels and textcat_scores by a model of several labels a text).
    Plain text comes out as JSONL (or what the output is named) with the line in the field "text".

    The output appears under its name when it is complete. Until then all that is done is kept
    in OUTPUT.partial: after an interruption of any kind the same command goes on where it was.

    \b
    Examples:
      spacy-brnn annotate corpus/sample.jsonl
      spacy-brnn annotate reviews.csv --text-field review -o reviews.annotated.csv
      spacy-brnn annotate "2024/*.jsonl.gz" -o 2024.parquet --report 2024.html
      spacy-brnn annotate news.jsonl --entities -o news.entities.jsonl
      cat reviews.txt | spacy-brnn annotate - --input-format text > annotated.jsonl

    \b
    Exit status: 0 done; 1 stopped by an error, or a file breaks off (under --errors skip, with all
    that could be read in the output); 2 wrong usage; 130 interrupted (143 by SIGTERM); 141 standard
    output was closed early.
    """
    from spacy_brnn.annotate.console import annotate_and_report
    from spacy_brnn.annotate.plan import AnnotateOptions

    extra_fields = ("evidence",) if options.pop("evidence") else ()
    sys.exit(annotate_and_report(AnnotateOptions.of(**options, extra_fields=extra_fields)))


def _fields_options(command: Callable) -> Callable:
    """The options that say how a file of labelled texts is read."""
    options = [
        click.option(
            "--text-field",
            default="text",
            show_default=True,
            metavar="NAME",
            help="The field, or column, that holds the text.",
        ),
        click.option(
            "--label-field",
            default="label",
            show_default=True,
            metavar="NAME",
            help="The field, or column, that holds the label; of nested objects a path.",
        ),
        click.option(
            "--label-delimiter",
            metavar="CHARACTERS",
            help="A text may have several labels, with this between them: ';' for example. "
            "A list in JSONL or Parquet needs no delimiter.",
        ),
        click.option(
            "--scale",
            metavar="LOW:HIGH",
            help="The label is a number on this scale, 1:5 for stars.",
        ),
        click.option(
            "--input-format",
            type=click.Choice(INPUT_FORMATS),
            help="Format of the file. Default: by name.",
        ),
    ]
    command = _table_options(command)
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@click.argument("file", metavar="FILE")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="MODEL",
    help="The folder of the pipeline that is made.",
)
@_fields_options
@click.option("--dev", metavar="FILE", help="Texts to check with. Default: a share of FILE.")
@click.option(
    "--dev-share",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="The share of FILE to check with, chosen by a hash of the text.",
)
@click.option(
    "--from-scratch",
    is_flag=True,
    help="Learn from FILE alone; else start from the weights that ship, which read English.",
)
@click.option("--lang", default="en", show_default=True, help="The texts' language, by its code.")
@click.option(
    "--polarity",
    "polarities",
    multiple=True,
    metavar="LABEL=NUMBER",
    help="What a label counts in the polarity, -1 to 1; may be given for each label. Labels "
    "called positive, negative, neutral or mixed, and those of --scale, have theirs.",
)
@click.option("--seed", default=0, show_default=True, help="For the same model again.")
@click.option(
    "--gpu-id",
    type=click.IntRange(min=-1),
    default=-1,
    show_default=True,
    help="CUDA device (extra cuda12x or cuda13x); -1 is the CPU.",
)
@click.option("--force", is_flag=True, help="Replace MODEL if it exists.")
@click.option("-q", "--quiet", is_flag=True, help="Only the final table.")
def train(**options: Any) -> None:
    """Train a model of your own labels.

    FILE holds a text and its label, or labels, in each row: in any format, from any program, that
    `annotate` reads. A share of it is kept to check with. Training starts from the weights that
    ship, stops when it no longer helps, and makes the probabilities right as often as they say.
    At the end: precision, recall and F of each label, beside a bag of words and the commonest
    label.

    Labels exclude each other, unless they are lists or have a delimiter. On a --scale each whole
    number is a label, and a number between two is divided between them.

    MODEL is a spaCy pipeline; MODEL.training holds the config that was run, and the DocBins:
    `spacy train MODEL.training/config.cfg` takes over from there.

    \b
    Examples:
      spacy-brnn train tickets.csv --text-field body --label-field topic -o tickets
      spacy-brnn train reviews.jsonl --label-field stars --scale 1:5 -o stars
      spacy-brnn train posts.tsv --label-field tags --label-delimiter ";" -o tags
      spacy-brnn annotate new.csv --text-field body --model tickets -o new.annotated.csv
    """
    from spacy_brnn.training.console import train_and_report

    train_and_report(**options)


@main.command()
@click.argument("model", metavar="MODEL")
@click.argument("file", metavar="FILE")
@_fields_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(**options: Any) -> None:
    """Score a model on labelled texts.

    MODEL is the folder or the package of any spaCy pipeline with brnn_sentiment, textcat or
    textcat_multilabel; FILE is read as `train` reads it.

    \b
    Examples:
      spacy-brnn evaluate tickets more.csv --text-field body --label-field topic
    """
    from spacy_brnn.training.console import evaluate_and_report

    evaluate_and_report(**options)


@main.command()
@click.argument("source", metavar="TEXT|FILE|-")
@click.option(
    "--model",
    metavar="PIPELINE",
    help="A spaCy pipeline with brnn_sentiment: a folder or an installed package. Default: the "
    "English model that ships.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write an HTML page.",
)
def explain(source: str, model: str | None, html: Path | None) -> None:
    """Score a text, and show what in it carries the score.

    Prints the text with the words that speak for POSITIVE in blue, those that speak for NEGATIVE
    in orange and underlined, and the one to three clauses that say most.

    \b
    Examples:
      spacy-brnn explain "The plot is thin, but I was moved by the ending."
      spacy-brnn explain review.txt --html review.html
      cat review.txt | spacy-brnn explain -
    """
    from spacy_brnn.evidence.command import ExplainError, explain_text

    try:
        click.echo(explain_text(source, model, html))
    except ExplainError as err:
        raise click.ClickException(str(err)) from None


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(as_json: bool) -> None:
    """Print versions, the device, and the cards of the models that ship."""
    import json

    from spacy_brnn.info import as_lines, installation, shipped_models

    facts: dict[str, Any] = {**installation(), **shipped_models()}
    click.echo(json.dumps(facts, indent=2) if as_json else as_lines(facts))


@main.group()
def convert() -> None:
    """Convert a corpus to spaCy's DocBin format."""


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


@convert.command("csv")
@click.argument("file", metavar="SRC")
@click.argument("output", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@_fields_options
@click.option("--lang", default="en", show_default=True, help="The texts' language, by its code.")
def convert_csv(**options: Any) -> None:
    """Convert labelled texts to one .spacy file, for `spacy train`.

    SRC is CSV, or any other format that `annotate` reads. Each document's cats have a value for
    each label of SRC.
    """
    from spacy_brnn.training.console import convert_and_report

    convert_and_report(**options)
