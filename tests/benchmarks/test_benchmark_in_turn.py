import json

import pytest
import spacy
from click.testing import CliRunner

from benchmarks import in_turn


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": f"Film {n}."}) + "\n" for n in range(9)), "utf-8")
    return path


def test_each_pipeline_has_its_row_and_reads_what_it_has_not_read(texts, tmp_path, monkeypatch):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    nlp.to_disk(tmp_path / "own")
    seen = {}

    def microseconds(nlp, texts):
        seen.setdefault(id(nlp), []).append(texts)
        return 2.0 if nlp.pipe_names else 1.0

    monkeypatch.setattr(in_turn, "microseconds", microseconds)
    arguments = [str(tmp_path / "own"), "--docbin", str(texts), "--rounds", "3", "--warmup", "3"]
    result = CliRunner().invoke(in_turn.main, arguments)
    assert result.exit_code == 0, result.output
    rows = [line.strip("| ").split(" | ") for line in result.output.splitlines()[4:]]
    share = "0.500 (0.500 to 0.500)"
    assert rows == [
        ["the tokenizer", "1.00", "1.000 (1.000 to 1.000)"],
        ["what ships", "2.00", share],
        [str(tmp_path / "own"), "2.00", share],
    ]
    for read in seen.values():
        assert len(read) == 4 and len({text for texts in read for text in texts}) == 9


def test_time_is_a_token_s():
    assert 0.0 < in_turn.microseconds(spacy.blank("en"), ["A film."]) < 1e6


def test_what_is_no_pipeline_is_told(texts):
    result = CliRunner().invoke(in_turn.main, ["nowhere", "--docbin", str(texts)])
    assert result.exit_code == 1 and "nowhere is no pipeline with brnn_sentiment" in result.output
