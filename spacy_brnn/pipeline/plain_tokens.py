"""The tokens of a document's plain text, of which only what markup touched is tokenized anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy
from spacy.attrs import IDX, IS_SPACE, LENGTH, NORM, ORTH, SPACY
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

TokenizeText = Callable[[str], Doc]
# A plain text, and where in the document's each of its characters starts and ends.
AlignedText = tuple[str, numpy.ndarray, numpy.ndarray]
ATTRIBUTES = (ORTH, SPACY, NORM)
# Whether each code point is white space; there is none from the table's end on.
_IS_WHITE = numpy.array([chr(code).isspace() for code in range(0x3002)])


@dataclass(frozen=True)
class PlainTokens:
    """The tokens of a plain text, without those of white space.

    array: (tokens, ATTRIBUTES). starts, ends: (tokens,) the offsets in the document's own text of
    what each is made of.
    """

    array: numpy.ndarray
    starts: numpy.ndarray
    ends: numpy.ndarray


def tokenize_plain(
    doc: Doc,
    text: str,
    tokenizer: TokenizeText,
    aligned: AlignedText,
    *,
    keep_tokens: bool = True,
) -> PlainTokens:
    """What the tokenizer makes of the text of a document without what is not for people.

    spaCy's own tokenizer treats what stands between white space by itself. What of that the plain
    text has in common with the document's keeps the tokens that it has there.

    text: the document's. aligned: what surface.align_plain gives for it.
    keep_tokens: whether no token of the document holds white space.
    """
    plain, starts, ends = aligned
    places, last = numpy.zeros(1, dtype="int64"), numpy.full(1, len(plain))
    kept = numpy.zeros(0, dtype="int64"), numpy.zeros((0, 1 + len(ATTRIBUTES)), dtype="uint64")
    if keep_tokens and isinstance(tokenizer, Tokenizer):
        places, last, same = _stretches(text, plain, starts, ends)
        kept = _take(doc, _positions(len(text), places[same], last[same], starts))
        places, last = places[~same], last[~same]
    made = _make(doc, plain, places, last, tokenizer)
    at, rows = (numpy.concatenate(pair) for pair in zip(kept, made, strict=True))
    order = numpy.argsort(at)
    at, rows = at[order], rows[order]
    final = at + rows[:, 0].astype("int64") - 1
    return PlainTokens(rows[:, 1:], starts[at], ends[final])


def _stretches(
    text: str, plain: str, starts: numpy.ndarray, ends: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Where the plain text's stretches between white space begin and end, and which are the text's.

    RETURNS: (stretches,) first characters, those after the last, and whether the text has the same
        characters there, with white space around them.
    """
    white, codes = _white(text), _codes(text)
    word = ~_white(plain)
    edges = numpy.flatnonzero(numpy.diff(word, prepend=False, append=False))
    first, after = edges[::2], edges[1::2]
    if not len(first):
        return first, after, numpy.zeros(0, dtype=bool)
    like = (ends - starts == 1) & (codes[starts] == _codes(plain))
    like[1:] &= (starts[1:] == starts[:-1] + 1) | ~word[:-1]
    same = numpy.logical_and.reduceat(like | ~word, first)
    around = numpy.concatenate([[True], white, [True]])
    same &= around[starts[first]] & around[ends[after - 1] + 1]
    return first, after, same


def _positions(
    size: int, first: numpy.ndarray, after: numpy.ndarray, starts: numpy.ndarray
) -> numpy.ndarray:
    """(size,) the place in the plain text of each character of the text; -1 outside of stretches.

    first, after: of the stretches. starts: of each plain character, its place in the text.
    """
    within = numpy.zeros(len(starts) + 1, dtype="int64")
    within[first] += 1
    within[after] -= 1
    places = numpy.flatnonzero(within[:-1].cumsum())
    positions = numpy.full(size, -1)
    positions[starts[places]] = places
    return positions


def _take(doc: Doc, positions: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The tokens of a document that have a position: it, and their LENGTH and ATTRIBUTES."""
    rows = doc.to_array([IDX, LENGTH, *ATTRIBUTES])
    at = positions[rows[:, 0].astype("int64")]
    return at[at >= 0], rows[at >= 0, 1:]


def _make(
    doc: Doc, plain: str, first: numpy.ndarray, after: numpy.ndarray, tokenizer: TokenizeText
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """As _take, of stretches of the plain text that are tokenized anew, all in one call."""
    parts = [plain[a:b] for a, b in zip(first.tolist(), after.tolist(), strict=True)]
    made = tokenizer("\n".join(parts))
    begins = numpy.cumsum([0, *(len(part) + 1 for part in parts[:-1])])
    rows = made.to_array([IS_SPACE, IDX, LENGTH, *ATTRIBUTES])
    rows = rows[rows[:, 0] == 0, 1:]
    if made.vocab is not doc.vocab:
        for token in made:
            doc.vocab.strings.add(token.text)
            doc.vocab.strings.add(token.norm_)
    index = rows[:, 0].astype("int64")
    part_of = numpy.searchsorted(begins, index, side="right") - 1
    offsets = first - begins if len(first) else begins
    return index + offsets[part_of], rows[:, 1:]


def _codes(text: str) -> numpy.ndarray:
    return numpy.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="uint32")


def _white(text: str) -> numpy.ndarray:
    return _IS_WHITE[numpy.minimum(_codes(text), len(_IS_WHITE) - 1)]
