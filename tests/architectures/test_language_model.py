"""Language-model pretraining, down to what `spacy pretrain` and `spacy train` make of it."""

from types import SimpleNamespace

import numpy
import pytest
import spacy
import srsly
from spacy.cli.init_config import fill_config
from spacy.cli.pretrain import pretrain_cli
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import registry
from spacy.vectors import Vectors
from thinc.api import Adam, Config, fix_random_seed

from spacy_brnn.architectures.language_model import _predictions, create_pretrain_language_model
from spacy_brnn.architectures.vocabulary import set_vocabulary
from spacy_brnn.architectures.word_embed import word_rows

from .configs import BRNN_ENCODER, HASH_EMBED, MORE, WIDTH, WORD_EMBED, tok2vec_with_more

ALL_WORDS = 1e9  # So much subsampling that no word is left out.
KNOWN = ["a good film , a good plot and a bad end", "the end of the film"]
SENTENCES = ["one two three four five six", "six five four three two one", "two two", "seven"]


@pytest.fixture
def nlp():
    return spacy.blank("xx")


@pytest.fixture
def make(nlp, tok2vec_config, resolve):
    """Make the model that is pretrained, with the words of these texts as vocabulary."""

    def make(known=KNOWN, subsampling=ALL_WORDS, mixed_precision=False, **encoder):
        fix_random_seed(0)
        docs = [nlp.make_doc(text) for text in known]
        tok2vec = resolve(tok2vec_config({**WORD_EMBED, "rows": 100}, **encoder))
        set_vocabulary(tok2vec, docs)
        tok2vec.initialize(X=docs[:1])
        create = create_pretrain_language_model(subsampling, mixed_precision)
        model = create(nlp.vocab, tok2vec)
        return model.initialize(X=docs[:1])

    return make


def naive_predictions(model, docs):
    """For every token the (place, row) of what its states predict, document by document."""
    embed = model.get_ref("tok2vec").get_ref("embed")
    following, preceding, start = set(), set(), 0
    for doc in docs:
        rows, unknown = word_rows(embed, [doc])
        rows = [None if i in unknown.tolist() else row for i, row in enumerate(rows.tolist())]
        for i in range(1, len(rows)):
            if rows[i] is not None:
                following.add((start + i - 1, rows[i]))
            if rows[i - 1] is not None:
                preceding.add((start + i, rows[i - 1]))
        start += len(doc)
    return following, preceding


def predictions(model, docs):
    words, next_words, previous_words = _predictions(model, docs)
    return [
        {(place, int(words[candidate])) for place, candidate in part.tolist()}
        for part in (next_words, previous_words)
    ]


BATCHES = {
    "documents": ["a good film", "the end", "a bad plot , a good end"],
    "empty ones": ["", "a good film", "", "", "the end", ""],
    "one token": ["film"],
    "one token each": ["film", "", "plot", "end"],
    "unknown words": ["a zyx film", "zyx", "qwe zyx", "zyx film", "film zyx"],
    "unknown words alone": ["zyx qwe", "zyx"],
    "empty ones alone": ["", ""],
}


@pytest.mark.parametrize("texts", BATCHES.values(), ids=BATCHES)
class TestBatches:
    def test_predictions_are_the_neighbours_within_each_document(self, texts, make, nlp):
        model = make()
        docs = [nlp.make_doc(text) for text in texts]
        assert tuple(predictions(model, docs)) == naive_predictions(model, docs)

    def test_an_update(self, texts, make, nlp):
        model = make()
        docs = [nlp.make_doc(text) for text in texts]
        loss, backprop = model.begin_update(docs)
        value, gradient = model.attrs["loss"](model.ops, docs, loss)
        assert value == float(loss[0])
        assert gradient.tolist() == [1.0]
        backprop(gradient)
        model.finish_update(Adam(0.01))
        if any(map(len, naive_predictions(model, docs))):
            assert value > 0
        else:
            assert value == 0
        assert numpy.isfinite(model.get_ref("tok2vec").get_ref("embed").get_param("E")).all()


def test_every_word_is_predicted_by_both_neighbours(make, nlp):
    model = make()
    _, next_words, previous_words = _predictions(model, [nlp.make_doc("a good film")])
    assert next_words[:, 0].tolist() == [0, 1]
    assert previous_words[:, 0].tolist() == [1, 2]


def test_frequent_words_are_predicted_less_often(make, nlp):
    model = make(subsampling=0.01)
    fix_random_seed(0)
    # "a" is 3/4 of the batch: sqrt(0.01 / 0.75) of it are kept, 0.115.
    docs = [nlp.make_doc(" ".join(["a a a film"] * 2000))]
    words, next_words, _ = _predictions(model, docs)
    (row_of_a,), _ = word_rows(model.get_ref("tok2vec").get_ref("embed"), [nlp.make_doc("a")])
    kept = (words[next_words[:, 1]] == row_of_a).sum() / 6000
    assert kept == pytest.approx(0.115, abs=0.015)


def test_gradients_by_finite_differences(make, nlp):
    model = make()
    docs = [nlp.make_doc(text) for text in ["a good zyx film", "", "the end", "plot"]]
    tok2vec = model.get_ref("tok2vec")
    table = tok2vec.get_ref("embed").get_param("E")
    table *= 10  # Far from flat.
    loss, backprop = model.begin_update(docs)
    backprop(loss * 0 + 1)
    gradient = tok2vec.get_ref("embed").get_grad("E")
    assert_differences(lambda: model.predict(docs)[0], table, gradient)
    for shim in (tok2vec.get_ref("encode").shims[0], model.layers[1].shims[0]):
        for name, parameter in shim._model.named_parameters():
            values = parameter.detach().numpy()
            assert_differences(lambda: model.predict(docs)[0], values, parameter.grad.numpy(), name)


def assert_differences(function, values, gradient, name="E"):
    """At the entries with the largest gradients, and at some others."""
    assert abs(gradient).max() > 0.002, name
    order = numpy.argsort(-abs(gradient).ravel())
    for place in [*order[:5], *order[5::97][:5]]:
        index = numpy.unravel_index(place, values.shape)
        before = values[index].copy()
        ends = []
        for step in (0.01, -0.01):
            values[index] = before + step
            ends.append(float(function()))
        values[index] = before
        assert (ends[0] - ends[1]) / 0.02 == pytest.approx(gradient[index], rel=0.05, abs=2e-4), (
            name
        )


@pytest.mark.gpu
@pytest.mark.parametrize(("mixed_precision", "tolerance"), [(False, 1e-3), (True, 2e-2)])
def test_loss_and_gradients_on_a_gpu_are_those_of_the_cpu(
    make, nlp, on_gpu, mixed_precision, tolerance
):
    docs = [nlp.make_doc(text) for text in ["a good zyx film", "", "the end", "plot"]]
    model = make()
    with on_gpu():
        twin = make(mixed_precision=mixed_precision)
        for layer, other in zip(twin.layers, model.layers, strict=True):
            layer.from_bytes(other.to_bytes())
        on_gpu_results = loss_and_gradient(twin, docs)
    for one, other in zip(loss_and_gradient(model, docs), on_gpu_results, strict=True):
        numpy.testing.assert_allclose(one, other, atol=tolerance)


def loss_and_gradient(model, docs):
    loss, backprop = model.begin_update(docs)
    backprop(loss * 0 + 1)
    gradient = model.get_ref("tok2vec").get_ref("embed").get_grad("E")
    return model.ops.to_numpy(loss), model.ops.to_numpy(gradient)


@pytest.mark.parametrize("mixed_precision", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_loss_falls(make, nlp, cell, mixed_precision):
    model = make(SENTENCES, cell=cell, mixed_precision=mixed_precision)
    docs = [nlp.make_doc(text) for text in SENTENCES]
    first = float(model.predict(docs)[0])
    # Untrained, all words of the batch are as likely.
    assert first == pytest.approx(numpy.log(7), abs=0.2)
    optimizer = Adam(0.02)
    for _ in range(150):
        loss, backprop = model.begin_update(docs)
        backprop(loss * 0 + 1)
        model.finish_update(optimizer)
    # What a sentence begins with cannot be known.
    assert float(model.predict(docs)[0]) < 0.4 * first


REFUSED = {
    "another embedding": {"embed": HASH_EMBED},
    "another encoder": {
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": WIDTH, "window_size": 1, "maxout_pieces": 2, "depth": 1,
        }
    },
    "two layers": {"encode": {**BRNN_ENCODER, "depth": 2}},
}  # fmt: skip


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_tok2vec_of_another_kind_is_refused(change, nlp, tok2vec_config, resolve):
    tok2vec = resolve({**tok2vec_config(WORD_EMBED), **change})
    with pytest.raises(ValueError, match=r"WordEmbed\.v1 with a .*BRNNEncoder\.v1 of depth 1"):
        create_pretrain_language_model()(nlp.vocab, tok2vec)


@pytest.mark.parametrize("more", MORE)
def test_a_layer_more_is_refused(more, nlp):
    """The two halves of a state would each know both neighbours."""
    tok2vec = tok2vec_with_more(more)
    set_vocabulary(tok2vec, [nlp.make_doc(text) for text in KNOWN])
    with pytest.raises(ValueError, match=r"WordEmbed\.v1 with a"):
        create_pretrain_language_model()(nlp.vocab, tok2vec)


def test_a_layer_that_is_no_tok2vec_is_refused(nlp, textcat_config, resolve):
    with pytest.raises(ValueError, match=r"WordEmbed\.v1 with a"):
        create_pretrain_language_model()(nlp.vocab, resolve(textcat_config()))


def test_an_empty_vocabulary_is_refused(nlp, tok2vec_config, resolve):
    """There would be nothing to predict, and nothing would be said."""
    tok2vec = resolve(tok2vec_config(WORD_EMBED)).initialize(X=[nlp.make_doc("film")])
    with pytest.raises(ValueError, match=r"no words to predict: .* \[initialize\]"):
        create_pretrain_language_model()(nlp.vocab, tok2vec)


def test_is_registered():
    create = registry.architectures.get("spacy-brnn.PretrainLanguageModel.v1")
    assert create is create_pretrain_language_model


CONFIG = """
[paths]
corpus = null
vectors = null
init_tok2vec = null

[nlp]
lang = "xx"
pipeline = ["brnn_sentiment"]

[components]

[components.brnn_sentiment]
factory = "brnn_sentiment"

[components.brnn_sentiment.model]
@architectures = "spacy-brnn.TextCatBRNN.v1"

[components.brnn_sentiment.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[components.brnn_sentiment.model.tok2vec.embed]
@architectures = "spacy-brnn.WordEmbed.v1"
width = 8
rows = 100
word_dropout = 0.1

[components.brnn_sentiment.model.tok2vec.encode]
@architectures = "spacy-brnn.BRNNEncoder.v1"
width = 8

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.corpus}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.corpus}

[corpora.pretrain]
@readers = "spacy-brnn.SemiSupervisedCorpus.v1"
path = ${paths.corpus}
unlabelled_path = ${paths.corpus}

[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 2
eval_frequency = 1

[pretraining]
component = "brnn_sentiment"
layer = "tok2vec"
corpus = "corpora.pretrain"
max_epochs = 6
dropout = 0.0
n_save_epoch = 1

[pretraining.objective]
@architectures = "spacy-brnn.PretrainLanguageModel.v1"
subsampling = 1.0

[pretraining.batcher]
@batchers = "spacy.batch_by_padded.v1"
size = 100
buffer = 10
discard_oversize = false

[pretraining.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.02
use_averages = true

[initialize]
vectors = ${paths.vectors}
init_tok2vec = ${paths.init_tok2vec}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A corpus, vectors and a config."""
    folder = tmp_path_factory.mktemp("pretraining")
    nlp = spacy.blank("xx")
    docs = []
    for text in [*SENTENCES, "", "zyx two"] * 3:
        docs.append(nlp.make_doc(text))
        docs[-1].cats = {"POSITIVE": float("one" in text), "NEGATIVE": float("one" not in text)}
    DocBin(docs=docs).to_disk(folder / "corpus.spacy")
    words = sorted({word for text in SENTENCES for word in text.split()})
    data = numpy.random.default_rng(0).normal(size=(len(words), WIDTH)).astype("float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=words)
    nlp.to_disk(folder / "vectors")
    (folder / "config.cfg").write_text(CONFIG)
    fill_config(folder / "config.cfg", folder / "config.cfg", pretraining=True)
    return folder


def overrides(folder):
    return {"paths.corpus": str(folder / "corpus.spacy"), "paths.vectors": str(folder / "vectors")}


def pretrain(folder, output, resume_path=None):
    arguments = [part for name, path in overrides(folder).items() for part in (f"--{name}", path)]
    pretrain_cli(
        SimpleNamespace(args=arguments),
        folder / "config.cfg",
        output,
        code_path=None,
        resume_path=resume_path,
        epoch_resume=None,
        use_gpu=-1,
        skip_last=False,
    )
    return output


@pytest.fixture(scope="module")
def pretrained(folder):
    """The folder that `spacy pretrain` wrote."""
    return pretrain(folder, folder / "pretrained")


def encoder_weights(tok2vec):
    embed, encode = (tok2vec.get_ref(name) for name in ("embed", "encode"))
    network = encode.shims[0]._model
    weights = {name: p.detach().numpy().copy() for name, p in network.named_parameters()}
    return {**weights, "E": embed.get_param("E").copy(), "keys": embed.attrs["keys"]}


def initialized_tok2vec(folder, init_tok2vec):
    changes = {**overrides(folder), "paths.init_tok2vec": init_tok2vec}
    config = Config().from_disk(folder / "config.cfg", overrides=changes, interpolate=False)
    return init_nlp(config).get_pipe("brnn_sentiment").model.get_ref("tok2vec")


def test_pretraining_learns_and_writes_weights(pretrained):
    log = list(srsly.read_jsonl(pretrained / "log.jsonl"))
    assert [entry["epoch"] for entry in log] == [*range(6), 6]
    losses = [entry["epoch_loss"] for entry in log[:6]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]
    assert sorted(path.name for path in pretrained.glob("*.bin")) == [
        "model-last.bin",
        *(f"model{epoch}.bin" for epoch in range(6)),
    ]


def test_training_starts_from_the_pretrained_weights(folder, pretrained, tok2vec_config, resolve):
    path = str(pretrained / "model-last.bin")
    written = resolve(tok2vec_config({**WORD_EMBED, "rows": 100}))
    written.from_bytes((pretrained / "model-last.bin").read_bytes())
    expected = encoder_weights(written)
    weights = encoder_weights(initialized_tok2vec(folder, path))
    fresh = encoder_weights(initialized_tok2vec(folder, None))
    assert weights.keys() == expected.keys()
    for name, value in weights.items():
        assert numpy.array_equal(value, expected[name]), name
        assert numpy.array_equal(value, fresh[name]) == (name == "keys"), name
    train(folder / "config.cfg", overrides={**overrides(folder), "paths.init_tok2vec": path})


def test_pretraining_resumes(folder, pretrained, tmp_path):
    output = pretrain(folder, tmp_path / "resumed", resume_path=pretrained / "model3.bin")
    assert sorted(path.name for path in output.glob("*.bin")) == [
        "model-last.bin", "model4.bin", "model5.bin",
    ]  # fmt: skip
    before = list(srsly.read_jsonl(pretrained / "log.jsonl"))
    after = list(srsly.read_jsonl(output / "log.jsonl"))
    assert after[0]["epoch_loss"] < before[0]["epoch_loss"]


@pytest.mark.parametrize("subsampling", [0.0, -1.0])
def test_subsampling_out_of_range_is_refused(subsampling):
    with pytest.raises(ValueError, match="subsampling must be more than 0"):
        create_pretrain_language_model(subsampling)
