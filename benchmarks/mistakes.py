"""What a user got wrong, told in a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import click
import spacy
from spacy.language import Language

from spacy_brnn.corpora.errors import CorpusError

if TYPE_CHECKING:
    from spacy_brnn.pipeline.sentiment import BRNNSentiment


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Raise click.ClickException for a corpus that will not do or a file that is not there."""
    try:
        yield
    except (CorpusError, OSError) as error:
        raise click.ClickException(str(error)) from None


def load_sentiment(model: str | None) -> tuple[Language, BRNNSentiment]:
    """A pipeline, or a blank one with the weights that ship, and its brnn_sentiment.

    Raises click.ClickException where there is none.
    """
    try:
        nlp = spacy.load(model) if model else spacy.blank("en")
        component = nlp.get_pipe("brnn_sentiment") if model else nlp.add_pipe("brnn_sentiment")
    except (OSError, KeyError, ValueError) as error:
        message = error.args[0] if error.args else error
        raise click.ClickException(
            f"{model or 'what ships'} is no pipeline with brnn_sentiment: {message}"
        ) from None
    return nlp, cast("BRNNSentiment", component)
