"""spaCy's DocBin: its Docs, as they were tokenized."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_brnn.annotate.readers.start import Start
from spacy_brnn.annotate.records import Item, Record, Rejected
from spacy_brnn.annotate.streams import InputStream

FIELDS_KEY = "fields"
"""Where a Doc's user_data keeps the fields of the record that it was made from, as JSON."""


def read_docbin(stream: InputStream, source: str, text_field: str, start: Start) -> Iterator[Item]:
    """Yield a record per Doc; `offset` counts the Docs before it. The file is held in memory.

    A file that is not a DocBin is one rejected item.
    """
    size = stream.raw.seek(0, 2)
    stream.raw.seek(0)
    try:
        docs = DocBin(store_user_data=True).from_bytes(stream.read())
    except Exception as error:  # whatever zlib and msgpack make of foreign bytes
        line = " ".join(str(error).split())
        yield _file_rejected(source, f"cannot be read as a DocBin: {line}")
        return
    for number, doc in enumerate(docs.get_docs(Vocab()), 1):
        if number > start.offset:
            stream.consumed = size * number // len(docs)
            yield Record(
                source=source,
                unit="document",
                number=number,
                end=number,
                next_number=number + 1,
                raw=None,
                text=doc.text,
                doc=doc.to_bytes(),
                fields=_fields(doc, text_field),
            )


def _fields(doc: Doc, text_field: str) -> dict[str, Any]:
    kept = doc.user_data.get(FIELDS_KEY)
    fields = json.loads(kept) if isinstance(kept, str) else {}
    fields.setdefault(text_field, doc.text)
    if doc.cats:
        fields.setdefault("cats", dict(doc.cats))
    return fields


def _file_rejected(source: str, reason: str) -> Rejected:
    return Rejected(
        source=source, unit="file", number=1, end=2**62, next_number=1, raw=None, reason=reason
    )
