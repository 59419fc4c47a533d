import math

import numpy
import pytest
import spacy
from thinc.api import Adam, fix_random_seed

from spacy_brnn.architectures.pretrained_tok2vec import build_pretrained_tok2vec
from spacy_brnn.architectures.textcat import build_textcat_brnn
from spacy_brnn.pipeline.objective import MixedLoss, Objective
from spacy_brnn.pipeline.sentiment import BRNNSentiment
from tests.architectures.configs import MORE, spread_norms, tok2vec_with_more

from .models import MODEL, TEXTS, cats

MIXED = {"adversarial": 1.0, "virtual_adversarial": 1.0, "entropy": 0.5, "perturbation_norm": 0.1}


def test_an_unknown_loss_is_named(untrained):
    with pytest.raises(ValueError, match="objective has no 'focal'; there are: cross_entropy"):
        untrained(objective={"focal": 1.0})


def test_the_total_is_weighted():
    objective = Objective(cross_entropy=2.0, entropy=0.5)
    assert objective.total({"cross_entropy": 1.0, "entropy": 4.0}) == 4.0
    assert not objective.is_supervised
    assert Objective().is_supervised
    assert not Objective(cross_entropy=3.0).is_supervised


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"entropy": -1.0}, "weights are 0 or more"),
        ({"cross_entropy": 0.0}, "not all 0"),
        ({"perturbation_norm": 0.0}, "norms are more than 0"),
        ({"cross_entropy": 0.0, "adversarial": 1.0}, "starts from cross_entropy"),
    ],
)
def test_weights_that_make_no_objective(settings, message):
    with pytest.raises(ValueError, match=message):
        Objective(**settings)


@pytest.mark.parametrize("loss", ["adversarial", "virtual_adversarial", "entropy"])
def test_every_loss_trains_and_unlabelled_documents_may_be_among_them(
    loss, untrained, make_examples, train
):
    nlp = untrained(objective={loss: 0.5, "perturbation_norm": 0.1})
    pairs = [(text, cats(label)) for text, label in TEXTS] + [("no label", {}), ("", {})]
    losses = train(nlp, make_examples(nlp, pairs))
    assert losses[-1]["brnn_sentiment"] < losses[0]["brnn_sentiment"]
    for text, label in TEXTS:
        assert nlp(text).cats[label] > 0.8


@pytest.mark.parametrize("pairs", [[], [("", cats("POSITIVE"))]])
def test_nothing_to_learn_from(pairs, trained, make_examples):
    nlp = trained(objective=MIXED)
    before = nlp(TEXTS[0][0]).cats
    component = nlp.get_pipe("brnn_sentiment")
    examples = make_examples(nlp, pairs) if pairs else []
    assert component.update(examples, sgd=Adam(0.1)) == {"brnn_sentiment": 0.0}
    assert nlp(TEXTS[0][0]).cats == before


def test_unlabelled_documents_alone_teach(trained, make_examples):
    nlp = trained()
    examples = make_examples(nlp, [("some words here", {}), ("others", {})])
    component = nlp.get_pipe("brnn_sentiment")
    component.objective = Objective(cross_entropy=0.0, virtual_adversarial=1.0, entropy=1.0)
    before = entropy(component, examples)
    for _ in range(10):
        losses = component.update(examples, sgd=Adam(0.01))
        assert math.isfinite(losses["brnn_sentiment"])
    assert entropy(component, examples) < before


def entropy(component, examples):
    scores = component.predict([example.predicted for example in examples])
    return float(-(scores * numpy.log(scores + 1e-12)).sum(axis=1).mean())


def gradients(component):
    """Of every parameter of the model that has one, Thinc's and PyTorch's."""
    found = {}
    for number, node in enumerate(component.model.walk()):
        for name in node.param_names:
            if node.has_grad(name):
                found[number, name] = node.get_grad(name).copy()
        for shim in node.shims:
            for name, parameter in shim._model.named_parameters():
                if parameter.grad is not None:
                    found[number, name] = parameter.grad.numpy().copy()
    return found


def mixed_gradients(nlp, examples, **weights):
    component = nlp.get_pipe("brnn_sentiment")
    truths, mask = component._examples_to_truth(examples)
    docs = [example.predicted for example in examples]
    objective = Objective(**weights)
    losses = MixedLoss(component.model, objective).backprop(docs, truths, mask, 0.0)
    return losses, gradients(component)


def plain_gradients(nlp, examples):
    """Those of the plain objective, through the component's own update."""
    component = nlp.get_pipe("brnn_sentiment")
    assert component.objective.is_supervised
    component.update(examples)
    return gradients(component)


PARTLY_LABELLED = [
    *((text, cats("NEGATIVE")) for text, _ in TEXTS),
    ("no label at all", {}),
    ("soft", {"POSITIVE": 0.3, "NEGATIVE": 0.7}),
    ("two are open", {"POSITIVE": math.nan, "NEGATIVE": math.nan}),
]


def test_cross_entropy_has_the_scale_of_the_plain_objective(trained, make_examples):
    """One learning rate for both: whatever the batch, and though parts of it lack labels."""
    for n_docs in (1, 4, len(PARTLY_LABELLED)):
        nlp, control = trained(), trained()
        pairs = PARTLY_LABELLED[:n_docs]
        _, found = mixed_gradients(nlp, make_examples(nlp, pairs))
        expected = plain_gradients(control, make_examples(control, pairs))
        assert found.keys() == expected.keys()
        for key, gradient in expected.items():
            numpy.testing.assert_allclose(found[key], gradient, atol=1e-5)


@pytest.fixture
def with_tok2vec(make_examples):
    """Make a pipeline whose classifier reads by this tok2vec."""

    def with_tok2vec(tok2vec):
        fix_random_seed(0)
        nlp = spacy.blank("en")
        component = BRNNSentiment(nlp.vocab, build_textcat_brnn(tok2vec))
        component.initialize(lambda: make_examples(nlp), nlp=nlp)
        spread_norms(component.model)
        nlp.get_pipe = lambda name: component
        return nlp

    return with_tok2vec


@pytest.mark.parametrize("more", MORE)
def test_a_layer_more_is_not_left_out(more, with_tok2vec, make_examples):
    """As of the fast way to predict: whatever the references are called."""
    nlp, control = (with_tok2vec(tok2vec_with_more(more)) for _ in range(2))
    _, found = mixed_gradients(nlp, make_examples(nlp))
    expected = plain_gradients(control, make_examples(control))
    assert found.keys() == expected.keys()
    for key, gradient in expected.items():
        numpy.testing.assert_allclose(found[key], gradient, atol=1e-5)


@pytest.mark.parametrize("train_embedding", [False, True])
def test_an_embedding_that_is_kept_stays(train_embedding, with_tok2vec, make_examples):
    nlp, control = (
        with_tok2vec(build_pretrained_tok2vec(train_embedding=train_embedding)) for _ in range(2)
    )
    fix_random_seed(1)  # It has dropout.
    _, found = mixed_gradients(nlp, make_examples(nlp))
    fix_random_seed(1)
    expected = plain_gradients(control, make_examples(control))
    assert found.keys() == expected.keys()
    assert any(name == "E" for _, name in found) == train_embedding
    for key, gradient in expected.items():
        numpy.testing.assert_allclose(found[key], gradient, atol=1e-4)


def test_open_labels_teach_both_objectives_the_same(untrained, make_examples, train):
    labels = ("POSITIVE", "NEGATIVE", "NEUTRAL")
    known = [(text, cats(label, labels)) for text, label in TEXTS]
    pairs = [*known, ("fine film", {"POSITIVE": 1.0, "NEGATIVE": 0.0, "NEUTRAL": math.nan})]
    found = []
    for gradients_of in (lambda *a: mixed_gradients(*a)[1], plain_gradients):
        nlp = untrained()
        train(nlp, make_examples(nlp, [*known, ("neither", cats("NEUTRAL", labels))]), steps=5)
        found.append(gradients_of(nlp, make_examples(nlp, pairs)))
    for key, gradient in found[1].items():
        numpy.testing.assert_allclose(found[0][key], gradient, atol=1e-5)


@pytest.mark.parametrize("loss", ["adversarial", "virtual_adversarial", "entropy"])
def test_every_loss_counts_once_for_each_labelled_document(loss, trained, make_examples):
    """A batch twice over has twice the gradient, as a sum over its documents has."""
    sizes = []
    for pairs in (PARTLY_LABELLED[:5], PARTLY_LABELLED[:5] * 2):
        nlp = trained()
        fix_random_seed(1)
        weights = {"cross_entropy": 1e-6, "entropy": 1e-6, "perturbation_norm": 0.1, loss: 1.0}
        _, found = mixed_gradients(nlp, make_examples(nlp, pairs), **weights)
        sizes.append(math.sqrt(sum(float((gradient**2).sum()) for gradient in found.values())))
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.02)


def test_labels_that_are_not_a_number_are_left_out_of_the_softmax(untrained, make_examples):
    """As the plain objective does, in every loss that looks at labels."""
    nlp = untrained()
    labels = ("POSITIVE", "NEGATIVE", "NEUTRAL")
    nlp.initialize(lambda: make_examples(nlp, [(t, cats(label, labels)) for t, label in TEXTS]))
    open_cats = {"POSITIVE": 0.9, "NEGATIVE": 0.1, "NEUTRAL": math.nan}
    examples = make_examples(nlp, [(text, open_cats) for text, _ in TEXTS])
    weights = {"cross_entropy": 1.0, "adversarial": 1.0, "perturbation_norm": 1e-6}
    losses, found = mixed_gradients(nlp, examples, **weights)
    layer = nlp.get_pipe("brnn_sentiment").model.get_ref("output_layer")
    key = next(key for key in found if key[1] == "b" and found[key].shape == (3,))
    assert layer.get_grad("b")[2] == 0.0
    scores = nlp.get_pipe("brnn_sentiment").predict([e.predicted for e in examples])
    known = scores[:, :2] / scores[:, :2].sum(axis=1, keepdims=True)
    expected = 2 * (known - [0.9, 0.1]).sum(axis=0)
    numpy.testing.assert_allclose(found[key][:2], expected, atol=1e-5)
    truth = numpy.array([0.9, 0.1])
    divergence = (truth * numpy.log(truth / known)).sum(axis=1).mean()
    assert losses["cross_entropy"] == pytest.approx(divergence, abs=1e-5)
    assert losses["adversarial"] == pytest.approx(divergence, abs=1e-5)


@pytest.mark.parametrize("loss", ["cross_entropy", "entropy"])
def test_gradients_by_finite_differences(loss, trained, make_examples):
    nlp = trained()
    pairs = [(TEXTS[0][0], {"POSITIVE": 0.3, "NEGATIVE": 0.7}), (TEXTS[1][0], cats("POSITIVE"))]
    examples = make_examples(nlp, pairs)
    layer = nlp.get_pipe("brnn_sentiment").model.get_ref("output_layer")
    weights = {"cross_entropy": 0.0, loss: 1.0}

    def run():
        layer.set_grad("b", numpy.zeros(2, dtype="float32"))
        return len(examples) * mixed_gradients(nlp, examples, **weights)[0][loss]

    run()
    gradient = layer.get_grad("b").copy()
    for i in range(2):
        bias = layer.get_param("b").copy()
        ends = []
        for step in (0.02, -0.02):
            layer.set_param("b", bias + step * numpy.eye(2, dtype="float32")[i])
            ends.append(run())
        layer.set_param("b", bias)
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / 0.04, abs=4e-3)


@pytest.mark.parametrize("entropy", [0.0, 1e-6], ids=["by-probing", "of-two-labels"])
def test_perturbations_are_worse_than_random_ones(entropy, trained, make_examples):
    """Both ways to find the direction must find about the worst."""
    nlp = trained()
    pairs = [(text, {}) for text, _ in TEXTS]
    weights = {"virtual_adversarial": 1.0, "entropy": entropy, "perturbation_norm": 1.0}
    losses, _ = mixed_gradients(nlp, make_examples(nlp, pairs), **weights)
    component = nlp.get_pipe("brnn_sentiment")
    loss = MixedLoss(component.model, Objective(**weights))
    vectors = loss.embed.predict([nlp.make_doc(text) for text, _ in TEXTS])
    targets = loss.rest.predict(vectors)
    rng = numpy.random.default_rng(0)
    for _ in range(10):
        noise = [rng.normal(size=x.shape).astype("float32") for x in vectors]
        scores = loss.rest.predict(loss._moved(vectors, noise, 1.0))
        assert losses["virtual_adversarial"] > loss._divergence(targets, scores)


def test_looking_for_the_direction_leaves_the_gradients_alone(trained, make_examples):
    nlp = trained()
    examples = make_examples(nlp)
    component = nlp.get_pipe("brnn_sentiment")
    mixed_gradients(nlp, examples)
    before = gradients(component)
    loss = MixedLoss(component.model, Objective(virtual_adversarial=1.0))
    docs = [example.predicted for example in examples]
    vectors, _ = loss.embed(docs, is_train=True)
    loss._directions(vectors, loss.rest.predict(vectors))
    after = gradients(component)
    for key, gradient in before.items():
        numpy.testing.assert_array_equal(after[key], gradient)
    component.update(examples, sgd=Adam(0.01))
    assert nlp(TEXTS[0][0]).cats["POSITIVE"] > 0.5


def test_bad_labels_are_refused_by_the_mixed_objective_too(trained, make_examples):
    nlp = trained(objective=MIXED)
    bad = make_examples(nlp, [("x", {"POSITIVE": 1.0, "NEGATIVE": 1.0})])
    with pytest.raises(ValueError, match="add up to 1 at most"):
        nlp.get_pipe("brnn_sentiment").update(bad)


def test_a_model_that_cannot_be_cut_says_so(untrained, make_examples):
    embedding_alone = {**MODEL, "tok2vec": MODEL["tok2vec"]["embed"]}
    nlp = untrained(model=embedding_alone, objective=MIXED)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    with pytest.raises(ValueError, match="cut after its embeddings"):
        nlp.update(examples)
