import numpy
import pytest
import spacy
from spacy.tokens import Doc

from spacy_brnn.architectures.char_embed import build_char_embed
from spacy_brnn.architectures.concat_embed import build_concat_embed
from spacy_brnn.architectures.vector_table import build_vector_table, copy_vector_tables

WORDS = ["york", "new", "rare"]


@pytest.fixture
def vocab():
    nlp = spacy.blank("en")
    rng = numpy.random.default_rng(0)
    for word in WORDS:
        nlp.vocab.set_vector(word, rng.normal(size=4))
    return nlp.vocab


@pytest.fixture
def docs(vocab):
    return [Doc(vocab, words=["New", "York", "is", "rare"]), Doc(vocab)]


def test_words_have_the_vectors_of_the_pipeline_in_eight_bits(vocab, docs):
    model = build_vector_table(4, rows=2).initialize(X=docs)
    (vectors, empty) = model.predict(docs)
    assert empty.shape == (0, 4)
    for row, word in zip(vectors, ["new", "york"], strict=False):
        expected = vocab[word].vector
        numpy.testing.assert_allclose(row, expected, atol=abs(expected).max() / 254 + 1e-6)
    assert not vectors[2:].any()
    assert model.attrs["table"].dtype == "int8" and len(model.attrs["keys"]) == 2


def test_the_table_belongs_to_the_model(docs):
    model = build_vector_table(4, rows=3).initialize(X=docs)
    expected = model.predict(docs)[0]
    other_vocab = spacy.blank("en").vocab
    other_docs = [Doc(other_vocab, words=[t.text for t in docs[0]])]
    copy = build_vector_table(4, rows=3).from_bytes(model.to_bytes())
    numpy.testing.assert_array_equal(copy.predict(other_docs)[0], expected)
    copy.initialize(X=other_docs)
    numpy.testing.assert_array_equal(copy.predict(other_docs)[0], expected)
    empty = build_vector_table(4, rows=3)
    copy_vector_tables(model, empty)
    numpy.testing.assert_array_equal(empty.predict(other_docs)[0], expected)


def test_the_norm_does_not_matter(vocab, docs):
    model = build_vector_table(4, rows=3).initialize(X=docs)
    before = model.predict(docs)[0]
    vocab["York"].norm_ = "something else"
    numpy.testing.assert_array_equal(model.predict(docs)[0], before)


def test_vectors_are_left_out_in_training_only(docs):
    model = build_vector_table(4, rows=3, dropout=0.5).initialize(X=docs)
    numpy.random.seed(0)
    rows = [model(docs, is_train=True)[0][0].any(axis=1)[:2] for _ in range(50)]
    assert 0.2 < numpy.mean(rows) < 0.8
    assert model.predict(docs)[0].any(axis=1)[:2].all()


def test_beside_words_and_characters(docs):
    model = build_concat_embed(
        build_char_embed(4), build_char_embed(2), vectors=build_vector_table(4, rows=3)
    ).initialize(X=docs)
    assert [x.shape for x in model.predict(docs)] == [(4, 10), (0, 10)]


def test_vectors_that_do_not_fit_are_refused(docs):
    with pytest.raises(ValueError, match=r"has width 5, but the vectors of .* have width 4"):
        build_vector_table(5, rows=3).initialize(X=docs)
    with pytest.raises(ValueError, match="needs vectors with one row per word"):
        build_vector_table(5, rows=3).initialize(X=[Doc(spacy.blank("en").vocab, words=["a"])])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"attr": "LOW"}, "attr must name a token attribute"),
        ({"rows": 0}, "must be at least 1, not 4 and 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_vector_table(**{"width": 4, "rows": 3, **settings})
