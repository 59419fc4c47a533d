"""The component on a GPU: what it says there is what it says on the CPU."""

import json
import warnings

import numpy
import pytest
import spacy
from click.testing import CliRunner

from spacy_brnn.cli import main

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


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_weights_lie_side_by_side_as_cudnn_wants_them(
    on_gpu, untrained, make_examples, train, model_config, cell
):
    tok2vec = {**MODEL["tok2vec"], "encode": {**MODEL["tok2vec"]["encode"], "cell": cell}}
    with on_gpu(), warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*contiguous.*")
        nlp = untrained(model=model_config(tok2vec=tok2vec), precision="float32")
        train(nlp, make_examples(nlp))
        expected = positive(nlp)
        again = untrained(model=model_config(tok2vec=tok2vec), precision="float32")
        again.from_bytes(nlp.to_bytes())
        assert positive(again) == pytest.approx(expected, abs=1e-5)


def test_the_entities_that_ship_are_the_same(on_gpu):
    text = "Angela Merkel met Tim Cook of Apple in Berlin. The Belgian team won the World Cup. "

    def entities():
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_ner", config={"keep_confidence": True})
        docs = list(nlp.pipe([text, "", "Nothing here.", text * 40]))
        found = [[(e.text, e.label_) for e in doc.ents] for doc in docs]
        return found, [e._.confidence for doc in docs for e in doc.ents]

    expected, confidences = entities()
    with on_gpu():
        found, on_it = entities()
    assert expected[0]
    assert found == expected
    assert on_it == pytest.approx(confidences, abs=1e-3)


def test_evidence_and_targets_are_the_same(on_gpu):
    text = "Great food, terrible service. The rooms were clean, but the lift was broken."

    def told():
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_sentiment")
        doc = nlp(text)
        evidence = [(span.text, part) for span, part in doc._.sentiment.evidence().tokens]
        toward = [doc[i : i + 1]._.sentiment_toward.polarity for i in (1, 4)]
        return [word for word, _ in evidence], [part for _, part in evidence], toward

    words, parts, toward = told()
    with on_gpu():
        words_there, parts_there, toward_there = told()
    assert sorted(words_there) == sorted(words)
    assert sorted(parts_there) == pytest.approx(sorted(parts), abs=1e-2)
    assert toward_there == pytest.approx(toward, abs=1e-2)


@pytest.mark.parametrize("n_process", ["1", "2"])
def test_annotate_gives_the_same(on_gpu, tmp_path, n_process):
    """As near as a processor's bfloat16 comes, where it has that."""
    source = tmp_path / "texts.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in MIXED * 20))
    found = []
    for gpu_id in ("-1", "0"):
        target = tmp_path / f"on{gpu_id}.jsonl"
        arguments = ["annotate", str(source), "-o", str(target), "--gpu-id", gpu_id]
        with on_gpu():  # After which all else is on the CPU again.
            result = CliRunner().invoke(main, [*arguments, "--n-process", n_process])
        assert result.exit_code == 0, result.output
        found.append([json.loads(line) for line in target.read_text().splitlines()])
    assert len(found[0]) == len(MIXED) * 20
    for here, there in zip(*found, strict=True):
        assert there["text"] == here["text"]
        assert there["sentiment_score"] == pytest.approx(here["sentiment_score"], abs=0.02)
