import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.training import Example
from thinc.api import Config, fix_random_seed

from .configs import WIDTH

WORDS = ["Ada", "met", "Bob", "in", "Rome", "yesterday"]
ANNOTATIONS = {
    "words": WORDS,
    "tags": ["NNP", "VBD", "NNP", "IN", "NNP", "NN"],
    "heads": [1, 1, 1, 1, 3, 1],
    "deps": ["nsubj", "ROOT", "dobj", "prep", "pobj", "npadvmod"],
    "entities": ["U-PERSON", "O", "U-PERSON", "O", "U-GPE", "O"],
    "spans": {"sc": [(0, 3, "PERSON"), (8, 11, "PERSON"), (15, 19, "GPE")]},
}
MODELS = {
    "tagger": {"@architectures": "spacy.Tagger.v2", "nO": None},
    "parser": {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "parser",
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
    },
    "ner": {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
    },
    "spancat": {
        "@architectures": "spacy.SpanCategorizer.v1",
        "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 16},
        "scorer": {"@layers": "spacy.LinearLogistic.v1"},
    },
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH}


def read(doc):
    """Everything that the four components annotate."""
    return {
        "tagger": [token.tag_ for token in doc],
        "parser": [(token.head.i, token.dep_) for token in doc],
        "ner": [(ent.text, ent.label_) for ent in doc.ents],
        "spancat": sorted((s.text, s.label_) for s in doc.spans.get("sc", [])),
    }


def add(nlp, name, tok2vec):
    settings = {"model": {**MODELS[name], "tok2vec": tok2vec}}
    if name == "spancat":
        settings["suggester"] = {"@misc": "spacy.ngram_suggester.v1", "sizes": [1]}
    pipe = nlp.add_pipe(name, config=settings)
    if name == "parser":  # Labels as rare as these are merged unless they are named.
        for label in ANNOTATIONS["deps"]:
            pipe.add_label(label)


def make_example(nlp):
    doc = nlp.make_doc(" ".join(WORDS))
    return Example.from_dict(doc, ANNOTATIONS)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_spacys_own_component_learns_over_the_encoder(name, cell, tok2vec_config, train):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    add(nlp, name, tok2vec_config(cell=cell))
    example = make_example(nlp)
    losses = train(nlp, [example], steps=40)
    assert losses[-1][name] < losses[0][name]
    doc = nlp(" ".join(WORDS))
    assert read(doc)[name] == read(example.reference)[name]


def test_components_share_the_encoder_by_listening(tok2vec_config, train):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec", config={"model": tok2vec_config()})
    for name in MODELS:
        add(nlp, name, LISTENER)
    example = make_example(nlp)
    train(nlp, [example], steps=40)
    doc = nlp(" ".join(WORDS))
    assert read(doc) == read(example.reference)


def test_listeners_train_the_encoder(tok2vec_config, train):
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec", config={"model": tok2vec_config()})
    add(nlp, "tagger", LISTENER)
    example = make_example(nlp)
    train(nlp, [example], steps=0)
    encoder = next(n for n in nlp.get_pipe("tok2vec").model.walk() if n.name == "brnn_encoder")
    network = encoder.shims[0]._model
    before = [p.detach().clone() for p in network.parameters()]
    sgd = nlp.create_optimizer()
    # An output layer at zero sends no gradient down, and a shared tok2vec lags by an update.
    for _ in range(3):
        nlp.update([example], sgd=sgd)
    for old, new in zip(before, network.parameters(), strict=True):
        assert not numpy.array_equal(old.numpy(), new.detach().numpy())


def test_a_config_file_can_name_it(train):
    config = Config().from_str(
        """
        [nlp]
        lang = "en"
        pipeline = ["tagger"]

        [components]

        [components.tagger]
        factory = "tagger"

        [components.tagger.model]
        @architectures = "spacy.Tagger.v2"

        [components.tagger.model.tok2vec]
        @architectures = "spacy.Tok2Vec.v2"

        [components.tagger.model.tok2vec.embed]
        @architectures = "spacy-brnn.WordEmbed.v1"
        width = 6
        rows = 10

        [components.tagger.model.tok2vec.encode]
        @architectures = "spacy-brnn.BRNNEncoder.v1"
        width = 4
        input_width = 6
        depth = 2
        cell = "rnn"
        dropout = 0.2
        input_dropout = 0.1
        """
    )
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    losses = train(nlp, [make_example(nlp)], steps=30)
    assert losses[-1]["tagger"] < losses[0]["tagger"]
    filled = nlp.config["components"]["tagger"]["model"]["tok2vec"]["encode"]
    assert filled["mixed_precision"] is False


@pytest.mark.parametrize("depth", [1, 2])
def test_states_do_not_depend_on_the_batch(depth, tok2vec_config, resolve, docs):
    model = resolve(tok2vec_config(depth=depth))
    model.initialize(X=docs)
    together = model.predict(docs)
    assert [x.shape for x in together] == [(len(doc), WIDTH) for doc in docs]
    for doc, states in zip(docs, together, strict=True):
        assert_allclose(model.predict([doc])[0], states, atol=1e-5)


def test_the_gradient_reaches_the_inputs(resolve):
    fix_random_seed(0)
    config = {"@architectures": "spacy-brnn.BRNNEncoder.v1", "width": 4, "input_width": 3}
    model = resolve(config)
    inputs = [numpy.random.normal(size=(n, 3)).astype("float32") for n in (4, 0, 1)]
    weights = [numpy.random.normal(size=(n, 4)).astype("float32") for n in (4, 0, 1)]

    def total():
        outputs = model.predict(inputs)
        return sum(float((x * w).sum()) for x, w in zip(outputs, weights, strict=True))

    _, backprop = model.begin_update(inputs)
    gradients = backprop(weights)
    assert [g.shape for g in gradients] == [x.shape for x in inputs]
    for i, j, k in [(0, 0, 0), (0, 3, 2), (2, 0, 1)]:
        inputs[i][j, k] += 1e-2
        high = total()
        inputs[i][j, k] -= 2e-2
        low = total()
        inputs[i][j, k] += 1e-2
        assert gradients[i][j, k] == pytest.approx((high - low) / 2e-2, abs=2e-3)


def test_a_projection_goes_along_with_the_model(tok2vec_config, resolve, docs):
    config = tok2vec_config(depth=2, lower_width=6, projection_width=3)
    model, other = resolve(config), resolve(config)
    model.initialize(X=docs)
    other.from_bytes(model.to_bytes())
    for expected, found in zip(model.predict(docs), other.predict(docs), strict=True):
        assert numpy.array_equal(expected, found)
    assert [len(states) for states in model.predict(docs)] == [len(doc) for doc in docs]


def test_dropout_is_in_training_alone(tok2vec_config, resolve, docs):
    model = resolve(tok2vec_config(input_dropout=0.5))
    model.initialize(X=docs)
    first, _ = model.begin_update(docs)
    second, _ = model.begin_update(docs)
    assert not numpy.array_equal(first[3], second[3])
    assert numpy.array_equal(model.predict(docs)[3], model.predict(docs)[3])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"width": 7}, "must be even .* not 7"),
        ({"width": 8, "depth": 2, "lower_width": 5}, "must be even .* not 8 and 5"),
        ({"width": 8, "depth": 2, "lower_width": 0}, "at least 1"),
        ({"width": 8, "depth": 2, "projection_width": 0}, "projection_width must be at least 1"),
        ({"cell": "transformer"}, "one of rnn, gru, lstm, qrnn, sru, mingru, not 'transformer'"),
        ({"dropout": 1.0}, "less than 1"),
        ({"depth": 0}, "at least 1"),
        ({"width": 0}, "at least 1"),
        ({"input_width": 0}, "at least 1"),
    ],
)
def test_bad_settings(settings, message, resolve):
    config = {"@architectures": "spacy-brnn.BRNNEncoder.v1", "width": 8, **settings}
    with pytest.raises(ValueError, match=message):
        resolve(config)


def test_widths_that_do_not_agree(tok2vec_config, resolve, docs):
    model = resolve(tok2vec_config(width=8, input_width=6))
    with pytest.raises(ValueError, match=r"expects vectors of width 6, .* gives width 8"):
        model.initialize(X=docs)
