"""How well predicted labels fit the true ones: by spaCy's Scorer, with the confusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import spacy
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from .texts import LabelledText

THRESHOLD = 0.5
"""From which probability on a label counts, where a text may have several."""


@dataclass(frozen=True)
class LabelScore:
    """Precision, recall and F of a label, 0..1, and the texts that have it."""

    precision: float
    recall: float
    f: float
    texts: int


@dataclass(frozen=True)
class Scores:
    """The scores of some texts' labels.

    accuracy: the share of texts with the right label, or where there may be several, with all
        labels right.
    micro_f: over all labels at once, equal to accuracy where each text has one.
    macro_f: the mean over the labels that the texts have.
    confusions: (true label, predicted label) and how often; of texts with one label.
    """

    by_label: dict[str, LabelScore]
    accuracy: float
    micro_f: float
    macro_f: float
    confusions: Counter[tuple[str, str]]
    exclusive: bool
    texts: int


def score(
    texts: Sequence[LabelledText],
    predicted: Iterable[dict[str, float]],
    labels: Sequence[str],
    *,
    exclusive: bool,
) -> Scores:
    """Score predicted probabilities of the labels, one mapping a text.

    Raises ValueError for texts without predictions, or the other way round.
    """
    blank = spacy.blank("xx")
    examples = [
        Example(_doc(blank.vocab, cats), _doc(blank.vocab, _all(text.cats, labels)))
        for text, cats in zip(texts, predicted, strict=True)
    ]
    found = Scorer.score_cats(
        examples,
        "cats",
        labels=list(labels),
        multi_label=not exclusive,
        threshold=0.0 if exclusive else THRESHOLD,
    )
    counts = Counter(label for e in examples for label in _chosen(e.reference.cats, exclusive))
    pairs = [(e.reference.cats, e.predicted.cats) for e in examples]
    used = [label for label in labels if counts[label]]
    by_label = {
        label: LabelScore(type_["p"], type_["r"], type_["f"], counts[label])
        for label, type_ in found["cats_f_per_type"].items()
    }
    return Scores(
        by_label=by_label,
        accuracy=sum(_chosen(a, exclusive) == _chosen(b, exclusive) for a, b in pairs)
        / max(len(pairs), 1),
        micro_f=found["cats_micro_f"],
        macro_f=sum(by_label[label].f for label in used) / max(len(used), 1),
        confusions=_confusions(pairs) if exclusive else Counter(),
        exclusive=exclusive,
        texts=len(pairs),
    )


def _doc(vocab: spacy.vocab.Vocab, cats: dict[str, float]) -> Doc:
    doc = Doc(vocab, words=["text"])
    doc.cats = dict(cats)
    return doc


def _all(cats: dict[str, float], labels: Iterable[str]) -> dict[str, float]:
    return {label: cats.get(label, 0.0) for label in labels}


def _chosen(cats: dict[str, float], exclusive: bool) -> set[str]:
    if exclusive:
        return {max(cats, key=lambda label: cats[label])}
    return {label for label, value in cats.items() if value >= THRESHOLD}


def _confusions(
    pairs: Iterable[tuple[dict[str, float], dict[str, float]]],
) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for truth, predicted in pairs:
        (true,), (guess,) = _chosen(truth, True), _chosen(predicted, True)
        found[true, guess] += 1
    return found
