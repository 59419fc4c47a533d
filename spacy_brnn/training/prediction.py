"""What a pipeline says of texts, and which of its components says it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from spacy.language import Language
from spacy.pipeline import TextCategorizer

from ..corpora.errors import CorpusError


def categorizer_of(nlp: Language, labels: Collection[str] = ()) -> tuple[str, TextCategorizer]:
    """The pipeline's text classifier, brnn_sentiment or one of spaCy's.

    labels: of several classifiers the last one that has these, or the last.
    Raises CorpusError where there is none.
    """
    found = [(name, pipe) for name, pipe in nlp.pipeline if isinstance(pipe, TextCategorizer)]
    if not found:
        raise CorpusError("the pipeline has no brnn_sentiment, textcat or textcat_multilabel")
    fitting = [pair for pair in found if set(labels) <= set(labels_of(pair[1]))]
    return (fitting or found)[-1]


def labels_of(component: TextCategorizer) -> list[str]:
    """The labels that documents get."""
    return list(getattr(component, "visible_labels", component.labels))


def is_exclusive(component: TextCategorizer) -> bool:
    """Whether its labels exclude each other."""
    return not component.model.attrs.get("multi_label", False)


def predict_texts(
    nlp: Language, labels: Iterable[str], texts: Iterable[str]
) -> list[dict[str, float]]:
    """The probabilities that each text has these labels."""
    labels = list(labels)
    return [{label: doc.cats[label] for label in labels} for doc in nlp.pipe(texts)]
