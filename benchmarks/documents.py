"""The documents that every system reads, and how they are shared out among the rounds."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

SEED = 0
LABELS = {"POSITIVE": True, "NEGATIVE": False}

docbin_option = click.option(
    "--docbin",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("corpus", "dev.spacy"),
    show_default=True,
    help="The documents.",
)


@dataclass(frozen=True)
class Document:
    """A text, the number of its tokens by spaCy, and whether it is positive, where known."""

    text: str
    tokens: int
    positive: bool | None


@dataclass(frozen=True)
class Slices:
    """What is read before the clock runs, and what each round is timed on."""

    warmup: list[Document]
    rounds: list[list[Document]]


@cache
def tokenizer() -> Language:
    """A pipeline of the English tokenizer alone, for texts of any length."""
    import spacy

    nlp = spacy.blank("en")
    nlp.max_length = 10**9
    return nlp


def read_docbin(path: Path) -> Iterator[Doc]:
    """Yield the documents of a DocBin file. Raises ClickException where it cannot be read."""
    from spacy.tokens import DocBin

    try:
        docs = DocBin().from_disk(path)
    except OSError:
        raise click.ClickException(
            f"{path} is not there: `spacy project run convert` makes it from the IMDb archive, "
            "or name another file"
        ) from None
    except Exception:
        raise click.ClickException(f"{path} is no DocBin file") from None
    return docs.get_docs(tokenizer().vocab)


def read_documents(path: Path, limit: int | None = None) -> list[Document]:
    """Read a DocBin with cats, or JSONL with "text" and perhaps "label", in a shuffled order.

    The order is the same every time. Raises ClickException where the file cannot be read.
    """
    found = _labelled_lines(path) if path.suffix == ".jsonl" else _labelled_docs(path)
    pairs = list(found)
    random.Random(SEED).shuffle(pairs)
    return [
        Document(text, len(tokenizer().make_doc(text)), positive)
        for text, positive in pairs[:limit]
    ]


def cut(documents: list[Document], rounds: int, warmup: int) -> Slices:
    """Give every round a slice of its own, all of one size; what is left over warms up too.

    Raises ClickException where there are too few documents.
    """
    size = (len(documents) - warmup) // rounds
    if size < 1:
        raise click.ClickException(
            f"{len(documents)} documents are too few for {rounds} rounds of their own after "
            f"{warmup} to warm up: raise --limit, or lower --rounds or --warmup"
        )
    start = len(documents) - rounds * size
    slices = [documents[first : first + size] for first in range(start, len(documents), size)]
    return Slices(documents[:start], slices)


def joined(documents: list[Document], tokens: int) -> Doc:
    """So many tokens of the documents, in turn."""
    parts: list[str] = []
    found = 0
    source = cycle(documents)
    while found < tokens:
        document = next(source)
        parts.append(document.text)
        found += max(1, document.tokens)
    return tokenizer().make_doc("\n\n".join(parts))[:tokens].as_doc()


def pieces(doc: Doc, size: int) -> list[str]:
    """The same text in pieces of so many tokens, or fewer in the last one."""
    return [doc[start : start + size].text for start in range(0, len(doc), size)]


def _labelled_docs(path: Path) -> Iterator[tuple[str, bool | None]]:
    for doc in read_docbin(path):
        cats = doc.cats
        yield doc.text, cats["POSITIVE"] > 0.5 if "POSITIVE" in cats else None


def _labelled_lines(path: Path) -> Iterator[tuple[str, bool | None]]:
    try:
        # JSON's lines end in "\n" alone; str.splitlines knows many other ends.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            label = record.get("label")
            yield str(record["text"]), None if label is None else LABELS[label]
        except (ValueError, AttributeError, KeyError, TypeError):
            raise click.ClickException(
                f'{path}, line {number}: not an object with "text" and, if at all, a "label" '
                "of POSITIVE or NEGATIVE"
            ) from None
