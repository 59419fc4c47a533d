import copy

import pytest
import spacy
import srsly
from spacy.training import Example
from thinc.api import Config, fix_random_seed

from spacy_brnn.pretrained import card, weights

from .models import MODEL, TEXTS, cats


@pytest.fixture
def model_config():
    """Make the config of a tiny model; keywords are settings of the classifier."""
    return lambda **settings: {**copy.deepcopy(MODEL), **settings}


@pytest.fixture
def make_examples():
    """Make examples for a pipeline from (text, cats) pairs; by default the shared texts."""
    return _make_examples


@pytest.fixture
def train():
    """Initialize a pipeline on examples and update it; returns the losses."""
    return _train


@pytest.fixture
def untrained(model_config):
    """Make a pipeline with a component that has a model of its own."""

    def untrained(**settings):
        fix_random_seed(0)
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_sentiment", config={"model": model_config(), **settings})
        return nlp

    return untrained


@pytest.fixture
def trained(untrained):
    """Make such a pipeline, trained on the shared texts."""

    def trained(**settings):
        nlp = untrained(**settings)
        _train(nlp, _make_examples(nlp))
        return nlp

    return trained


@pytest.fixture(scope="session")
def shipped_folder(tmp_path_factory):
    """A folder as those in spacy_brnn/pretrained, with a model trained on the shared texts."""
    folder = tmp_path_factory.mktemp("shipped")
    fix_random_seed(0)
    nlp = spacy.blank("en")
    component = nlp.add_pipe("brnn_sentiment", config={"model": MODEL})
    _train(nlp, _make_examples(nlp))
    Config({"model": MODEL}).to_disk(folder / "config.cfg")
    weights.save(component.model, folder)
    srsly.write_json(folder / card.FILE_NAME, {"labels": list(component.labels)})
    return folder


@pytest.fixture
def shipped(shipped_folder, monkeypatch):
    """Let that model stand in for the one that ships."""
    for module in (weights, card):
        monkeypatch.setattr(module, "folder", lambda name: shipped_folder)


@pytest.fixture
def nlp(shipped):
    """A blank pipeline to which the component was added, and nothing else done."""
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    return nlp


def _make_examples(nlp, pairs=None):
    pairs = pairs or [(text, cats(label)) for text, label in TEXTS]
    return [Example.from_dict(nlp.make_doc(text), {"cats": gold}) for text, gold in pairs]


def _train(nlp, examples, steps=80, **settings):
    sgd = nlp.initialize(lambda: examples)
    sgd.learn_rate = 0.02
    losses = []
    for _ in range(steps):
        losses.append({})
        nlp.update(examples, sgd=sgd, losses=losses[-1], **settings)
    return losses
