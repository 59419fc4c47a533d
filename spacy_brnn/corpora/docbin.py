"""Documents to a DocBin file and back, as spaCy's tokenizer makes them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import srsly
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

# With the norm, which tokenizer exceptions set ("n't" is "not"), a document comes back as made.
_ATTRS = ("ORTH", "NORM", "SPACY")
_NO_USER_DATA = srsly.msgpack_dumps({})


def write_docbin(docs: Iterable[Doc], path: Path) -> None:
    """Write tokenized documents with their categories and user data, in the order given.

    Raises OSError if the file cannot be written.
    """
    docbin = DocBin(attrs=_ATTRS, store_user_data=True, docs=docs)
    # Reading a document's user data takes spaCy longer than the document, even where there is none.
    docbin.user_data = [None if data == _NO_USER_DATA else data for data in docbin.user_data]
    docbin.to_disk(path)


def read_docbin(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """The documents of a DocBin file.

    Raises click.ClickException for another kind of file.
    """
    try:
        docbin = DocBin().from_disk(path)
    except (ValueError, KeyError, TypeError):
        raise click.ClickException(
            f"{path} is not a DocBin file, as `spacy-brnn convert` writes"
        ) from None
    return docbin.get_docs(vocab)
