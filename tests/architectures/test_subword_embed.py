import pickle

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.strings import hash_string
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import data_validation, fix_random_seed

from spacy_brnn.architectures.spelling import URL, USER, count_forms, forms
from spacy_brnn.architectures.subword_embed import Memory, build_subword_embed, embed_types
from spacy_brnn.architectures.vocabulary import needs_vocabulary, set_vocabulary

WIDTH = 4


def words(nlp, *texts):
    return Doc(nlp.vocab, words=list(texts))


def make(*known, part_rows=50, **settings):
    nlp = spacy.blank("en")
    model = build_subword_embed(WIDTH, 10, part_rows=part_rows, **settings)
    fix_random_seed(0)
    set_vocabulary(model, [words(nlp, *known)])
    model.initialize()
    return nlp, model


@pytest.mark.parametrize(
    "one, other",
    [
        ("good", "GOOD"),
        ("don't", "don’t"),
        ("soo", "sooooooo"),
        ("so", "soooo"),
        ("love", "#love"),
        ("👍", "👍🏽"),
        ("❤", "❤️"),
        ("ﬁne", "fine"),
    ],
)
def test_spellings_of_a_known_word(one, other):
    nlp, model = make(one.lower() if one != "ﬁne" else "fine")
    first, second = model.predict([words(nlp, one, other)])[0]
    assert_allclose(first, second)


def test_addresses_and_names_are_one_word_each():
    assert list(forms("https://example.org/a?b=c")) == list(forms("www.spacy.io")) == [URL]
    assert list(forms("@anna")) == list(forms("@Ben_2")) == [USER]
    assert list(forms("@")) == ["@"]


def test_forms_come_nearest_first():
    assert list(forms("#Soooo2")) == ["#soooo2", "soooo2", "soo2", "so2", "#soooo0"]
    assert list(forms("###")) == ["###", "##", "#"]
    assert list(forms("film")) == ["film"]


def test_words_are_counted_by_their_nearest_form():
    docs = [words(spacy.blank("en"), "Good", "film"), words(spacy.blank("en"), "good", "@anna")]
    assert count_forms(docs) == {"good": 2, "film": 1, USER: 1}
    assert count_forms([]) == {}


def test_an_exact_form_comes_before_a_shortened_one():
    nlp, model = make("soo", "so")
    soo, so, long = model.predict([words(nlp, "soo", "so", "sooo")])[0]
    assert not numpy.allclose(soo, so)
    assert_allclose(long, soo)


def test_an_unknown_word_is_near_to_one_with_the_same_parts():
    nlp, model = make("film")
    wonderful, wonderfull, zebra = model.predict([words(nlp, "wonderful", "wonderfull", "zebra")])[
        0
    ]
    assert numpy.linalg.norm(wonderful - wonderfull) < numpy.linalg.norm(wonderful - zebra)


def test_no_attribute_of_the_vocabulary_counts():
    nlp, model = make("colour")
    changed = spacy.blank("en")
    changed.vocab["colour"].norm_ = "color"
    changed.vocab["colour"].lower_ = "x"
    assert_allclose(
        model.predict([words(nlp, "colour")])[0], model.predict([words(changed, "colour")])[0]
    )


def test_documents_of_two_vocabularies():
    nlp, model = make("film")
    other = spacy.blank("en")
    docs = [words(nlp, "film", "onlyhere"), words(other, "onlythere", "film")]
    alone = [model.predict([doc])[0] for doc in docs]
    for together, one in zip(model.predict(docs), alone, strict=True):
        assert_allclose(together, one)


def test_a_vector_is_the_mean_of_the_words_rows():
    nlp, model = make("good", "bad")
    doc = words(nlp, "good", "unheard", "bad", "unseen", "good")
    memory, table = Memory(model.attrs["words"], 50), model.get_param("E")
    expected = [table[memory.rows(token.text)].mean(axis=0) for token in doc]
    assert [len(memory.rows(word)) for word in ("good", "unheard")] == [1, 8]
    assert_allclose(model.predict([doc])[0], expected, rtol=1e-6)


def test_no_documents_and_documents_of_nothing():
    nlp, model = make("good")
    assert model.predict([]) == []
    assert [len(vectors) for vectors in model.predict([words(nlp), words(nlp)])] == [0, 0]
    for docs in ([], [words(nlp)]):
        vectors, types = embed_types(model, docs)
        assert vectors.shape == (0, WIDTH) and types.shape == (0,)


def test_types_are_the_tokens():
    nlp, model = make("film", "good")
    docs = [words(nlp, "a", "good", "film"), words(nlp), words(nlp, "film", "a")]
    vectors, rows = embed_types(model, docs)
    assert_allclose(vectors[rows], numpy.concatenate(model.predict(docs)))


def test_starting_values_are_the_pipelines_vectors():
    nlp = spacy.blank("en")
    data = numpy.arange(2 * WIDTH, dtype="float32").reshape(2, WIDTH)
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=["film", "good"])
    model = build_subword_embed(WIDTH, 10)
    assert not needs_vocabulary(model, nlp.vocab)
    model.initialize(X=[nlp("film")])
    assert model.attrs["words"].tolist() == [hash_string("film"), hash_string("good")]
    assert_allclose(model.predict([words(nlp, "GOOD")])[0], data[1:])


def test_it_comes_back_from_bytes():
    nlp, model = make("film", "good")
    doc = words(nlp, "film", "unheard")
    expected = model.predict([doc])[0]
    again = build_subword_embed(WIDTH, 10, part_rows=50).from_bytes(model.to_bytes())
    assert_allclose(again.predict([doc])[0], expected)
    assert_allclose(model.copy().predict([doc])[0], expected)


def test_the_gradient_reaches_the_rows_that_were_read():
    nlp, model = make("film", "good", part_rows=1)
    _, backprop = model([words(nlp, "film", "film", "xy")], is_train=True)
    backprop([numpy.ones((3, WIDTH), dtype="float32")])
    film = model.attrs["words"].tolist().index(hash_string("film"))
    gradient = model.get_grad("E")
    assert_allclose(gradient[film], 2.0)
    assert_allclose(gradient[1 - film], 0.0)
    assert_allclose(gradient[2], 1.0)  # all parts of "xy" share the one row


def test_words_read_as_unknown_in_training():
    nlp, model = make("film", unknown_dropout=0.99)
    fix_random_seed(0)
    (known,) = model.predict([words(nlp, "film")])
    (hidden,), _ = model([words(nlp, "film")], is_train=True)
    assert not numpy.allclose(known, hidden)


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 0},
        {"rows": -1},
        {"part_rows": 0},
        {"word_dropout": 1.0},
        {"unknown_dropout": -0.1},
    ],
)
def test_bad_settings(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        build_subword_embed(**{"width": WIDTH, "rows": 10, **settings})


def test_it_goes_to_another_process():
    nlp, model = make("film", "good")
    doc = words(nlp, "film", "unheard")
    expected = model.predict([doc])[0]
    assert_allclose(pickle.loads(pickle.dumps(model)).predict([doc])[0], expected)


def test_thincs_validation_takes_it():
    nlp, _ = make("film")
    with data_validation(True):
        model = build_subword_embed(WIDTH, 10)
        model.initialize(X=[words(nlp, "film")])
        assert model.predict([words(nlp, "film")])[0].shape == (1, WIDTH)
