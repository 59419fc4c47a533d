import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.attrs import LOWER, ORTH
from spacy.training import Example
from thinc.api import Model, fix_random_seed

from spacy_brnn.architectures.textcat import build_textcat_brnn, reads_words_alone
from spacy_brnn.architectures.words import Words

from .configs import HASH_EMBED, TEXTS, WIDTH, WORD_EMBED

POOLINGS = ["last", "mean", "max", "attention"]
WINDOW_ENCODER = {
    "@architectures": "spacy.MaxoutWindowEncoder.v2",
    "width": WIDTH,
    "window_size": 1,
    "maxout_pieces": 2,
    "depth": 1,
}
TOK2VECS = {
    "words": {"embed": WORD_EMBED},
    "hashes": {"embed": HASH_EMBED},
    "window": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": HASH_EMBED,
        "encode": WINDOW_ENCODER,
    },
    "cnn": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": WIDTH,
        "depth": 1,
        "embed_size": 100,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
        "pretrained_vectors": None,
    },
}


def tok2vec_of(name, tok2vec_config):
    config = TOK2VECS[name]
    return config if "@architectures" in config else tok2vec_config(**config)


@pytest.mark.parametrize("tok2vec", TOK2VECS)
def test_spacys_textcat_learns_over_any_tok2vec(
    tok2vec, tok2vec_config, textcat_config, textcat_examples, train
):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    model = textcat_config(tok2vec_of(tok2vec, tok2vec_config))
    nlp.add_pipe("textcat", config={"model": model})
    train(nlp, textcat_examples(nlp), steps=40)
    for text, label in TEXTS:
        cats = nlp(text).cats
        assert cats[label] > 0.8
        assert sum(cats.values()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_learns(pooling, textcat_config, textcat_examples, train):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("textcat", config={"model": textcat_config(pooling=pooling)})
    train(nlp, textcat_examples(nlp), steps=60)
    for text, label in TEXTS:
        assert nlp(text).cats[label] > 0.8


def test_textcat_multilabel_learns(textcat_config, train):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    config = {"model": textcat_config(exclusive_classes=False)}
    nlp.add_pipe("textcat_multilabel", config=config)
    gold = {
        "angry and confused": {"ANGRY": 1.0, "CONFUSED": 1.0, "HAPPY": 0.0},
        "confused but happy": {"ANGRY": 0.0, "CONFUSED": 1.0, "HAPPY": 1.0},
        "nothing at all": {"ANGRY": 0.0, "CONFUSED": 0.0, "HAPPY": 0.0},
    }
    examples = [Example.from_dict(nlp.make_doc(t), {"cats": c}) for t, c in gold.items()]
    train(nlp, examples, steps=80)
    for text, cats in gold.items():
        assert {label: round(score) for label, score in nlp(text).cats.items()} == cats


def test_it_listens_to_a_shared_tok2vec(tok2vec_config, textcat_config, textcat_examples, train):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec", config={"model": tok2vec_config()})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH}
    nlp.add_pipe("textcat", config={"model": textcat_config(listener)})
    assert nlp.get_pipe("tok2vec").listening_components == ["textcat"]
    train(nlp, textcat_examples(nlp), steps=40)
    for text, label in TEXTS:
        assert nlp(text).cats[label] > 0.8


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("exclusive", [True, False])
def test_scores_do_not_depend_on_the_batch(pooling, exclusive, textcat_config, resolve, docs):
    model = resolve(textcat_config(pooling=pooling, exclusive_classes=exclusive, nO=3))
    model.initialize(X=docs)
    output_layer = model.get_ref("output_layer")
    output_layer.set_param("W", numpy.random.normal(size=(3, WIDTH)).astype("float32"))
    together = model.predict(docs)
    assert together.shape == (len(docs), 3)
    assert ((together >= 0) & (together <= 1)).all()
    for doc, scores in zip(docs, together, strict=True):
        assert_allclose(model.predict([doc])[0], scores, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_batch_without_tokens(pooling, tok2vec_config, textcat_config, resolve, docs):
    model = resolve(textcat_config(tok2vec_config(WORD_EMBED), pooling=pooling, nO=2))
    model.initialize(X=docs)
    empty = [docs[1], docs[1]]
    assert model.predict(empty).shape == (2, 2)
    scores, backprop = model.begin_update(empty)
    backprop(scores)


def test_the_last_tokens_alone_are_read(textcat_config, resolve):
    nlp = spacy.blank("xx")
    model = resolve(textcat_config(last_tokens=3, nO=2))
    docs = [nlp.make_doc(text) for text in ("x y a b c", "q a b c", "a b c", "z a b", "c", "")]
    model.initialize(X=docs)
    scores, backprop = model.begin_update(docs)
    backprop(numpy.ones_like(scores))
    model.get_ref("output_layer").set_param("W", numpy.eye(2, WIDTH, dtype="float32"))
    scores = model.predict(docs)
    assert_allclose(scores[0], scores[2], atol=1e-6)
    assert_allclose(scores[1], scores[2], atol=1e-6)
    assert not numpy.allclose(scores[3], scores[2], atol=1e-6)


def test_all_tokens_are_read_unless_told_otherwise(textcat_config, resolve):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    model = resolve(textcat_config(pooling="last", nO=2))
    middle = " the same words again and again" * 300
    docs = [nlp.make_doc(text) for text in (f"a{middle} x", f"b{middle} x", f"a{middle} y")]
    model.initialize(X=docs)
    weights = numpy.random.normal(size=(2, WIDTH)).astype("float32")
    model.get_ref("output_layer").set_param("W", weights)
    scores, other_start, other_end = model.predict(docs)
    assert not numpy.allclose(scores, other_start, atol=1e-6)
    assert not numpy.allclose(scores, other_end, atol=1e-6)


def test_new_labels_leave_the_old_scores_as_they_were(textcat_config, resolve, docs):
    model = resolve(textcat_config(exclusive_classes=False, nO=2))
    model.initialize(X=docs)
    model.get_ref("output_layer").set_param("W", numpy.eye(2, WIDTH, dtype="float32"))
    before = model.predict(docs)
    model = model.attrs["resize_output"](model, 3)
    assert model.get_dim("nO") == 3
    after = model.predict(docs)
    assert after.shape == (len(docs), 3)
    assert_allclose(after[:, :2], before, atol=1e-6)


def test_a_new_exclusive_label_starts_near_zero(textcat_config, resolve, docs):
    model = resolve(textcat_config(nO=2))
    model.initialize(X=docs)
    before = model.predict(docs)
    model = model.attrs["resize_output"](model, 3)
    assert_allclose(model.predict(docs)[:, :2], before, atol=1e-4)


def test_it_says_whether_labels_are_exclusive(textcat_config, resolve):
    assert resolve(textcat_config()).attrs["multi_label"] is False
    assert resolve(textcat_config(exclusive_classes=False)).attrs["multi_label"] is True


def test_dropout_is_on_the_pooled_vector_in_training(textcat_config, resolve, docs):
    model = resolve(textcat_config(dropout=0.5, nO=2))
    model.initialize(X=docs)
    model.get_ref("output_layer").set_param("W", numpy.eye(2, WIDTH, dtype="float32"))
    drawn = {model.begin_update([docs[3]])[0].tobytes() for _ in range(20)}
    assert len(drawn) > 1
    assert numpy.array_equal(model.predict(docs), model.predict(docs))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"pooling": "first"}, "one of last, mean, max, max_mean, attention, not 'first'"),
        ({"last_tokens": 0}, "last_tokens must be at least 1, not 0"),
        ({"last_tokens": -5}, "last_tokens must be at least 1, not -5"),
    ],
)
def test_bad_settings(settings, message, textcat_config, resolve):
    with pytest.raises(ValueError, match=message):
        resolve(textcat_config(**settings))


def test_a_tok2vec_of_unknown_width():
    with pytest.raises(ValueError, match="output width of the tok2vec 'nameless' is not known"):
        build_textcat_brnn(Model("nameless", lambda model, X, is_train: (X, lambda d: d)))


def test_a_tok2vec_may_state_its_input_width(textcat_config, docs):
    tok2vec = Model(
        "counts",
        lambda model, docs, is_train: ([numpy.ones((len(d), 4), "f") for d in docs], list),
        dims={"nI": None, "nO": 4},
    )
    model = build_textcat_brnn(tok2vec, nO=2)
    model.initialize(X=docs)
    assert model.predict(docs).shape == (len(docs), 2)


def test_words_have_no_other_attribute(docs):
    words = Words(docs[0].vocab, docs[0].to_array(ORTH))
    assert words.text.split() == [token.text for token in docs[0]]
    with pytest.raises(ValueError, match="no attribute but ORTH"):
        words.to_array(LOWER)


SUBWORD_EMBED = {"@architectures": "spacy-brnn.SubwordEmbed.v1", "width": WIDTH, "rows": 20}


@pytest.mark.parametrize(
    "embed, settings, alone",
    [
        (SUBWORD_EMBED, {}, True),
        (SUBWORD_EMBED, {"pooling": "max_mean", "exclusive_classes": False}, True),
        (SUBWORD_EMBED, {"pooling": "attention"}, False),
        (SUBWORD_EMBED, {"last_tokens": 3}, False),
        (WORD_EMBED, {}, False),
        (HASH_EMBED, {}, False),
    ],
)
def test_which_models_read_words_alone(
    embed, settings, alone, tok2vec_config, textcat_config, resolve, docs
):
    model = resolve(textcat_config(tok2vec_config(embed=embed), nO=2, **settings))
    model.initialize(X=docs)
    assert reads_words_alone(model) is alone
    assert not reads_words_alone(model.copy())
    if alone:
        words = [Words(doc.vocab, doc.to_array(ORTH)) for doc in docs]
        assert model.predict(words).tolist() == model.predict(docs).tolist()
