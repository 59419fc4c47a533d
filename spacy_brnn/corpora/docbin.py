"""Texts to a DocBin file, in the form in which spaCy's tokenizer makes them."""

from collections.abc import Iterable
from pathlib import Path

from spacy.tokens import Doc, DocBin

# With the norm, which tokenizer exceptions set ("n't" is "not"), a document comes back as made.
_ATTRS = ("ORTH", "NORM", "SPACY")


def write_docbin(docs: Iterable[Doc], path: Path) -> None:
    """Write tokenized documents with their categories and user data, in the order given.

    Raises OSError if the file cannot be written.
    """
    DocBin(attrs=_ATTRS, store_user_data=True, docs=docs).to_disk(path)
