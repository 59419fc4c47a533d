"""A teacher that counts n-grams."""

from __future__ import annotations

import numpy
from spacy.tokens import Doc

from .reviews import ngrams, words

MIN_DOCUMENTS = 5
INVERSE_REGULARIZATION = 20.0


def score(labelled: list[Doc], targets: list[bool], unlabelled: list[Doc]) -> numpy.ndarray:
    """Train a logistic regression on tf-idf of 1- to 3-grams; RETURNS logits of the unlabelled.

    Raises ImportError without scikit-learn.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(
        analyzer=lambda doc: ngrams(words(doc)), min_df=MIN_DOCUMENTS, sublinear_tf=True
    )
    features = vectorizer.fit_transform(labelled)
    model = LogisticRegression(C=INVERSE_REGULARIZATION, solver="liblinear")
    model.fit(features, targets)
    return model.decision_function(vectorizer.transform(unlabelled))
