"""Documents of a DocBin file, or of a JSONL file of texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ..surface import read_plain
from .docbin import read_docbin
from .jsonl import read_objects, read_text


def read_documents(path: Path, nlp: Language) -> Iterator[Doc]:
    """Each as `nlp` makes it: tokenized, without what its components do.

    path: a file that ends in .spacy, or lines of objects with `text`, gzipped or not.
    Raises CorpusError for a line that is no such object.
    """
    if path.suffix == ".spacy":
        yield from read_docbin(path, nlp.vocab)
        return
    for text in read_objects(path, read_text, "text"):
        yield nlp.tokenizer(read_plain(text))
