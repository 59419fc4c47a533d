import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import fix_random_seed

from spacy_brnn.architectures.vocabulary import needs_vocabulary, set_vocabulary
from spacy_brnn.architectures.word_embed import build_word_embed

WIDTH = 4
WORDS = ["film", "good", "bad", "plot"]


@pytest.fixture
def nlp():
    return spacy.blank("xx")


@pytest.fixture
def nlp_with_vectors(nlp):
    data = numpy.arange(len(WORDS) * WIDTH, dtype="float32").reshape(len(WORDS), WIDTH)
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=WORDS)
    return nlp


def embed(model, nlp, *words):
    return model.predict([Doc(nlp.vocab, words=list(words))])[0]


def make(nlp, width=WIDTH, rows=10, counted=None, **settings):
    model = build_word_embed(width, rows, **settings)
    docs = [nlp.make_doc(text) for text in counted or []]
    if counted:
        set_vocabulary(model, docs)
    model.initialize(X=docs or [nlp.make_doc("film")])
    return model


def test_vectors_of_the_pipeline_are_the_starting_values(nlp_with_vectors):
    model = make(nlp_with_vectors)
    for word in WORDS:
        assert_allclose(
            embed(model, nlp_with_vectors, word)[0], nlp_with_vectors.vocab[word].vector
        )


def test_starting_values_are_a_copy(nlp_with_vectors):
    model = make(nlp_with_vectors)
    model.get_param("E")[:] = 7.0
    assert nlp_with_vectors.vocab["film"].vector.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_the_first_rows_of_the_vectors_are_taken(nlp_with_vectors):
    model = make(nlp_with_vectors, rows=2)
    known, unknown = embed(model, nlp_with_vectors, "good", "plot")
    assert_allclose(known, nlp_with_vectors.vocab["good"].vector)
    assert abs(unknown).max() < 2.0  # From the shared rows, which start small.
    assert model.get_param("E").shape == (2 + 1000, WIDTH)


def test_words_that_share_a_row_of_vectors_get_one_each(nlp):
    data = numpy.ones((2, WIDTH), dtype="float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data)
    for word, row in [("film", 0), ("movie", 0), ("plot", 1)]:
        nlp.vocab.vectors.add(word, row=row)
    model = make(nlp)
    assert embed(model, nlp, "film", "movie", "plot").tolist() == [[1.0] * WIDTH] * 3
    assert len(model.attrs["keys"]) == 3


def test_the_most_frequent_words_are_the_vocabulary(nlp):
    model = make(nlp, rows=2, counted=["Good film good", "bad film", "good end"])
    known = {nlp.vocab.strings[int(key)] for key in model.attrs["keys"]}
    assert known == {"good", "film"}


def test_equal_counts_do_not_depend_on_the_order_of_the_corpus(nlp):
    texts = ["one two three", "four five six"]
    first = make(nlp, rows=3, counted=texts)
    second = make(nlp, rows=3, counted=texts[::-1])
    assert first.attrs["keys"].tolist() == second.attrs["keys"].tolist()
    assert first.attrs["key_rows"].tolist() == second.attrs["key_rows"].tolist()


@pytest.mark.parametrize("attr, same", [("NORM", True), ("LOWER", True), ("ORTH", False)])
def test_the_attribute_tells_which_words_are_one(attr, same, nlp):
    model = make(nlp, counted=["Film film"], attr=attr)
    upper, lower = embed(model, nlp, "Film", "film")
    assert numpy.array_equal(upper, lower) is same
    assert len(model.attrs["keys"]) == (1 if same else 2)


def test_known_words_have_a_row_each(nlp):
    model = make(nlp, counted=["one two three four five six"])
    vectors = embed(model, nlp, "one", "two", "three", "four", "five", "six")
    assert len({tuple(vector) for vector in vectors.tolist()}) == 6
    table = model.get_param("E")
    for vector in vectors:
        assert (table[:6] == vector).all(axis=1).sum() == 1


def test_unknown_words_have_different_vectors(nlp):
    model = make(nlp, rows=0)
    words = [f"word{i}" for i in range(40)]
    vectors = embed(model, nlp, *words)
    assert len({tuple(vector) for vector in vectors.tolist()}) == 40


def test_unknown_words_are_told_apart_by_their_suffix_in_one_row_of_words(nlp):
    """A word that is unknown is still near to other words of its ending."""
    model = make(nlp, rows=0)
    table = model.get_param("E")
    word, suffix = nlp.vocab["grumbling"], nlp.vocab["grumbling"].suffix
    expected = table[word.norm % 1000] + table[suffix % 1000]
    assert_allclose(embed(model, nlp, "grumbling")[0], expected, rtol=1e-6)


def test_an_unknown_word_is_the_same_in_every_document(nlp):
    model = make(nlp, counted=["film"])
    alone = embed(model, nlp, "zyx")[0]
    assert_allclose(embed(model, nlp, "film", "zyx", "qwe")[1], alone)


@pytest.mark.parametrize("counted", [None, ["film film good"]])
def test_shapes_and_empty_documents(counted, nlp):
    model = make(nlp, counted=counted)
    docs = [nlp.make_doc(text) for text in ("", "a good film", "")]
    assert [x.shape for x in model.predict(docs)] == [(0, WIDTH), (3, WIDTH), (0, WIDTH)]
    assert model.predict(docs[:1])[0].shape == (0, WIDTH)
    assert model.predict([]) == []


def test_word_dropout_is_in_training_alone(nlp):
    fix_random_seed(0)
    model = make(nlp, word_dropout=0.5)
    docs = [nlp.make_doc("some words that are not known " * 50)]
    (vectors,), _ = model.begin_update(docs)
    dropped = (vectors == 0).all(axis=1)
    assert 0.4 < dropped.mean() < 0.6
    plain = model.predict(docs)[0]
    assert not (plain == 0).all(axis=1).any()
    assert_allclose(vectors[~dropped], plain[~dropped])


def test_dropped_words_get_no_gradient(nlp):
    fix_random_seed(0)
    model = make(nlp, word_dropout=0.5, counted=["one two three four five six"])
    docs = [nlp.make_doc("one two three four five six")]
    (vectors,), backprop = model.begin_update(docs)
    backprop([numpy.ones_like(vectors)])
    trained = (model.get_grad("E") != 0).any(axis=1).sum()
    assert trained == (vectors != 0).any(axis=1).sum() < 6


def test_gradient_by_finite_differences(nlp):
    fix_random_seed(0)
    model = make(nlp, counted=["good film"], oov_rows=3)
    docs = [nlp.make_doc(text) for text in ("good film good", "", "a rare word , a rarer film")]
    outputs, backprop = model.begin_update(docs)
    weights = [numpy.random.normal(size=x.shape).astype("float32") for x in outputs]
    backprop(weights)
    table = model.get_param("E")
    gradient = model.get_grad("E")

    def total():
        return sum(float((x * w).sum()) for x, w in zip(model.predict(docs), weights, strict=True))

    for row in range(len(table)):
        for column in range(WIDTH):
            start = table[row, column]
            table[row, column] = start + 0.5
            high = total()
            table[row, column] = start - 0.5
            low = total()
            table[row, column] = start
            assert gradient[row, column] == pytest.approx(high - low, abs=1e-3)


def test_vectors_of_another_width(nlp_with_vectors):
    with pytest.raises(ValueError, match=r"has width 5, but the vectors .* have width 4"):
        make(nlp_with_vectors, width=5)


def test_floret_vectors(nlp):
    nlp.vocab.vectors = Vectors(
        strings=nlp.vocab.strings,
        data=numpy.ones((10, WIDTH), dtype="float32"),
        mode="floret",
        hash_count=1,
    )
    with pytest.raises(ValueError, match="one row per word, not floret ones"):
        make(nlp)


def test_vectors_leave_nothing_to_count(nlp_with_vectors, nlp):
    model = build_word_embed(WIDTH, 10)
    assert not needs_vocabulary(model, nlp_with_vectors.vocab)
    assert needs_vocabulary(model, spacy.blank("xx").vocab)
    assert not needs_vocabulary(model.layers[0], spacy.blank("xx").vocab)


def test_every_embedding_of_a_model_gets_its_own_vocabulary(nlp):
    from thinc.api import concatenate

    model = concatenate(build_word_embed(WIDTH, 1), build_word_embed(WIDTH, 5, attr="ORTH"))
    set_vocabulary(model, [nlp.make_doc("Film film plot")])
    words = [[nlp.vocab.strings[int(key)] for key in m.attrs["keys"]] for m in model.layers]
    assert [sorted(w) for w in words] == [["film"], ["Film", "film", "plot"]]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"attr": "COLOUR"}, "such as NORM or LOWER, not 'COLOUR'"),
        ({"width": 0}, "at least 1"),
        ({"rows": -1}, "at least 0"),
        ({"oov_rows": 0}, "at least 1"),
        ({"word_dropout": 1.0}, "less than 1, not 1.0"),
        ({"word_dropout": -0.5}, "less than 1, not -0.5"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        build_word_embed(**{"width": WIDTH, "rows": 10, **settings})


def test_a_model_with_another_vocabulary_loads(nlp):
    trained = make(nlp, counted=["a good film with a good plot"])
    fresh = build_word_embed(WIDTH, 10).from_bytes(trained.to_bytes())
    other = make(nlp, counted=["nothing alike"]).from_bytes(trained.to_bytes())
    words = ["a", "good", "film", "nothing", "zyx"]
    for loaded in (fresh, other):
        assert_allclose(embed(loaded, nlp, *words), embed(trained, nlp, *words))


def test_the_vocabulary_does_not_depend_on_the_process(nlp):
    """Words are kept by spaCy's hashes, which another vocab gives the same words."""
    trained = make(nlp, counted=["a good film"])
    other = spacy.blank("xx")
    assert_allclose(embed(trained, other, "good", "zyx"), embed(trained, nlp, "good", "zyx"))
