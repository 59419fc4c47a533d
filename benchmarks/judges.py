"""Sentiment systems as judges of short texts: a label of two, or of three, for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .peers.asent_rules import Asent
from .peers.textblob import SpacyTextBlob
from .peers.vader import Vader

# VADER's authors call a text neutral whose score lies so near to 0; asent keeps its scale, and
# TextBlob's polarity has no such number of its own.
NEUTRAL_BELOW = 0.05

# Texts to pairs: the sign of the polarity (NEUTRAL where it is 0), and the label of three.
Judge = Callable[[list[str]], list[tuple[str, str]]]


def choose(pipeline: str | None, only_brnn: bool) -> dict[str, Judge]:
    """The project and, unless it is wanted alone, the word lists.

    Raises click.ClickException for a pipeline that will not do, or a word list not installed.
    """
    try:
        judges = {"brnn_sentiment": brnn(pipeline)}
    except (OSError, KeyError, ValueError) as error:
        raise click.ClickException(
            f"{pipeline or 'what ships'} is no pipeline with brnn_sentiment and its three labels "
            f"({error})"
        ) from None
    if only_brnn:
        return judges
    try:
        return {**judges, **peers()}
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is not installed: pip install -e '.[benchmarks]', or give --only-brnn"
        ) from None


def by_polarity(score_all: Callable[[list[str]], list[float]]) -> Judge:
    """A judge by scores: a score of exactly 0 is no answer."""

    def judge(texts: list[str]) -> list[tuple[str, str]]:
        return [(_sign(score, 0.0), _sign(score, NEUTRAL_BELOW)) for score in score_all(texts)]

    return judge


def _sign(score: float, least: float) -> str:
    if abs(score) < least or score == 0.0:
        return "NEUTRAL"
    return "POSITIVE" if score > 0 else "NEGATIVE"


def brnn(pipeline: str | None) -> Judge:
    """The project: with the weights that ship, or with a trained pipeline's."""
    import spacy

    nlp = spacy.load(pipeline) if pipeline else spacy.blank("en")
    if not pipeline:
        nlp.add_pipe("brnn_sentiment", config={"neutral": True})
    component: Any = nlp.get_pipe("brnn_sentiment")
    component.neutral = True

    def judge(texts: list[str]) -> list[tuple[str, str]]:
        found = []
        for doc in nlp.pipe(texts):
            positive, negative = doc.cats["POSITIVE"], doc.cats["NEGATIVE"]
            two = "POSITIVE" if positive > negative else "NEGATIVE"
            found.append((two, doc._.sentiment.label))
        return found

    return judge


def peers() -> dict[str, Judge]:
    """The word lists. Raises ImportError where one is not installed."""
    judges = {}
    for system in (
        Vader("vader", "VADER"),
        SpacyTextBlob("spacytextblob", "spacytextblob"),
        Asent("asent", "asent"),
    ):
        system.load()
        judges[system.title] = by_polarity(system.score_all)
    return judges
