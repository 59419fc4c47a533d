"""The component under spaCy's own commands."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from spacy.cli.assemble import assemble_cli
from spacy.cli.debug_config import debug_config
from spacy.cli.evaluate import evaluate
from spacy.cli.init_config import fill_config
from spacy.cli.package import package
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin, Span
from spacy.training.initialize import init_nlp
from thinc.api import Config

SAMPLE = Path(__file__).parents[2] / "corpus" / "sample.jsonl"
SCRATCH = """
[nlp]
lang = "en"
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
rows = 300

[components.brnn_sentiment.model.tok2vec.encode]
@architectures = "spacy-brnn.BRNNEncoder.v1"
width = 8

"""
TAGGER = """
[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[components.tagger.model.tok2vec.embed]
@architectures = "spacy-brnn.WordEmbed.v1"
width = 8
rows = 0

[components.tagger.model.tok2vec.encode]
@architectures = "spacy-brnn.BRNNEncoder.v1"
width = 8
"""
TRAINING = """
[paths]
train = null
dev = null

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.dev}

[training]
dev_corpus = "corpora.dev"
train_corpus = "corpora.train"
max_steps = 8
eval_frequency = 4

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.02
use_averages = true
"""
SHIPPED = """
[nlp]
lang = "en"
pipeline = ["brnn_sentiment"]

[components]

[components.brnn_sentiment]
factory = "brnn_sentiment"
"""
SOURCED = """
[nlp]
lang = "en"
pipeline = ["brnn_sentiment"]

[components]

[components.brnn_sentiment]
source = "{source}"
"""
FINE_TUNING = f"""{SHIPPED}
[initialize]

[initialize.components]

[initialize.components.brnn_sentiment]
pretrained = true
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The short reviews of the sample corpus in spaCy's format."""
    nlp = spacy.blank("en")
    records = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    docs = []
    for record in sorted(records, key=lambda record: len(record["text"]))[:24]:
        docs.append(nlp.make_doc(record["text"]))
        gold = record["label"] == "POSITIVE"
        docs[-1].cats = {"POSITIVE": float(gold), "NEGATIVE": float(not gold)}
    path = tmp_path_factory.mktemp("corpus") / "sample.spacy"
    DocBin(docs=docs).to_disk(path)
    return path


@pytest.fixture(scope="module")
def model(corpus, tmp_path_factory):
    """A pipeline that `spacy train` made."""
    folder = tmp_path_factory.mktemp("training")
    write_config(folder, SCRATCH + TRAINING)
    train(folder / "config.cfg", folder / "out", overrides=paths(corpus))
    return folder / "out"


def write_config(folder, text):
    """Write a config with all defaults filled in, as `spacy init fill-config` does."""
    path = folder / "config.cfg"
    path.write_text(text)
    fill_config(path, path)
    return path


def load_config(path, corpus):
    return Config().from_disk(path, overrides=paths(corpus), interpolate=False)


def paths(corpus):
    return {"paths.train": str(corpus), "paths.dev": str(corpus)}


def test_train_writes_pipelines_that_load(model):
    for name in ("model-best", "model-last"):
        nlp = spacy.load(model / name)
        assert nlp.get_pipe("brnn_sentiment").labels == ("POSITIVE", "NEGATIVE")
        assert nlp("A wonderful book.")._.sentiment is not None


def test_the_best_pipeline_scores_what_training_said(model, corpus):
    meta = json.loads((model / "model-best" / "meta.json").read_text())
    assert set(meta["performance"]) >= {"cats_score", "cats_macro_f", "brnn_sentiment_loss"}
    scores = evaluate(str(model / "model-best"), corpus)
    assert scores["cats_score"] == pytest.approx(meta["performance"]["cats_score"], abs=1e-6)


def test_evaluate_writes_scores(model, corpus, tmp_path):
    evaluate(str(model / "model-last"), corpus, output=tmp_path / "scores.json", silent=True)
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert 0.0 <= scores["cats_macro_f"] <= 1.0
    assert set(scores["cats_f_per_type"]) == {"POSITIVE", "NEGATIVE"}


def test_training_twice_gives_the_same_pipeline(model, corpus, tmp_path):
    train(model.parent / "config.cfg", tmp_path / "out", overrides=paths(corpus))
    first, second = (spacy.load(p / "model-last") for p in (model, tmp_path / "out"))
    text = "A wonderful book, and a dull one."
    assert first(text).cats == pytest.approx(second(text).cats, abs=1e-6)


def test_fill_config_adds_the_defaults(shipped, tmp_path):
    filled = Config().from_disk(write_config(tmp_path, SHIPPED), interpolate=False)
    component = filled["components"]["brnn_sentiment"]
    assert component["polarities"] == {"POSITIVE": 1.0, "NEGATIVE": -1.0}
    assert component["scorer"] == {"@scorers": "spacy.textcat_scorer.v2"}
    assert component["model"]["@architectures"] == "spacy-brnn.PretrainedTextCatBRNN.v1"
    assert filled["training"]["score_weights"]["cats_score"] == 1.0


def test_fill_config_adds_the_settings_of_the_model(model):
    filled = Config().from_disk(model.parent / "config.cfg", interpolate=False)
    settings = filled["components"]["brnn_sentiment"]["model"]
    assert settings["pooling"] == "max"
    assert settings["tok2vec"]["encode"]["cell"] == "lstm"
    assert settings["tok2vec"]["embed"]["attr"] == "NORM"


def test_debug_config_accepts_the_config(model, corpus, capsys):
    debug_config(model.parent / "config.cfg", overrides=paths(corpus))
    assert "Config is valid" in capsys.readouterr().out


def test_assemble_builds_the_pipeline_without_training(nlp, tmp_path):
    nlp.to_disk(tmp_path / "source")
    path = write_config(tmp_path, SOURCED.format(source=tmp_path / "source"))
    context = SimpleNamespace(args=[])
    assemble_cli(context, path, tmp_path / "out", code_path=None, verbose=False)
    assembled = spacy.load(tmp_path / "out")
    assert assembled("A wonderful film")._.sentiment == nlp("A wonderful film")._.sentiment


def test_package_makes_a_package_that_loads(model, tmp_path):
    (tmp_path / "packages").mkdir()
    package(
        model / "model-best",
        tmp_path / "packages",
        name="sentiment_test",
        version="0.0.1",
        create_wheel=False,
        create_sdist=False,
    )
    root = tmp_path / "packages" / "en_sentiment_test-0.0.1"
    meta = json.loads((root / "meta.json").read_text())
    assert any(need.startswith("spacy-brnn") for need in meta["requirements"])
    nlp = spacy.load(root / "en_sentiment_test" / "en_sentiment_test-0.0.1")
    expected = spacy.load(model / "model-best")
    assert nlp("A dull book").cats == pytest.approx(expected("A dull book").cats)


def test_training_goes_on_from_a_sourced_component(model, corpus, tmp_path):
    source = model / "model-best"
    path = write_config(tmp_path, SOURCED.format(source=source) + TRAINING)
    text = "A wonderful book."
    before = spacy.load(source)(text).cats
    assert init_nlp(load_config(path, corpus))(text).cats == pytest.approx(before, abs=1e-6)
    train(path, tmp_path / "out", overrides=paths(corpus))
    assert spacy.load(tmp_path / "out" / "model-last")(text).cats != before


def test_a_frozen_component_stays_while_another_trains(nlp, tmp_path):
    nlp.to_disk(tmp_path / "source")
    blank = spacy.blank("en")
    docs = []
    for words, tags in ([["I", "see"], ["PRP", "VBP"]], [["films", "end"], ["NNS", "VBP"]]):
        docs.append(Doc(blank.vocab, words=words, tags=tags))
    DocBin(docs=docs).to_disk(tmp_path / "tags.spacy")
    text = SOURCED.format(source=tmp_path / "source") + TAGGER + TRAINING
    text = text.replace('["brnn_sentiment"]', '["brnn_sentiment", "tagger"]')
    text = text.replace("max_steps", 'frozen_components = ["brnn_sentiment"]\nmax_steps')
    path = write_config(tmp_path, text)
    train(path, tmp_path / "out", overrides=paths(tmp_path / "tags.spacy"))
    trained = spacy.load(tmp_path / "out" / "model-last")
    review = "A wonderful film, warm and funny."
    assert trained(review).cats == pytest.approx(nlp(review).cats, abs=1e-6)
    assert trained.get_pipe("tagger").labels


def test_fine_tuning_by_the_config_starts_from_the_shipped_weights(nlp, corpus, tmp_path):
    path = write_config(tmp_path, FINE_TUNING + TRAINING)
    tuned = init_nlp(load_config(path, corpus))
    review = "A wonderful film, warm and funny."
    assert tuned(review).cats == pytest.approx(nlp(review).cats, abs=1e-6)


def test_from_scratch_is_the_default_of_a_config(shipped, corpus, tmp_path):
    path = write_config(tmp_path, SHIPPED + TRAINING)
    nlp = init_nlp(load_config(path, corpus))
    assert set(nlp("A wonderful film").cats.values()) == {0.5}


def test_it_runs_beside_other_components(nlp):
    nlp.add_pipe("sentencizer", first=True)
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Ada"}])
    doc = nlp("Ada made a wonderful film. It is warm.")
    assert [ent.text for ent in doc.ents] == ["Ada"]
    assert all(isinstance(span, Span) and span._.sentiment for span in doc.sents)
    analysis = nlp.analyze_pipes()["summary"]["brnn_sentiment"]
    assert "doc.cats" in analysis["assigns"]
    assert "span._.sentiment" in analysis["assigns"]
