"""Each word of a batch is embedded once, and nothing else changes."""

import numpy
import pytest
import spacy
from spacy.ml.models import MultiHashEmbed
from spacy.tokens import Doc
from thinc.api import Model, chain, expand_window, fix_random_seed, list2array
from thinc.layers.concatenate import forward as side_by_side

from spacy_brnn.architectures.char_embed import build_char_embed
from spacy_brnn.architectures.concat_embed import build_concat_embed
from spacy_brnn.architectures.distinct_words import distinct_words, reads_words_alone
from spacy_brnn.architectures.word_embed import build_word_embed

TEXTS = ["Bob met Bob , and bob met Ada .", "", "Ada 12 \n \u200b 😀", " ", "Bob"]


def make_embed(attrs=("NORM", "SHAPE", "SUFFIX")):
    fix_random_seed(0)
    words = MultiHashEmbed(8, list(attrs), [50] * len(attrs), include_static_vectors=False)
    model = build_concat_embed(words, build_char_embed(width=6, char_width=4))
    nlp = spacy.blank("en")
    model.initialize(X=[nlp.make_doc("Bob met Ada")])
    return nlp, model


def assert_equal(model, docs):
    plain, _ = side_by_side(model, docs, False)
    found = model.predict(docs)
    assert len(found) == len(docs)
    for one, other in zip(found, plain, strict=True):
        assert one.shape == other.shape and (one == other).all()


def test_the_vectors_are_those_of_each_token():
    nlp, model = make_embed()
    assert_equal(model, [nlp.make_doc(text) for text in TEXTS])
    assert_equal(model, [nlp.make_doc("")])


def test_a_word_is_read_once():
    nlp, model = make_embed()
    docs = [nlp.make_doc(text) for text in TEXTS]
    words, places = distinct_words(docs)
    tokens = [token.text for doc in docs for token in doc]
    assert sorted(token.text for token in words) == sorted(set(tokens))
    assert [words[place].text for place in places.tolist()] == tokens
    seen = []
    characters = model.layers[1]
    forward = characters._func
    characters._func = lambda m, x, is_train: (
        seen.append(sum(map(len, x))) or forward(m, x, is_train)
    )
    model.predict(docs)
    assert seen == [len(words)]


def test_a_norm_of_a_token_s_own_is_kept():
    nlp, model = make_embed()
    doc = Doc(nlp.vocab, words=["ca", "ca", "n't"])
    doc[0].norm_ = "can"
    assert_equal(model, [doc])
    first, second, _ = model.predict([doc])[0]
    assert (first != second).any()


def test_documents_of_two_vocabularies():
    _, model = make_embed()
    other = spacy.blank("de")
    other.vocab["Bob"].norm_ = "robert"
    one, two = spacy.blank("en").make_doc("Bob met Ada"), other.make_doc("Bob traf Ada")
    assert_equal(model, [one, two])
    together, alone = model.predict([one, two]), [model.predict([doc])[0] for doc in (one, two)]
    for found, expected in zip(together, alone, strict=True):
        numpy.testing.assert_allclose(found, expected, atol=1e-6)


def test_training_reads_every_token():
    nlp, model = make_embed()
    vectors, backprop = model.begin_update([nlp.make_doc(text) for text in TEXTS])
    assert [len(x) for x in vectors] == [len(nlp.make_doc(text)) for text in TEXTS]
    backprop(vectors)
    assert model.layers[1].shims[0]._model.network.embed.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("attrs", [["TAG"], ["NORM", "ENT_TYPE"], ["SENT_START"]])
def test_what_a_token_has_of_its_place_is_not_taken_for_its_word_s(attrs):
    nlp, model = make_embed(attrs)
    assert not reads_words_alone(model)
    doc = Doc(nlp.vocab, words=["Bob", "Bob"], tags=["A", "B"], ents=["B-X", "O"])
    assert_equal(model, [doc])


def test_nor_is_what_stands_beside_it():
    words = build_word_embed(width=4, rows=0)
    assert reads_words_alone(words)
    context: Model = chain(words, list2array(), expand_window(window_size=1))
    assert not reads_words_alone(context)


def test_saved_weights_have_their_places():
    nlp, model = make_embed()
    _, other = make_embed()
    thinc_s = Model(model.name, side_by_side, layers=other.layers, dims={"nO": None})
    thinc_s.from_bytes(model.to_bytes())
    model.from_bytes(thinc_s.to_bytes())
    docs = [nlp.make_doc(text) for text in TEXTS]
    for one, two in zip(model.predict(docs), thinc_s.predict(docs), strict=True):
        assert (one == two).all()
