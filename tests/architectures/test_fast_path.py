"""The fast way to predict computes what the plain chain of layers does, or is not taken."""

import numpy
import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed
from thinc.layers.chain import forward as forward_chain

from spacy_brnn.architectures import textcat
from spacy_brnn.nn.brnn import CELLS
from spacy_brnn.nn.pooling import POOLINGS

from .configs import HASH_EMBED, MORE, WIDTH, WORD_EMBED, spread_norms, tok2vec_with_more

CHAR_EMBED = {"@architectures": "spacy-brnn.CharEmbed.v1", "width": WIDTH}
EMBEDS = {
    "words": WORD_EMBED,
    "subwords": {"@architectures": "spacy-brnn.SubwordEmbed.v1", "width": WIDTH, "rows": 4},
    "hashes": HASH_EMBED,
    "characters": CHAR_EMBED,
    "both": {
        "@architectures": "spacy-brnn.ConcatEmbed.v1",
        "words": {**WORD_EMBED, "width": WIDTH // 2},
        "characters": {**CHAR_EMBED, "width": WIDTH // 2},
    },
}
WINDOW_ENCODER = {
    "@architectures": "spacy.MaxoutWindowEncoder.v2",
    "width": WIDTH,
    "window_size": 1,
    "maxout_pieces": 2,
    "depth": 1,
}


@pytest.fixture
def taken(monkeypatch):
    """How often the fast way was taken."""
    calls = []
    fast = textcat.predict_pooled

    def watched(*arguments):
        calls.append(arguments)
        return fast(*arguments)

    monkeypatch.setattr(textcat, "predict_pooled", watched)
    return calls


@pytest.fixture
def assert_same(docs):
    """Both ways give the same scores, for documents of unequal lengths and each alone."""

    def assert_same(model, docs=docs):
        plain = forward_chain(model, docs, False)[0]
        # Scores that tell no two documents apart would agree by any way.
        assert len(numpy.unique(plain.round(4))) > 2
        numpy.testing.assert_allclose(model.predict(docs), plain, atol=1e-6)
        for doc, scores in zip(docs, plain, strict=True):
            numpy.testing.assert_allclose(model.predict([doc])[0], scores, atol=1e-6)

    return assert_same


@pytest.fixture
def initialized(resolve, docs):
    """A model whose every weight is drawn at random, from its config or as it is."""

    def initialized(model):
        fix_random_seed(0)
        model = resolve(model) if isinstance(model, dict) else model
        model.initialize(X=docs)
        output_layer = model.get_ref("output_layer")
        shape = output_layer.get_param("W").shape
        output_layer.set_param("W", numpy.random.normal(scale=3.0, size=shape).astype("float32"))
        return model

    return initialized


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("embed", EMBEDS)
@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("last_tokens", [None, 3])
def test_embeddings_and_poolings(
    embed, pooling, exclusive, last_tokens, tok2vec_config, textcat_config, initialized,
    assert_same, taken,
):  # fmt: skip
    settings = {"pooling": pooling, "exclusive_classes": exclusive, "last_tokens": last_tokens}
    assert_same(initialized(textcat_config(tok2vec_config(EMBEDS[embed]), nO=3, **settings)))
    assert bool(taken) == (embed in ("words", "subwords") and pooling in ("max", "max_mean"))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("depth", [1, 2])
def test_encoders(cell, depth, tok2vec_config, textcat_config, initialized, assert_same, taken):
    encoder = {"cell": cell, "depth": depth, "dropout": 0.5, "input_dropout": 0.5}
    model = textcat_config(tok2vec_config(WORD_EMBED, **encoder), nO=2, dropout=0.5)
    assert_same(initialized(model))
    assert taken


def test_an_encoder_of_another_kind(textcat_config, initialized, assert_same, taken):
    tok2vec = {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": WORD_EMBED,
        "encode": WINDOW_ENCODER,
    }
    assert_same(initialized(textcat_config(tok2vec, nO=2)))
    assert not taken


@pytest.mark.parametrize("more", MORE)
def test_a_layer_more(more, initialized, assert_same, taken):
    """It has both references, and what a layer more or less does must not be left out."""
    model = initialized(textcat.build_textcat_brnn(tok2vec_with_more(more), nO=2))
    spread_norms(model)
    assert_same(model)
    assert not taken


def test_a_copy_and_what_is_loaded_into_it(
    tok2vec_config, textcat_config, initialized, resolve, assert_same
):
    config = textcat_config(tok2vec_config(WORD_EMBED), nO=2)
    model = initialized(config)
    assert_same(model.copy())
    assert_same(resolve(config).from_bytes(model.to_bytes()))


def test_a_listener(tok2vec_config, textcat_config, assert_same, taken):
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec", config={"model": tok2vec_config(WORD_EMBED)})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH}
    component = nlp.add_pipe("textcat", config={"model": textcat_config(listener)})
    cats = [{"cats": {"A": 1.0, "B": 0.0}}, {"cats": {"A": 0.0, "B": 1.0}}]
    texts = ["a film that never ends", "bad bad film"]
    examples = [
        Example.from_dict(nlp.make_doc(text), gold) for text, gold in zip(texts, cats, strict=True)
    ]
    sgd = nlp.initialize(lambda: examples)
    sgd.learn_rate = 0.05
    for _ in range(10):
        nlp.update(examples, sgd=sgd)
    heard = [nlp.get_pipe("tok2vec")(nlp.make_doc(text)) for text in texts]
    assert_same(component.model, heard)
    assert not taken
    nlp.replace_listeners("tok2vec", "textcat", ["model.tok2vec"])
    assert_same(component.model, [nlp.make_doc(text) for text in texts])
