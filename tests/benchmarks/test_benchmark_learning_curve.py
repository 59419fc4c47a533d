"""The learning curve: what is held out, and what outlives an interruption."""

import gzip
import json

import pytest
from click.testing import CliRunner

from benchmarks.learning_curve import __main__ as command
from benchmarks.learning_curve import results
from benchmarks.learning_curve.sets import read_set
from spacy_brnn.corpora.labelled_texts import is_dev_text

pytest.importorskip("matplotlib")


def write(path, rows):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path):
    rows = [{"text": f"text {i}", "label": "ab"[i % 2], "kind": "xyz"[i % 3]} for i in range(99)]
    write(tmp_path / "one.train.jsonl.gz", rows)
    write(tmp_path / "two.train.jsonl.gz", rows)
    write(tmp_path / "two.dev.jsonl.gz", [*rows[:5], {"text": "new", "label": "a", "kind": "x"}])
    return tmp_path


def test_what_is_held_out_is_dev(folder):
    known, held_out = read_set(folder, "one", 10)
    assert all(is_dev_text(text.text) for text in held_out) and held_out
    assert not any(is_dev_text(text.text) for text in known)
    assert len(known) + len(held_out) == 99
    known, held_out = read_set(folder, "two:kind", 10)
    assert {text.text for text in held_out} == {"new", *(f"text {i}" for i in range(5))}
    assert len(known) == 94 and {text.best for text in known} == set("xyz")
    assert [text.text for text in known] != [f"text {i}" for i in range(5, 99)]


@pytest.fixture
def run(folder, monkeypatch):
    """The command, with a measurement that only notes what was asked."""

    def measure(known, held_out, system, seed):
        asked.append((len(known), system))
        return {"accuracy": 0.5, "macro_f": 0.5, "texts": len(known), "cpu_seconds": 1.0}

    asked: list = []
    monkeypatch.setattr(command, "measure", measure)

    def run_once(*more):
        asked.clear()
        options = ["--output", folder / "out", "--plot", folder / "docs" / "curve.png"]
        result = CliRunner().invoke(
            command.main, list(map(str, [folder, *options, "--set", "one", *more]))
        )
        assert result.exit_code == 0, result.output
        return list(asked)

    return run_once


BOTH = ("--system", "brnn", "--system", "bow")


def test_points_are_measured_once(run, folder):
    assert run("--size", "10", *BOTH) == [(10, "brnn"), (10, "bow")]
    assert run("--size", "10", "--size", "20", *BOTH) == [(20, "brnn"), (20, "bow")]
    assert (folder / "docs" / "curve.png").read_bytes().startswith(b"\x89PNG")
    table = (folder / "out" / "learning_curve.md").read_text("utf-8")
    assert table.count("| one |") == 4


def test_a_point_half_written_is_measured_again(run, folder):
    run("--size", "10", *BOTH)
    path = folder / "out" / "learning_curve.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert run("--size", "10", *BOTH) == [(10, "bow")]
    assert [json.loads(line)["system"] for line in path.open()] == ["brnn", "bow"]


def test_other_weights_are_measured_anew_and_shown_alone(run, folder, monkeypatch):
    run("--size", "10", *BOTH)
    monkeypatch.setattr(results, "weights_hash", lambda: "others")
    assert run("--size", "10", *BOTH) == [(10, "brnn")]
    table = (folder / "out" / "learning_curve.md").read_text("utf-8")
    assert table.count("| one |") == 2
    assert len((folder / "out" / "learning_curve.jsonl").read_text("utf-8").splitlines()) == 3
