"""The configs for named entities under spaCy's own commands, on a corpus of a few lines."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
import spacy
from click.testing import CliRunner
from spacy.cli.assemble import assemble_cli
from spacy.cli.debug_data import debug_data
from spacy.cli.evaluate import evaluate
from spacy.cli.init_config import fill_config
from spacy.cli.package import package
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin
from spacy.util import load_config

from spacy_brnn.cli import main

from .models import MODEL

CONFIGS = Path(__file__).parents[2] / "configs"
VECTORS_WIDTH = 4
OWN_WIDTH = 106
LINES = """-DOCSTART- -X- O O

Ada NNP I-NP I-PER
Lovelace NNP I-NP I-PER
met VBD I-VP O
Bob NNP I-NP I-PER

She PRP I-NP O
likes VBZ I-VP O
Rome NNP I-NP I-LOC
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with the corpus and lower-case vectors."""
    folder = tmp_path_factory.mktemp("ner")
    (folder / "a.conll").write_text(LINES * 100)
    arguments = ["convert", "conll", str(folder / "a.conll"), str(folder / "a.spacy")]
    assert CliRunner().invoke(main, [*arguments, "--line-breaks"]).exit_code == 0
    nlp = spacy.blank("en")
    for word in ("ada", "lovelace", "bob", "rome", "likes"):
        nlp.vocab.set_vector(word, numpy.random.default_rng(0).normal(size=VECTORS_WIDTH))
    nlp.to_disk(folder / "vectors")
    return folder


def overrides(inputs, component):
    encode = f"components.{component}.model.tok2vec.tok2vec.encode"
    return {
        "paths.train": str(inputs / "a.spacy"),
        "paths.dev": str(inputs / "a.spacy"),
        "paths.vectors": str(inputs / "vectors"),
        "system.gpu_allocator": None,
        "training.max_steps": 40,
        "training.max_epochs": 0,
        "training.eval_frequency": 20,
        "training.dropout": 0.0,
        "training.optimizer.learn_rate.initial_rate": 0.02,
        "training.optimizer.learn_rate.warmup_steps": 0,
        f"{encode}.input_width": OWN_WIDTH + VECTORS_WIDTH,
        f"{encode}.width": 32,
        f"{encode}.input_dropout": 0.0,
    }


@pytest.fixture(scope="module")
def trained(inputs):
    """Train a config; returns the folder of the pipeline."""

    def trained(name, component):
        output = inputs / name
        if not output.exists():
            train(CONFIGS / f"{name}.cfg", output, overrides=overrides(inputs, component))
        return output / "model-best"

    return trained


@pytest.mark.parametrize(
    "name, component", [("ner_conll", "brnn_ner"), ("ner_conll_transition", "ner")]
)
def test_train_and_evaluate(name, component, inputs, trained):
    scores = evaluate(trained(name, component), inputs / "a.spacy", silent=True)
    assert scores["ents_f"] == 1.0
    assert set(scores["ents_per_type"]) == {"PER", "LOC"}


def test_debug_data(inputs, tmp_path, capsys):
    fill_config(tmp_path / "filled.cfg", CONFIGS / "ner_conll.cfg")
    debug_data(
        tmp_path / "filled.cfg",
        config_overrides=overrides(inputs, "brnn_ner"),
        ignore_warnings=True,
        verbose=False,
        no_format=True,
        silent=False,
    )
    assert "Pipeline can be initialized" in capsys.readouterr().out


def test_package(trained, tmp_path):
    package(trained("ner_conll", "brnn_ner"), tmp_path, name="x", create_sdist=False)
    meta = json.loads((tmp_path / "en_x-0.0.0" / "meta.json").read_text())
    assert any(name.startswith("spacy-brnn") for name in meta["requirements"])
    assert meta["labels"] == {"brnn_ner": ["LOC", "PER"]}


def test_sentiment_and_entities_in_one_pass(inputs, trained, tmp_path):
    sentiment = spacy.blank("en")
    sentiment.add_pipe("brnn_sentiment", config={"model": MODEL})
    sentiment.get_pipe("brnn_sentiment").add_label("POSITIVE")
    sentiment.get_pipe("brnn_sentiment").add_label("NEGATIVE")
    sentiment.initialize()
    sentiment.to_disk(tmp_path / "sentiment")
    arguments = [f"--paths.ner={trained('ner_conll', 'brnn_ner')}"]
    arguments += [f"--paths.sentiment={tmp_path / 'sentiment'}"]
    arguments += [f"--paths.vectors={inputs / 'vectors'}"]
    assemble_cli(
        SimpleNamespace(args=arguments),
        CONFIGS / "sentiment_ner.cfg",
        tmp_path / "both",
        None,
        False,
    )
    nlp = spacy.load(tmp_path / "both")
    doc = next(DocBin().from_disk(inputs / "a.spacy").get_docs(nlp.vocab))
    doc = nlp(Doc(nlp.vocab, words=[token.text for token in doc]))
    assert [ent.text for ent in doc.ents] == ["Ada Lovelace", "Bob", "Rome"]
    assert doc._.sentiment.label in ("POSITIVE", "NEGATIVE")


def test_the_width_of_the_encoder_s_input_is_that_of_100_dimensions():
    tok2vec = load_config(CONFIGS / "ner_conll.cfg")["components"]["brnn_ner"]["model"]["tok2vec"]
    tok2vec = tok2vec["tok2vec"]
    embed = tok2vec["embed"]
    assert embed["words"]["width"] + embed["characters"]["width"] == OWN_WIDTH
    assert tok2vec["encode"]["input_width"] == OWN_WIDTH + 100


def test_both_configs_have_the_same_encoder():
    crf = load_config(CONFIGS / "ner_conll.cfg")
    transition = load_config(CONFIGS / "ner_conll_transition.cfg")
    ours, theirs = crf["components"]["brnn_ner"], transition["components"]["ner"]
    assert ours["model"]["tok2vec"] == theirs["model"]["tok2vec"]
    assert crf["training"] == transition["training"]


def test_vectors_of_another_width_are_refused_in_one_line(inputs, tmp_path):
    wrong = {
        **overrides(inputs, "brnn_ner"),
        "components.brnn_ner.model.tok2vec.tok2vec.encode.input_width": 206,
    }
    with pytest.raises(ValueError, match=r"expects vectors of width 206, but .* gives width 110"):
        train(CONFIGS / "ner_conll.cfg", tmp_path, overrides=wrong)


def test_vectors_are_missed_in_one_line(inputs, tmp_path):
    without = {**overrides(inputs, "brnn_ner"), "paths.vectors": None}
    with pytest.raises(ValueError, match="give the config's `\\[initialize\\] vectors` the output"):
        train(CONFIGS / "ner_conll.cfg", tmp_path, overrides=without)
