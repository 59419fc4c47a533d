"""What the model reads of a document: its words, whatever white space and markup surround them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from weakref import ref

import numpy
from spacy.attrs import IDX, LEMMA, LENGTH, MORPH, NORM, ORTH, POS, SPACY, TAG
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..architectures.words import Words
from ..surface import align_plain, is_literal, is_plain
from .plain_tokens import PlainTokens, TokenizeText, splits_at_white_space, tokenize_plain

# Words known to be plain are kept by hash, one in each place of a table of this size.
PLACES = 1 << 18
LOW_BITS = numpy.uint64(PLACES - 1)
# Tokens from a suspect one on that tell whether it begins anything; the whole text is dearer.
NEAR = 8
ATTRIBUTES = (ORTH, SPACY, NORM)
# What words take along where it was annotated; heads and sentences are the whole document's.
ANNOTATIONS = (TAG, POS, LEMMA, MORPH)
# What is read of a document: all of its tokens, those that are not white space, or others.
Kept = None | numpy.ndarray | PlainTokens
Read = TypeVar("Read", Doc, Words)


class Reader:
    """Turns documents into those that the model reads; these stay as they are.

    White-space tokens, invisible characters and (with `markup`) HTML are nothing: a document
    without any is read as it is, one with white space without those tokens, and one whose text
    differs from surface.read_plain is read as the tokenizer splits that plain text; words that
    nothing was taken from keep the tokens that they have.

    tokenizer: the pipeline's; without one, or with one that adds tokens of its own to a text, only
        white space is left out.
    markup: whether texts may be HTML.
    """

    def __init__(self, tokenizer: TokenizeText | None = None, *, markup: bool = True) -> None:
        self._tokenizer = tokenizer
        self._nlp: Callable[[], Language | None] = _none
        self.markup = markup
        self._forget()

    def follow(self, nlp: Language) -> None:
        """Take the tokenizer that a pipeline has at the time, for as long as it lives."""
        self._tokenizer, self._nlp = nlp.tokenizer, ref(nlp)

    @property
    def tokenizer(self) -> TokenizeText | None:
        """The pipeline's."""
        nlp = self._nlp()
        return self._tokenizer if nlp is None else nlp.tokenizer

    def __getstate__(self) -> dict:
        return {"_tokenizer": self.tokenizer, "_nlp": _none, "markup": self.markup}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._forget()

    def read(self, docs: Sequence[Doc]) -> list[Doc]:
        """What the model reads of each document."""
        return [_as_doc(*parts) for parts in zip(docs, *self._keep(docs), strict=True)]

    def read_words(self, docs: Sequence[Doc]) -> list[Words]:
        """The same, for a model that reads words alone; quicker."""
        return [_as_words(*parts) for parts in zip(docs, *self._keep(docs), strict=True)]

    def read_spans(self, spans: Sequence[Span]) -> list[Doc]:
        """What the model reads of each span by itself: the words of its document within it."""
        return self._read_spans(spans, _as_doc, _cut)

    def read_words_of_spans(self, spans: Sequence[Span]) -> list[Words]:
        """The same, for a model that reads words alone; quicker."""
        return self._read_spans(spans, _as_words, _cut_words)

    def read_aligned(self, doc: Doc) -> tuple[Doc, list[tuple[int, int]]]:
        """What the model reads of a document, and `offsets`."""
        [words], [kept] = self._keep([doc])
        return _as_doc(doc, words, kept), _pairs(*_offsets(doc, kept))

    def offsets(self, doc: Doc) -> list[tuple[int, int]]:
        """Where each token that the model reads stands in the document's text: start and end."""
        _, [kept] = self._keep([doc])
        return _pairs(*_offsets(doc, kept))

    def _read_spans(
        self,
        spans: Sequence[Span],
        make: Callable[[Doc, numpy.ndarray, Kept], Read],
        cut: Callable[[Read, int, int], Read],
    ) -> list[Read]:
        docs = list({id(span.doc): span.doc for span in spans}.values())
        parts = {}
        for doc, words, kept in zip(docs, *self._keep(docs), strict=True):
            parts[id(doc)] = make(doc, words, kept), _offsets(doc, kept)
        found = []
        for span in spans:
            read, (starts, ends) = parts[id(span.doc)]
            first = int(numpy.searchsorted(ends, span.start_char, side="right"))
            after = int(numpy.searchsorted(starts, span.end_char))
            found.append(cut(read, first, max(first, after)))
        return found

    def _forget(self) -> None:
        self._plain = numpy.zeros(PLACES, dtype="uint64")
        self._splits: tuple[tuple[int, int] | None, bool] = None, False

    def _keep(self, docs: Sequence[Doc]) -> tuple[list[numpy.ndarray], list[Kept]]:
        """The words of each document, and which of them are read."""
        # Once: each token's is somewhere else in memory, which is most of what reading takes.
        words = [doc.to_array(ORTH) for doc in docs]
        white, suspect = self._sort(docs, words)
        kept: list[Kept] = [None] * len(docs)
        for place, is_white in white.items():
            kept[place] = ~is_white
        for place in suspect:
            plain = self._plain_tokens(docs[place], words[place])
            kept[place] = kept[place] if plain is None else plain
        return words, kept

    def _sort(
        self, docs: Sequence[Doc], by_doc: list[numpy.ndarray]
    ) -> tuple[dict[int, numpy.ndarray], set[int]]:
        """Which tokens are white space, of each document with any, and which documents are suspect.

        Each document of neither kind is read as it is: nearly all are, so this must be quick.
        """
        words = numpy.concatenate([numpy.zeros(0, dtype="uint64"), *by_doc])
        unknown = self._unknown(words)
        if not len(unknown):
            return {}, set()
        ends = numpy.cumsum([len(ids) for ids in by_doc])
        holders = numpy.searchsorted(ends, unknown, side="right")
        distinct, first, inverse = numpy.unique(
            words[unknown], return_index=True, return_inverse=True
        )
        # Lists: a number of an array's own costs more than all that is asked of its string.
        pairs = zip(distinct.tolist(), holders[first].tolist(), strict=True)
        strings = [docs[holder].vocab.strings[word] for word, holder in pairs]
        is_white = numpy.array([string.isspace() for string in strings])
        plain = numpy.array([is_plain(string) and string.split() == [string] for string in strings])
        self._plain[distinct[plain] & LOW_BITS] = distinct[plain]
        is_suspect = ~(is_white | plain)
        white = numpy.zeros(len(words), dtype=bool)
        white[unknown] = is_white[inverse]
        masks = numpy.split(white, ends[:-1])
        spaced = set(holders[is_white[inverse]].tolist())
        return {n: masks[n] for n in spaced}, set(holders[is_suspect[inverse]].tolist())

    def _plain_tokens(self, doc: Doc, words: numpy.ndarray) -> PlainTokens | None:
        """Those of its plain text, where they are not its own without white space.

        An earlier component may have merged tokens and the white space between them.
        """
        if self.tokenizer is None:
            return None
        unknown = self._unknown(words)
        distinct, which = numpy.unique(words[unknown], return_inverse=True)
        strings = [doc.vocab.strings[word] for word in distinct.tolist()]
        # White space beside other characters; known words have none.
        mixed = any(string.split() not in ([], [string]) for string in strings)
        suspect = numpy.array([not is_plain(string) for string in strings], dtype=bool)
        places = unknown[suspect[which]]
        if not mixed and len(places) * NEAR < len(doc) and _is_literal(doc, places):
            return None
        text = doc.text
        if not mixed and is_literal(text, len(text)):
            return None
        aligned = align_plain(text, markup=self.markup)
        if aligned[0] == text and not mixed:
            return None
        keep_tokens = not mixed and self._splits_at_white_space()
        return tokenize_plain(doc, text, self.tokenizer, aligned, keep_tokens=keep_tokens)

    def _splits_at_white_space(self) -> bool:
        """Whether its tokenizer does; found anew where that is another, or has other rules."""
        key = id(self.tokenizer), len(getattr(self.tokenizer, "rules", None) or ())
        if key != self._splits[0]:
            self._splits = key, splits_at_white_space(self.tokenizer)
        return self._splits[1]

    def _unknown(self, words: numpy.ndarray) -> numpy.ndarray:
        """The places of words that are not known to be plain."""
        return numpy.flatnonzero(self._plain[(words & LOW_BITS).astype("int64")] != words)


def _is_literal(doc: Doc, suspect: numpy.ndarray) -> bool:
    """Whether nothing begins at these tokens that people do not read."""
    return all(
        is_literal(doc[start : start + NEAR].text, len(doc[start])) for start in suspect.tolist()
    )


def _offsets(doc: Doc, kept: Kept) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Where each token that is read starts and ends in the document's text."""
    if isinstance(kept, PlainTokens):
        return kept.starts, kept.ends
    rows = doc.to_array([IDX, LENGTH]).astype("int64")
    starts, lengths = (rows if kept is None else rows[kept]).T
    return starts, starts + lengths


def _pairs(starts: numpy.ndarray, ends: numpy.ndarray) -> list[tuple[int, int]]:
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _as_words(doc: Doc, words: numpy.ndarray, kept: Kept) -> Words:
    if isinstance(kept, PlainTokens):
        return Words(kept.vocab, kept.orths)
    return Words(doc.vocab, words if kept is None else words[kept])


def _as_doc(doc: Doc, _: numpy.ndarray, kept: Kept) -> Doc:
    if isinstance(kept, PlainTokens):
        columns = kept.orths, kept.spaces.astype("uint64"), kept.norms
        return _make_doc(kept.vocab, [*ATTRIBUTES], numpy.stack(columns, axis=1))
    return doc if kept is None else _select(doc, kept)


def _cut_words(words: Words, first: int, after: int) -> Words:
    return Words(words.vocab, words.orths[first:after])


def _cut(doc: Doc, first: int, after: int) -> Doc:
    return _select(doc, slice(first, after))


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


def _none() -> None:
    """A pipeline that is not there; unlike a reference to one, it can be pickled."""
