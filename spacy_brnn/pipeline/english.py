"""Telling, at next to no cost, that what is read is plainly not English."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from spacy.attrs import LOWER
from spacy.lang.en.stop_words import STOP_WORDS
from spacy.strings import get_string_id
from spacy.tokens import Doc

# Of so many tokens in a row, English text has some 40 % of function words, as spaCy lists them;
# other languages share a few of them by chance (Italian so many that it may go unnoticed).
WINDOW = 200
FEWEST = 0.1

_FUNCTION_WORDS = numpy.array(sorted(get_string_id(word) for word in STOP_WORDS), dtype="uint64")


class EnglishCheck:
    """Looks at one document of each batch, until so many of its tokens are not English."""

    def __init__(self) -> None:
        self.has_spoken = False
        self._tokens = self._function_words = 0

    def is_other_language(self, docs: Sequence[Doc]) -> bool:
        """Whether this batch completes a stretch that is not English; true once at most."""
        if self.has_spoken or not docs:
            return False
        words = docs[0].to_array(LOWER)
        self._tokens += len(words)
        self._function_words += int(numpy.isin(words, _FUNCTION_WORDS).sum())
        if self._tokens < WINDOW:
            return False
        self.has_spoken = self._function_words < FEWEST * self._tokens
        self._tokens = self._function_words = 0
        return self.has_spoken
