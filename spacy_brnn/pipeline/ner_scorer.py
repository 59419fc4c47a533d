"""Precision, recall and F1 of entities, of what the annotation has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spacy.scorer import get_ner_prf
from spacy.training import Example

from ..known_labels import known_labels


def make_ner_scorer() -> Callable[..., dict[str, Any]]:
    """As spacy.ner_scorer.v1, but for documents of some labels only (spacy-brnn.ner_scorer.v1)."""
    return score_entities


def score_entities(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """spaCy's scores; an entity of a label that its document is not annotated with is left out."""
    return get_ner_prf([_restrict(example) for example in examples], **kwargs)


def _restrict(example: Example) -> Example:
    known = known_labels(example.reference)
    if known is None:
        return example
    predicted = example.predicted.copy()
    ents = [ent for ent in predicted.ents if ent.label_ in known]
    predicted.set_ents(ents, default="outside")
    return Example(predicted, example.reference, alignment=example.alignment)
