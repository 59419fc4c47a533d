"""Evidence for models of a user's own labels, which hear n-grams beside the states."""

import numpy
import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_brnn.architectures.cut_model import cut_model
from spacy_brnn.architectures.ngrams import learn_vocabulary

TEXTS = [
    ("the invoice is wrong", "billing"),
    ("charged twice, refund my invoice", "billing"),
    ("password forgotten", "login"),
    ("cannot sign in: password is wrong", "login"),
    ("parcel is late", "delivery"),
    ("my parcel arrived broken", "delivery"),
]
MODEL = {
    "@architectures": "spacy-brnn.TextCatEnsemble.v1",
    "tok2vec": {"@architectures": "spacy-brnn.PretrainedTok2Vec.v1"},
}


@pytest.fixture(scope="module", params=[False, True], ids=["states", "with vectors"])
def nlp(request):
    """A pipeline trained on them, its n-grams' weights among what is learned."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    model = {**MODEL, "tok2vec": {**MODEL["tok2vec"], "with_vectors": request.param}}
    with pytest.warns(UserWarning, match="every polarity will be 0"):
        component = nlp.add_pipe("brnn_sentiment", config={"model": model})
        labels = sorted({label for _, label in TEXTS})
        examples = [
            Example.from_dict(nlp.make_doc(text), {"cats": {n: float(n == label) for n in labels}})
            for text, label in TEXTS
        ]
        sgd = nlp.initialize(lambda: examples)
    ngrams, output = map(component.model.get_ref, ("ngrams", "output_layer"))
    learn_vocabulary(ngrams, [example.reference for example in examples])
    weights = output.get_param("W").copy()
    weights[:, -len(labels) :] = numpy.eye(len(labels))
    output.set_param("W", weights)
    sgd.learn_rate = 0.001
    for _ in range(12):
        nlp.update(examples, sgd=sgd)
    return nlp


@pytest.mark.parametrize("text", ["The invoice  is wrong, and the parcel is late", "unheard"])
def test_contributions_and_remainder_add_up_to_the_logit(nlp, text):
    doc = nlp(text)
    evidence = doc._.sentiment.evidence(label="billing")
    labels = nlp.get_pipe("brnn_sentiment").labels
    logits = dict(zip(labels, numpy.log([doc.cats[label] for label in labels]), strict=True))
    expected = logits["billing"] - (logits["login"] + logits["delivery"]) / 2
    assert evidence.logit == pytest.approx(expected, abs=1e-3)
    assert len(evidence) == len(doc)
    total = sum(value for _, value in evidence) + evidence.remainder
    assert total == pytest.approx(evidence.logit, abs=1e-4)


def test_the_n_grams_count(nlp):
    ngrams = nlp.get_pipe("brnn_sentiment").model.get_ref("ngrams")
    weights = ngrams.get_param("W").copy()
    before = dict(nlp("an invoice")._.sentiment.evidence(label="billing"))
    try:
        ngrams.set_param("W", weights * 0)
        without = dict(nlp("an invoice")._.sentiment.evidence(label="billing"))
    finally:
        ngrams.set_param("W", weights)
    an, invoice = (a - b for a, b in zip(before.values(), without.values(), strict=True))
    assert an == pytest.approx(0, abs=1e-4) and invoice > 1e-3


def test_a_pipeline_read_from_disk_has_it_too(nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    found, expected = (
        one("The invoice is wrong")._.sentiment.evidence(label="billing") for one in (loaded, nlp)
    )
    assert found.contributions == pytest.approx(expected.contributions, abs=1e-4)


def test_the_head_for_targets_does_not_go_with_it(nlp):
    with pytest.raises(ValueError, match="TextCatBRNN"):
        cut_model(nlp.get_pipe("brnn_sentiment").model)
