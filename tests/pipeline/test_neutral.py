"""The label NEUTRAL, of weights that ship and of one's own training."""

import pickle

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import Config, fix_random_seed

from spacy_brnn.pretrained import card, weights

from .models import MODEL, TEXTS, cats

LABELS = ("POSITIVE", "NEGATIVE", "NEUTRAL")
FACT = "It opens on Friday"
PAIRS = [*TEXTS, (FACT, "NEUTRAL")]


def add(**settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config=settings)
    return nlp


def examples(nlp, pairs=PAIRS, labels=LABELS):
    return [
        Example.from_dict(nlp.make_doc(text), {"cats": cats(label, labels)})
        for text, label in pairs
    ]


def train(nlp, pairs=PAIRS, labels=LABELS, steps=60):
    batch = examples(nlp, pairs, labels)
    sgd = nlp.initialize(lambda: batch)
    sgd.learn_rate = 0.02
    for _ in range(steps):
        nlp.update(batch, sgd=sgd)
    return nlp


@pytest.fixture(scope="module")
def own():
    fix_random_seed(0)
    return train(add(model=MODEL))


@pytest.fixture(scope="module")
def neutral_folder(own, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    Config({"model": MODEL}).to_disk(folder / "config.cfg")
    weights.save(own.get_pipe("brnn_sentiment").model, folder)
    srsly.write_json(folder / card.FILE_NAME, {"labels": list(LABELS)})
    return folder


@pytest.fixture
def shipped_with_neutral(neutral_folder, monkeypatch):
    for module in (weights, card):
        monkeypatch.setattr(module, "folder", lambda name: neutral_folder)


def check_hidden(nlp):
    doc = nlp(FACT)
    assert set(doc.cats) == {"POSITIVE", "NEGATIVE"}
    assert sum(doc.cats.values()) == pytest.approx(1.0, abs=1e-6)
    assert doc._.sentiment.label in doc.cats
    assert doc._.sentiment.polarity == pytest.approx(doc.cats["POSITIVE"] - doc.cats["NEGATIVE"])
    assert doc[:]._.sentiment.polarity == pytest.approx(doc._.sentiment.polarity, abs=1e-5)
    scores = nlp.get_pipe("brnn_sentiment").predict([doc])[0]
    assert doc.cats["POSITIVE"] == pytest.approx(scores[0] / (scores[0] + scores[1]), abs=1e-6)
    assert set(nlp("").cats.values()) == {0.5}


def check_shown(nlp):
    doc = nlp(FACT)
    assert set(doc.cats) == set(LABELS)
    assert sum(doc.cats.values()) == pytest.approx(1.0, abs=1e-6)
    assert doc._.sentiment.label == doc[:]._.sentiment.label == "NEUTRAL"
    assert doc._.sentiment.polarity == pytest.approx(doc.cats["POSITIVE"] - doc.cats["NEGATIVE"])
    empty = nlp(" \n")
    assert empty._.sentiment.label == empty[:]._.sentiment.label == "NEUTRAL"
    assert empty._.sentiment.polarity == 0.0


def test_it_is_hidden_unless_asked_for(shipped_with_neutral):
    check_hidden(add())
    check_hidden(add(neutral=False))
    check_shown(add(neutral=True))


@pytest.mark.parametrize("neutral", [None, True, False])
def test_it_survives_disk_bytes_and_pickle(neutral, shipped_with_neutral, tmp_path):
    nlp = add(neutral=neutral)
    nlp.to_disk(tmp_path / "model")
    check = check_shown if neutral else check_hidden
    check(spacy.load(tmp_path / "model"))
    check(add(neutral=neutral).from_bytes(nlp.to_bytes()))
    check(pickle.loads(pickle.dumps(nlp)))


def test_it_can_be_set_later_and_is_saved(shipped_with_neutral, tmp_path):
    nlp = add()
    component = nlp.get_pipe("brnn_sentiment")
    assert component.neutral is None
    component.neutral = True
    check_shown(nlp)
    doc = nlp(FACT)
    nlp.to_disk(tmp_path / "model")
    check_shown(spacy.load(tmp_path / "model"))
    component.neutral = False
    check_hidden(nlp)
    assert set(component(doc).cats) == {"POSITIVE", "NEGATIVE"}


def test_a_config_that_was_changed_before_loading_counts(shipped_with_neutral, tmp_path):
    add().to_disk(tmp_path / "model")
    setting = {"components.brnn_sentiment.neutral": True}
    check_shown(spacy.load(tmp_path / "model", config=setting))


def test_it_is_a_choice_of_three(nlp):
    with pytest.raises(ValueError, match="neutral of 'brnn_sentiment' is True, False or None, not"):
        nlp.get_pipe("brnn_sentiment").neutral = "maybe"


def test_a_model_without_it_says_so(nlp):
    with pytest.raises(ValueError, match="only the labels POSITIVE, NEGATIVE"):
        nlp.get_pipe("brnn_sentiment").neutral = True
    with pytest.raises(ValueError, match="`neutral = true` for 'brnn_sentiment'"):
        add(neutral=True)("a film")
    with pytest.raises(ValueError, match="`neutral = true` for 'brnn_sentiment'"):
        train(add(model=MODEL, neutral=True), TEXTS, LABELS[:2], steps=0)


def test_ones_own_label_shows(own, tmp_path):
    check_shown(own)
    own.to_disk(tmp_path / "model")
    check_shown(spacy.load(tmp_path / "model"))


def test_ones_own_label_can_be_hidden(own):
    component = own.get_pipe("brnn_sentiment")
    component.neutral = False
    check_hidden(own)
    component.neutral = None
    check_shown(own)


@pytest.mark.parametrize(
    ("pairs", "labels", "check"),
    [(TEXTS, LABELS[:2], check_hidden), (PAIRS, LABELS, check_shown)],
    ids=["two-labels", "three-labels"],
)
def test_fine_tuning(pairs, labels, check, shipped_with_neutral, tmp_path):
    nlp = add()
    nlp.config["initialize"]["components"]["brnn_sentiment"] = {"pretrained": True}
    train(nlp, pairs, labels, steps=1)
    check(nlp)
    nlp.to_disk(tmp_path / "model")
    check(spacy.load(tmp_path / "model"))


def test_the_scorer_sees_what_shows(own):
    component = own.get_pipe("brnn_sentiment")
    shown = own.evaluate(examples(own))
    assert set(shown["cats_f_per_type"]) == set(LABELS)
    component.neutral = False
    hidden = own.evaluate(examples(own))
    component.neutral = None
    assert set(hidden["cats_f_per_type"]) == {"POSITIVE", "NEGATIVE"}
    assert hidden["cats_micro_f"] == shown["cats_micro_f"] == 1.0


def test_a_scorer_may_go_over_the_examples_twice(own, monkeypatch):
    def score(given, **_):
        return {"counts": [len(list(given)) for _ in range(2)]}

    component = own.get_pipe("brnn_sentiment")
    monkeypatch.setattr(component, "scorer", score)
    assert component.score(examples(own)) == {"counts": [len(examples(own))] * 2}


def test_gold_values_that_are_not_a_number_are_not_scored(own):
    batch = examples(own, TEXTS)
    for example in batch:
        example.reference.cats["NEUTRAL"] = float("nan")
    assert own.evaluate(batch)["cats_micro_f"] == 1.0


def test_nothing_but_neutral_leaves_no_proportions(own):
    component = own.get_pipe("brnn_sentiment")
    component.neutral = False
    scores = numpy.array([[0.0, 0.0, 1.0], [1e-20, 3e-20, 1.0]], dtype="float32")
    visible = component._visible(scores)
    component.neutral = None
    numpy.testing.assert_allclose(visible, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-5)


def test_a_docbin_for_another_vocabulary_keeps_it(own):
    docs = DocBin().from_bytes(DocBin(docs=[own(FACT)]).to_bytes())
    loaded = next(iter(docs.get_docs(spacy.blank("en").vocab)))
    assert loaded._.sentiment.label == "NEUTRAL"
    copied = Doc(spacy.blank("en").vocab).from_bytes(own(FACT).to_bytes())
    assert copied._.sentiment == own(FACT)._.sentiment
