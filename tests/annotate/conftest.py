import json
import multiprocessing
import os
import secrets
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
import spacy

from spacy_brnn.annotate.annotator import PipelineOptions

HERE = Path(__file__).parent
LOAD = PipelineOptions.load
MAIN = "from spacy_brnn.cli import main; main()"

sys.path.append(str(HERE))  # where this process finds the stand-in


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Environment variables with which every process finds the stand-in by its entry point."""
    folder = tmp_path_factory.mktemp("standin")
    info = folder / "lexicon_standin-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lexicon-standin\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(
        "[spacy_factories]\nlexicon_standin = lexicon_standin:LexiconStandin\n"
    )
    path = os.pathsep.join([str(folder), str(HERE), os.environ.get("PYTHONPATH", "")])
    # A cluster that a test starts lets in only who has its token.
    ray = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**os.environ, **ray, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A saved pipeline with the stand-in."""
    return save_pipeline(tmp_path_factory.mktemp("model") / "lexicon")


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory):
    """The same, but half a millisecond slower for each document."""
    return save_pipeline(tmp_path_factory.mktemp("model") / "slow", seconds=0.0005)


@pytest.fixture(scope="session")
def entity_model(tmp_path_factory):
    """The stand-in and an entity ruler that knows one film."""
    return save_pipeline(tmp_path_factory.mktemp("model") / "entities", entities=True)


@pytest.fixture
def start(environment, tmp_path):
    """Start the real command in a process of its own, in tmp_path."""

    def start(*arguments, main=MAIN, **kwargs):
        command = [sys.executable, "-c", main, "annotate", *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=environment, cwd=tmp_path, **{**pipes, **kwargs})

    return start


@pytest.fixture
def fork(tmp_path):
    """Start the real command in a copy of this process, which has imported everything."""

    def fork(*arguments):
        process = multiprocessing.get_context("fork").Process(
            target=_run_command, args=(tmp_path, list(map(str, arguments)))
        )
        process.start()
        process.poll = lambda: process.exitcode
        process.wait = process.join
        return process

    return fork


def _run_command(folder, arguments):
    from spacy_brnn.cli import main

    os.chdir(folder)
    main(["annotate", *arguments, "--n-process", "1"])


@pytest.fixture
def annotate(model, tmp_path, monkeypatch):
    """Run the command in this process; returns click's result."""
    from click.testing import CliRunner

    from spacy_brnn.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(PipelineOptions, "load", load_once)

    def annotate(*arguments, use_model=model, **kwargs):
        command = ["annotate", "--n-process", "1", *map(str, arguments)]
        if use_model is not None:
            command += ["--model", str(use_model)]
        return CliRunner().invoke(main, command, **kwargs)

    return annotate


def load_once(options):
    """Most tests use the same pipeline: loading it each time would take most of their time."""
    # Some pretend to have a GPU, others to have none.
    return _cached(options) if options.gpu_id < 0 else LOAD(options)


_cached = lru_cache(maxsize=8)(LOAD)


def save_pipeline(folder, *, seconds=0.0, entities=False):
    import lexicon_standin  # noqa: F401 (registers the factory)

    nlp = spacy.blank("en")
    nlp.add_pipe("lexicon_standin", config={"seconds": seconds})
    if entities:
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": "WORK_OF_ART", "pattern": "Casablanca"}])
    nlp.to_disk(folder)
    return folder


def write_jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
