"""Telling, at next to no cost, that what is read is plainly not English."""

from __future__ import annotations

from collections.abc import Sequence

from spacy.attrs import ORTH
from spacy.lang.en.stop_words import STOP_WORDS
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ..architectures.words import Words

# Of so many tokens in a row, English text has some 40 % of function words, as spaCy lists them, and
# headlines or lists of merits 15 to 20 %. No stretch of 34 labelled sets has fewer than FEWEST, and
# one of 118 of Reuters' news, a table of figures; of 200 tokens, 12 % of the lists of merits had.
# Other languages share a few by chance: the examples that spaCy has of 62 languages of 68 are below
# it, those of Portuguese, Italian, Danish, Norwegian and Finnish are not.
WINDOW = 500
FEWEST = 0.1

_FUNCTION_WORDS = frozenset(
    get_string_id(cased) for w in STOP_WORDS for cased in (w, w.capitalize(), w.upper())
)


class EnglishCheck:
    """Looks at one document of each batch, until so many of its tokens are not English."""

    def __init__(self) -> None:
        self.has_spoken = False
        self._tokens = self._function_words = 0

    def is_other_language(self, docs: Sequence[Doc | Words]) -> bool:
        """Whether this batch completes a stretch that is not English; true once at most."""
        if self.has_spoken or not docs:
            return False
        words = docs[0].to_array(ORTH).tolist()
        self._tokens += len(words)
        self._function_words += sum(word in _FUNCTION_WORDS for word in words)
        if self._tokens < WINDOW:
            return False
        self.has_spoken = self._function_words < FEWEST * self._tokens
        self._tokens = self._function_words = 0
        return self.has_spoken
