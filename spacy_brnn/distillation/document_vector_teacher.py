"""A teacher that reads vectors of documents, learned without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy
from spacy.tokens import Doc

from .reviews import ngrams, words

WIDTH = 300
EPOCHS = 12
MIN_COUNT = 10
INVERSE_REGULARIZATION = 0.01


def score(
    labelled: list[Doc], targets: list[bool], unlabelled: list[Doc], seed: int = 0
) -> numpy.ndarray:
    """Train document vectors and a logistic regression on them; RETURNS the unlabelled's logits.

    A document's vector predicts the 1- to 3-grams in it. Source: Li, Liu, Liu, Zhao and Du
    (2016), "Learning Document Embeddings by Predicting N-grams for Sentiment Classification of
    Long Movie Reviews". Raises ImportError without gensim and scikit-learn.
    """
    from sklearn.linear_model import LogisticRegression

    vectors = document_vectors([*labelled, *unlabelled], seed)
    vectors *= numpy.sqrt(WIDTH) / numpy.linalg.norm(vectors, axis=1, keepdims=True)
    model = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=300)
    model.fit(vectors[: len(labelled)], targets)
    return model.decision_function(vectors[len(labelled) :])


def document_vectors(docs: list[Doc], seed: int = 0) -> numpy.ndarray:
    """(documents, WIDTH) their vectors, trained by gensim's PV-DBOW."""
    from gensim.models.doc2vec import Doc2Vec

    corpus = NgramCorpus([words(doc) for doc in docs], seed)
    model = Doc2Vec(
        dm=0,
        vector_size=WIDTH,
        negative=5,
        min_count=1,
        sample=0,
        alpha=0.05,
        min_alpha=0.0005,
        epochs=EPOCHS,
        seed=seed,
        workers=1,
    )
    model.build_vocab(corpus)
    model.train(corpus, total_examples=len(docs), epochs=EPOCHS)
    return numpy.stack([model.dv[place] for place in range(len(docs))])


class NgramCorpus:
    """The n-grams of each document, in another order of documents each time it is read."""

    def __init__(self, documents: list[list[str]], seed: int) -> None:
        self.documents = documents
        self.random = numpy.random.default_rng(seed)
        counts: Counter[str] = Counter()
        for document in documents:
            counts.update(ngrams(document))
        # One string for all occurrences.
        self.known = {ngram: ngram for ngram, count in counts.items() if count >= MIN_COUNT}

    def __iter__(self) -> Iterator:
        from gensim.models.doc2vec import TaggedDocument

        for place in self.random.permutation(len(self.documents)).tolist():
            found = map(self.known.get, ngrams(self.documents[place]))
            yield TaggedDocument([ngram for ngram in found if ngram], [place])
