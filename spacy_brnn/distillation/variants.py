"""Variants of labelled texts, made on purpose, whose label a teacher has to find anew."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy

from ..corpora.errors import CorpusError
from ..corpora.labelled_texts import TextSet

# Texts of so many words, at most, make variants that still read like texts.
MAX_WORDS = 24
MOST_TRIES = 20

_AUXILIARY = re.compile(
    r"\b(is|was|are|were|do|does|did|has|have|had|can|could|would|should|will)\b", re.IGNORECASE
)
_NEGATION = re.compile(r"\b(?:not|never)\s|(?:\b(ai|ca|sha|wo))?n['’]t\b", re.IGNORECASE)
# What stands before "n't" and is no word by itself.
_WHOLE = {"ai": "is", "ca": "can", "sha": "shall", "wo": "will"}
_SIGNS = (
    *"😀😃😄😁😆😅😂🤣😊😇🙂😉😌😍🥰😘😋😎🤩🥳🤗👍👏🙌💪🙏👌🎉🎊🏆🔥✨⭐🌟💯✅❤🧡💛💚💙💜💖💕🌹🌞😺",
    *"😒😞😔😟😕🙁☹😣😖😫😩🥺😢😭😤😠😡🤬😱😨😰😥😓🙄😬🤢🤮🤧😷🤒🤕👎💔💩🤦🚫❌⚠😾🖕😴🤔😐😑🤷💀👿",
    *(":)", ":-)", ":D", ";)", "<3", ":(", ":-(", ":/", ":'(", "D:", "xD", "=)"),
)
_FRAMES = (
    "I thought {}",
    "I don't think that {}",
    "Nobody could say that {}",
    "They told me: {}",
    "It is not true that {}",
    "If only it were so: {}",
)
_JOINTS = (", but ", ". However, ", ", although ", "; still, ", ". On the other hand, ")


def draw_variants(sets: list[TextSet], number: int, seed: int) -> list[str]:
    """So many variants, at most, of short texts of train, each kind tried as often as the others.

    Kinds: a negation put in or taken out, a frame around the text, two texts joined by a
    contrast, one or more emoji at the end or alone, a question.
    Source: the capabilities of Ribeiro, Wu, Guestrin and Singh (2020), "Beyond Accuracy:
    Behavioral Testing of NLP Models with CheckList".
    Raises CorpusError for sets without short texts.
    """
    random = numpy.random.default_rng(seed)
    texts = [
        text.text.strip()
        for one in sets
        for text in one.train
        if 0 < len(text.text.split()) <= MAX_WORDS
    ]
    makers: list[Callable[[str, str, numpy.random.Generator], str | None]] = [
        _negated,
        _framed,
        _joined,
        _signed,
        _asked,
    ]
    found: dict[str, None] = {}
    if not texts:
        raise CorpusError(
            f"no text has {MAX_WORDS} words or fewer: variants are made of short ones"
        )
    # Few texts have few variants.
    for _ in range(number * MOST_TRIES):
        if len(found) == number:
            break
        one, other = (texts[place] for place in random.integers(len(texts), size=2).tolist())
        variant = makers[int(random.integers(len(makers)))](one, other, random)
        if variant:
            found[variant] = None
    return list(found)


def _negated(text: str, other: str, random: numpy.random.Generator) -> str | None:
    """With its first negation taken out; without one, with one put in."""
    if _NEGATION.search(text):
        return _NEGATION.sub(_affirmed, text, count=1)
    return _AUXILIARY.sub(r"\1 not", text, count=1) if _AUXILIARY.search(text) else None


def _affirmed(negation: re.Match[str]) -> str:
    """What stays of a negation: a word, where it was cut short before "n't"."""
    cut = negation[1]
    if not cut:
        return ""
    whole = _WHOLE[cut.lower()]
    if cut.isupper():
        return whole.upper()
    return whole.capitalize() if cut[0].isupper() else whole


def _framed(text: str, other: str, random: numpy.random.Generator) -> str | None:
    return _FRAMES[random.integers(len(_FRAMES))].format(text[:1].lower() + text[1:])


def _joined(text: str, other: str, random: numpy.random.Generator) -> str | None:
    joint = _JOINTS[random.integers(len(_JOINTS))]
    return text.rstrip(".!? ") + joint + other[:1].lower() + other[1:]


def _signed(text: str, other: str, random: numpy.random.Generator) -> str | None:
    sign = _SIGNS[random.integers(len(_SIGNS))] * int(1 + random.integers(3))
    return sign if random.random() < 0.02 else f"{text} {sign}"


def _asked(text: str, other: str, random: numpy.random.Generator) -> str | None:
    return f"{text.rstrip('.!? ')}?"
