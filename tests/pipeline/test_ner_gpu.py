"""brnn_ner on a GPU: what it says there is what it says on the CPU."""

import pytest
import spacy

from spacy_brnn.entity_calibration import find_entities, find_temperature

from .test_ner import TINY, make_examples, train

pytestmark = pytest.mark.gpu

TEXTS = [
    "Angela Merkel met the board of Siemens in Munich.",
    "",
    "The New York Times wrote about Barack Obama and the United Nations.",
    " \n",
    "nobody here",
]


def shipped_pipeline(**settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_ner", config=settings)
    return nlp


def places(docs):
    return [[(ent.start, ent.end, ent.label_) for ent in doc.ents] for doc in docs]


def confidences(docs):
    return [ent._.confidence for doc in docs for ent in doc.ents]


def assert_alike(docs, expected):
    assert places(docs) == places(expected)
    # PyTorch's LSTM rounds products to ten bits on a GPU.
    assert confidences(docs) == pytest.approx(confidences(expected), abs=0.02)


@pytest.mark.parametrize("settings", [{}, {"keep_confidence": True, "runners_up": 0.05}])
def test_the_weights_that_ship_say_the_same(on_gpu, settings):
    on_cpu = shipped_pipeline(**settings)
    expected = list(on_cpu.pipe(TEXTS))
    with on_gpu():
        nlp = shipped_pipeline(**settings)
        assert nlp.get_pipe("brnn_ner").model.ops.device_type == "gpu"
        docs = list(nlp.pipe(TEXTS))
        assert_alike(docs, expected)
    assert [len(doc.spans) for doc in docs] == [len(doc.spans) for doc in expected]


def test_training_and_calibration_give_weights_for_the_cpu(on_gpu, tmp_path):
    with on_gpu():
        nlp = spacy.blank("en")
        component = nlp.add_pipe("brnn_ner", config=TINY)
        examples = make_examples(nlp)
        losses = train(nlp, examples, steps=40)
        temperature = find_temperature(component, list(find_entities(component, iter(examples))))
        docs = list(nlp.pipe(TEXTS))
        confidences(docs)
        nlp.to_disk(tmp_path / "model")
    assert losses[-1] < 0.1 * losses[0] and temperature > 0.0
    loaded = spacy.load(tmp_path / "model")
    assert_alike(docs, list(loaded.pipe(TEXTS)))
