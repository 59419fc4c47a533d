"""Unlabelled text tagged by a teacher of named entities, for a student to learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy
import spacy
import torch
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from ..corpora.documents import read_documents
from ..corpora.labelled_texts import shingles
from ..nn.crf import CRF
from ..pipeline.ner_tags import TagSet
from .entity_teacher import EntityTeacher

# Documents whose sequences are put together by length.
CHUNK = 512

_SENTENCIZER = Sentencizer()


def read_unlabelled(
    paths: Sequence[Path],
    held_back: Iterable[Doc] = (),
    *,
    most_words: int | None = None,
    one_sentence: bool = False,
    whole_hyphens: bool = False,
) -> Iterator[Doc]:
    """Documents with sentences, each text once, without those that share words with one held back.

    paths: DocBin files, or JSONL files of objects with `text`, gzipped or not.
    held_back: documents to be scored later. Eight words in a row that one of them has, or all the
        words of a shorter text, are too much.
    most_words: stop at the first document after so many tokens.
    one_sentence: take each text as one sentence, as corpora of tweets do.
    whole_hyphens: leave words with hyphens whole, as CoNLL-2003 does.
    Raises CorpusError for a line that is no such object.
    """
    nlp = spacy.blank("en")
    known = {run for doc in held_back for text in _texts(doc) for run in shingles(text)}
    seen: set[str] = set()
    words = 0
    for doc in chain.from_iterable(read_documents(path, nlp) for path in paths):
        if most_words is not None and words >= most_words:
            return
        if len(doc) and doc.text not in seen and known.isdisjoint(shingles(doc.text)):
            seen.add(doc.text)
            if whole_hyphens:
                _join_hyphens(doc)
            words += len(doc)
            _set_sentences(doc, one_sentence)
            yield doc


def tag(
    teacher: EntityTeacher, docs: Iterable[Doc], style: str | None, doubt: float
) -> Iterator[Doc]:
    """The documents with the teacher's entities alone; where it is in doubt they are missing.

    style: of the corpus whose annotation is imitated; None for no one's.
    doubt: a word whose tag has a lower probability is missing, and with it an entity that it
        belongs to or stands beside.
    Raises CorpusError for an unknown style.
    """
    number = teacher.style_number(style)
    tags, crf = TagSet(teacher.labels), CRF(len(teacher.labels))
    for chunk in minibatch(docs, CHUNK):
        for doc in chunk:
            doc.set_ents([], default="missing")
        scores = torch.from_numpy(numpy.concatenate(teacher.log_probabilities(chunk, number)))
        allowed = torch.from_numpy(numpy.concatenate(tags.allow_valid(chunk)))
        lengths = [len(doc) for doc in chunk]
        best = crf.decode(scores, torch.tensor(lengths), allowed)
        # White space has scores of 0: it is never in doubt.
        sure = (scores.gather(1, best[:, None])[:, 0].exp() >= doubt).numpy()
        of_docs = tags.spans([x.numpy() for x in best.split(lengths)])
        parts = numpy.split(sure, numpy.cumsum(lengths)[:-1])
        for doc, spans, certain in zip(chunk, of_docs, parts, strict=True):
            _set(doc, [Span(doc, x.start, x.end, x.label) for x in spans], certain)
            yield doc


def _set(doc: Doc, spans: list[Span], sure: numpy.ndarray) -> None:
    kept = [x for x in spans if sure[max(x.start - 1, 0) : x.end + 1].all()]
    doubted = [x for x in spans if x not in kept]
    taken = {i for x in spans for i in range(x.start, x.end)}
    outside = [Span(doc, i, i + 1) for i in numpy.flatnonzero(~sure).tolist() if i not in taken]
    doc.set_ents(kept, missing=[*doubted, *outside], default="outside")


def _join_hyphens(doc: Doc) -> None:
    """Make one token of words and numbers with nothing but a hyphen between them."""
    joins = [
        token.text == "-"
        and not token.whitespace_
        and not doc[token.i - 1].whitespace_
        and any(map(str.isalnum, doc[token.i - 1].text))
        and doc[token.i + 1].text[0].isalnum()
        for token in doc[1:-1]
    ]
    bounds = [False, *joins, False]
    start = 0
    with doc.retokenize() as retokenizer:
        for end in range(1, len(doc) + 1):
            # A hyphen holds what stands before it and what comes after it.
            if end == len(doc) or not (bounds[end] or bounds[end - 1]):
                if end - start > 1:
                    retokenizer.merge(doc[start:end])
                start = end


def _set_sentences(doc: Doc, one_sentence: bool) -> None:
    if one_sentence:
        for token in doc:
            token.is_sent_start = token.i == 0
    elif not doc.has_annotation("SENT_START"):
        _SENTENCIZER(doc)
        starts = False
        for token in doc[1:]:
            # A headline has no full stop; white space goes with what is before it.
            starts |= bool(token.is_sent_start) or "\n" in doc[token.i - 1].text
            token.is_sent_start = starts and not token.is_space
            starts &= token.is_space


def _texts(doc: Doc) -> Iterator[str]:
    yield doc.text
    if doc.has_annotation("SENT_START"):
        yield from (sent.text for sent in doc.sents)
