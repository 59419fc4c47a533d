"""What brnn_sentiment answers beyond a score: evidence, and the sentiment toward spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path

from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc, Span
from thinc.api import Optimizer

from ..evidence.direction import is_scale, of_label, of_polarity
from ..evidence.evidence import Evidence
from ..evidence.explain import explain
from ..pretrained import weights
from ..targets.features import ReadText
from ..targets.head_file import FILE_NAME as HEAD_FILE
from ..targets.scorer import TargetScorer
from ..targets.value import TargetSentiment
from .extensions import require_spans, set_abstention, set_targets
from .reading import Reader


class Explaining(TextCategorizer):
    """A part of BRNNSentiment, whose attributes it uses.

    targets: spans scored with the document: "ents", or a key of doc.spans; None for none.
    target_head: the file of the head for targets; None for the one that ships.
    """

    reader: Reader
    polarities: Mapping[str, float]
    extension: str
    targets: str | None
    target_head: str | None
    _target_scorer: TargetScorer | None = None

    @property
    def abstain_below(self) -> float:
        """The probability that a label must have to be given.

        Documents that were scored while it was 0 take what it is when they are asked. Raises
        ValueError when set to what is none.
        """
        return self.cfg["abstain_below"]

    @abstain_below.setter
    def abstain_below(self, value: float) -> None:
        self.cfg["abstain_below"] = check_abstention(self.name, value)

    def explain(self, text: Doc | Span, *, label: str | None = None) -> Evidence:
        """The evidence for the sentiment of a document, or of a span read by itself.

        label: a label to have it for, against the others; None for positive against negative, or
            where the labels have no such sides, for the most probable one.
        Raises ValueError for an unknown label, or a model that is not a
        spacy-brnn.TextCatBRNN.v1 over a spacy.Tok2Vec.v2.
        """
        if label is None and not is_scale(self.labels, self.polarities):
            label = self._predict_label(text[:])
        if label is None:
            direction = of_polarity(self.labels, self.polarities)
        else:
            direction = of_label(self.labels, label)
        return explain(self.model, text[:], *self.read_text(text), direction)

    def score_targets(self, spans: Sequence[Span]) -> list[TargetSentiment]:
        """What its document says toward each span; the documents are read once.

        Raises ValueError for a span without words, or where the model has no head for it, and
        TypeError for what is no span.
        """
        require_spans(spans, "score_targets")
        if self._target_scorer is None or self._target_scorer.model is not self.model:
            head = self.target_head or weights.folder(weights.DEFAULT) / HEAD_FILE
            self._target_scorer = TargetScorer(self.model, Path(head), self.read_text)
        return self._target_scorer.score(spans)

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the model's weights; a head for targets then has to fit them anew."""
        super().finish_update(sgd)
        self._target_scorer = None

    def read_text(self, text: Doc | Span) -> ReadText:
        """What the model reads of a document or a span, and where that stands in the document."""
        if isinstance(text, Doc):
            return self.reader.read_aligned(text)
        return self.reader.read_spans([text])[0], _within(text, self.reader.offsets(text.doc))

    def _keep_with(self, docs: Sequence[Doc]) -> None:
        """Keep with scored documents when they get no label, and what they say of targets."""
        for doc in docs:
            set_abstention(doc, self.extension, self.abstain_below)
        by_doc = [self._targets_of(doc) for doc in docs]
        spans = [span for spans in by_doc for span in spans]
        values = iter(self.score_targets(spans) if self.targets is not None else [])
        for doc, spans in zip(docs, by_doc, strict=True):
            set_targets(doc, self.extension, spans, [next(values) for _ in spans])

    def _targets_of(self, doc: Doc) -> list[Span]:
        """Those of its targets that have words."""
        if self.targets is None:
            return []
        spans = list(doc.ents if self.targets == "ents" else doc.spans.get(self.targets, []))
        offsets = self.reader.offsets(doc) if spans else []
        return [span for span in spans if _within(span, offsets)]

    def _predict_label(self, span: Span) -> str:
        """The most probable label of a span, of those that show."""
        raise NotImplementedError


def _within(span: Span, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of the tokens that are read, those of a span."""
    start, end = span.start_char, span.end_char
    return [(first, last) for first, last in offsets if first < end and last > start]


def check_abstention(name: str, abstain_below: float) -> float:
    """The probability, of Python's type; raises ValueError where it is none."""
    if not isinstance(abstain_below, Real) or not 0.0 <= abstain_below <= 1.0:
        raise ValueError(f"abstain_below of {name!r} is a probability, 0..1, not {abstain_below!r}")
    return float(abstain_below)
