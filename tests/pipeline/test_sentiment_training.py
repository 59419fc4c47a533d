import math
import warnings

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

from .models import MIXED, MODEL, TEXTS, cats

FILLED = [text for text in MIXED if text]


def positive(nlp, texts=MIXED):
    return [doc.cats["POSITIVE"] for doc in nlp.pipe(texts)]


def network_weights(nlp):
    """All weights of the recurrent network, in one array."""
    model = nlp.get_pipe("brnn_sentiment").model
    encoder = next(node for node in model.walk() if node.name == "brnn_encoder")
    weights = [p.detach().numpy().ravel() for p in encoder.shims[0]._model.parameters()]
    return numpy.concatenate(weights)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_overfits_and_survives_disk_and_bytes(
    pooling, untrained, model_config, make_examples, train, tmp_path
):
    nlp = untrained(model=model_config(pooling=pooling))
    losses = train(nlp, make_examples(nlp), steps=60)
    assert losses[-1]["brnn_sentiment"] < 0.1 * losses[0]["brnn_sentiment"]
    for text, label in TEXTS:
        assert nlp(text).cats[label] > 0.9
    before = positive(nlp)
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    assert loaded.get_pipe("brnn_sentiment").labels == ("POSITIVE", "NEGATIVE")
    assert positive(loaded) == pytest.approx(before, abs=1e-6)
    twin = untrained(model=model_config(pooling=pooling)).from_bytes(nlp.to_bytes())
    assert positive(twin) == pytest.approx(before, abs=1e-6)


def test_a_pipeline_with_the_shipped_weights_survives_disk_and_bytes(nlp, tmp_path):
    before = positive(nlp)
    nlp.to_disk(tmp_path / "model")
    assert positive(spacy.load(tmp_path / "model")) == pytest.approx(before, abs=1e-6)
    twin = spacy.blank("en")
    twin.add_pipe("brnn_sentiment")
    assert positive(twin.from_bytes(nlp.to_bytes())) == pytest.approx(before, abs=1e-6)


def test_training_is_reproducible(trained):
    assert numpy.array_equal(network_weights(trained()), network_weights(trained()))


def test_soft_labels_are_learnt(untrained, make_examples, train):
    nlp = untrained()
    gold = [("so so", 0.7), ("rather dull", 0.2)]
    pairs = [(text, {"POSITIVE": p, "NEGATIVE": 1 - p}) for text, p in gold]
    train(nlp, make_examples(nlp, pairs), steps=100)
    for text, p in gold:
        assert nlp(text).cats["POSITIVE"] == pytest.approx(p, abs=0.1)


# Labels.


def test_labels_must_be_strings(untrained):
    component = untrained().get_pipe("brnn_sentiment")
    with pytest.raises(ValueError, match="E187"):
        component.add_label(("POSITIVE", 1.0))


def test_adding_a_label_twice(untrained):
    component = untrained().get_pipe("brnn_sentiment")
    assert component.add_label("POSITIVE") == 1
    assert component.add_label("POSITIVE") == 0
    assert component.labels == ("POSITIVE",)
    assert component.label_data == ("POSITIVE",)


def test_initialize_without_labels(untrained):
    nlp = untrained()
    with pytest.raises(ValueError, match="needs at least two labels"):
        nlp.initialize()


def test_predicting_without_labels_says_what_to_do(untrained):
    with pytest.raises(ValueError, match="'brnn_sentiment' has no labels yet: train it"):
        untrained()("a film")


def test_labels_come_from_the_examples(untrained, make_examples):
    nlp = untrained()
    nlp.initialize(lambda: make_examples(nlp))
    assert nlp.get_pipe("brnn_sentiment").labels == ("POSITIVE", "NEGATIVE")


def test_labels_added_by_hand_are_kept(untrained, make_examples):
    nlp = untrained()
    nlp.get_pipe("brnn_sentiment").add_label("NEUTRAL")
    nlp.initialize(lambda: make_examples(nlp))
    assert nlp.get_pipe("brnn_sentiment").labels == ("NEUTRAL", "POSITIVE", "NEGATIVE")
    assert set(nlp("a film").cats) == {"NEUTRAL", "POSITIVE", "NEGATIVE"}


def test_labels_given_to_initialize(untrained, make_examples):
    nlp = untrained()
    labels = ["NEGATIVE", "POSITIVE", "NEUTRAL"]
    component = nlp.get_pipe("brnn_sentiment")
    component.initialize(lambda: make_examples(nlp), nlp=nlp, labels=labels)
    assert component.labels == tuple(labels)
    assert set(nlp("a film").cats) == set(labels)


@pytest.mark.parametrize("get_examples", [None, lambda: None, [], lambda: [], "text"])
def test_initialize_wants_a_function_that_returns_examples(get_examples, untrained):
    nlp = untrained()
    with pytest.raises((TypeError, ValueError)):
        nlp.get_pipe("brnn_sentiment").initialize(get_examples, nlp=nlp)


def test_initialize_wants_examples_not_documents(untrained):
    nlp = untrained()
    docs = [nlp.make_doc("a film")]
    with pytest.raises(TypeError):
        nlp.get_pipe("brnn_sentiment").initialize(lambda: docs, nlp=nlp)


def test_a_new_label_leaves_old_predictions(trained):
    nlp = trained()
    before = positive(nlp, FILLED)
    component = nlp.get_pipe("brnn_sentiment")
    assert component.is_resizable
    component.add_label("NEUTRAL")
    assert component.labels == ("POSITIVE", "NEGATIVE", "NEUTRAL")
    assert positive(nlp, FILLED) == pytest.approx(before, abs=1e-5)
    assert all(doc.cats["NEUTRAL"] < 1e-5 for doc in nlp.pipe(FILLED))


def test_a_new_label_can_be_learnt(trained, make_examples):
    nlp = trained()
    nlp.get_pipe("brnn_sentiment").add_label("NEUTRAL")
    labels = nlp.get_pipe("brnn_sentiment").labels
    pairs = [(text, cats(label, labels)) for text, label in TEXTS]
    pairs.append(("It opens on Friday", cats("NEUTRAL", labels)))
    examples = make_examples(nlp, pairs)
    sgd = Adam(0.05)
    for _ in range(60):
        nlp.update(examples, sgd=sgd)
    assert nlp("It opens on Friday")._.sentiment.label == "NEUTRAL"
    assert nlp(TEXTS[0][0])._.sentiment.label == "POSITIVE"


def test_a_label_added_to_the_shipped_weights(nlp, tmp_path):
    before = positive(nlp, FILLED)
    nlp.get_pipe("brnn_sentiment").add_label("NEUTRAL")
    assert positive(nlp, FILLED) == pytest.approx(before, abs=1e-5)
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    assert loaded.get_pipe("brnn_sentiment").labels == ("POSITIVE", "NEGATIVE", "NEUTRAL")
    assert positive(loaded, FILLED) == pytest.approx(before, abs=1e-5)


def test_positive_label(untrained, make_examples):
    nlp = untrained()
    component = nlp.get_pipe("brnn_sentiment")
    component.initialize(lambda: make_examples(nlp), nlp=nlp, positive_label="POSITIVE")
    assert component.cfg["positive_label"] == "POSITIVE"
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["cats_score_desc"] == "F (POSITIVE)"


@pytest.mark.parametrize("pretrained", [False, True])
def test_positive_label_must_be_a_label(pretrained, nlp, make_examples):
    component = nlp.get_pipe("brnn_sentiment")
    settings = {"positive_label": "JOYFUL", "pretrained": pretrained}
    with pytest.raises(ValueError, match="E920"):
        component.initialize(lambda: make_examples(nlp), nlp=nlp, **settings)


def test_positive_label_is_of_two(untrained, make_examples):
    nlp = untrained()
    component = nlp.get_pipe("brnn_sentiment")
    component.add_label("NEUTRAL")
    with pytest.raises(ValueError, match="E919"):
        component.initialize(lambda: make_examples(nlp), nlp=nlp, positive_label="POSITIVE")


# Gold values.


@pytest.mark.parametrize(
    "gold",
    [
        {"POSITIVE": 1.0, "NEGATIVE": 1.0},
        {"POSITIVE": 0.9, "NEGATIVE": 0.2},
        {"POSITIVE": 1.5, "NEGATIVE": 0.0},
        {"POSITIVE": -0.5, "NEGATIVE": 1.0},
        {"POSITIVE": math.inf, "NEGATIVE": 0.0},
        {"POSITIVE": -math.inf, "NEGATIVE": math.nan},
        {"POSITIVE": "1.0", "NEGATIVE": 0.0},
        {"POSITIVE": 1.0, "NEGATIVE": None},
    ],
)
def test_values_that_are_no_probabilities_are_refused(gold, untrained, trained, make_examples):
    nlp = untrained()
    bad = make_examples(nlp, [("It opens on Friday", gold)])
    with pytest.raises(ValueError, match=r"add up to 1 at most.*It opens on Friday"):
        nlp.initialize(lambda: make_examples(nlp) + bad)
    nlp = trained()
    weights = network_weights(nlp)
    with pytest.raises(ValueError, match="add up to 1 at most"):
        nlp.update(make_examples(nlp, [("It opens on Friday", gold)]), sgd=Adam(0.1))
    assert numpy.array_equal(network_weights(nlp), weights)


def d_scores(nlp, gold):
    component = nlp.get_pipe("brnn_sentiment")
    example = Example.from_dict(nlp.make_doc("a film"), {"cats": gold})
    scores = numpy.full((1, len(component.labels)), 0.25, dtype="float32")
    _, gradient = component.get_loss([example], scores)
    return gradient[0]


def test_documents_without_labels_teach_nothing(trained):
    assert not d_scores(trained(), {}).any()


@pytest.mark.parametrize("given, implied", [("POSITIVE", "NEGATIVE"), ("NEGATIVE", "POSITIVE")])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_one_label_implies_the_other(given, implied, value, trained):
    nlp = trained()
    whole = d_scores(nlp, {given: value, implied: 1.0 - value})
    numpy.testing.assert_allclose(d_scores(nlp, {given: value}), whole, atol=1e-6)


def make_four(untrained, make_examples):
    nlp = untrained()
    labels = ("A", "B", "C", "D")
    pairs = [(f"text {label}", cats(label, labels)) for label in labels]
    nlp.initialize(lambda: make_examples(nlp, pairs))
    return nlp


def test_a_true_label_makes_all_others_false(untrained, make_examples):
    nlp = make_four(untrained, make_examples)
    expected = d_scores(nlp, cats("B", "ABCD"))
    numpy.testing.assert_allclose(d_scores(nlp, {"B": 1.0}), expected, atol=1e-6)


def test_labels_that_add_up_to_one_make_all_others_false(untrained, make_examples):
    """0.7 + 0.2 + 0.1 is a little less than 1 in floating point."""
    nlp = make_four(untrained, make_examples)
    nlp.get_pipe("brnn_sentiment").add_label("E")
    gold = {"A": 0.7, "B": 0.2, "C": 0.1}
    expected = d_scores(nlp, {**gold, "D": 0.0, "E": 0.0})
    numpy.testing.assert_allclose(d_scores(nlp, gold), expected, atol=1e-6)
    assert d_scores(nlp, gold)[3] > 0


def test_labels_that_are_open_teach_nothing_and_the_false_one_does(untrained, make_examples):
    nlp = make_four(untrained, make_examples)
    assert (d_scores(nlp, {"B": 0.0}) != 0).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    "gold",
    [
        {"A": 1.0, "B": 0.0, "C": math.nan, "D": math.nan},
        {"A": 0.5, "B": 0.2, "C": 0.1, "D": math.nan},
        {"A": 0.3, "B": 0.7, "C": 0.0, "D": 0.0},
        {"A": math.nan, "B": 1.0, "C": math.nan, "D": math.nan},
    ],
)
def test_labels_that_are_not_a_number_are_left_out_of_the_softmax(gold, untrained, make_examples):
    """The gradient is autograd's of the cross-entropy of a softmax over the other labels."""
    nlp = make_four(untrained, make_examples)
    logits = torch.tensor([[0.3, -1.0, 2.0, 0.7]], requires_grad=True)
    truths = torch.tensor([[gold[label] for label in "ABCD"]])
    known = ~truths.isnan()
    loss = -(truths[known] * torch.log_softmax(logits[known], dim=0)).sum()
    loss.backward()
    example = Example.from_dict(nlp.make_doc("a film"), {"cats": gold})
    scores = torch.softmax(logits, dim=1).detach().numpy()
    _, gradient = nlp.get_pipe("brnn_sentiment").get_loss([example], scores)
    numpy.testing.assert_allclose(gradient, logits.grad.numpy(), atol=1e-6)


def test_a_document_whose_labels_are_all_not_a_number_teaches_nothing(trained, make_examples):
    nlp = trained()
    gold = {"POSITIVE": math.nan, "NEGATIVE": math.nan}
    assert not d_scores(nlp, gold).any()
    weights = network_weights(nlp)
    losses = nlp.update(make_examples(nlp, [("a film", gold)]), sgd=Adam(0.1))
    assert losses == {"brnn_sentiment": 0.0}
    numpy.testing.assert_array_equal(network_weights(nlp), weights)


def test_partly_annotated_examples_train(untrained, make_examples, train):
    nlp = untrained()
    pairs = [(text, {label: 1.0}) for text, label in TEXTS] + [("no label here", {})]
    train(nlp, make_examples(nlp, pairs))
    for text, label in TEXTS:
        assert nlp(text).cats[label] > 0.8


# Updates.


def test_empty_documents_in_an_update(trained, make_examples):
    nlp = trained()
    empty = ("", cats("POSITIVE"))
    losses = nlp.update(make_examples(nlp, [empty, empty]), sgd=Adam(0.01))
    assert losses == {"brnn_sentiment": 0.0}
    mixed = make_examples(nlp, [empty, (TEXTS[1][0], cats("NEGATIVE")), empty])
    losses = nlp.update(mixed, sgd=Adam(0.01))
    assert math.isfinite(losses["brnn_sentiment"])
    assert numpy.isfinite(network_weights(nlp)).all()
    assert set(nlp("").cats.values()) == {0.5}


def test_an_update_without_examples(trained):
    nlp = trained()
    weights = network_weights(nlp)
    nlp.update([], sgd=Adam(0.01))
    assert numpy.array_equal(network_weights(nlp), weights)


def test_the_loss_is_that_of_the_batch_and_adds_up(trained, make_examples):
    nlp = trained()
    examples = make_examples(nlp, [(TEXTS[0][0], cats("NEGATIVE"))])
    losses = {}
    component = nlp.get_pipe("brnn_sentiment")
    component.update(examples, losses=losses)
    once = losses["brnn_sentiment"]
    component.update(examples, losses=losses)
    assert once > 0.1
    assert losses["brnn_sentiment"] == pytest.approx(2 * once, rel=1e-4)


def test_updates_do_not_annotate(trained, make_examples):
    nlp = trained()
    examples = make_examples(nlp)
    nlp.get_pipe("brnn_sentiment").update(examples, sgd=Adam(0.01))
    assert all(not example.predicted.cats for example in examples)


def test_every_weight_learns(trained, make_examples):
    nlp = trained()
    before = network_weights(nlp)
    nlp.update(make_examples(nlp), sgd=Adam(0.01))
    assert (network_weights(nlp) != before).mean() > 0.95


def test_averaged_weights_predict_and_are_given_back(trained, make_examples):
    nlp = trained()
    sgd = Adam(0.02, use_averages=True)
    for _ in range(3):
        nlp.update(make_examples(nlp, [(t, cats("NEGATIVE")) for t, _ in TEXTS]), sgd=sgd)
    before = positive(nlp)
    with nlp.use_params(sgd.averages):
        averaged = positive(nlp)
    assert averaged != pytest.approx(before, abs=1e-3)
    assert positive(nlp) == before


def test_training_resumes(trained, make_examples, tmp_path):
    trained().to_disk(tmp_path / "model")
    nlp = spacy.load(tmp_path / "model")
    text = "It opens on Friday"
    sgd = nlp.resume_training()
    sgd.learn_rate = 0.02
    pairs = [*((t, cats(label)) for t, label in TEXTS), (text, cats("NEGATIVE"))]
    for _ in range(30):
        nlp.update(make_examples(nlp, pairs), sgd=sgd)
    assert nlp(text)._.sentiment.label == "NEGATIVE"
    assert [nlp(t)._.sentiment.label for t, _ in TEXTS] == [label for _, label in TEXTS]


def test_rehearsal_pulls_towards_the_old_model(nlp, make_examples):
    component = nlp.get_pipe("brnn_sentiment")
    assert component.rehearse(make_examples(nlp)) == {"brnn_sentiment": 0.0}
    sgd = nlp.resume_training()
    sgd.learn_rate = 0.02
    texts = [text for text, _ in TEXTS]
    before = positive(nlp, texts)
    turned = make_examples(nlp, [(TEXTS[0][0], cats("NEGATIVE"))])
    for _ in range(5):
        nlp.update(turned, sgd=sgd)
    forgotten = positive(nlp, texts)
    losses = {}
    for _ in range(40):
        component.rehearse(make_examples(nlp), sgd=sgd, losses=losses)
    assert losses["brnn_sentiment"] > 0
    rehearsed = positive(nlp, texts)
    drift = [
        sum(abs(p - q) for p, q in zip(before, now, strict=True)) for now in (forgotten, rehearsed)
    ]
    assert drift[1] < drift[0]


def test_rehearsal_of_the_pipeline_reaches_the_network(trained, make_examples):
    nlp = trained()
    nlp.resume_training()
    nlp.update(make_examples(nlp, [(TEXTS[0][0], cats("NEGATIVE"))]), sgd=Adam(0.1))
    weights = network_weights(nlp)
    nlp.rehearse(make_examples(nlp), sgd=Adam(0.02))
    assert (network_weights(nlp) != weights).mean() > 0.9


def test_scores_of_an_evaluation(trained, make_examples):
    nlp = trained()
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["cats_score"] == 1.0
    assert scores["cats_score_desc"] == "macro F"
    assert scores["cats_macro_f"] == 1.0
    assert set(scores["cats_f_per_type"]) == {"POSITIVE", "NEGATIVE"}
    wrong = make_examples(nlp, [(TEXTS[0][0], cats("NEGATIVE")), (TEXTS[1][0], cats("NEGATIVE"))])
    assert nlp.evaluate(wrong)["cats_micro_f"] == 0.5


# From scratch and from the weights that ship.


def test_training_starts_from_scratch_unless_told_otherwise(nlp, make_examples):
    shipped = network_weights(nlp)
    nlp.initialize(lambda: make_examples(nlp))
    assert not numpy.allclose(network_weights(nlp), shipped, atol=1e-2)
    assert positive(nlp, ["a film"]) == pytest.approx([0.5])


def test_from_scratch_takes_labels_of_its_own(nlp, make_examples, train):
    labels = ("GOOD", "BAD")
    train(nlp, make_examples(nlp, [("fine", cats("GOOD", labels)), ("awful", cats("BAD", labels))]))
    assert nlp.get_pipe("brnn_sentiment").labels == labels
    assert set(nlp("fine").cats) == set(labels)


def test_a_second_initialization_starts_from_scratch_again(trained, make_examples):
    nlp = trained()
    weights = network_weights(nlp)
    nlp.initialize(lambda: make_examples(nlp))
    assert not numpy.allclose(network_weights(nlp), weights, atol=1e-2)


def initialize_pretrained(nlp, examples, **settings):
    nlp.config["initialize"]["components"]["brnn_sentiment"] = {"pretrained": True, **settings}
    return nlp.initialize(lambda: examples)


def test_fine_tuning_starts_from_the_weights_that_ship(nlp, make_examples):
    before, weights = positive(nlp), network_weights(nlp)
    other_words = make_examples(nlp, [("Words that were never in it", cats("POSITIVE"))])
    sgd = initialize_pretrained(nlp, other_words)
    assert positive(nlp) == pytest.approx(before, abs=1e-6)
    assert numpy.array_equal(network_weights(nlp), weights)
    nlp.update(make_examples(nlp, [("It opens on Friday", cats("NEGATIVE"))]), sgd=sgd)
    assert not numpy.array_equal(network_weights(nlp), weights)


def test_fine_tuning_to_more_labels(nlp, make_examples):
    before = positive(nlp, FILLED)
    pairs = [("It opens on Friday", {"NEUTRAL": 1.0})]
    initialize_pretrained(nlp, make_examples(nlp, pairs))
    assert nlp.get_pipe("brnn_sentiment").labels == ("POSITIVE", "NEGATIVE", "NEUTRAL")
    assert positive(nlp, FILLED) == pytest.approx(before, abs=1e-5)


def test_fine_tuning_refuses_labels_of_another_kind(nlp, make_examples):
    pairs = [("a", {"good": 1.0, "bad": 0.0})]
    with pytest.raises(ValueError, match="goes on with the labels POSITIVE, NEGATIVE, but the"):
        initialize_pretrained(nlp, make_examples(nlp, pairs))


def test_initializing_without_labels_says_how_to_keep_the_weights(nlp, make_examples):
    with pytest.raises(ValueError, match=r"needs at least two labels .* has 0: none\. To keep"):
        nlp.initialize(lambda: make_examples(nlp, [("a", {})]))


def test_fine_tuning_keeps_the_positive_label(nlp, make_examples):
    initialize_pretrained(nlp, make_examples(nlp), positive_label="POSITIVE")
    assert nlp.get_pipe("brnn_sentiment").cfg["positive_label"] == "POSITIVE"


def test_fine_tuning_needs_the_model_that_ships(untrained, make_examples):
    nlp = untrained()
    with pytest.raises(ValueError, match="its model is not the one that ships"):
        initialize_pretrained(nlp, make_examples(nlp))


def test_fine_tuning_refuses_bad_values(nlp, make_examples):
    bad = make_examples(nlp, [("x", {"POSITIVE": 1.0, "NEGATIVE": 1.0})])
    with pytest.raises(ValueError, match="add up to 1 at most"):
        initialize_pretrained(nlp, bad)


def test_the_fine_tuned_model_survives_disk(nlp, make_examples, tmp_path):
    sgd = initialize_pretrained(nlp, make_examples(nlp))
    for _ in range(5):
        nlp.update(make_examples(nlp, [("It opens on Friday", cats("NEGATIVE"))]), sgd=sgd)
    before = positive(nlp)
    nlp.to_disk(tmp_path / "model")
    assert positive(spacy.load(tmp_path / "model")) == pytest.approx(before, abs=1e-6)


def test_the_vocabulary_is_counted_in_the_corpus(untrained, make_examples):
    nlp = untrained()
    nlp.initialize(lambda: make_examples(nlp))
    model = nlp.get_pipe("brnn_sentiment").model
    embed = next(node for node in model.walk() if node.name == "word_embed")
    known = {nlp.vocab.strings[int(key)] for key in embed.attrs["keys"]}
    assert {"wonderful", "dreadful", "not"} <= known


def test_predictions_ignore_other_annotations(trained):
    nlp = trained()
    doc = nlp.make_doc(TEXTS[0][0])
    tagged = Doc(nlp.vocab, words=[t.text for t in doc], tags=["NN"] * len(doc))
    component = nlp.get_pipe("brnn_sentiment")
    numpy.testing.assert_allclose(component.predict([doc]), component.predict([tagged]), atol=1e-6)


def test_predict_changes_nothing(trained):
    nlp = trained()
    docs = [nlp.make_doc(text) for text in MIXED]
    before = [doc.to_bytes() for doc in docs]
    scores = nlp.get_pipe("brnn_sentiment").predict(docs)
    assert scores.shape == (len(docs), 2)
    numpy.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)
    assert [doc.to_bytes() for doc in docs] == before


def test_predict_takes_any_iterable(trained):
    nlp = trained()
    component = nlp.get_pipe("brnn_sentiment")
    docs = [nlp.make_doc(text) for text in MIXED]
    assert component.predict(iter(docs)).tolist() == component.predict(docs).tolist()
    assert component.predict([]).shape == (0, 2)
    assert list(nlp.pipe([])) == []


@pytest.mark.parametrize(
    ("polarities", "warned"),
    [({"POSITIVE": 1.0}, True), ({"good": 1.0}, False), ({"good": 0.0}, False)],
)
def test_labels_that_are_all_without_polarity_are_warned_of(polarities, warned):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"model": MODEL, "polarities": polarities})
    example = Example.from_dict(nlp.make_doc("fine"), {"cats": cats("good", ("good", "bad"))})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nlp.initialize(lambda: [example])
    named = [warning for warning in caught if "every polarity will be 0" in str(warning.message)]
    assert len(named) == warned
    assert all("labels good, bad" in str(warning.message) for warning in named)
