"""Telling, at next to no cost, that what is read is plainly not English."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from spacy.attrs import ORTH
from spacy.lang.en.stop_words import STOP_WORDS
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ..architectures.words import Words

# Of so many tokens in a row, this share of function words, as spaCy lists them, is too small for
# English, which has some 40 %, and headlines or lists of merits 15 to 20 %. Of 12,011 stretches of
# 120 tokens of 34 labelled sets none has so few, of 2,515 of news, mails and forums 8, which are
# tables of figures and programs; of 500 tokens none, and one of 118 of Reuters' news.
# Other languages share some by chance: the examples that spaCy has of 62 languages of 68 are below
# one of the two, those of Portuguese, Italian, Danish, Norwegian and Finnish are not.
TOO_FEW = {120: 0.05, 500: 0.1}
WINDOW = max(TOO_FEW)

_FUNCTION_WORDS = frozenset(
    get_string_id(cased) for w in STOP_WORDS for cased in (w, w.capitalize(), w.upper())
)


class EnglishCheck:
    """Looks at the first documents of each batch, until so many of their tokens are not English."""

    def __init__(self) -> None:
        self.has_spoken = False
        self._tokens = self._function_words = 0
        self._texts: set[bytes] = set()

    def is_other_language(self, docs: Sequence[Doc | Words]) -> bool:
        """Whether this batch completes a stretch that is not English; true once at most."""
        if self.has_spoken:
            return False
        any(self._completes(doc.to_array(ORTH)[:WINDOW]) for doc in docs)
        return self.has_spoken

    def _completes(self, words: numpy.ndarray) -> bool:
        """Look at a document; whether that ends the stretch."""
        if words.tobytes() in self._texts:  # As in a loop over one text.
            return False
        self._texts.add(words.tobytes())
        before, self._tokens = self._tokens, self._tokens + len(words)
        self._function_words += sum(word in _FUNCTION_WORDS for word in words.tolist())
        self.has_spoken = any(
            before < tokens <= self._tokens and self._function_words < share * self._tokens
            for tokens, share in TOO_FEW.items()
        )
        is_end = self.has_spoken or self._tokens >= WINDOW
        if is_end:
            self._tokens = self._function_words = 0
            self._texts.clear()
        return is_end
