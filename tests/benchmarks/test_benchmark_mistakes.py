"""A user's mistakes are told in a line, by every command of the benchmarks."""

import gzip
import json

import pytest
import spacy
from click.testing import CliRunner

from benchmarks import abstention, annotate_memory, faithfulness, mixed
from benchmarks.learning_curve import __main__ as learning_curve
from spacy_brnn.corpora.docbin import write_docbin


def told(command, *arguments):
    """What the command says of a mistake, in one line."""
    result = CliRunner().invoke(command.main, list(map(str, arguments)))
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    return result.output.strip().splitlines()[-1]


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def without_cats(tmp_path):
    write_docbin([spacy.blank("en").make_doc("A text.")], tmp_path / "dev.spacy")
    return tmp_path / "dev.spacy"


def write_set(folder, name, rows):
    with gzip.open(folder / f"{name}.train.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_folders_without_sets(empty):
    assert "holds no sets" in told(abstention, "--sets", empty)
    assert "holds no sets" in told(mixed, empty)
    message = told(learning_curve, empty, "--output", empty / "out", "--plot", empty / "plot.png")
    assert "brand_tweets.train.jsonl.gz" in message
    assert list(empty.iterdir()) == []


def test_files_that_are_none(tmp_path, empty, without_cats):
    broken = tmp_path / "broken.spacy"
    broken.write_bytes(b"no docbin")
    assert "is not a DocBin file" in told(abstention, "--dev", broken)
    assert "is not a DocBin file" in told(faithfulness, "--dev", broken)
    assert "tweet_extraction" in told(faithfulness, "--dev", without_cats, "--marked", empty)
    reviews = tmp_path / "reviews.jsonl"
    reviews.write_text('{"review": "no text"}\n', "utf-8")
    assert "reviews.jsonl" in told(annotate_memory, reviews)


def test_pipelines_that_will_not_do(tmp_path, without_cats):
    other = tmp_path / "other"
    spacy.blank("en").to_disk(other)
    for command in (abstention, faithfulness):
        assert "brnn_sentiment" in told(command, "--dev", without_cats, "--model", other)
        missing = told(command, "--dev", without_cats, "--model", tmp_path / "nothing")
        assert "nothing" in missing


def test_texts_that_say_nothing(tmp_path, without_cats):
    assert "document 0" in told(abstention, "--dev", without_cats)
    write_set(tmp_path, "sst_sentences", [{"text": "Good.", "label": "POSITIVE"}] * 3)
    assert "sst_sentences" in told(mixed, tmp_path)


def test_fields_and_lines_that_are_not_there(tmp_path):
    write_set(tmp_path, "tweets", [{"text": "Good.", "label": "POSITIVE"}])
    out = "--output", tmp_path / "out", "--plot", tmp_path / "plot.png"
    message = told(learning_curve, tmp_path, *out, "--set", "tweets:topic")
    assert "tweets.train.jsonl.gz" in message and "topic" in message
    message = told(learning_curve, tmp_path, *out, "--set", "tweets", "--size", "100")
    assert "tweets" in message and "100" in message
    (tmp_path / "lines.train.jsonl.gz").write_bytes(gzip.compress(b"{}\nnot json\n"))
    assert "line 1" in told(learning_curve, tmp_path, *out, "--set", "lines")
    assert not (tmp_path / "out").exists()
