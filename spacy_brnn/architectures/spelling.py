"""How a word is looked up: the forms that it may be known by, and its parts where it is not."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from spacy.attrs import ORTH
from spacy.strings import hash_string  # type: ignore[attr-defined]  # spaCy's stub lacks it.
from spacy.tokens import Doc

URL = "<url>"
USER = "<user>"
# The letters of a part, at most, and the first letters of a word that are cut into parts.
NGRAM = 3
MAX_LETTERS = 24

_URL = re.compile(
    r"(?:https?://|www\.)\S|[\w.+-]+@[\w-]+\.\w|[\w-]+\.(?:com|org|net|co\.uk)(?:/|$)",
    re.IGNORECASE,
)
_USER = re.compile(r"@\w+$")
_SKIN_TONE = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f\u200d]")
_PUNCTUATION = str.maketrans("‘’‛′`“”„″–—−", "'''''\"\"\"\"---")
_REPEATED = re.compile(r"(.)\1{2,}")
_DIGIT = re.compile(r"\d")


def forms(word: str) -> Iterator[str]:
    """Yield the forms of a word, nearest first: the first that a vocabulary knows is taken for it.

    Case, typographic quotes and dashes, and skin tones make no difference; an address is one word,
    as is a @name. Then come the word without its "#", with repeated letters shortened ("soooo"),
    and with each digit as 0. Nothing but the text counts, so that a word is the same in every
    pipeline.
    """
    nearest = nearest_form(word)
    yield nearest
    plain = nearest.lstrip("#") or nearest
    if plain != nearest:
        yield plain
    if _REPEATED.search(plain):
        yield _REPEATED.sub(r"\1\1", plain)
        yield _REPEATED.sub(r"\1", plain)
    if _DIGIT.search(nearest):
        yield _DIGIT.sub("0", nearest)


def nearest_form(word: str) -> str:
    """The first of its forms."""
    if word.isascii() and word.isalpha():
        return word.lower()
    if _URL.match(word):
        return URL
    if _USER.match(word):
        return USER
    plain = unicodedata.normalize("NFKC", word.translate(_PUNCTUATION)).lower()
    return _SKIN_TONE.sub("", plain) or word


def count_forms(docs: Iterable[Doc]) -> Counter[str]:
    """How often each word occurs, by the nearest of its forms, white space tokens included."""
    counts: Counter[str] = Counter()
    spelled: dict[int, str] = {}
    for doc in docs:
        words: list[int] = doc.to_array(ORTH).tolist()
        for word, count in Counter(words).items():
            if word not in spelled:
                spelled[word] = nearest_form(doc.vocab.strings[word])
            counts[spelled[word]] += count
    return counts


def part_hashes(word: str) -> list[int]:
    """Hashes of the runs of NGRAM letters in a word, its ends marked, and of the word itself.

    Source: Bojanowski, Grave, Joulin and Mikolov (2017), "Enriching Word Vectors with Subword
    Information".
    """
    letters = nearest_form(word)
    if _REPEATED.search(letters):  # Which is quicker than to replace nothing.
        letters = _REPEATED.sub(r"\1\1", letters)
    marked = f"<{letters[:MAX_LETTERS]}>"
    parts = {marked[i : i + NGRAM] for i in range(len(marked) - NGRAM + 1)} | {marked}
    return [hash_string(part) for part in sorted(parts)]
