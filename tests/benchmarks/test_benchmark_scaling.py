import json

import pytest
from click.testing import CliRunner

from benchmarks import scaling


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    rows = [{"text": f"Film {n} is good. I liked it."} for n in range(12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_every_way_and_size_has_its_row(texts, monkeypatch):
    read = []

    def by_one(nlp, some):
        read.append(len(some))
        return len(some)

    monkeypatch.setattr(scaling, "WAYS", {"one process": by_one, "two threads": by_one})
    monkeypatch.setattr(scaling, "COPIES", 1)
    options = ["--docbin", str(texts), "--rounds", "1", "--warmup", "2"]
    result = CliRunner().invoke(scaling.main, options)
    assert result.exit_code == 0, result.output
    tables = [table.splitlines() for table in result.output.strip().split("\n\n")[1:]]
    titles = [table[0].strip("| ").split(" | ")[0] for table in tables]
    assert titles == [
        "brnn_sentiment",
        "textcat",
        "annotate, 12 documents",
        "batch_size, 12 documents",
        "24 sentences of 12 documents",
    ]
    firsts = [[row.strip("| ").split(" | ")[0] for row in table[2:]] for table in tables]
    assert firsts[0] == firsts[1] == ["one process", "two threads"]
    assert firsts[2] == ["--n-process 1", "--n-process 2"]
    assert firsts[3] == ["1", "16", "64", "256", "500", "1,000"]
    assert firsts[4][1] == "one call of score_spans" and len(firsts[4]) == 4
    # Of either system each way warms up once and reads what is left once.
    assert read == [2, 2, 10, 10] * 2


@pytest.mark.parametrize("way", scaling.WAYS)
def test_every_way_reads_all(way):
    assert scaling.WAYS[way](scaling.make_textcat(), ["A film.", "Good.", "Bad."]) == 3
