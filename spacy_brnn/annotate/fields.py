"""From a Doc to the fields of the output: the one place where an option may add more of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spacy_brnn.annotate.records import (
    ENTITIES_FIELD,
    ENTITY_KEYS,
    LABEL_FIELDS,
    SENTIMENT_FIELDS,
)
from spacy_brnn.evidence.fields import EVIDENCE_FIELD, evidence_fields
from spacy_brnn.loading import sets_attribute
from spacy_brnn.pipeline.ner_confidence import confidence_of

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

DECIMALS = 6
SEVERAL_LABELS = "textcat_multilabel"


@dataclass(frozen=True, slots=True)
class DocFields:
    """Fields of the output that are made of an annotated Doc.

    columns: their names, in order; make: a Doc -> their JSON values by name; prepare: called once
    with the pipeline, for example to let a component keep what `make` shows. It raises ValueError
    where the pipeline cannot give the fields.
    """

    columns: tuple[str, ...]
    make: Callable[[Doc], dict[str, Any]]
    prepare: Callable[[Language], None] | None = None


def sentiment_fields(doc: Doc) -> dict[str, Any]:
    """The label, its probability, and the polarity."""
    sentiment = doc._.sentiment
    if sentiment is None:
        raise ValueError("the pipeline gave the document no sentiment")
    values = (
        sentiment.label,
        round(float(sentiment.score), DECIMALS),
        round(float(sentiment.polarity), DECIMALS),
    )
    return dict(zip(SENTIMENT_FIELDS, values, strict=True))


def label_fields(component: Any) -> DocFields:
    """What a textcat_multilabel says: the labels that hold, and the probability of each.

    Of a text without a word none holds: what the component says of one depends on its batch.
    """
    labels, threshold = component.labels, component.cfg["threshold"]

    def make(doc: Doc) -> dict[str, Any]:
        has_words = any(not token.is_space for token in doc)
        cats = {label: float(doc.cats[label]) if has_words else 0.0 for label in labels}
        scores = {label: round(value, DECIMALS) for label, value in cats.items()}
        held = [label for label, value in cats.items() if has_words and value >= threshold]
        return dict(zip(LABEL_FIELDS, (held, scores), strict=True))

    return DocFields(LABEL_FIELDS, make)


def entity_fields(doc: Doc) -> dict[str, Any]:
    """The entities, with character offsets, and how sure brnn_ner is of each.

    The confidence is None where no brnn_ner has read the document, or for a label not its own.
    """
    values = (
        (ent.start_char, ent.end_char, ent.label_, ent.text, _rounded(confidence_of(ent)))
        for ent in doc.ents
    )
    return {ENTITIES_FIELD: [dict(zip(ENTITY_KEYS, value, strict=True)) for value in values]}


def keep_confidences(nlp: Language) -> None:
    """Let each brnn_ner compute its confidences for a whole batch, rather than one by one."""
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory == "brnn_ner":
            component: Any = nlp.get_pipe(name)
            component.keep_confidence = True


def require_sentiment(nlp: Language) -> None:
    """Raise ValueError for a pipeline without sentiment, which has no evidence."""
    if not sets_attribute(nlp, "doc._.sentiment"):
        raise ValueError("the pipeline has no brnn_sentiment; leave --evidence out")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DECIMALS)


SENTIMENT = DocFields(SENTIMENT_FIELDS, sentiment_fields)
ENTITIES = DocFields((ENTITIES_FIELD,), entity_fields, prepare=keep_confidences)
EVIDENCE = DocFields((EVIDENCE_FIELD,), evidence_fields, prepare=require_sentiment)
EXTRA_FIELDS: dict[str, DocFields] = {"evidence": EVIDENCE}
"""What an option of the command adds, by the name that it has in AnnotateOptions.extra_fields.

Later ones may replace fields of earlier ones, and of the two above.
"""
