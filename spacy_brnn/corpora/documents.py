"""Documents of a DocBin file, or of a JSONL file of texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ..surface import read_plain
from .docbin import read_docbin
from .errors import CorpusError


def read_documents(path: Path, nlp: Language) -> Iterator[Doc]:
    """Each as `nlp` makes it: tokenized, without what its components do.

    path: a file that ends in .spacy, or lines of objects with `text`, gzipped or not.
    Raises CorpusError for a line that is no such object.
    """
    if path.suffix == ".spacy":
        yield from read_docbin(path, nlp.vocab)
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                text = json.loads(line)["text"]
            except (ValueError, TypeError, KeyError):
                raise CorpusError(f"{path}, line {number}: no object with text") from None
            yield nlp.tokenizer(read_plain(text))
