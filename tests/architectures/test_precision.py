import pytest
import spacy
import torch
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from thinc.api import Linear, fix_random_seed

from spacy_brnn.architectures import precision, textcat
from spacy_brnn.nn import compiled_mingru

from .configs import BRNN_ENCODER, WORD_EMBED

ANY_MODEL = Linear()


@pytest.fixture(autouse=True)
def seed():
    fix_random_seed(0)


@pytest.mark.parametrize(
    ("native", "cell", "chosen"),
    [
        (True, "lstm", "bfloat16"),
        (True, "gru", "bfloat16"),
        (True, "mingru", "float32"),
        (True, "sru", "float32"),
        (True, "qrnn", "float32"),
        (False, "lstm", "float32"),
    ],
)
def test_auto_takes_what_the_processor_computes_in_where_the_cell_gains(
    native, cell, chosen, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native, raising=False)
    nlp = spacy.blank("en")
    encode = {**BRNN_ENCODER, "cell": cell}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": WORD_EMBED, "encode": encode}
    model = {"@architectures": "spacy-brnn.TextCatBRNN.v1", "tok2vec": tok2vec}
    assert nlp.add_pipe("brnn_sentiment", config={"model": model}).precision == chosen


in_int8 = pytest.mark.skipif(not compiled_mingru.rounds(), reason="not on this processor")


@in_int8
@pytest.mark.parametrize(("is_quicker", "chosen"), [(True, "int8"), (False, "float32")])
def test_the_weights_that_ship_are_no_faster_in_bfloat16(is_quicker, chosen, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(precision, "is_quicker_rounded", lambda: is_quicker)
    pipe = spacy.blank("en").add_pipe("brnn_sentiment")
    assert pipe.precision == chosen
    pipe.precision = "int8"
    assert pipe.precision == "int8"


@in_int8
def test_scores_in_int8_are_nearly_those_in_float32():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("brnn_sentiment", config={"precision": "int8"})
    docs = [nlp.make_doc(text) for text in ("A dull film.", "Good", "It is what it is, is it?")]
    rounded = pipe.predict(docs)
    for alone, doc in zip(rounded, docs, strict=True):
        assert_allclose(pipe.predict([doc])[0], alone, atol=1e-6)
    pipe.precision = "float32"
    assert 0 < abs(pipe.predict(docs) - rounded).max() < 0.01


HASH_EMBED = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": BRNN_ENCODER["width"],
    "rows": [50],
    "attrs": ["ORTH"],
    "include_static_vectors": False,
}


@pytest.mark.parametrize(
    ("changes", "embed", "pooling"),
    [
        ({"cell": "lstm"}, WORD_EMBED, "max"),
        ({"cell": "sru"}, WORD_EMBED, "max"),
        ({"depth": 1}, WORD_EMBED, "max"),
        ({}, WORD_EMBED, "last"),
        ({}, HASH_EMBED, "max"),
    ],
)
def test_float32_is_taken_where_nothing_is_multiplied_in_int8(changes, embed, pooling, monkeypatch):
    monkeypatch.setattr(precision, "is_quicker_rounded", lambda: True)
    encode = {**BRNN_ENCODER, "cell": "mingru", "depth": 2, **changes}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    model = {
        "@architectures": "spacy-brnn.TextCatBRNN.v1",
        "tok2vec": tok2vec,
        "pooling": pooling,
    }
    pipe = spacy.blank("en").add_pipe("brnn_sentiment", config={"model": model})
    assert pipe.precision != "int8"
    pipe.precision = "int8"
    with pytest.warns(UserWarning, match='"int8", but this network cannot be computed in it'):
        assert pipe.precision == "float32"


@in_int8
def test_a_network_with_a_hook_is_not_in_int8():
    pipe = spacy.blank("en").add_pipe("brnn_sentiment")
    pipe.precision = "int8"
    assert pipe.precision == "int8"
    cell = textcat.pooling_network(pipe.model).forwards[1]
    cell.linear.register_forward_pre_hook(lambda module, inputs: None)
    with pytest.warns(UserWarning, match='"int8"'):
        assert pipe.precision == "float32"


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_precision_named_is_the_one_taken(name, any_bfloat16):
    assert precision.choose_precision(name, ANY_MODEL) == name


def test_float32_is_taken_where_bfloat16_is_refused(monkeypatch):
    monkeypatch.setattr(precision, "_takes_bfloat16", lambda: False)
    with pytest.warns(UserWarning, match="cannot be computed in it on this processor: float32"):
        assert precision.choose_precision("bfloat16", ANY_MODEL) == "float32"


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"auto, float32, bfloat16, int8, not 'int4'"):
        precision.choose_precision("int4", ANY_MODEL)


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
