"""Which labels of entities a document is annotated with.

A corpus of persons, places and organizations does not say that a word outside of them is no
entity of another kind: what it leaves open is neither learned nor counted as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Doc

KEY = "brnn_ner_known_labels"


def set_known_labels(doc: Doc, labels: Sequence[str]) -> None:
    """Note with the document that it is annotated with these labels and no others."""
    doc.user_data[KEY] = list(labels)


def known_labels(doc: Doc) -> frozenset[str] | None:
    """The labels that the document is annotated with; None for all."""
    labels = doc.user_data.get(KEY)
    return None if labels is None else frozenset(labels)
