"""Sentences and clauses of a document, where evidence is told in more than words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span, Token

# Words of English before which a clause may begin that turns against the one before.
CONTRASTS = frozenset(["but", "although", "though", "however", "yet", "while", "whereas", "except"])
CLOSERS = frozenset([";", ":", "—", "–", "--"])
# Words that each side must have: "bad, but fun" is one clause.
FEWEST_WORDS = 3
FEWEST_WORDS_AT_COMMA = 5


def sentences(span: Span) -> list[Span]:
    """The sentences of a span, without white space at their ends.

    Those of the document where it has boundaries, else by punctuation, as spaCy's `sentencizer`
    finds them; the document is not changed.
    """
    doc = span.doc
    if doc.has_annotation("SENT_START"):
        starts = [token.i for token in span if token.is_sent_start]
    else:
        (guesses,) = Sentencizer().predict([doc])
        starts = [i for i in range(span.start, span.end) if guesses[i]]
    return list(_pieces(doc, span.start, span.end, starts))


def clauses(span: Span) -> list[Span]:
    """The sentences of a span, cut where a clause begins, as far as punctuation and "but" tell."""
    return [
        clause
        for sentence in sentences(span)
        for clause in _pieces(sentence.doc, sentence.start, sentence.end, _cuts(sentence))
    ]


def _cuts(sentence: Span) -> Iterator[int]:
    """Where a clause begins within a sentence."""
    last = sentence.start
    for token in sentence:
        fewest = _fewest_words_around(token)
        if not fewest:
            continue
        place = token.i if token.lower_ in CONTRASTS else token.i + 1
        before, after = sentence.doc[last:place], sentence.doc[place : sentence.end]
        if min(_count_words(before), _count_words(after)) >= fewest:
            yield place
            last = place


def _fewest_words_around(token: Token) -> int:
    """How many words must stand on both sides for a clause to begin here; 0 where none does."""
    if token.lower_ in CONTRASTS or token.text in CLOSERS:
        return FEWEST_WORDS
    return FEWEST_WORDS_AT_COMMA if token.text == "," else 0


def _count_words(tokens: Iterable[Token]) -> int:
    return sum(not (token.is_punct or token.is_space) for token in tokens)


def _pieces(doc: Doc, start: int, end: int, starts: Iterable[int]) -> Iterator[Span]:
    """doc[start:end] cut at these places; pieces of white space are left out."""
    bounds = sorted({start, end, *starts})
    for first, last in pairwise(bounds):
        while first < last and doc[first].is_space:
            first += 1
        while first < last and doc[last - 1].is_space:
            last -= 1
        if first < last:
            yield doc[first:last]
