"""The component on a GPU: what it says there is what it says on the CPU."""

import numpy
import pytest
import spacy

from .models import MIXED, MODEL

pytestmark = pytest.mark.gpu
MIXED_OBJECTIVE = {
    "cross_entropy": 1.0,
    "adversarial": 1.0,
    "virtual_adversarial": 1.0,
    "entropy": 1.0,
    "perturbation_norm": 0.1,
}


@pytest.fixture
def model_in_mixed_precision(model_config):
    tok2vec = {**MODEL["tok2vec"], "encode": {**MODEL["tok2vec"]["encode"]}}
    tok2vec["encode"]["mixed_precision"] = True
    return model_config(tok2vec=tok2vec)


def shipped_pipeline(precision):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"precision": precision})
    return nlp


def positive(nlp):
    return [doc.cats["POSITIVE"] for doc in nlp.pipe(MIXED)]


def is_on_gpu(nlp):
    model = nlp.get_pipe("brnn_sentiment").model
    devices = {shim.device.type for node in model.walk() for shim in node.shims}
    return devices == {"cuda"} and model.ops.device_type == "gpu"


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.02), ("auto", 1e-3)]
)
def test_the_weights_that_ship_say_the_same(on_gpu, precision, tolerance):
    expected = positive(shipped_pipeline("float32"))
    with on_gpu():
        nlp = shipped_pipeline(precision)
        scores = positive(nlp)
        spans = [nlp(text)[:3]._.sentiment.score for text in MIXED[:2]]
        assert is_on_gpu(nlp)
    assert scores == pytest.approx(expected, abs=tolerance)
    assert all(0.5 <= score <= 1.0 for score in spans)


def test_auto_is_float32_on_a_gpu(on_gpu):
    with on_gpu():
        assert shipped_pipeline("auto").get_pipe("brnn_sentiment").precision == "float32"


def test_a_score_does_not_depend_on_the_batch(on_gpu):
    with on_gpu():
        nlp = shipped_pipeline("float32")
        alone = [nlp(text).cats["POSITIVE"] for text in MIXED]
        assert positive(nlp) == pytest.approx(alone, abs=1e-3)


@pytest.mark.parametrize("objective", [{"cross_entropy": 1.0}, MIXED_OBJECTIVE])
def test_training_in_mixed_precision_gives_weights_for_the_cpu(
    on_gpu, untrained, make_examples, train, model_in_mixed_precision, objective, tmp_path
):
    with on_gpu():
        nlp = untrained(model=model_in_mixed_precision, objective=objective, precision="float32")
        examples = make_examples(nlp)
        losses = [loss["brnn_sentiment"] for loss in train(nlp, examples)]
        scores = positive(nlp)
        assert is_on_gpu(nlp)
        nlp.to_disk(tmp_path / "model")
    assert numpy.isfinite(losses).all()
    assert losses[-1] < 0.5 * losses[0]
    assert [score > 0.5 for score in scores[:4]] == [True, False, True, False]
    loaded = spacy.load(tmp_path / "model")
    assert not is_on_gpu(loaded)
    assert positive(loaded) == pytest.approx(scores, abs=1e-3)


def test_averaged_weights_predict_on_the_gpu(on_gpu, untrained, make_examples):
    from thinc.api import Adam

    with on_gpu():
        nlp = untrained(precision="float32")
        examples = make_examples(nlp)
        nlp.initialize(lambda: examples)
        optimizer = Adam(0.02, use_averages=True)
        for _ in range(10):
            nlp.update(examples, sgd=optimizer)
        before = positive(nlp)
        with nlp.use_params(optimizer.averages):
            averaged = positive(nlp)
        assert averaged != pytest.approx(before, abs=1e-5)
        assert positive(nlp) == pytest.approx(before, abs=1e-6)
