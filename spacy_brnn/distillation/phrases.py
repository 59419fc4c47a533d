"""Labelled English phrases, drawn from a small grammar that was written by hand.

phrases.json holds the grammar: phrases with a label and a group each, and the fillers of their
slots. "{time}" takes any filler of "time", which may have slots itself; "{Time}" is the same with
a capital first letter.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import TypedDict

import numpy

# Draws from a group that bring nothing new, until it counts as used up.
TRIES = 200
SLOT = re.compile(r"\{(\w+)\}")


class Phrase(TypedDict):
    """A text with slots."""

    label: str
    group: str
    text: str


class Grammar(TypedDict):
    """What phrases.json holds."""

    slots: dict[str, list[str]]
    phrases: list[Phrase]


def draw_phrases(number: int, seed: int) -> list[tuple[str, str]]:
    """RETURNS so many distinct (text, label).

    Groups take turns, and the phrases of a group are equally likely, whatever their expansions.
    A group that is used up leaves its turns to the others. Raises ValueError where all are.
    """
    rng = numpy.random.default_rng(seed)
    groups = list(_groups().values())
    drawn: dict[str, str] = {}
    while len(drawn) < number:
        if not groups:
            raise ValueError(f"the grammar has no {number} distinct texts")
        groups = [group for group in groups if _draw_new(group, drawn, rng)]
    return list(drawn.items())[:number]


@cache
def grammar() -> Grammar:
    """The slots and phrases of phrases.json."""
    return json.loads(files(__package__).joinpath("phrases.json").read_text(encoding="utf8"))


@cache
def _groups() -> dict[str, list[Phrase]]:
    groups = defaultdict(list)
    for phrase in grammar()["phrases"]:
        groups[phrase["group"]].append(phrase)
    return dict(groups)


def _draw_new(group: list[Phrase], drawn: dict[str, str], rng: numpy.random.Generator) -> bool:
    """Add a text of the group to those drawn; RETURNS whether there was a new one."""
    for _ in range(TRIES):
        phrase = group[rng.integers(len(group))]
        text = _fill(phrase["text"], rng)
        if text not in drawn:
            drawn[text] = phrase["label"]
            return True
    return False


def _fill(text: str, rng: numpy.random.Generator) -> str:
    """The text with fillers in the place of its slots."""

    def filler(match: re.Match[str]) -> str:
        name = match[1]
        fillers = grammar()["slots"][name.lower()]
        filled = _fill(fillers[rng.integers(len(fillers))], rng)
        return filled if name.islower() else filled[0].upper() + filled[1:]

    return SLOT.sub(filler, text)
