"""The tokens of a document's plain text, of which only what markup touched is tokenized anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy
from spacy.attrs import IDX, IS_SPACE, LENGTH, NORM, ORTH
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

TokenizeText = Callable[[str], Doc]
# A plain text, and where in the document's each of its characters starts and ends.
AlignedText = tuple[str, numpy.ndarray, numpy.ndarray]
# Whether each code point is white space; there is none from the table's end on.
_IS_WHITE = numpy.array([chr(code).isspace() for code in range(0x3002)])


@dataclass(frozen=True, eq=False)
class PlainTokens:
    """The tokens of a plain text, without those of white space.

    vocab: has their strings. orths, norms, spaces: (tokens,) as of a Doc. starts, ends: (tokens,)
    the offsets in the document's own text of what each is made of.
    """

    vocab: Vocab
    orths: numpy.ndarray
    norms: numpy.ndarray
    spaces: numpy.ndarray
    starts: numpy.ndarray
    ends: numpy.ndarray


def tokenize_plain(
    doc: Doc, text: str, tokenizer: TokenizeText, aligned: AlignedText, *, keep_tokens: bool
) -> PlainTokens | None:
    """What the tokenizer makes of the text of a document without what is not for people.

    text: the document's. aligned: what surface.align_plain gives for it.
    keep_tokens: whether stretches between white space that the plain text has in common with the
        document's keep their tokens. Then no token may have white space beside other characters,
        and the tokenizer must treat each stretch by itself (see `splits_at_white_space`).
    RETURNS: None where they go beyond that text: the tokenizer adds some of its own.
    """
    plain, starts, ends = aligned
    codes = _codes(plain)
    first, after = numpy.zeros(1, dtype="int64"), numpy.full(1, len(plain))
    at, rows = numpy.zeros(0, dtype="int64"), numpy.zeros((0, 3), dtype="uint64")
    if keep_tokens:
        first, after, same = _stretches(_codes(text), codes, starts, ends)
        at, rows = _take(doc, _positions(len(text), first[same], after[same], starts))
        first, after = _runs(first, after, same)
    made = tokenizer("\n".join(plain[a:b] for a, b in zip(first, after, strict=True)))
    if made.vocab is not doc.vocab:
        _add_strings(made.vocab, doc, rows)
    at_made, rows_made = _place(made, first, after)
    at, rows = numpy.concatenate([at, at_made]), numpy.concatenate([rows, rows_made])
    order = numpy.argsort(at)
    at, rows = at[order], rows[order]
    past = at + rows[:, 0].astype("int64")
    if past.max(initial=0) > len(plain):
        return None
    spaces = numpy.append(codes == ord(" "), False)[past]
    return PlainTokens(made.vocab, rows[:, 1], rows[:, 2], spaces, starts[at], ends[past - 1])


def splits_at_white_space(tokenizer: TokenizeText | None) -> bool:
    """Whether it is spaCy's own, without special cases over more than one word.

    It may still find an emoticon in signs with white space between them, as ":((" in ":( (".
    """
    if not isinstance(tokenizer, Tokenizer) or type(tokenizer) is not Tokenizer:
        return False
    return not any(len(rule.split()) > 1 for rule in tokenizer.rules)


def _stretches(
    text: numpy.ndarray, plain: numpy.ndarray, starts: numpy.ndarray, ends: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Where the plain text's stretches between white space begin and end, and which are the text's.

    text, plain: the code points of both.
    RETURNS: (stretches,) first characters, those after the last, and whether the text has the same
        characters there, with white space around them.
    """
    word = ~_white(plain)
    edges = numpy.flatnonzero(numpy.diff(word, prepend=False, append=False))
    first, after = edges[::2], edges[1::2]
    if not len(first):
        return first, after, numpy.zeros(0, dtype=bool)
    like = (ends - starts == 1) & (text[starts] == plain)
    like[1:] &= (starts[1:] == starts[:-1] + 1) | ~word[:-1]
    same = numpy.logical_and.reduceat(like | ~word, first)
    around = numpy.concatenate([[True], _white(text), [True]])
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


def _runs(
    first: numpy.ndarray, after: numpy.ndarray, same: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Where the runs of stretches begin and end that are not the text's."""
    edges = numpy.diff(~same, prepend=False, append=False)
    return first[edges[:-1] & ~same], after[edges[1:] & ~same]


def _take(doc: Doc, positions: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The tokens of a document that have a position: it, and their LENGTH, ORTH and NORM."""
    rows = doc.to_array([IDX, LENGTH, ORTH, NORM])
    at = positions[rows[:, 0].astype("int64")]
    return at[at >= 0], rows[at >= 0, 1:]


def _place(
    made: Doc, first: numpy.ndarray, after: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """As _take, of the tokens of parts of the plain text, a character apart from each other."""
    rows = made.to_array([IS_SPACE, IDX, LENGTH, ORTH, NORM])
    rows = rows[rows[:, 0] == 0, 1:]
    index = rows[:, 0].astype("int64")
    begins = (after - first + 1).cumsum() - (after - first + 1)
    part = numpy.searchsorted(begins, index, side="right") - 1
    return index + (first - begins)[part], rows[:, 1:]


def _add_strings(vocab: Vocab, doc: Doc, rows: numpy.ndarray) -> None:
    """Let it know the strings of tokens that were taken."""
    for string in numpy.unique(rows[:, 1:]).tolist():
        vocab.strings.add(doc.vocab.strings[string])


def _codes(text: str) -> numpy.ndarray:
    return numpy.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="uint32")


def _white(codes: numpy.ndarray) -> numpy.ndarray:
    return _IS_WHITE[numpy.minimum(codes, len(_IS_WHITE) - 1)]
