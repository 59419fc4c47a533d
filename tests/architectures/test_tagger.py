import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Adam, Config, Model

from spacy_brnn.architectures.char_embed import build_char_embed
from spacy_brnn.architectures.concat_embed import build_concat_embed
from spacy_brnn.architectures.tagger import set_labels
from spacy_brnn.architectures.word_memory import build_word_memory

N_LABELS = 2
N_TAGS = 9
CONFIG = """
[model]
@architectures = "spacy-brnn.BRNNTagger.v1"

[model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[model.tok2vec.embed]
@architectures = "spacy-brnn.CharEmbed.v1"
width = 8

[model.tok2vec.encode]
@architectures = "spacy-brnn.BRNNEncoder.v1"
width = 8
"""


@pytest.fixture
def docs():
    vocab = spacy.blank("en").vocab
    words = [["New", "York", "is", "new"], [], ["York"], ["Ærø", "\n", "new"]]
    return [Doc(vocab, words=w) for w in words]


def make_tagger(docs):
    model = registry.resolve(Config().from_str(CONFIG))["model"]
    set_labels(model, N_LABELS)
    model.initialize(X=docs)
    return model


def all_allowed(docs):
    return [numpy.ones((len(doc), N_TAGS), dtype=bool) for doc in docs]


def only(docs, tag):
    return [numpy.broadcast_to(numpy.arange(N_TAGS) == tag, (len(doc), N_TAGS)) for doc in docs]


def test_scores_per_token_and_tag(docs):
    scores = make_tagger(docs).predict(docs)
    assert [x.shape for x in scores] == [(len(doc), N_TAGS) for doc in docs]


def test_the_crf_finds_tags_and_learns_them(docs):
    model = make_tagger(docs)
    crf = model.get_ref("crf")
    optimizer = Adam(0.05, L2=0.0)
    unit = only(docs, 4)
    losses = []
    for _ in range(20):
        scores, backprop = model.begin_update(docs)
        loss, crf_backprop = crf.begin_update((scores, unit))
        backprop(crf_backprop(numpy.ones_like(loss)))
        model.finish_update(optimizer)
        losses.append(loss.sum())
    assert losses[-1] < 0.1 * losses[0]
    assert abs(crf.shims[0]._model.transitions.detach().numpy()).max() > 0.01
    tags = crf.predict((model.predict(docs), all_allowed(docs)))
    assert [x.tolist() for x in tags] == [[4] * len(doc) for doc in docs]


def test_weights_survive_bytes(docs):
    model = make_tagger(docs)
    model.get_ref("crf").shims[0]._model.transitions.data += 1.0
    other = registry.resolve(Config().from_str(CONFIG))["model"].from_bytes(model.to_bytes())
    for a, b in zip(model.predict(docs), other.predict(docs), strict=True):
        numpy.testing.assert_array_equal(a, b)
    assert other.get_ref("crf").shims[0]._model.transitions[0, 0] == 1.0


@pytest.mark.parametrize("network", ["cnn", "brnn"])
def test_a_word_has_one_vector_wherever_it_stands(docs, network):
    model = build_char_embed(8, network=network)
    model.initialize(X=docs)
    together = model.predict(docs)
    assert [x.shape for x in together] == [(len(doc), 8) for doc in docs]
    numpy.testing.assert_allclose(together[0][1], together[2][0], rtol=1e-5)
    assert not numpy.allclose(together[0][0], together[0][3])
    for doc, vectors in zip(docs, together, strict=True):
        numpy.testing.assert_allclose(model.predict([doc])[0], vectors, rtol=1e-4, atol=1e-6)


def test_characters_are_learned(docs):
    model = build_char_embed(8)
    model.initialize(X=docs)
    before = model.predict(docs)[0].copy()
    vectors, backprop = model.begin_update(docs)
    backprop([numpy.ones_like(x) for x in vectors])
    model.finish_update(Adam(0.1, L2=0.0))
    assert not numpy.allclose(before, model.predict(docs)[0])


def make_vectors(width=3):
    nlp = spacy.blank("en")
    for i, word in enumerate(("york", "new")):
        nlp.vocab.set_vector(word, numpy.full(width, i + 1.0))
    return nlp


def test_vectors_are_found_by_the_attribute_also_in_a_saved_pipeline(tmp_path):
    make_vectors().to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    docs = [Doc(nlp.vocab, words=["New", "York", "is"]), Doc(nlp.vocab)]
    words, characters = build_char_embed(4), build_char_embed(2)
    model = build_concat_embed(words, characters, vectors_attr="LOWER").initialize(X=docs)
    vectors, backprop = model.begin_update(docs)
    assert [x.shape for x in vectors] == [(3, 9), (0, 9)]
    numpy.testing.assert_array_equal(vectors[0][:, 6:], [[2.0] * 3, [1.0] * 3, [0.0] * 3])
    numpy.testing.assert_array_equal(vectors[0][:, :4], words.predict(docs)[0])
    before = nlp.vocab.vectors.data.copy()
    backprop([numpy.ones_like(x) for x in vectors])
    model.finish_update(Adam(0.1, L2=0.0))
    numpy.testing.assert_array_equal(nlp.vocab.vectors.data, before)


def test_vectors_have_to_be_there_and_the_attribute_known(docs):
    model = build_concat_embed(build_char_embed(4), build_char_embed(2), vectors_attr="LOWER")
    with pytest.raises(ValueError, match="needs vectors with one row per word"):
        model.initialize(X=docs)
    with pytest.raises(ValueError, match="must name a token attribute such as LOWER, not 'LOW'"):
        build_concat_embed(build_char_embed(4), build_char_embed(2), vectors_attr="LOW")


def test_word_memory_is_the_mean_over_a_document_s_tokens_of_a_word(docs):
    plain = build_char_embed(8)
    plain.initialize(X=docs)
    model = build_word_memory(plain)
    outputs = model.predict(docs)
    own = plain.predict(docs)
    for output, vectors in zip(outputs, own, strict=True):
        numpy.testing.assert_array_equal(output[:, :8], vectors)
    numpy.testing.assert_allclose(outputs[0][0, 8:], (own[0][0] + own[0][3]) / 2, rtol=1e-5)
    numpy.testing.assert_allclose(outputs[0][1, 8:], own[0][1], rtol=1e-5)
    numpy.testing.assert_allclose(outputs[2], model.predict([docs[2]])[0], rtol=1e-4)


def test_word_memory_needs_a_width():
    with pytest.raises(ValueError, match="width of the tok2vec 'x' is not known"):
        build_word_memory(Model("x", lambda model, X, is_train: (X, lambda g: g)))


def test_word_memory_backpropagates_the_gradient(docs):
    """By what it must be: of the sum of g . f(x) for a linear f, with respect to x."""
    rng = numpy.random.default_rng(0)
    seen = {}
    states = [rng.normal(size=(len(doc), 3)).astype("f") for doc in docs]
    source = Model(
        "source",
        lambda model, X, is_train: (states, lambda g: seen.update(g=g) or X),
        dims={"nO": 3},
    )
    outputs, backprop = build_word_memory(source)(docs, True)
    gradients = [rng.normal(size=x.shape).astype("f") for x in outputs]
    backprop(gradients)
    by_outputs = sum((a * b).sum() for a, b in zip(outputs, gradients, strict=True))
    by_inputs = sum((a * b).sum() for a, b in zip(states, seen["g"], strict=True))
    assert by_inputs == pytest.approx(by_outputs, rel=1e-4)


def test_no_documents_and_empty_ones(docs):
    model = build_char_embed(8)
    model.initialize(X=docs)
    assert model.predict([]) == []
    assert [x.shape for x in model.predict([docs[1]])] == [(0, 8)]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"network": "rnn"}, "network must be one of cnn, brnn, not 'rnn'"),
        ({"width": 0}, "must be at least 1, not 0, 30 and 3"),
        ({"window": 2}, "must be odd, not 2"),
        ({"network": "brnn", "width": 7}, "must be even, not 7"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_char_embed(**{"width": 8, **settings})
