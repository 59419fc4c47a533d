"""What `spacy-brnn explain` does."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from spacy.language import Language

from ..corpora.staging import is_same_file
from ..loading import allow_long_texts, load_named_pipeline, sets_attribute
from .render import render
from .terminal import terminal_text

STDIN = "-"
OF_MANY = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".spacy")


class ExplainError(ValueError):
    """What the user has to change."""


def explain_text(source: str, model: str | None = None, html: Path | None = None) -> str:
    """Score a text and say why, for a terminal.

    source: a text, a file of one, or - for standard input.
    model: a pipeline with brnn_sentiment; None for the English one that ships.
    html: where to write an HTML page of it too.
    Raises ExplainError for an input, a pipeline or an output that does not do, PipelineError
    for a pipeline that cannot be loaded.
    """
    _refuse_tables(source, model)
    if html is not None and is_same_file(source, html):
        raise ExplainError(f"{html} is the text itself: name another file for the page")
    text = read_source(source)
    if not text.strip():
        raise ExplainError("there is no text to explain")
    nlp = load_pipeline(model)  # Evidence is read off it: it must stay.
    allow_long_texts(nlp)
    if len(text) > nlp.max_length:
        raise ExplainError(
            f"the text has {len(text):,} characters, more than the {nlp.max_length:,} that {model} "
            "reads: give a part of it"
        )
    doc = nlp(text)
    try:
        shown = terminal_text(doc)
        page = render(doc, page=True, jupyter=False)
    except ValueError as error:
        raise ExplainError(str(error)) from None
    if html is not None:
        _write(html, page or "")
    return shown


def read_source(source: str) -> str:
    """The text that a command's argument stands for.

    Raises ExplainError for a file that is not there or holds no UTF-8.
    """
    if source == STDIN:
        return _decode(sys.stdin.buffer.read(), "standard input")
    path = Path(source)
    if _is_file(path):
        return _decode(_read(path), source)
    if not any(c.isspace() for c in source) and (path.suffix or len(path.parts) > 1):
        raise ExplainError(f"{source}: no such file (a text of one word is read from -)")
    # Bytes that the locale's encoding lacks arrive as surrogates.
    return source.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _refuse_tables(source: str, model: str | None) -> None:
    kinds = (f".{suffix.lower()}" for suffix in Path(source).name.split(".")[1:][-2:])
    if not set(OF_MANY).isdisjoint(kinds) and _is_file(Path(source)):
        command = ["spacy-brnn", "annotate", source, "--evidence"]
        command += ["--model", model] if model else []
        raise ExplainError(
            f"{source} holds many documents, and this shows one: `{shlex.join(command)}` writes "
            "the clauses that say most of each"
        )


def load_pipeline(model: str | None) -> Language:
    """A pipeline that scores sentiment.

    Raises PipelineError where it cannot be loaded, ExplainError where it has no brnn_sentiment.
    """
    nlp = load_named_pipeline(model)
    if not sets_attribute(nlp, "doc._.sentiment"):
        names = ", ".join(nlp.pipe_names) or "nothing"
        raise ExplainError(f"the pipeline {model} has no brnn_sentiment (it has: {names})")
    return nlp


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # A text may be too long for a name, or hold a null.
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExplainError(f"{path}: cannot be read ({error.strerror})") from None


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExplainError(f"{name}: byte {error.start} is not UTF-8; convert it first") from None


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ExplainError(f"{path}: cannot be written ({error.strerror})") from None
