import gzip
import json

import pytest
from click.testing import CliRunner

from spacy_brnn.targets.__main__ import main
from tests.evidence.conftest import nlp, train_pipeline  # noqa: F401

ROWS = [
    ("the food was great but the service was awful", "food", "POSITIVE"),
    ("the food was great but the service was awful", "service", "NEGATIVE"),
    ("we had the soup at a table", "soup", "NEUTRAL"),
    ("awful food", "food", "NEGATIVE"),
    ("great service", "service", "POSITIVE"),
    ("a table by the door", "table", "NEUTRAL"),
]


def write_set(folder, name="menu.train", rows=ROWS, repeat=1):
    lines = []
    for number in range(repeat):
        for text, aspect, label in rows:
            text += "." * number  # Another text, so that some of them are dev.
            start = text.index(aspect)
            row = {"text": text, "start": start, "end": start + len(aspect), "label": label}
            lines.append(json.dumps(row))
    path = folder / f"aspect_{name}.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


@pytest.fixture
def stop_training(monkeypatch):
    """Run `train` with these arguments until its second report."""

    def stop_training(*arguments):
        reports = []

        def stop(text, **_):
            reports.append(text)
            if len(reports) == 2:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("spacy_brnn.targets.__main__.click.echo", stop)
            assert CliRunner().invoke(main, ["train", *arguments]).exit_code != 0

    return stop_training


@pytest.fixture
def train_twice(tmp_path, stop_training):
    """Run `train` whole, and again stopped at its second report and gone on with.

    Gives the last run's output, and whether both heads have the same bytes.
    """

    def train_twice(*arguments):
        whole, parts = tmp_path / "whole", tmp_path / "parts"
        assert CliRunner().invoke(main, ["train", *arguments, str(whole)]).exit_code == 0
        stop_training(*arguments, str(parts))
        result = CliRunner().invoke(main, ["train", *arguments, str(parts)])
        return result.output, parts.read_bytes() == whole.read_bytes()

    return train_twice


@pytest.fixture
def sets(tmp_path):
    """A folder with one set."""
    folder = tmp_path / "sets"
    folder.mkdir()
    write_set(folder, repeat=20)
    return folder
