"""From a Doc to the fields of the output: the one place where an option may add more of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spacy_brnn.annotate.records import ENTITIES_FIELD, ENTITY_KEYS, SENTIMENT_FIELDS
from spacy_brnn.evidence.fields import EVIDENCE_FIELD, evidence_fields

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

DECIMALS = 6


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


def entity_fields(doc: Doc) -> dict[str, Any]:
    """The entities, with character offsets."""
    values = ((ent.start_char, ent.end_char, ent.label_, ent.text) for ent in doc.ents)
    return {ENTITIES_FIELD: [dict(zip(ENTITY_KEYS, value, strict=True)) for value in values]}


SENTIMENT = DocFields(SENTIMENT_FIELDS, sentiment_fields)
ENTITIES = DocFields((ENTITIES_FIELD,), entity_fields)
EVIDENCE = DocFields((EVIDENCE_FIELD,), evidence_fields)
EXTRA_FIELDS: dict[str, DocFields] = {"evidence": EVIDENCE}
"""What an option of the command adds, by the name that it has in AnnotateOptions.extra_fields.

Later ones may replace fields of earlier ones, and of the two above.
"""
