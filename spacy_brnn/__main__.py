"""`python -m spacy_brnn`: the command line, where its script is not on the path."""

from spacy_brnn.cli import main

main(prog_name="python -m spacy_brnn")
