"""A pipeline that cannot be loaded is told in one line, the same by every command."""

import pytest
import spacy
from click.testing import CliRunner

from spacy_brnn.calibration import main as calibrate
from spacy_brnn.cli import main
from spacy_brnn.distillation.__main__ import main as distill
from spacy_brnn.entity_calibration import main as calibrate_entities
from spacy_brnn.pretrained.__main__ import main as ship

BY_NAME = {
    "annotate": (main, ["annotate", "texts.csv", "-o", "out.csv", "--model", "PIPELINE"]),
    "evaluate": (main, ["evaluate", "PIPELINE", "texts.csv"]),
    "explain": (main, ["explain", "a fine film", "--model", "PIPELINE"]),
}
FOLDERS_ONLY = {
    "calibrate": (calibrate, ["PIPELINE", "out", "--temperature", "1"]),
    "calibrate entities": (calibrate_entities, ["PIPELINE", "out", "--dev", "texts.csv"]),
    "ship": (ship, ["PIPELINE", "new_name", "facts.json"]),
    "score": (distill, ["pipeline", "PIPELINE", "docs.spacy", "-o", "scores.npy"]),
}
ALL = {**BY_NAME, **FOLDERS_ONLY}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The line that a command says where PIPELINE is this."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.csv").write_text("text,label\na fine film,POSITIVE\n")
    (tmp_path / "facts.json").write_text("{}")
    spacy.tokens.DocBin(docs=[spacy.blank("en")("a fine film")]).to_disk(tmp_path / "docs.spacy")

    def run(command, pipeline):
        entry, arguments = command
        result = CliRunner().invoke(entry, [a.replace("PIPELINE", pipeline) for a in arguments])
        assert result.exit_code == 1, result.output
        assert not (tmp_path / "out.csv").exists()
        return result.stderr

    return run


@pytest.mark.parametrize("command", BY_NAME.values(), ids=BY_NAME)
def test_neither_folder_nor_package(run, command):
    for name in ("no_such_thing", "no/such/thing", "thinc.api"):
        expected = f"Error: {name}: neither a pipeline's folder nor an installed package\n"
        assert run(command, name) == expected


@pytest.mark.parametrize("command", BY_NAME.values(), ids=BY_NAME)
def test_a_package_that_is_none(run, command):
    for name in ("spacy", "numpy", "thinc"):  # spaCy itself has a function `load`.
        assert run(command, name) == f"Error: {name}: this package is no pipeline\n"


@pytest.mark.parametrize("command", ALL.values(), ids=ALL)
def test_a_folder_that_is_none(run, command, tmp_path):
    (tmp_path / "reviews").mkdir()
    said = run(command, "reviews")
    assert said == "Error: reviews: this folder is no pipeline (it holds no config.cfg)\n"


@pytest.mark.parametrize("command", ALL.values(), ids=ALL)
def test_the_folder_around_a_trained_one(run, command, tmp_path):
    (tmp_path / "trained").mkdir()
    spacy.blank("en").to_disk(tmp_path / "trained" / "model-best")
    said = run(command, "trained")
    assert said == "Error: trained: this folder is no pipeline; name trained/model-best\n"


@pytest.mark.parametrize("command", ALL.values(), ids=ALL)
def test_one_that_is_damaged(run, command, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "damaged")
    (tmp_path / "damaged" / "config.cfg").write_text("[nlp\nlang = ")
    said = run(command, "damaged")
    assert said.startswith("Error: cannot load the pipeline damaged: ")
    assert said.count("\n") == 1


def test_another_name_of_the_extension_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", name="mood", config={"extension": "mood"})
    nlp.to_disk("moody")
    (tmp_path / "texts.csv").write_text("text,label\na fine film,POSITIVE\n")
    for _, arguments in BY_NAME.values():
        result = CliRunner().invoke(main, [a.replace("PIPELINE", "moody") for a in arguments])
        assert result.exit_code == 0, result.output
    assert "POSITIVE" in (tmp_path / "out.csv").read_text()


def test_a_folder_with_the_name_of_a_package_is_the_one_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    nlp.to_disk("thinc")
    result = CliRunner().invoke(main, ["explain", "a fine film", "--model", "thinc"])
    assert result.exit_code == 0, result.output
