"""An augmenter that changes how a text is written, not what it says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from spacy.language import Language
from spacy.training import Example


def create_surface_augmenter(
    level: float = 0.2, typo_rate: float = 0.05
) -> Callable[[Language, Example], Iterator[Example]]:
    """Show a share of the documents written another way (spacy-brnn.surface.v1).

    Each of them in upper case, in lower case, without its final punctuation, or with typing
    errors: two neighbouring letters of a word exchanged, one left out or one doubled.

    level: the share of documents, 0..1.
    typo_rate: the share of words with an error, where there are errors.
    Raises ValueError for a value out of range.
    """
    for name, rate in (("level", level), ("typo_rate", typo_rate)):
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"{name} of spacy-brnn.surface.v1 must lie in 0..1, not {rate}")
    writers = list(surface_writers(typo_rate).values())

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        if random.random() >= level:
            yield example
            return
        text = random.choice(writers)(example.reference.text)
        yield Example.from_dict(nlp.make_doc(text), {"cats": example.reference.cats})

    return augment


def surface_writers(typo_rate: float = 0.05) -> dict[str, Callable[[str], str]]:
    """Each way of writing a text, by its name; typing errors are drawn from `random`."""
    return {
        "upper case": str.upper,
        "lower case": str.lower,
        "no final punctuation": lambda text: text.rstrip().rstrip(".!?…") or text,
        "typing errors": lambda text: " ".join(
            _mistype(word, typo_rate) for word in text.split(" ")
        ),
    }


def _mistype(word: str, rate: float) -> str:
    if len(word) < 4 or random.random() >= rate:
        return word
    place = random.randrange(1, len(word) - 2)
    kind = random.randrange(3)
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place] * (0 if kind == 1 else 2) + word[place + 1 :]
