"""`ent._.confidence`: how sure brnn_ner is of an entity.

It is not called `score`: that extension is gliner-spacy's, which writes to it, and no value that
is computed when asked for could stand under the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from .answering import Answers

ATTRIBUTE = "confidence"
# How spaCy names what extensions keep of a span: it moves such keys with the text, where a span
# becomes a document and documents become one.
_MARK = "._."


class LabelledSpan(NamedTuple):
    """Tokens [start, end) of a document, and a label."""

    start: int
    end: int
    label: str


class EntityScorer(Protocol):
    """What can tell how likely entities are: the component of the document's pipeline."""

    vocab: Vocab

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it knows."""

    def score_entities(self, doc: Doc, spans: Sequence[LabelledSpan]) -> list[float]:
        """The probability that each span is an entity of its label."""


_scorers: Answers[EntityScorer] = Answers()


def register_confidence() -> None:
    """Add `span._.confidence`, unless another package has taken the name.

    Raises ValueError in that case.
    """
    if not Span.has_extension(ATTRIBUTE):
        Span.set_extension(ATTRIBUTE, getter=confidence_of)
    elif Span.get_extension(ATTRIBUTE)[2] is not confidence_of:
        raise ValueError(
            f"Span._.{ATTRIBUTE} is taken by another package: remove that extension "
            f"(Span.remove_extension({ATTRIBUTE!r})) before brnn_ner is added"
        )


def register_entity_scorer(scorer: EntityScorer) -> None:
    """Let this component answer for the documents of its vocabulary."""
    _scorers.register(scorer, ATTRIBUTE)


def answer_for(scorer: EntityScorer, doc: Doc) -> None:
    """Let this component answer for a document, whatever vocabulary that has."""
    _scorers.take(doc, scorer, ATTRIBUTE)
    if doc.vocab is scorer.vocab:
        register_entity_scorer(scorer)


def keep_confidences(doc: Doc, spans: Iterable[LabelledSpan], confidences: Iterable[float]) -> None:
    """Keep with the document what has been computed."""
    for span, confidence in zip(spans, confidences, strict=True):
        _user_data(doc).setdefault(_key(doc, span), {})[span.label] = confidence


def forget_confidences(doc: Doc) -> None:
    """Take away what an earlier pass has kept."""
    for key in [
        key for key in doc.user_data if isinstance(key, tuple) and key[:2] == (_MARK, ATTRIBUTE)
    ]:
        del doc.user_data[key]


def _user_data(doc: Doc) -> dict[Any, Any]:
    """With tuples for keys, as spaCy's own, which its stub takes for strings."""
    return doc.user_data


def _key(doc: Doc, span: LabelledSpan) -> tuple[str, str, int, int]:
    """By characters, so that it stays right where tokens are merged or split."""
    end = doc[span.end - 1]
    return _MARK, ATTRIBUTE, doc[span.start].idx, end.idx + len(end)


def confidence_of(span: Span) -> float | None:
    """The probability that the span is an entity of its label; None where nobody knows."""
    doc = span.doc
    asked = LabelledSpan(span.start, span.end, span.label_)
    if span.start == span.end or not span.label_:
        return None
    key = _key(doc, asked)
    if span.label_ not in _user_data(doc).get(key, {}):
        scorer = _scorers.find(doc, ATTRIBUTE)
        if scorer is None or span.label_ not in scorer.labels:
            return None
        # All entities at once, as reading the document is what takes time.
        of_ents = [LabelledSpan(ent.start, ent.end, ent.label_) for ent in doc.ents]
        spans = [asked, *(ent for ent in of_ents if ent.label in scorer.labels and ent != asked)]
        keep_confidences(doc, spans, scorer.score_entities(doc, spans))
    return _user_data(doc)[key][span.label_]
