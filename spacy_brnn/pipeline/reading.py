"""What the model reads of a document: its words, whatever white space and markup surround them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy
from spacy.attrs import IDX, IS_SPACE, LEMMA, LENGTH, MORPH, NORM, ORTH, POS, SPACY, TAG
from spacy.tokens import Doc, Span

from ..surface import align_plain, is_plain, read_plain

Tokenizer = Callable[[str], Doc]
# Words known to be plain are kept by hash, one in each place of a table of this size.
PLACES = 1 << 16
LOW_BITS = numpy.uint64(PLACES - 1)
# What words take along where it was annotated; heads and sentences are the whole document's.
ANNOTATIONS = (TAG, POS, LEMMA, MORPH)


class Reader:
    """Turns documents into those that the model reads; these stay as they are.

    White-space tokens, invisible characters and (with `markup`) HTML are nothing: a document
    without any is read as it is, one with white space without those tokens, and one whose text
    differs from surface.read_plain is read as the tokenizer splits that plain text.

    tokenizer: the pipeline's; without one, only white space is left out.
    markup: whether texts may be HTML.
    """

    def __init__(self, tokenizer: Tokenizer | None = None, *, markup: bool = True) -> None:
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
        spaced, suspect = self._sort(docs)
        read = list(docs)
        for place in spaced | suspect:
            doc = docs[place]
            text = self._tokenized_anew(doc) if place in suspect else None
            read[place] = _without_space(doc if text is None else self._tokenize(text))
        return read

    def read_spans(self, spans: Sequence[Span]) -> list[Doc]:
        """What the model reads of each span by itself: the words of its document within it."""
        parts: dict[int, tuple[Doc, list[tuple[int, int]] | None]] = {}
        read = []
        for span in spans:
            key = id(span.doc)
            if key not in parts:
                doc = self.read([span.doc])[0]
                parts[key] = doc, None if doc is span.doc else self._offsets(span.doc, doc)
            doc, offsets = parts[key]
            keep = numpy.zeros(len(doc), dtype=bool)
            if offsets is None:
                keep[span.start : span.end] = True
            else:
                keep[:] = [
                    start < span.end_char and end > span.start_char for start, end in offsets
                ]
            read.append(_select(doc, keep))
        return read

    def offsets(self, doc: Doc) -> list[tuple[int, int]]:
        """Where each token that the model reads stands in the document's text: start and end."""
        return self._offsets(doc, self.read([doc])[0])

    def _offsets(self, doc: Doc, read: Doc) -> list[tuple[int, int]]:
        if self._tokenized_anew(doc) is None:
            starts, lengths, spaces = doc.to_array([IDX, LENGTH, IS_SPACE]).astype("int64").T
            kept = slice(None) if read is doc else spaces == 0
            starts, ends = starts[kept].tolist(), (starts + lengths)[kept].tolist()
            return list(zip(starts, ends, strict=True))
        plain, starts, ends = align_plain(doc.text, markup=self.markup)
        tokens = (token for token in self._tokenize(plain) if not token.is_space)
        places = [(token.idx, token.idx + len(token) - 1) for token in tokens]
        return [(int(starts[first]), int(ends[last])) for first, last in places]

    def _forget(self) -> None:
        self._plain = numpy.zeros(PLACES, dtype="uint64")

    def _sort(self, docs: Sequence[Doc]) -> tuple[set[int], set[int]]:
        """The places of documents with white-space tokens, and of those with suspect ones.

        Each document of neither kind is read as it is: nearly all are, so this must be quick.
        """
        spaced: set[int] = set()
        suspect: set[int] = set()
        if not docs:
            return spaced, suspect
        by_doc = [doc.to_array(ORTH) for doc in docs]
        words = numpy.concatenate(by_doc)
        unknown = self._unknown(words)
        if not len(unknown):
            return spaced, suspect
        ends = numpy.cumsum([len(ids) for ids in by_doc])
        holders = numpy.searchsorted(ends, unknown, side="right")
        distinct, first, inverse = numpy.unique(
            words[unknown], return_index=True, return_inverse=True
        )
        for number, word in enumerate(distinct):
            string = docs[holders[first[number]]].vocab.strings[word]
            if is_plain(string) and string.split() == [string]:
                self._plain[word & LOW_BITS] = word
            else:
                found = spaced if string.isspace() else suspect
                found.update(holders[inverse == number].tolist())
        return spaced, suspect

    def _tokenized_anew(self, doc: Doc) -> str | None:
        """Its plain text, where its tokens are not those of it.

        An earlier component may have merged tokens and the white space between them.
        """
        if self.tokenizer is None:
            return None
        text = doc.text
        plain = read_plain(text, markup=self.markup)
        return plain if plain != text or self._has_merged(doc) else None

    def _has_merged(self, doc: Doc) -> bool:
        """Whether there is white space between words within a token; known words have none."""
        words = doc.to_array(ORTH)
        unknown = numpy.unique(words[self._unknown(words)]).tolist()
        return any(len(doc.vocab.strings[word].split()) > 1 for word in unknown)

    def _unknown(self, words: numpy.ndarray) -> numpy.ndarray:
        """The places of words that are not known to be plain."""
        return numpy.flatnonzero(self._plain[(words & LOW_BITS).astype("int64")] != words)

    def _tokenize(self, text: str) -> Doc:
        assert self.tokenizer is not None
        return self.tokenizer(text)


def _without_space(doc: Doc) -> Doc:
    keep = doc.to_array(IS_SPACE) == 0
    return doc if keep.all() else _select(doc, keep)


def _select(doc: Doc, keep: numpy.ndarray) -> Doc:
    """These tokens of a document, in one of their own."""
    attributes = [ORTH, SPACY, NORM, *(name for name in ANNOTATIONS if doc.has_annotation(name))]
    array = doc.to_array(attributes)[keep]
    selected = Doc(doc.vocab, words=array[:, 0].tolist(), spaces=(array[:, 1] != 0).tolist())
    if len(selected):
        selected.from_array(attributes[2:], array[:, 2:])
    if len(doc.tensor) == len(doc):
        selected.tensor = doc.tensor[keep]
    return selected
