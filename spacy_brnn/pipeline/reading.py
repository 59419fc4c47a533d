"""What the model reads of a document: its words, whatever white space and markup surround them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy
from spacy.attrs import IDX, IS_SPACE, LEMMA, LENGTH, MORPH, ORTH, POS, SPACY, TAG
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..architectures.words import Words
from ..surface import align_plain, is_plain
from .plain_tokens import ATTRIBUTES, PlainTokens, TokenizeText, tokenize_plain

# Words known to be plain are kept by hash, one in each place of a table of this size.
PLACES = 1 << 16
LOW_BITS = numpy.uint64(PLACES - 1)
# What words take along where it was annotated; heads and sentences are the whole document's.
ANNOTATIONS = (TAG, POS, LEMMA, MORPH)
Read = TypeVar("Read", Doc, Words)
# Where each token starts and ends in the text.
Offsets = tuple[numpy.ndarray, numpy.ndarray]


class Reader:
    """Turns documents into those that the model reads; these stay as they are.

    White-space tokens, invisible characters and (with `markup`) HTML are nothing: a document
    without any is read as it is, one with white space without those tokens, and one whose text
    differs from surface.read_plain is read as the tokenizer splits that plain text; words that
    nothing was taken from keep the tokens that they have.

    tokenizer: the pipeline's; without one, only white space is left out.
    markup: whether texts may be HTML.
    """

    def __init__(self, tokenizer: TokenizeText | None = None, *, markup: bool = True) -> None:
        self.tokenizer = tokenizer
        self.markup = markup
        self._forget()

    def __getstate__(self) -> dict:
        return {"tokenizer": self.tokenizer, "markup": self.markup}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._forget()

    def read(self, docs: Sequence[Doc]) -> list[Doc]:
        """What the model reads of each document."""
        return self._read(docs, list(docs), _select, _as_doc)

    def read_words(self, docs: Sequence[Doc]) -> list[Words]:
        """The same, for a model that reads words alone; quicker."""
        words = [Words(doc.vocab, doc.to_array(ORTH)) for doc in docs]
        return self._read(docs, words, _select_words, _as_words)

    def read_spans(self, spans: Sequence[Span]) -> list[Doc]:
        """What the model reads of each span by itself: the words of its document within it."""
        return self._read_spans(spans, self.read, _cut)

    def read_words_of_spans(self, spans: Sequence[Span]) -> list[Words]:
        """The same, for a model that reads words alone; quicker."""
        return self._read_spans(spans, self.read_words, _cut_words)

    def offsets(self, doc: Doc) -> list[tuple[int, int]]:
        """Where each token that the model reads stands in the document's text: start and end."""
        starts, ends = self._offsets(doc)
        return list(zip(starts.tolist(), ends.tolist(), strict=True))

    def _read(
        self,
        docs: Sequence[Doc],
        read: list[Read],
        select: Callable[[Read, numpy.ndarray], Read],
        anew: Callable[[Vocab, PlainTokens], Read],
    ) -> list[Read]:
        white, suspect = self._sort(docs)
        for place, is_white in white.items():
            read[place] = select(read[place], ~is_white)
        for place in suspect:
            plain = self._plain_tokens(docs[place])
            if plain is not None:
                read[place] = anew(docs[place].vocab, plain)
        return read

    def _read_spans(
        self,
        spans: Sequence[Span],
        read_docs: Callable[[Sequence[Doc]], list[Read]],
        select: Callable[[Read, int, int], Read],
    ) -> list[Read]:
        parts: dict[int, tuple[Read, Offsets]] = {}
        read = []
        for span in spans:
            key = id(span.doc)
            if key not in parts:
                parts[key] = read_docs([span.doc])[0], self._offsets(span.doc)
            doc, offsets = parts[key]
            read.append(select(doc, *_within(span, offsets)))
        return read

    def _offsets(self, doc: Doc) -> Offsets:
        plain = self._plain_tokens(doc)
        if plain is not None:
            return plain.starts, plain.ends
        starts, lengths, spaces = doc.to_array([IDX, LENGTH, IS_SPACE]).astype("int64").T
        return starts[spaces == 0], (starts + lengths)[spaces == 0]

    def _forget(self) -> None:
        self._plain = numpy.zeros(PLACES, dtype="uint64")

    def _sort(self, docs: Sequence[Doc]) -> tuple[dict[int, numpy.ndarray], set[int]]:
        """Which tokens are white space, of each document with any, and which documents are suspect.

        Each document of neither kind is read as it is: nearly all are, so this must be quick.
        """
        by_doc = [doc.to_array(ORTH) for doc in docs]
        words = numpy.concatenate([numpy.zeros(0, dtype="uint64"), *by_doc])
        unknown = self._unknown(words)
        if not len(unknown):
            return {}, set()
        ends = numpy.cumsum([len(ids) for ids in by_doc])
        holders = numpy.searchsorted(ends, unknown, side="right")
        distinct, first, inverse = numpy.unique(
            words[unknown], return_index=True, return_inverse=True
        )
        is_white, is_suspect = numpy.zeros((2, len(distinct)), dtype=bool)
        for number, word in enumerate(distinct):
            string = docs[holders[first[number]]].vocab.strings[word]
            if is_plain(string) and string.split() == [string]:
                self._plain[word & LOW_BITS] = word
            else:
                is_white[number] = string.isspace()
                is_suspect[number] = not is_white[number]
        white = numpy.zeros(len(words), dtype=bool)
        white[unknown] = is_white[inverse]
        by_doc = numpy.split(white, ends[:-1])
        spaced = set(holders[is_white[inverse]].tolist())
        return {n: by_doc[n] for n in spaced}, set(holders[is_suspect[inverse]].tolist())

    def _plain_tokens(self, doc: Doc) -> PlainTokens | None:
        """Those of its plain text, where they are not its own without white space.

        An earlier component may have merged tokens and the white space between them.
        """
        if self.tokenizer is None:
            return None
        text = _text(doc)
        aligned = align_plain(text, markup=self.markup)
        merged = self._has_merged(doc)
        if aligned[0] == text and not merged:
            return None
        return tokenize_plain(doc, text, self.tokenizer, aligned, keep_tokens=not merged)

    def _has_merged(self, doc: Doc) -> bool:
        """Whether there is white space between words within a token; known words have none."""
        words = doc.to_array(ORTH)
        unknown = numpy.unique(words[self._unknown(words)]).tolist()
        return any(len(doc.vocab.strings[word].split()) > 1 for word in unknown)

    def _unknown(self, words: numpy.ndarray) -> numpy.ndarray:
        """The places of words that are not known to be plain."""
        return numpy.flatnonzero(self._plain[(words & LOW_BITS).astype("int64")] != words)


def _text(doc: Doc) -> str:
    """As doc.text, which takes as long as the tokenizer, as it makes Tokens."""
    strings = doc.vocab.strings
    orths, spaces = doc.to_array([ORTH, SPACY]).T.tolist()
    return "".join(
        [strings[o] + " " if s else strings[o] for o, s in zip(orths, spaces, strict=True)]
    )


def _within(span: Span, offsets: Offsets) -> tuple[int, int]:
    """The first token that overlaps the span and the one after the last."""
    starts, ends = offsets
    first = int(numpy.searchsorted(ends, span.start_char, side="right"))
    return first, max(first, int(numpy.searchsorted(starts, span.end_char)))


def _as_doc(vocab: Vocab, plain: PlainTokens) -> Doc:
    return _make_doc(vocab, list(ATTRIBUTES), plain.array)


def _as_words(vocab: Vocab, plain: PlainTokens) -> Words:
    return Words(vocab, plain.array[:, ATTRIBUTES.index(ORTH)])


def _select_words(words: Words, keep: numpy.ndarray) -> Words:
    return Words(words.vocab, words.orths[keep])


def _cut(doc: Doc, first: int, after: int) -> Doc:
    return _select(doc, slice(first, after))


def _cut_words(words: Words, first: int, after: int) -> Words:
    return Words(words.vocab, words.orths[first:after])


def _select(doc: Doc, keep: numpy.ndarray | slice) -> Doc:
    """These tokens of a document, in one of their own."""
    attributes: list[int | str] = [*ATTRIBUTES]
    attributes += (name for name in ANNOTATIONS if doc.has_annotation(name))
    selected = _make_doc(doc.vocab, attributes, doc.to_array(attributes)[keep])
    if len(doc.tensor) == len(doc):
        selected.tensor = doc.tensor[keep]
    return selected


def _make_doc(vocab: Vocab, attributes: list[int | str], array: Any) -> Doc:
    """attributes: of the array's columns, ORTH and SPACY first."""
    doc = Doc(vocab, words=array[:, 0].tolist(), spaces=(array[:, 1] != 0).tolist())
    if len(doc):
        doc.from_array(attributes[2:], array[:, 2:])
    return doc
