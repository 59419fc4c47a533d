import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.plot import draw
from benchmarks.report import as_markdown

SAMPLE = Path(__file__).resolve().parents[2] / "corpus" / "sample.jsonl"


def spread(value):
    return {"median": value, "min": value / 2, "max": value * 2}


def row(name, title, **figures):
    empty = {"documents_per_second": None, "tokens_per_second": None}
    return {
        "name": name, "title": title, "problem": None, "notes": [], "accuracy": None,
        "accuracy_documents": 0, "published": None, "documents_per_round": None,
        "share_of_tokenizer": None, "load_seconds": None, "latency_seconds": None,
        "latency_above_tokenizer_seconds": None, "peak_bytes": None, "size_bytes": None,
        "gain_of_2_processes": None, "processes_1": empty, "processes_2": empty, **figures,
    }  # fmt: skip


def rate(value):
    return {"documents_per_second": spread(value), "tokens_per_second": spread(100 * value)}


CANNED = {
    "machine": {
        "cpu": "A CPU", "cores": 2, "flags": ["avx512_bf16"], "memory_gigabytes": 8.0,
        "load_average": 0.1, "system": "Linux", "python": "3.11", "packages": {"spacy": "3.8"},
        "date": "2026-01-01 00:00 UTC", "commit": "abc",
    },
    "run": {
        "command": "python -m benchmarks", "source": "dev.spacy", "documents": 1000,
        "tokens": 100_000, "warmup": 100, "rounds": 3, "documents_per_round": 300,
        "train_documents": 2000, "threads": 1,
    },
    "speed": [
        row("tokenizer", "tokenizer", documents_per_round=300, share_of_tokenizer=spread(1.0),
            processes_1=rate(1000.0)),
        row("brnn", "**ours**", documents_per_round=300, share_of_tokenizer=spread(0.5),
            accuracy=0.9053, processes_1=rate(500.0), processes_2=rate(900.0),
            gain_of_2_processes=spread(1.8), peak_bytes=400_000_000, size_bytes=13_800_000,
            load_seconds=spread(1.5), latency_above_tokenizer_seconds=0.0008),
        row("keras", "Keras", problem="not installed: pip install"),
        row("distilbert", "DistilBERT", documents_per_round=16, processes_1=rate(2.0),
            share_of_tokenizer=spread(0.002), notes=["reads less"],
            published={"accuracy": 0.928, "source": "Sanh et al. 2019"}),
    ],
    "training": [
        {"title": "ours", "full": None, "documents_per_second": 160.0},
        {"title": "BOW", "full": {"dev_accuracy": 0.88, "seconds_in_all": 90.0},
         "documents_per_second": 2000.0},
        {"title": "Keras", "full": None, "problem": "not installed"},
    ],
    "lengths": [
        {"title": "ours", "tokens": 1000, "documents": 50, "microseconds_per_token": 8.5,
         "peak_bytes": 500_000_000},
        {"title": "ours", "tokens": 1_000_000, "documents": 1, "problem": "ended"},
    ],
}  # fmt: skip


def test_report_holds_every_figure():
    lines = as_markdown(CANNED).splitlines()
    ours = next(line for line in lines if line.startswith("| **ours**"))
    assert ours.split(" | ")[1:5] == ["90.53%", "500", "50,000", "0.5"]
    assert ours.split(" | ")[5:] == ["900 (1.80 times one)", "400", "13.8", "1.50", "0.80 |"]
    assert any(line.startswith("| Keras | not installed: pip install |") for line in lines)
    assert any("| 92.8% (published, Sanh et al. 2019) | 2.0 |" in line for line in lines)
    assert "- **ours**, tokens/s: 0.5 times tokenizer, 250 times DistilBERT" in lines
    assert "- DistilBERT: 16 documents a round" in lines
    assert "- DistilBERT: reads less" in lines
    assert "| BOW | 2,000 | 1.5 min | 88.0% |" in lines
    assert "| Keras | not installed | – | – |" in lines
    assert "| 1,000 | 50 | ours | 8.50 | 500 |" in lines
    assert "| 1,000,000 | 1 | ours | ended | – |" in lines
    assert any("A CPU, 2 cores (avx512_bf16), 8.0 GB" in line for line in lines)


def test_tables_are_rectangular():
    tables = [line for line in as_markdown(CANNED).splitlines() if line.startswith("|")]
    assert {line.count(" | ") for line in tables} == {9, 3, 4}


def test_sections_may_be_missing():
    report = {name: CANNED[name] for name in ("machine", "run", "lengths")}
    assert "Annotation" not in as_markdown(report)


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    draw(CANNED["speed"], tmp_path / "report.png")
    draw([], tmp_path / "empty.png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


def test_a_small_run_from_end_to_end(tmp_path):
    result = CliRunner().invoke(
        main,
        [
            "--jsonl", str(SAMPLE), "--limit", "20", "--warmup", "4", "--rounds", "2",
            "--loads", "1", "--systems", "brnn", "--sections", "speed,lengths",
            "--longest", "100", "--output", str(tmp_path / "report"),
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    tokenizer, brnn = report["speed"]
    assert brnn["problem"] is None
    assert brnn["accuracy_documents"] == 20
    assert brnn["processes_2"]["documents_per_second"]["median"] > 0
    assert tokenizer["share_of_tokenizer"] == {"median": 1.0, "min": 1.0, "max": 1.0}
    assert [(row["tokens"], row["title"]) for row in report["lengths"]] == [
        (100, tokenizer["title"]),
        (100, brnn["title"]),
    ]
    assert brnn["title"] in (tmp_path / "report" / "report.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--systems", "tokeniser"], "tokeniser is none of tokenizer, "),
        (["--sections", ","], "nothing is none of speed"),
        (["--sections", "speed", "--docbin", "none.spacy"], "none.spacy is not there"),
        (["--sections", "speed", "--jsonl", "none.jsonl"], "none.jsonl cannot be read"),
        (["--sections", "speed", "--jsonl", str(SAMPLE), "--limit", "50"], "raise --limit"),
        (["--train", "none.spacy"], "--sections speed,lengths"),
        (["train", "--train", "none.spacy"], "none.spacy is not there"),
        (["train", "--systems", "brnn"], "brnn is none of textcat_bow"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, message):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output.replace("\n", " ")
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
