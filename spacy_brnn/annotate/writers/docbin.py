"""spaCy's DocBin: the Docs, with cats, entities and user data."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_brnn.annotate.readers.docbin import FIELDS_KEY
from spacy_brnn.annotate.values import to_json
from spacy_brnn.annotate.writers.base import Row

_LENGTHS = struct.Struct("<QQ")


class DocBinWriter:
    """One DocBin; the fields of each record are JSON in its Doc's user_data["fields"].

    A DocBin is one block of compressed memory, so that here memory does grow with the corpus.
    """

    spooled = True
    needs_docs = True

    def encode(self, rows: Sequence[Row], columns: Sequence[str], *, first: bool) -> bytes:
        """See Writer."""
        parts: list[bytes] = []
        for record, annotation in rows:
            doc = annotation.doc or b""
            fields = to_json({k: v for k, v in record.fields.items() if k != "cats"})
            parts += [_LENGTHS.pack(len(doc), len(fields)), doc, fields]
        return b"".join(parts)

    def assemble(self, store: Path, target: Path) -> None:
        """See Writer."""
        docs = DocBin(store_user_data=True)
        vocab = Vocab()
        for doc_bytes, fields in _stored(store):
            doc = Doc(vocab).from_bytes(doc_bytes)
            doc.user_data[FIELDS_KEY] = fields.decode("utf-8")
            docs.add(doc)
        docs.to_disk(target)


def _stored(store: Path) -> Iterator[tuple[bytes, bytes]]:
    with open(store, "rb") as file:
        while head := file.read(_LENGTHS.size):
            doc, fields = _LENGTHS.unpack(head)
            yield file.read(doc), file.read(fields)
