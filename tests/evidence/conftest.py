import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

MODEL = {
    "@architectures": "spacy-brnn.TextCatBRNN.v1",
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {"@architectures": "spacy-brnn.WordEmbed.v1", "width": 8, "rows": 50},
        "encode": {"@architectures": "spacy-brnn.BRNNEncoder.v1", "width": 8, "dropout": 0.2},
    },
}
TEXTS = [
    ("A wonderful film, warm and funny.", "POSITIVE"),
    ("Dull, slow and far too long.", "NEGATIVE"),
    ("I loved every minute of it.", "POSITIVE"),
    ("A dreadful waste of time: I don't forgive it.", "NEGATIVE"),
]


@pytest.fixture
def train_pipeline():
    """Make a pipeline with a tiny model trained on a few texts."""

    def train(pairs=TEXTS, steps=80, model=None, **settings):
        fix_random_seed(0)
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_sentiment", config={"model": model or MODEL, **settings})
        labels = sorted({label for _, label in pairs})
        examples = [
            Example.from_dict(
                nlp.make_doc(text), {"cats": {name: float(name == label) for name in labels}}
            )
            for text, label in pairs
        ]
        sgd = nlp.initialize(lambda: examples)
        sgd.learn_rate = 0.02
        for _ in range(steps):
            nlp.update(examples, sgd=sgd)
        return nlp

    return train


@pytest.fixture(scope="module")
def nlp():
    """One such pipeline for all tests of a file, which leave it as it is."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"model": MODEL})
    examples = [
        Example.from_dict(
            nlp.make_doc(text),
            {"cats": {"POSITIVE": label == "POSITIVE", "NEGATIVE": label == "NEGATIVE"}},
        )
        for text, label in TEXTS
    ]
    sgd = nlp.initialize(lambda: examples)
    sgd.learn_rate = 0.02
    for _ in range(80):
        nlp.update(examples, sgd=sgd)
    return nlp
