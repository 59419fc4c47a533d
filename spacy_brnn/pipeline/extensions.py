"""`doc._.sentiment` and `span._.sentiment`.

Both are computed when asked for: a value object kept in `doc.user_data` could not be
serialized, and documents are, on their way back from worker processes and into a DocBin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..evidence.evidence import Evidence
from ..targets.value import TargetSentiment
from .sentiment_value import Sentiment

ATTRIBUTE = "sentiment"
TOWARD_ATTRIBUTE = "sentiment_toward"
TOWARD_KEY = "brnn_sentiment_toward"
POLARITIES_KEY = "brnn_sentiment_polarities"
ABSTAIN_KEY = "brnn_sentiment_abstain_below"
DEFAULT_POLARITIES = {"POSITIVE": 1.0, "NEGATIVE": -1.0}


class SpanScorer(Protocol):
    """What can tell a span's sentiment: the component of the span's pipeline."""

    @property
    def label_polarities(self) -> Mapping[str, float]:
        """What each of its labels counts in the polarity."""

    @property
    def abstain_below(self) -> float:
        """The probability that a label must have to be given."""

    def score_span(self, span: Span) -> Sentiment:
        """The sentiment of the span, read by itself."""

    def explain(self, text: Doc | Span, *, label: str | None = None) -> Evidence:
        """The evidence for the sentiment of a document, or of a span read by itself."""

    def score_targets(self, spans: Sequence[Span]) -> list[TargetSentiment]:
        """What its document says toward each span."""


# A Doc knows its vocabulary but not its pipeline, so components are found by the id of their
# documents' vocabulary. The vocabularies live as long as the component: no id is given twice.
_scorers: WeakValueDictionary[int, SpanScorer] = WeakValueDictionary()
_vocabs: WeakKeyDictionary[SpanScorer, dict[int, Vocab]] = WeakKeyDictionary()


def register_extensions() -> None:
    """Add the extensions, unless another package has taken their name.

    Raises ValueError in that case.
    """
    for owner, name, getter in (
        (Doc, ATTRIBUTE, _doc_sentiment),
        (Span, ATTRIBUTE, _span_sentiment),
        (Span, TOWARD_ATTRIBUTE, _sentiment_toward),
    ):
        if not owner.has_extension(name):
            owner.set_extension(name, getter=getter)
        elif owner.get_extension(name)[2] is not getter:
            raise ValueError(
                f"{owner.__name__}._.{name} is taken by another package: remove that "
                f"extension ({owner.__name__}.remove_extension({name!r})) before "
                "brnn_sentiment is added"
            )


def register_span_scorer(scorer: SpanScorer, vocab: Vocab) -> None:
    """Let this component answer for the documents of this vocabulary."""
    _vocabs.setdefault(scorer, {})[id(vocab)] = vocab
    _scorers[id(vocab)] = scorer


def set_polarities(doc: Doc, polarities: Mapping[str, float]) -> None:
    """Keep with the document what its labels mean, where that is not the default."""
    doc.user_data.pop(POLARITIES_KEY, None)
    if polarities != DEFAULT_POLARITIES:
        doc.user_data[POLARITIES_KEY] = dict(polarities)


def set_abstention(doc: Doc, abstain_below: float) -> None:
    """Keep with the document when it gets no label, where that may be."""
    doc.user_data.pop(ABSTAIN_KEY, None)
    if abstain_below:
        doc.user_data[ABSTAIN_KEY] = abstain_below


def set_targets(doc: Doc, spans: Sequence[Span], values: Sequence[TargetSentiment]) -> None:
    """Keep with the document what it says toward some of its spans."""
    doc.user_data[TOWARD_KEY] = {
        f"{span.start}:{span.end}": list(value.probabilities)
        for span, value in zip(spans, values, strict=True)
    }


def score_targets(spans: Sequence[Span]) -> list[TargetSentiment]:
    """What its document says toward each of a document's spans, in one pass over it."""
    if not spans:
        return []
    return _require_scorer(spans[0].doc, "span._.sentiment_toward").score_targets(spans)


def _sentiment_toward(span: Span) -> TargetSentiment:
    kept = span.doc.user_data.get(TOWARD_KEY, {}).get(f"{span.start}:{span.end}")
    return TargetSentiment.from_probabilities(kept) if kept else score_targets([span])[0]


def _doc_sentiment(doc: Doc) -> Sentiment | None:
    polarities = doc.user_data.get(POLARITIES_KEY)
    abstain_below = doc.user_data.get(ABSTAIN_KEY)
    # A DocBin leaves user data out: the pipeline still knows.
    scorer = _scorers.get(id(doc.vocab))
    if polarities is None:
        polarities = scorer.label_polarities if scorer else DEFAULT_POLARITIES
    if abstain_below is None:
        abstain_below = scorer.abstain_below if scorer else 0.0
    scores = {label: doc.cats[label] for label in polarities if label in doc.cats}
    if not scores:
        return None
    return Sentiment.from_scores(
        scores, polarities, abstain_below=abstain_below, explain=partial(_explain_doc, doc)
    )


def _explain_doc(doc: Doc, *, label: str | None = None) -> Evidence:
    return _require_scorer(doc, "evidence").explain(doc, label=label)


def _span_sentiment(span: Span) -> Sentiment:
    return _require_scorer(span.doc, "span._.sentiment").score_span(span)


def _require_scorer(doc: Doc, what: str) -> SpanScorer:
    scorer = _scorers.get(id(doc.vocab))
    if scorer is None:
        raise ValueError(
            f"{what} needs the pipeline that made the Doc: keep the nlp object with "
            "brnn_sentiment alive, and create the Doc with its vocab"
        )
    return scorer
