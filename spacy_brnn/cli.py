"""The command line: every command parses its options, calls one function of the package, prints."""

from pathlib import Path

import click

from spacy_brnn import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spacy-brnn")
def main() -> None:
    """Annotate documents with sentiment by bidirectional recurrent networks."""


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
