"""The examples of the help text run."""

import gzip
import re
import shlex

import pytest
from click.testing import CliRunner

from spacy_brnn.cli import main

from .conftest import read_jsonl


def examples():
    page = CliRunner().invoke(main, ["annotate", "--help"], terminal_width=200).output
    block = page.split("Examples:\n")[1].split("\n\n")[0]
    return [line.strip() for line in block.splitlines()]


@pytest.fixture
def corpora(tmp_path):
    """The files that the examples name."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "sample.jsonl").write_text('{"text": "good"}\n')
    (tmp_path / "news.jsonl").write_text('{"text": "Rain in Paris."}\n')
    (tmp_path / "reviews.csv").write_text("review\ngood\n")
    (tmp_path / "reviews.txt").write_text("good\n")
    (tmp_path / "2024").mkdir()
    with gzip.open(tmp_path / "2024" / "1.jsonl.gz", "wt") as file:
        file.write('{"text": "good"}\n')


@pytest.mark.parametrize("example", examples())
def test_example(annotate, corpora, tmp_path, example):
    if ".parquet" in example:
        pytest.importorskip("pyarrow")
    source, command, target = re.fullmatch(
        r"(?:cat (\S+) \| )?spacy-brnn annotate (.*?)(?: > (\S+))?", example
    ).groups()
    text = (tmp_path / source).read_text() if source else None
    result = annotate(*shlex.split(command), input=text)
    assert result.exit_code == 0, result.stderr
    if target:
        (tmp_path / target).write_text(result.stdout)
        assert read_jsonl(tmp_path / target)[0]["sentiment_label"] == "POSITIVE"


def test_there_are_examples():
    assert len(examples()) >= 4
