"""Documents to a DocBin file and back, as spaCy's tokenizer makes them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

# With the norm, which tokenizer exceptions set ("n't" is "not"), a document comes back as made.
_ATTRS = ("ORTH", "NORM", "SPACY")


def write_docbin(docs: Iterable[Doc], path: Path) -> None:
    """Write tokenized documents with their categories and user data, in the order given.

    Raises OSError if the file cannot be written.
    """
    DocBin(attrs=_ATTRS, store_user_data=True, docs=docs).to_disk(path)


def read_docbin(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """The documents of a DocBin file.

    Raises click.ClickException for another kind of file.
    """
    try:
        docbin = DocBin().from_disk(path)
    except ValueError:
        raise click.ClickException(
            f"{path} is not a DocBin file, as `spacy-brnn convert` writes"
        ) from None
    return docbin.get_docs(vocab)
