import pytest
import torch
from numpy.testing import assert_allclose
from spacy.tokens import Doc

from spacy_brnn.architectures import precision

from .configs import WORD_EMBED


def test_auto_takes_what_the_processor_computes_in(monkeypatch):
    for native, chosen in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda n=native: n, raising=False
        )
        assert precision.choose_precision("auto") == chosen


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_precision_named_is_the_one_taken(name, any_bfloat16):
    assert precision.choose_precision(name) == name


def test_float32_is_taken_where_bfloat16_is_refused(monkeypatch):
    monkeypatch.setattr(precision, "_takes_bfloat16", lambda: False)
    with pytest.warns(UserWarning, match="cannot compute in it on this processor: float32"):
        assert precision.choose_precision("bfloat16") == "float32"


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"auto, float32, bfloat16, not 'int4'"):
        precision.choose_precision("int4")


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_a_prediction_is_in_the_precision_asked_for(
    pooling, tok2vec_config, textcat_config, resolve, docs, any_bfloat16
):
    model = resolve(textcat_config(tok2vec_config(WORD_EMBED), pooling=pooling, nO=2))
    model.initialize(X=docs)
    model.get_ref("output_layer").get_param("W")[:] = [[1.0], [-1.0]]
    exact = model.predict(docs)
    with precision.predict_in("bfloat16"):
        rounded = model.predict(docs)
    assert 0 < abs(rounded - exact).max() < 0.01
    assert_allclose(model.predict(docs), exact, atol=0)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_a_long_document_is_pooled_in_float32(
    pooling, tok2vec_config, textcat_config, resolve, docs, any_bfloat16
):
    model = resolve(textcat_config(tok2vec_config(WORD_EMBED), pooling=pooling, nO=2))
    model.initialize(X=docs)
    model.get_ref("output_layer").get_param("W")[:] = [[1.0], [-1.0]]
    long = Doc(docs[0].vocab, words=["wonderful", "and", "dull"] * 1000)
    exact = model.predict([long])
    with precision.predict_in("bfloat16"):
        assert_allclose(model.predict([long]), exact, atol=0.01)
