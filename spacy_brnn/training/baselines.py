"""What a model is measured against: the commonest label, and a bag of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from spacy.language import Language

from ..architectures.ngrams import build_ngrams, learn_vocabulary, read_ngrams
from .logistic import Features, choose_penalty, fit, sparse_rows
from .texts import LabelledText

FOLDS = 3
NGRAM_SIZE = 2


def commonest(
    train: Sequence[LabelledText], labels: Sequence[str], texts: int, *, exclusive: bool
) -> list[dict[str, float]]:
    """For each text the label that most texts of train have, or those that more than half have."""
    counts = Counter(label for text in train for label in text.cats)
    if exclusive:
        best = max(labels, key=lambda label: counts[label])
        return [{label: float(label == best) for label in labels}] * texts
    return [{label: float(counts[label] > len(train) / 2) for label in labels}] * texts


def bag_of_words(
    nlp: Language,
    train: Sequence[LabelledText],
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    exclusive: bool,
) -> list[dict[str, float]]:
    """Probabilities by a logistic regression on tf-idf of words and pairs, its penalty chosen."""
    ngrams = build_ngrams(NGRAM_SIZE, nO=len(labels))
    known = [nlp.make_doc(text.text) for text in train]
    learn_vocabulary(ngrams, known)

    def features(docs: list) -> Features:
        rows = sparse_rows(read_ngrams(ngrams, docs), len(docs), len(ngrams.attrs["keys"]))
        nothing = torch.zeros(len(docs), 0)
        return Features(nothing, nothing, rows)

    truths = torch.tensor([[text.cats.get(label, 0.0) for label in labels] for text in train])
    learned = features(known)
    folds = min(FOLDS, len(train))
    penalty = choose_penalty(learned, truths, exclusive=exclusive, folds=folds)
    logits = fit(learned, truths, penalty, exclusive=exclusive).logits(
        features([nlp.make_doc(text) for text in texts])
    )
    found = logits.softmax(dim=1) if exclusive else logits.sigmoid()
    return [dict(zip(labels, row, strict=True)) for row in found.tolist()]
