"""The command line: every command parses its options, calls one function of the package, prints."""

import click

from spacy_brnn import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spacy-brnn")
def main() -> None:
    """Annotate documents with sentiment by bidirectional recurrent networks."""


@main.group()
def convert() -> None:
    """Convert a published corpus to spaCy's DocBin format."""
