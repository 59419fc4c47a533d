import json

import pytest
from click.testing import CliRunner

from benchmarks import surface


@pytest.fixture
def sets(tmp_path):
    rows = [{"text": f"Good film {n}.", "label": "POSITIVE"} for n in range(4)]
    for split in ("train", "dev"):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"some.{split}.jsonl").write_text(lines)
    return tmp_path


def judge(texts):
    """It knows the word in one writing only."""
    return [("POSITIVE" if "Good" in text else "NEGATIVE",) * 2 for text in texts]


def test_it_counts_the_labels_that_change(sets, monkeypatch):
    monkeypatch.setattr(surface, "choose", lambda pipeline, only_brnn: {"judge": judge})
    result = CliRunner().invoke(surface.main, [str(sets), "--name", "some"])
    assert result.exit_code == 0, result.output
    rows = dict(line.strip("| ").split(" | ") for line in result.output.splitlines()[2:])
    assert rows["upper case"] == rows["lower case"] == "100.0%"
    assert rows["no final punctuation"] == rows["<p>...</p>"] == rows["spaces doubled"] == "0.0%"
    assert len(rows) == len(surface.WRITERS)


def test_a_set_that_is_not_there_is_told(sets):
    result = CliRunner().invoke(surface.main, [str(sets), "--name", "other"])
    assert result.exit_code == 2 and "other has no dev texts here (some)" in result.output
