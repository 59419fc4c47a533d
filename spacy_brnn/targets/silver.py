"""Targets made of scored texts: a sentence's sentiment is taken as that toward what it names."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from ..corpora.errors import CorpusError
from ..corpora.jsonl import read_objects
from ..corpora.scored_corpus import parse_scored
from ..corpora.targeted_texts import TargetedSet, TargetedText
from .value import LABELS

# Of a teacher's probabilities, the least that its best must have.
CERTAIN = 0.8
# Of a sentence.
FEWEST_WORDS, MOST_WORDS = 3, 25
# Of a text that is joined of several.
MOST_CHARACTERS = 260
# Of a term's occurrences, the least share that is a target.
OFTEN_A_TARGET = 0.15
MOST_TERM_WORDS = 4
# Shares of LABELS among the targets.
SHARES = (0.38, 0.32, 0.30)
THREE_PARTS = 0.25
# How often a part may have the label of the one before it.
SAME_LABEL = 0.15
JOINTS = (
    *(", but ", ". ", " and ", ", ", ", and ", "; ", " - "),
    *(", although ", ", while ", ". But ", ". However, ", "! ", ", yet "),
)
# Words that say that a sentence may hold two opinions, or none about what is.
TURNS = {
    *("but", "although", "though", "however", "despite", "except", "while", "yet"),
    *("nevertheless", "whereas", "otherwise", "if", "would", "could", "should"),
}
_WORD = re.compile(r"[@#]?\w[\w'’-]*")
_SECOND_SENTENCE = re.compile(r"[.!?…]['\")]*\s+\S|\n")
_PROBABLY_NO_NAME = {
    *("the", "a", "an", "this", "these", "that", "it", "its", "i'm", "my", "we", "our", "their"),
    *("they", "there", "he", "she", "you", "no", "not", "very", "great", "good", "bad", "food"),
    *("service", "was", "is", "if", "when", "in", "on", "at", "for", "with", "one", "some", "all"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that a teacher is sure about.

    spans: the characters (start, end) of each target. shares: probabilities of LABELS.
    """

    text: str
    spans: list[tuple[int, int]]
    shares: tuple[float, ...]

    @property
    def label(self) -> int:
        """The place in LABELS of the most probable one."""
        return self.shares.index(max(self.shares))


@dataclass(frozen=True, slots=True)
class SilverTarget:
    """One target of a text; shares are the probabilities of LABELS toward text[start:end]."""

    text: str
    start: int
    end: int
    shares: tuple[float, ...]


def read_scored(path: Path) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Texts and the probabilities of LABELS, as `python -m spacy_brnn.distillation transformer`
    writes them.

    Raises CorpusError for a line that holds no such thing.
    """
    return read_objects(path, _parse_scored, f"text and cats: shares of {', '.join(LABELS)}")


def write_silver(targets: Iterable[SilverTarget], path: Path) -> None:
    """Write a line for each, an object with text, start, end and cats."""
    with path.open("w", encoding="utf-8") as lines:
        for one in targets:
            cats = dict(zip(LABELS, one.shares, strict=True))
            row = {"text": one.text, "start": one.start, "end": one.end, "cats": cats}
            print(json.dumps(row, ensure_ascii=False), file=lines)


def read_silver(path: Path) -> list[SilverTarget]:
    """Targets that write_silver wrote.

    Raises CorpusError for a line that holds none, or a file without lines.
    """
    wanted = f"text, start and end of a part of it, and cats: shares of {', '.join(LABELS)}"
    targets = list(read_objects(path, _parse_silver, wanted))
    if not targets:
        raise CorpusError(f"{path} holds no targets: make them with `silver`")
    return targets


def terms(sets: Iterable[TargetedSet]) -> set[str]:
    """What is a target in the sets' train parts, lower-cased, and seldom anything else there."""
    targets = [text for one in sets for text in one.train]
    counts = Counter(join_words(split_words(text.text[text.start : text.end])) for text in targets)
    occurrences = Counter(
        run
        for text in {target.text for target in targets}
        for _, _, run in _runs(_WORD.finditer(text))
        if run in counts
    )
    return {
        term
        for term, count in counts.items()
        if len(term) > 2
        and not term.isdigit()
        and len(term.split()) <= MOST_TERM_WORDS
        and count >= OFTEN_A_TARGET * occurrences[term]
    }


class HeldBack:
    """Texts that must not be learnt from."""

    def __init__(self, texts: Iterable[TargetedText]) -> None:
        words = {_plain_words(text.text) for text in texts}
        self._all = "".join(f"\n {join_words(one)} \n" for one in words)
        self._by_length: dict[int, set[tuple[str, ...]]] = {}
        for one in words:
            self._by_length.setdefault(len(one), set()).add(one)

    def shares_words_with(self, text: str) -> bool:
        """Whether the text's words stand in one of them, or all of one's in the text."""
        words = _plain_words(text)
        return f" {join_words(words)} " in self._all or any(
            words[i : i + length] in known
            for length, known in self._by_length.items()
            for i in range(len(words) - length + 1)
        )


def find_sentences(
    scored: Iterable[tuple[str, Sequence[float]]], wanted: set[str], held_back: HeldBack
) -> Iterator[Sentence]:
    """The distinct sentences among scored texts that name a wanted term and take no turn.

    scored: texts and the teacher's probabilities of LABELS.
    """
    seen: set[str] = set()
    for text, shares in scored:
        text = text.strip()
        if max(shares) < CERTAIN or text in seen or not _is_one_sentence(text):
            continue
        seen.add(text)
        if (spans := find_terms(text, wanted)) and not held_back.shares_words_with(text):
            yield Sentence(text, spans, tuple(shares))


def draw_targets(
    sentences: Sequence[Sentence], number: int, joined: float, seed: int
) -> list[SilverTarget]:
    """One target of a sentence, or one of each part of a text joined of two or three sentences.

    joined: the share of such texts; their parts differ in label, mostly.
    Raises ValueError where a label has no sentence.
    """
    by_label = [[one for one in sentences if one.label == place] for place in range(len(LABELS))]
    for label, some in zip(LABELS, by_label, strict=True):
        if not some:
            raise ValueError(f"no sentence that the teacher is sure of is {label}: score more")
    chance = random.Random(seed)
    targets: list[SilverTarget] = []
    while len(targets) < number:
        labels = _draw_labels(chance) if chance.random() < joined else [_draw_label(chance)]
        parts = [chance.choice(by_label[label]) for label in labels]
        if sum(len(part.text) for part in parts) <= MOST_CHARACTERS:
            targets += _join_parts(parts, chance)
    return targets[:number]


def _parse_scored(row: dict[str, Any]) -> tuple[str, tuple[float, ...]]:
    text, cats = parse_scored(row)
    shares = [cats[label] for label in LABELS]
    total = sum(shares)  # They were rounded.
    if len(cats) > len(LABELS) or not (min(shares) >= 0 and 0 < total < inf):
        raise ValueError("these are no shares")
    return text, tuple(share / total for share in shares)


def _parse_silver(row: dict[str, Any]) -> SilverTarget:
    text, shares = _parse_scored(row)
    return SilverTarget(text, *parse_place(row, text), shares)


def parse_place(row: dict[str, Any], text: str) -> tuple[int, int]:
    """A line's start and end. Raises ValueError or KeyError where they are not within the text."""
    start, end = row["start"], row["end"]
    if not (type(start) is type(end) is int and 0 <= start < end <= len(text)):
        raise ValueError("it points outside of the text")
    return start, end


def _draw_label(chance: random.Random) -> int:
    return chance.choices(range(len(LABELS)), SHARES)[0]


def _draw_labels(chance: random.Random) -> list[int]:
    labels = [_draw_label(chance)]
    number = 3 if chance.random() < THREE_PARTS else 2
    while len(labels) < number:
        label = _draw_label(chance)
        if label != labels[-1] or chance.random() < SAME_LABEL:
            labels.append(label)
    return labels


def _join_parts(parts: Sequence[Sentence], chance: random.Random) -> list[SilverTarget]:
    text, places = "", []
    for place, part in enumerate(parts):
        joint = chance.choice(JOINTS) if place else ""
        body = part.text if place == len(parts) - 1 else part.text.rstrip(" .!?…")
        if joint not in ("", ". ", "! "):
            body = _within_sentence(body)
        start, end = chance.choice(part.spans)
        text += joint
        if end <= len(body):
            places.append((len(text) + start, len(text) + end, part.shares))
        text += body
    return [SilverTarget(text, *place) for place in places]


def _within_sentence(text: str) -> str:
    first = text.split()[0].lower() if text.split() else ""
    return text[0].lower() + text[1:] if first in _PROBABLY_NO_NAME else text


def _is_one_sentence(text: str) -> bool:
    words = split_words(text)
    return (
        FEWEST_WORDS <= len(words) <= MOST_WORDS
        and "<" not in text
        and not _SECOND_SENTENCE.search(text)
        and TURNS.isdisjoint(words)
    )


def find_terms(text: str, wanted: Container[str]) -> list[tuple[int, int]]:
    """The longest terms, none within another."""
    found: list[tuple[int, int]] = []
    for start, end, run in _runs(_WORD.finditer(text)):
        if run in wanted and (not found or start >= found[-1][1]):
            found.append((start, end))
    return found


def _runs(matches: Iterable[re.Match[str]]) -> Iterator[tuple[int, int, str]]:
    """Start, end and words of runs of up to MOST_TERM_WORDS words; of a start, longest first."""
    words = list(matches)
    lower = [word[0].lower() for word in words]
    for first in range(len(words)):
        for length in range(min(MOST_TERM_WORDS, len(words) - first), 0, -1):
            last = first + length
            yield words[first].start(), words[last - 1].end(), join_words(lower[first:last])


def split_words(text: str) -> list[str]:
    """Its words, lower-cased; a hashtag or a name with @ is one."""
    return [word.lower() for word in _WORD.findall(text)]


def _plain_words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.lower()))


def join_words(words: Iterable[str]) -> str:
    """Words as a term is written."""
    return " ".join(words)
