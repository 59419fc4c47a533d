"""The workflow file at the root of the repository, by spaCy's own loader."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from spacy.util import dot_to_object, load_config
from weasel.cli.run import project_run
from weasel.util import load_project_config

from spacy_brnn.cli import main

PROJECT = Path(__file__).parents[2] / "project.yml"


@pytest.fixture
def project(tmp_path):
    """The workflow in a folder of its own: loading it makes the folders that it names."""
    (tmp_path / "project.yml").write_text(PROJECT.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_official_archive(project):
    asset = load_project_config(project)["assets"][0]
    assert asset["url"] == "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
    assert asset["checksum"] == "7c2ac02c03563afcf9b574c7e56c153a"
    assert asset["dest"] == "assets/aclImdb_v1.tar.gz"


@pytest.mark.parametrize(
    "workflows",
    [["all", "targets"], ["film"], ["labelled"], ["seed"], ["ner"]],
    ids=" ".join,
)
def test_every_input_is_an_asset_a_config_or_an_earlier_output(project, workflows):
    config = load_project_config(project)
    commands = {command["name"]: command for command in config["commands"]}
    held = {asset["dest"] for asset in config["assets"]}
    for name in [step for workflow in workflows for step in config["workflows"][workflow]]:
        needed = {dep for dep in commands[name]["deps"] if not dep.startswith("configs/")}
        assert needed <= held, name
        held |= set(commands[name]["outputs"])


def test_all_ends_in_a_package(project):
    assert load_project_config(project)["workflows"]["all"][-1] == "package"


def test_variables_reach_the_scripts(project):
    config = load_project_config(project, overrides={"vars.gpu_id": 0, "vars.config": "other"})
    [train] = [command for command in config["commands"] if command["name"] == "train"]
    assert "configs/other.cfg --gpu-id 0 -o training/other/model-last" in train["script"][0]


def test_convert_is_a_command_that_the_cli_takes(project, monkeypatch):
    monkeypatch.chdir(project)
    [convert] = [c for c in load_project_config(project)["commands"] if c["name"] == "convert"]
    program, *args = shlex.split(convert["script"][0])
    assert program == "spacy-brnn"
    result = CliRunner().invoke(main, args)
    assert "'assets/aclImdb_v1.tar.gz' does not exist" in result.output


def test_convert_asks_for_the_archive(project, capsys):
    with pytest.raises(SystemExit):
        project_run(project, "convert", dry=False)
    assert "assets/aclImdb_v1.tar.gz" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["pretrain", "teach-brnn", "train-film"])
def test_settings_that_the_scripts_override_are_in_the_config(project, name):
    commands = load_project_config(project)["commands"]
    [command] = [command for command in commands if command["name"] == name]
    for script in command["script"]:
        words = shlex.split(script)
        if "spacy" in words:
            settings = [word[2:] for word in words if word.startswith("--") and "." in word]
            config = load_config(PROJECT.parent / "configs" / "imdb_brnn.cfg")
            for setting in settings:
                dot_to_object(config, setting)
