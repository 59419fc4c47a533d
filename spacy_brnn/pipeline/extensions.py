"""`doc._.sentiment` and `span._.sentiment`.

Both are computed when asked for: a value object kept in `doc.user_data` could not be
serialized, and documents are, on their way back from worker processes and into a DocBin.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Protocol

from spacy.tokens import Doc, Span
from spacy.tokens.underscore import Underscore
from spacy.vocab import Vocab

from ..evidence.evidence import Evidence
from ..targets.value import TargetSentiment
from .answering import Answers
from .sentiment_value import NEUTRAL, Sentiment

ATTRIBUTE = "sentiment"
DEFAULT_POLARITIES = {"POSITIVE": 1.0, "NEGATIVE": -1.0}
# How far from 1 the sum of a document's probabilities may be.
SUM_TOLERANCE = 1e-4


class SpanScorer(Protocol):
    """What can tell the sentiment of spans: the component of their pipeline."""

    vocab: Vocab

    @property
    def extension(self) -> str:
        """The name of the extensions that it answers for."""

    @property
    def label_polarities(self) -> Mapping[str, float]:
        """What each of its labels counts in the polarity."""

    @property
    def abstain_below(self) -> float:
        """The probability that a label must have to be given."""

    def score_spans(self, spans: Iterable[Span]) -> list[Sentiment]:
        """The sentiment of each span, read by itself."""

    def explain(self, text: Doc | Span, *, label: str | None = None) -> Evidence:
        """The evidence for the sentiment of a document, or of a span read by itself."""

    def score_targets(self, spans: Sequence[Span]) -> list[TargetSentiment]:
        """What its document says toward each span."""


_scorers: Answers[SpanScorer] = Answers()


def register_extensions(name: str) -> None:
    """Add the extensions under this name, unless another package has taken it.

    Raises ValueError in that case, or where it is no name.
    """
    if not isinstance(name, str) or not name.isidentifier() or hasattr(Underscore, name):
        raise ValueError(
            "the setting `extension` must be a Python name that spaCy's `doc._` has no method of, "
            f"not {name!r}"
        )
    owners: tuple[type[Doc | Span], ...] = (Doc, Span, Span)
    extensions = list(zip(owners, (name, name, _toward(name)), _getters(name), strict=True))
    for owner, own, getter in extensions:
        if owner.has_extension(own) and owner.get_extension(own)[2] is not getter:
            raise ValueError(
                f"{owner.__name__}._.{own} is taken by another package: give brnn_sentiment's "
                "setting `extension` another name (for example "
                f'config={{"extension": "brnn_{name}"}}), or remove that extension '
                f"({owner.__name__}.remove_extension({own!r})) before brnn_sentiment is added"
            )
    for owner, own, getter in extensions:
        if not owner.has_extension(own):
            owner.set_extension(own, getter=getter)


def register_span_scorer(scorer: SpanScorer) -> None:
    """Let this component answer for the documents of its vocabulary."""
    _scorers.register(scorer, scorer.extension)


def make_room(doc: Doc, scorer: SpanScorer, polarities: Mapping[str, float]) -> None:
    """Keep with the document what other components said of labels that are now written anew.

    Warns where another component of the pipeline answers by the same name.
    """
    for name, other in _scorers.others(doc, scorer):
        labels = other.label_polarities
        if not labels or any(label not in doc.cats for label in labels):
            continue  # It has not read this document.
        if name == scorer.extension:
            _warn_of_rival(name, labels, polarities)
        elif not polarities.keys().isdisjoint(labels):
            said = {label: doc.cats[label] for label in labels}
            doc.user_data.setdefault(_scores_key(name), said)


def _warn_of_rival(name: str, labels: Mapping[str, float], others: Mapping[str, float]) -> None:
    if labels.keys() == others.keys():
        return  # It may be the one that this one has replaced.
    warnings.warn(
        f"two components of this pipeline answer for doc._.{name}: the one of the labels "
        f"{', '.join(labels)} no longer does, but that of {', '.join(others)}: give one of them "
        "another name in the setting `extension`",
        stacklevel=2,
    )


def annotate(doc: Doc, scorer: SpanScorer, polarities: Mapping[str, float]) -> None:
    """Keep with the document who scored it, and what its labels mean where not the default."""
    _scorers.take(doc, scorer, scorer.extension)
    doc.user_data.pop(_scores_key(scorer.extension), None)
    key = _polarities_key(scorer.extension)
    for label in doc.user_data.pop(key, {}):
        if label not in polarities:
            doc.cats.pop(label, None)
    if polarities != DEFAULT_POLARITIES:
        doc.user_data[key] = dict(polarities)


def score_spans(spans: Iterable[Span], *, extension: str = ATTRIBUTE) -> list[Sentiment]:
    """The sentiment of each span read by itself, as `span._.sentiment` but in few passes.

    spans: of any documents, for example all sentences of many.
    extension: the component's setting of that name.
    Raises ValueError for spans whose pipeline is gone, and TypeError for what is no span.
    """
    spans = list(spans)
    require_spans(spans, "score_spans")
    places: dict[int, list[int]] = {}
    scorers: dict[int, SpanScorer] = {}
    for place, span in enumerate(spans):
        scorer = _require_scorer(span.doc, extension)
        scorers[id(scorer)] = scorer
        places.setdefault(id(scorer), []).append(place)
    found: dict[int, Sentiment] = {}
    for key, scorer in scorers.items():
        scores = scorer.score_spans([spans[place] for place in places[key]])
        found.update(zip(places[key], scores, strict=True))
    return [found[place] for place in range(len(spans))]


def require_spans(spans: Iterable[Any], taker: str) -> None:
    """Raise TypeError for what is no span."""
    for span in spans:
        if not isinstance(span, Span):
            raise TypeError(
                f"{taker} takes spans, not {type(span).__name__}: of a whole doc, doc[:] is one"
            )


@cache
def _getters(name: str) -> Sequence[Callable]:
    getters = (_doc_sentiment, _span_sentiment, _sentiment_toward)
    return [partial(getter, name) for getter in getters]


def set_abstention(doc: Doc, extension: str, abstain_below: float) -> None:
    """Keep with the document when it gets no label, where that may be."""
    doc.user_data.pop(f"brnn_{extension}_abstain_below", None)
    if abstain_below:
        doc.user_data[f"brnn_{extension}_abstain_below"] = abstain_below


def set_targets(
    doc: Doc, extension: str, spans: Sequence[Span], values: Sequence[TargetSentiment]
) -> None:
    """Keep with the document what it says toward these spans, and toward no others.

    As spaCy keeps what is set on a span, by its characters: merged tokens do not matter, and a part
    of the document takes it along.
    """
    name = _toward(extension)
    data: dict[Any, Any] = doc.user_data
    for key in [key for key in data if isinstance(key, tuple) and key[:2] == ("._.", name)]:
        del data[key]
    for span, value in zip(spans, values, strict=True):
        data[_toward_key(extension, span)] = list(value.probabilities)


def score_targets(spans: Sequence[Span], *, extension: str = ATTRIBUTE) -> list[TargetSentiment]:
    """What a document says toward each of its spans, as `span._.sentiment_toward`, in one pass.

    Raises ValueError for a span without words, or where the pipeline is gone.
    """
    if not spans:
        return []
    return _require_scorer(spans[0].doc, extension).score_targets(spans)


def _sentiment_toward(extension: str, span: Span) -> TargetSentiment:
    data: dict[Any, Any] = span.doc.user_data
    kept = data.get(_toward_key(extension, span))
    if kept:
        return TargetSentiment.from_probabilities(kept)
    return score_targets([span], extension=extension)[0]


def _toward(extension: str) -> str:
    return f"{extension}_toward"


def _toward_key(extension: str, span: Span) -> tuple[str, str, int, int]:
    return "._.", _toward(extension), span.start_char, span.end_char


def _polarities_key(extension: str) -> str:
    return f"brnn_{extension}_polarities"


def _scores_key(extension: str) -> str:
    return f"brnn_{extension}_scores"


def _doc_sentiment(extension: str, doc: Doc) -> Sentiment | None:
    polarities = doc.user_data.get(_polarities_key(extension))
    abstain_below = doc.user_data.get(f"brnn_{extension}_abstain_below")
    if polarities is None or abstain_below is None:
        # A DocBin leaves user data out: the pipeline still knows.
        scorer = _scorers.find(doc, extension)
        if polarities is None:
            polarities = scorer.label_polarities if scorer else _guess_polarities(doc)
        if abstain_below is None:
            abstain_below = scorer.abstain_below if scorer else 0.0
    # Its own, where another component has written the same labels since.
    cats = doc.user_data.get(_scores_key(extension), doc.cats)
    scores = {label: cats[label] for label in polarities if label in cats}
    if not scores:
        return None
    explain = partial(_explain, extension, doc)
    return Sentiment.from_scores(scores, polarities, abstain_below=abstain_below, explain=explain)


def _explain(extension: str, doc: Doc, *, label: str | None = None) -> Evidence:
    return _require_scorer(doc, extension).explain(doc, label=label)


def _guess_polarities(doc: Doc) -> Mapping[str, float]:
    """By the default labels, and NEUTRAL where the three together are probabilities."""
    labels = [*DEFAULT_POLARITIES, NEUTRAL]
    if NEUTRAL in doc.cats and abs(sum(doc.cats.get(x, 0.0) for x in labels) - 1) < SUM_TOLERANCE:
        return {**DEFAULT_POLARITIES, NEUTRAL: 0.0}
    return DEFAULT_POLARITIES


def _span_sentiment(extension: str, span: Span) -> Sentiment:
    return _require_scorer(span.doc, extension).score_spans([span])[0]


def _require_scorer(doc: Doc, extension: str) -> SpanScorer:
    scorer = _scorers.find(doc, extension)
    if scorer is None:
        raise ValueError(
            f"what is asked of doc._.{extension} or span._.{extension} needs the pipeline that "
            "made the Doc: keep the nlp object alive with its brnn_sentiment in it, and create "
            "the Doc with its vocab (one that add_pipe took from another pipeline by source=... "
            "has that one's: load it with vocab=nlp.vocab); where it has another `extension`, say "
            "so by extension=..."
        )
    return scorer
