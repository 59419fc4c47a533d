import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import spacy_brnn
from spacy_brnn.cli import main
from spacy_brnn.info import as_lines
from spacy_brnn.nn import compiled_mingru
from spacy_brnn.pretrained import card


def info(*arguments):
    result = CliRunner().invoke(main, ["info", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_versions_and_device():
    lines = dict(line.split(maxsplit=1) for line in info().splitlines() if " " in line.strip())
    assert lines["spacy-brnn"] == spacy_brnn.__version__
    for name in ("python", "spacy", "thinc", "torch", "platform", "cores", "gpu"):
        assert lines[name]


@pytest.mark.parametrize(
    ("module", "is_compiled", "rounds"),
    [
        (None, "no", "no"),
        (SimpleNamespace(IS_QUICKER_ROUNDED=0), "yes", "no"),
        (SimpleNamespace(IS_QUICKER_ROUNDED=1), "yes", "yes"),
    ],
)
def test_whether_reading_is_compiled(module, is_compiled, rounds, monkeypatch):
    monkeypatch.setattr(compiled_mingru, "mingru_kernel", module)
    facts = json.loads(info("--json"))
    assert facts["compiled reading"].startswith(is_compiled)
    assert facts["int8"].startswith(rounds)


def test_the_card_is_in_it(monkeypatch):
    monkeypatch.setattr(card, "load", lambda name: {"labels": ["POSITIVE"], "scores": {"f": 0.9}})
    facts = json.loads(info("--json"))
    assert facts["shipped model"]["labels"] == ["POSITIVE"]
    assert facts["shipped model"]["scores"] == {"f": 0.9}


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_without_weights_it_says_so(monkeypatch, arguments):
    def no_weights(name):
        raise ValueError("no weights named 'x' ship")

    monkeypatch.setattr(card, "load", no_weights)
    assert "none: no weights named 'x' ship" in info(*arguments)


def test_the_cards_name_every_corpus_with_its_licence():
    lines = info().splitlines()
    for corpus in ("sst_sentences; Socher", "MAMS, train", "CoNLL-2003 English, eng.train"):
        (line,) = (line for line in lines if line.strip().startswith(corpus))
        assert "; " in line and "{" not in line


def test_nested_facts_are_indented():
    assert as_lines({"a": 1, "scores": {"accuracy": [1, 2]}}) == (
        "a       1\nscores\n  accuracy  1, 2"
    )
