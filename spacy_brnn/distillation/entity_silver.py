"""Unlabelled text tagged by a teacher of named entities, for a student to learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, DocBin, Span
from spacy.util import minibatch

from ..corpora.conll import ATTRS
from ..corpora.documents import read_documents
from ..corpora.labelled_texts import shingles
from ..nn.crf import CRF
from ..pipeline.ner_tags import TagSet
from .entity_teacher import EntityTeacher

# Documents whose sequences are put together by length.
CHUNK = 512

_SENTENCIZER = Sentencizer()


def read_unlabelled(
    paths: Sequence[Path], held_back: Iterable[Doc], *, one_sentence: bool = False
) -> Iterator[Doc]:
    """Documents with sentences, each text once, without those that share words with one held back.

    paths: DocBin files, or JSONL files of objects with `text`, gzipped or not.
    held_back: documents to be scored later. Eight words in a row that one of them has, or all the
        words of a shorter text, are too much.
    one_sentence: take each text as one sentence, as corpora of tweets do.
    Raises CorpusError for a line that is no such object.
    """
    nlp = spacy.blank("en")
    known = {shingle for doc in held_back for shingle in shingles(doc.text)}
    known |= {shingle for doc in held_back for sent in _sents(doc) for shingle in shingles(sent)}
    seen: set[str] = set()
    for path in paths:
        for doc in _read(path, nlp):
            if doc.text not in seen and known.isdisjoint(shingles(doc.text)):
                seen.add(doc.text)
                yield _with_sentences(doc, one_sentence)


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
        lengths = torch.tensor([len(doc) for doc in chunk])
        best = crf.decode(scores, lengths, allowed)
        # White space has scores of 0: it is never in doubt.
        sure = scores.gather(1, best[:, None])[:, 0].exp() >= doubt
        parts = lengths.tolist()
        of_docs = tags.spans([x.numpy() for x in best.split(parts)])
        for doc, spans, certain in zip(chunk, of_docs, sure.split(parts), strict=True):
            _set(doc, [Span(doc, x.start, x.end, x.label) for x in spans], certain.numpy())
            yield doc


def first_words(docs: Iterable[Doc], most: int | None) -> Iterator[Doc]:
    """The first documents, until they have so many tokens; None for all."""
    left = float("inf") if most is None else most
    for doc in docs:
        if left <= 0:
            return
        left -= len(doc)
        yield doc


def write(docs: Iterable[Doc], output: Path) -> int:
    """Write a DocBin that spaCy's corpus readers read with its sentences and entities.

    RETURNS: the number of documents.
    """
    docbin = DocBin(attrs=ATTRS, docs=docs)
    output.parent.mkdir(parents=True, exist_ok=True)
    docbin.to_disk(output)
    return len(docbin)


def _set(doc: Doc, spans: list[Span], sure: numpy.ndarray) -> None:
    missing = ~sure
    kept = []
    for span in spans:
        if sure[max(span.start - 1, 0) : span.end + 1].all():
            kept.append(span)
        else:
            missing[span.start : span.end] = True
    places = numpy.flatnonzero(missing).tolist()
    doc.set_ents(kept, missing=[Span(doc, i, i + 1) for i in places], default="outside")


def _read(path: Path, nlp: Language) -> Iterator[Doc]:
    for doc in read_documents(path, nlp):
        if len(doc):
            yield doc


def _with_sentences(doc: Doc, one_sentence: bool) -> Doc:
    if one_sentence:
        for token in doc:
            token.is_sent_start = token.i == 0
    elif not doc.has_annotation("SENT_START"):
        _SENTENCIZER(doc)
        starts_line = False
        for token in doc[1:]:
            # A headline has no full stop; white space goes with what is before it.
            starts_line |= bool(token.is_sent_start) or "\n" in doc[token.i - 1].text
            token.is_sent_start = starts_line and not token.is_space
            starts_line &= token.is_space
    return doc


def _sents(doc: Doc) -> Iterator[str]:
    if doc.has_annotation("SENT_START"):
        yield from (sent.text for sent in doc.sents)
