import numpy
import pytest
import spacy
from thinc.api import Adam, Model, fix_random_seed

from spacy_brnn.architectures.ngrams import build_ngrams, learn_vocabulary, read_ngrams
from spacy_brnn.architectures.pretrained import build_pretrained_textcat
from spacy_brnn.architectures.pretrained_tok2vec import build_pretrained_tok2vec
from spacy_brnn.architectures.textcat_ensemble import build_textcat_ensemble

nlp = spacy.blank("en")
DOCS = [nlp(text) for text in ("Good, good film", "a bad film", "bad acting and a bad end", "")]
TRUTHS = numpy.asarray([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], dtype="float32")


def initialized(exclusive=True, **settings) -> Model:
    fix_random_seed(0)
    tok2vec = build_pretrained_tok2vec(**settings)
    model = build_textcat_ensemble(tok2vec, exclusive_classes=exclusive)
    model.initialize(X=DOCS, Y=TRUTHS)
    learn_vocabulary(model.get_ref("ngrams"), DOCS)
    return model


def randomize(layer):
    shape = layer.get_param("W").shape
    layer.set_param("W", numpy.random.uniform(-1, 1, size=shape).astype("float32"))


def ngrams_of(docs, known=DOCS, size=2):
    layer = build_ngrams(size, nO=3)
    learn_vocabulary(layer, known)
    return layer, read_ngrams(layer, docs)


def test_a_document_is_its_ngrams_at_length_one():
    _, (places, _, values) = ngrams_of(DOCS)
    squares = numpy.bincount(places, weights=values**2, minlength=len(DOCS))
    assert squares == pytest.approx([1, 1, 1, 0], abs=1e-5)


def test_rare_ngrams_weigh_more_and_unknown_ones_nothing():
    layer, (_, rows, values) = ngrams_of([nlp("bad end")], size=1)
    assert len(rows) == 2
    weights = dict(zip(layer.attrs["keys"][rows].tolist(), values.tolist(), strict=True))
    strings = nlp.vocab.strings
    assert weights[strings["end"]] > weights[strings["bad"]]
    assert len(ngrams_of([nlp("unheard words")])[1][1]) == 0


def test_white_space_and_case_change_no_ngram():
    _, plain = ngrams_of([nlp("a bad film")])
    _, spaced = ngrams_of([nlp("  A bad \n Film ")])
    for one, other in zip(plain, spaced, strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("exclusive", [True, False])
def test_it_learns(exclusive):
    model = initialized(exclusive)
    optimizer = Adam(0.01)
    for _ in range(30):
        scores, backprop = model.begin_update(DOCS)
        backprop(scores - TRUTHS)
        model.finish_update(optimizer)
    assert (model.predict(DOCS[:3]).argmax(axis=1) == TRUTHS[:3].argmax(axis=1)).all()


def test_the_embedding_stays_and_the_encoder_learns():
    model = initialized()
    embed, encode = (model.get_ref("tok2vec").get_ref(name) for name in ("embed", "encode"))
    before = embed.to_bytes(), encode.to_bytes()
    randomize(model.get_ref("output_layer"))
    scores, backprop = model.begin_update(DOCS)
    backprop(scores - TRUTHS)
    model.finish_update(Adam(0.01))
    assert embed.to_bytes() == before[0]
    assert encode.to_bytes() != before[1]


def test_vectors_may_be_read_beside_the_states():
    model = initialized(with_vectors=True)
    tok2vec = model.get_ref("tok2vec")
    embed, encode = (tok2vec.get_ref(name) for name in ("embed", "encode"))
    vectors, states = embed.predict(DOCS), initialized().get_ref("tok2vec").predict(DOCS)
    width = encode.get_dim("nO")
    assert tok2vec.get_dim("nO") == width + embed.get_dim("nO")
    for rows, state, vector in zip(tok2vec.predict(DOCS), states, vectors, strict=True):
        assert numpy.allclose(rows[:, :width], state, atol=1e-6)
        assert numpy.array_equal(rows[:, width:], vector)


def test_an_embedding_that_is_trained_hears_of_both_uses():
    gradients = []
    for beside in (0.0, 1.0):
        tok2vec = initialized(train_embedding=True, with_vectors=True).get_ref("tok2vec")
        embed, width = tok2vec.get_ref("embed"), tok2vec.get_ref("encode").get_dim("nO")
        rows, backprop = tok2vec.begin_update(DOCS)
        ones = [numpy.ones_like(row) for row in rows]
        for row in ones:
            row[:, width:] = beside
        backprop(ones)
        gradients.append(
            sum(float(n.get_grad(p).sum()) for n in embed.walk() for p in n.param_names)
        )
    tokens = sum(map(len, DOCS)) * embed.get_dim("nO")
    assert abs(gradients[1] - gradients[0]) > tokens / 2


def test_initialized_again_it_has_the_weights_that_ship():
    model = initialized()
    shipped = build_pretrained_textcat().get_ref("tok2vec")
    tok2vec = model.get_ref("tok2vec")
    for shim in tok2vec.get_ref("encode").shims:
        for parameter in shim._model.parameters():
            parameter.data += 1
    tok2vec.initialize(X=DOCS)
    for mine, its in zip(tok2vec.predict(DOCS), shipped.predict(DOCS), strict=True):
        assert numpy.allclose(mine, its)


def test_it_comes_back_from_bytes():
    model = initialized()
    randomize(model.get_ref("ngrams"))
    other = build_textcat_ensemble(build_pretrained_tok2vec())
    other.from_bytes(model.to_bytes())
    assert numpy.allclose(other.predict(DOCS), model.predict(DOCS), atol=1e-6)


def test_a_document_does_not_depend_on_its_neighbours():
    model = initialized()
    together = model.predict(DOCS)
    for doc, row in zip(DOCS, together, strict=True):
        assert model.predict([doc])[0] == pytest.approx(row, abs=1e-5)


def test_no_runs_of_fewer_than_one_token():
    with pytest.raises(ValueError, match="at least 1"):
        build_ngrams(0)
