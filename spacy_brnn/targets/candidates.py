"""Targets without labels, for a teacher to score: what texts name, whatever they say of it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ..corpora.errors import CorpusError
from ..corpora.jsonl import read_objects, read_text
from ..corpora.targeted_texts import TargetedSet
from .silver import (
    FEWEST_WORDS,
    TURNS,
    HeldBack,
    find_terms,
    join_words,
    parse_place,
    split_words,
    terms,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part of a text, text[start:end], that the text may say something about."""

    text: str
    start: int
    end: int


def homes(sets: Sequence[TargetedSet]) -> dict[str, str]:
    """Of each of the sets' terms, the name of the set where it is a target most often."""
    counts = {
        one.name: Counter(join_words(split_words(t.text[t.start : t.end])) for t in one.train)
        for one in sets
    }
    return {term: max(counts, key=lambda name: counts[name][term]) for term in terms(sets)}


def gold_candidates(
    sets: Iterable[TargetedSet], wanted: set[str], held_back: HeldBack
) -> list[Candidate]:
    """The targets of the train parts, and the terms that their texts name beside them."""
    places: dict[str, set[tuple[int, int]]] = {}
    for target in chain.from_iterable(one.train for one in sets):
        places.setdefault(target.text, set()).add((target.start, target.end))
    found = []
    for text, gold in places.items():
        if not held_back.shares_words_with(text):
            others = [s for s in find_terms(text, wanted) if not any(_overlap(s, g) for g in gold)]
            found += [Candidate(text, *place) for place in sorted([*gold, *others])]
    return found


def draw_candidates(
    texts: Iterable[str],
    home_of: Mapping[str, str],
    held_back: HeldBack,
    number: int,
    most_words: int,
    seed: int,
) -> list[Candidate]:
    """About so many targets, as many of each set's terms, and of texts that take a turn as of
    others, as far as they go; all of a text that is drawn.

    texts: of which those are drawn that name a term, in `most_words` words at most.
    home_of: the terms, as `homes` gives them.
    """
    chance = random.Random(seed)
    pools = _pool(texts, home_of, most_words)
    for _, pool in sorted(pools.items()):
        chance.shuffle(pool)
    drawn: list[Candidate] = []
    while len(drawn) < number and any(pools.values()):
        for _, pool in sorted(pools.items()):
            if pool and not held_back.shares_words_with(text := pool.pop()):
                drawn += [Candidate(text, *place) for place in find_terms(text, home_of.keys())]
    return drawn[:number]


def write_candidates(targets: Iterable[Candidate], path: Path) -> None:
    """Write a line for each, an object with text, start and end."""
    with path.open("w", encoding="utf-8") as lines:
        for one in targets:
            row = {"text": one.text, "start": one.start, "end": one.end}
            print(json.dumps(row, ensure_ascii=False), file=lines)


def read_candidates(path: Path) -> list[Candidate]:
    """Targets that write_candidates wrote, or silver ones without their labels.

    Raises CorpusError for a line that holds none, or a file without lines.
    """
    targets = list(read_objects(path, _parse, "text, start and end of a part of it"))
    if not targets:
        raise CorpusError(f"{path} holds no targets: make them with `candidates`")
    return targets


def _parse(row: dict[str, Any]) -> Candidate:
    text = read_text(row)
    return Candidate(text, *parse_place(row, text))


def _pool(
    texts: Iterable[str], home_of: Mapping[str, str], most_words: int
) -> dict[tuple[str, bool], list[str]]:
    """Distinct texts by the set whose terms they name, and whether they take a turn."""
    pools: dict[tuple[str, bool], list[str]] = {}
    for text in _distinct(texts):
        words = split_words(text)
        if not FEWEST_WORDS <= len(words) <= most_words or "<" in text:
            continue
        places = find_terms(text, home_of.keys())
        named = {home_of[join_words(split_words(text[start:end]))] for start, end in places}
        if named:
            turns = not TURNS.isdisjoint(words)
            # To the set that has fewest as yet, as most texts name a term of a large one.
            keys = [(home, turns) for home in sorted(named)]
            pools.setdefault(min(keys, key=lambda key: len(pools.get(key, ()))), []).append(text)
    return pools


def _distinct(texts: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for text in map(str.strip, texts):
        if text not in seen:
            seen.add(text)
            yield text


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
