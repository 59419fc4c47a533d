import copy

import pytest
import spacy
from spacy.training import Example
from spacy.util import registry

from .configs import BRNN_ENCODER, HASH_EMBED, TEXTS


@pytest.fixture
def tok2vec_config():
    """Make the config of a tok2vec with our encoder; keywords are the encoder's settings."""

    def make(embed=HASH_EMBED, **encoder):
        return {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": copy.deepcopy(embed),
            "encode": {**BRNN_ENCODER, **encoder},
        }

    return make


@pytest.fixture
def textcat_config(tok2vec_config):
    """Make the config of our text classifier; keywords are its settings."""

    def make(tok2vec=None, **settings):
        return {
            "@architectures": "spacy-brnn.TextCatBRNN.v1",
            "tok2vec": tok2vec or tok2vec_config(),
            **settings,
        }

    return make


@pytest.fixture
def resolve():
    """Build a model from its config, as spaCy does."""
    return lambda config: registry.resolve({"model": config})["model"]


@pytest.fixture
def docs():
    """Documents of unequal lengths, an empty one and a long one among them."""
    nlp = spacy.blank("xx")
    texts = ["good", "", "a film that never ends", "the plot thickens . " * 30, "bad bad film"]
    return [nlp.make_doc(text) for text in texts]


@pytest.fixture
def train():
    """Initialize a pipeline on examples and update it a few times; returns the losses."""

    def train(nlp, examples, steps=30):
        sgd = nlp.initialize(lambda: examples)
        sgd.learn_rate = 0.02
        losses = []
        for _ in range(steps):
            losses.append({})
            nlp.update(examples, sgd=sgd, losses=losses[-1])
        return losses

    return train


@pytest.fixture
def textcat_examples():
    """Make examples of two exclusive labels for a pipeline's vocabulary."""

    def make(nlp):
        return [
            Example.from_dict(
                nlp.make_doc(text),
                {
                    "cats": {
                        "POSITIVE": float(label == "POSITIVE"),
                        "NEGATIVE": float(label != "POSITIVE"),
                    }
                },
            )
            for text, label in TEXTS
        ]

    return make
