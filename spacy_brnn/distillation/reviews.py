"""Documents as teachers read them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import click
from spacy.tokens import Doc


def words(doc: Doc) -> list[str]:
    """The norms of its tokens, without white space."""
    return [token.norm_ for token in doc if not token.norm_.isspace()]


def ngrams(words: list[str]) -> Iterator[str]:
    """Its words, then its pairs, then its triples of words."""
    return chain(
        words,
        map(" ".join, pairwise(words)),
        map(" ".join, zip(words, words[1:], words[2:], strict=False)),
    )


def targets(docs: list[Doc], label: str, path: Path) -> list[bool]:
    """Whether each document has the label.

    Raises click.ClickException where a document does not say.
    """
    for place, doc in enumerate(docs):
        if label not in doc.cats:
            raise click.ClickException(f"document {place} of {path} has no {label!r} in its cats")
    return [doc.cats[label] > 0.5 for doc in docs]
