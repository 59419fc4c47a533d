"""What is read off a classifier in its parts is what the whole of it computes."""

import numpy
import pytest
from thinc.api import (
    LayerNorm,
    Model,
    Relu,
    Softmax,
    chain,
    fix_random_seed,
    list2ragged,
    reduce_mean,
    with_array,
)

from spacy_brnn.architectures.cut_classifier import cut_classifier
from spacy_brnn.architectures.cut_model import cut_model
from spacy_brnn.architectures.pretrained_tok2vec import build_pretrained_tok2vec
from spacy_brnn.architectures.textcat import build_textcat_brnn
from spacy_brnn.architectures.textcat_ensemble import build_textcat_ensemble
from spacy_brnn.evidence.attribution import attribute

from .configs import BRNN_ENCODER, MORE, WIDTH, WORD_EMBED, spread_norms, tok2vec_with_more

BUILDERS = [build_textcat_brnn, build_textcat_ensemble]
TRUTHS = numpy.eye(3, dtype="float32")[[0, 1, 2, 0, 1]]


@pytest.fixture
def initialized(docs):
    """Initialize a classifier; no two documents score the same then."""

    def initialized(model):
        fix_random_seed(0)
        model.initialize(X=docs, Y=TRUTHS)
        output = model.get_ref("output_layer")
        shape = output.get_param("W").shape
        output.set_param("W", numpy.random.normal(scale=0.3, size=shape).astype("float32"))
        spread_norms(model)
        return model

    return initialized


def assert_same_logits(model, cut, docs):
    """Up to the same number for all labels of a document."""
    read = docs
    for layer in cut.prepare:
        read = layer.predict(read)
    states = cut.encode.predict(cut.embed.predict(read))
    logits = cut.pool.predict(states) @ cut.weights.T + cut.bias
    expected = numpy.log(model.predict(docs))
    assert len(numpy.unique(expected.round(3))) > 4
    for found, row in zip(logits, expected, strict=True):
        numpy.testing.assert_allclose(found - found[0], row - row[0], atol=1e-3)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("more", MORE)
def test_a_layer_more_is_not_left_out(builder, more, initialized, docs):
    model = initialized(builder(tok2vec_with_more(more), nO=3))
    cut = cut_classifier(model)
    assert_same_logits(model, cut, docs)
    weights = numpy.array([1.0, -1.0, 0.0], dtype="float32")
    for doc, scores in zip(docs, model.predict(docs), strict=True):
        found = attribute(cut, doc, weights)
        assert found.logit == pytest.approx(float(numpy.log(scores[0] / scores[1])), abs=1e-3)


@pytest.mark.parametrize("settings", [{}, {"last_tokens": 2}, {"pooling": "attention"}])
def test_the_parts_give_the_logits(settings, resolve, tok2vec_config, initialized, docs):
    tok2vec = resolve(tok2vec_config(WORD_EMBED))
    model = initialized(build_textcat_brnn(tok2vec, nO=3, **settings))
    assert_same_logits(model, cut_model(model), docs)


@pytest.mark.parametrize("builder", BUILDERS)
def test_of_the_encoder_that_ships(builder, initialized, docs):
    model = initialized(builder(build_pretrained_tok2vec(), nO=3))
    assert_same_logits(model, cut_classifier(model), docs)


def test_a_classifier_of_another_make_is_refused(resolve, tok2vec_config):
    """Whatever its references are called: the layer within its last one would be left out."""
    tok2vec, output = resolve(tok2vec_config(WORD_EMBED)), Softmax(nO=3)
    model = chain(tok2vec, list2ragged(), reduce_mean(), chain(Relu(nO=5), output))
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", output)
    for cut in (cut_model, cut_classifier):
        with pytest.raises(ValueError, match="TextCatBRNN"):
            cut(model)


def _nested(embed, encode):
    return chain(chain(embed, with_array(LayerNorm(nI=WIDTH))), encode)


def _of_its_own(embed, encode):
    return Model("of_its_own", lambda model, docs, is_train: 1 / 0, layers=[embed, encode])


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("make", [_nested, _of_its_own])
def test_a_tok2vec_whose_order_nobody_knows_is_refused(builder, make, resolve):
    embed, encode = resolve(WORD_EMBED), resolve(BRNN_ENCODER)
    tok2vec = make(embed, encode)
    tok2vec._dims["nO"] = WIDTH
    tok2vec.set_ref("embed", embed)
    tok2vec.set_ref("encode", encode)
    with pytest.raises(ValueError, match="TextCatBRNN"):
        cut_classifier(builder(tok2vec, nO=3))
