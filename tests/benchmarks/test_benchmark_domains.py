import json

import numpy
import pytest
import spacy
from click.testing import CliRunner

from benchmarks import domains
from benchmarks.behaviour import __main__ as behaviour
from spacy_brnn.corpora.docbin import write_docbin

LABELS = ("POSITIVE", "NEGATIVE", "NEUTRAL")
BEHAVIOUR_TEXTS = behaviour.TEXTS


def says(wrong=()):
    """A judge that reads the label in the text, but says NEUTRAL of some."""

    def judge(texts):
        found = [text.split()[0] for text in texts]
        return [
            ("NEUTRAL" if text in wrong else f,) * 2 for text, f in zip(texts, found, strict=True)
        ]

    return judge


@pytest.fixture(autouse=True)
def systems(monkeypatch):
    """Stand-ins for the systems: the project errs on some texts, the peer on others."""

    def choose(pipeline, only_brnn):
        ours = {"brnn_sentiment": says({"POSITIVE 0", "NEUTRAL 0"})}
        return ours if only_brnn else {**ours, "peer": says({"NEGATIVE 0", "NEGATIVE 1"})}

    monkeypatch.setattr(domains, "choose", choose)
    monkeypatch.setattr(behaviour, "choose", choose)


def write(path, rows):
    lines = [json.dumps({"text": text, "label": text.split()[0]}) for text in rows]
    path.write_text("".join(line + "\n" for line in lines), "utf-8")


def texts(size, labels=LABELS):
    return [f"{label} {number}" for number in range(size) for label in labels]


@pytest.fixture
def sets(tmp_path):
    folder = tmp_path / "sets"
    folder.mkdir()
    for name, rows in {"three": texts(8), "two": texts(5, LABELS[:2]), "few": texts(4)}.items():
        write(folder / f"{name}.train.jsonl", rows)
        write(folder / f"{name}.dev.jsonl", rows)
    write(folder / "none.train.jsonl", ["POSITIVE x"])
    write(folder / "none.dev.jsonl", [])
    return folder


def run(*arguments):
    return CliRunner().invoke(domains.main, list(map(str, arguments)))


def test_tables_hold_the_means_of_the_recalls(sets, tmp_path):
    result = run(sets, "-o", tmp_path / "report.md")
    assert result.exit_code == 0, result.output
    report = (tmp_path / "report.md").read_text("utf-8")
    assert report == (
        "**Positive against negative, balanced accuracy**\n\n"
        "| set | brnn_sentiment | peer |\n|---|---|---|\n"
        "| three | **0.938** | 0.875 |\n"
        "| two | **0.900** | 0.800 |\n"
        "| mean of 2 | 0.919 | 0.838 |\n"
        "| ahead on | 2 | 0 |\n\n"
        "**Three labels, macro recall**\n\n"
        "| set | brnn_sentiment | peer |\n|---|---|---|\n"
        "| three | **0.958** | 0.917 |\n"
        "| mean of 1 | 0.958 | 0.917 |\n"
        "| ahead on | 1 | 0 |\n"
    )
    assert report in result.output
    assert "three: 24 texts" in result.output and "none: 0 texts" in result.output


def test_most_texts_are_what_is_scored_and_told(sets):
    result = run(sets, "--most", "10", "--only-brnn")
    assert "three: 10 texts" in result.output
    assert "| two | **0.900** |" in result.output and "| three |" not in result.output


def test_reviews_are_scored_too(sets, tmp_path):
    docs = list(spacy.blank("en").pipe(texts(6, LABELS[:2])))
    for doc in docs:
        doc.cats = {label: float(doc[0].text == label) for label in LABELS[:2]}
    write_docbin(docs, tmp_path / "reviews.spacy")
    result = run(sets, "--reviews", tmp_path / "reviews.spacy")
    assert "| imdb | **0.917** | 0.833 |" in result.output


def test_a_table_without_rows_has_no_means(sets):
    for name in ("three", "few", "none"):
        (sets / f"{name}.train.jsonl").unlink()
    result = run(sets)
    assert "nan" not in result.output and "Three labels" not in result.output
    assert "| mean of 1 |" in result.output


def test_all_that_share_the_best_score_are_ahead():
    lines = domains._table("t", {"a": {"x": 0.5, "y": 0.5}, "b": {"x": 0.4, "y": 0.6}}, ["x", "y"])
    assert "| a | **0.500** | **0.500** |" in lines
    assert lines[-1] == "| ahead on | 1 | 2 |"


def test_recall_is_the_mean_of_the_labels_not_of_the_texts():
    gold = numpy.asarray(["POSITIVE"] * 9 + ["NEGATIVE"])
    assert domains._recall(gold, numpy.asarray(["POSITIVE"] * 10), ["POSITIVE", "NEGATIVE"]) == 0.5


@pytest.mark.parametrize("line", ['{"text": "a"}', '{"text": "a", "label": "good"}'])
def test_mistakes_are_told_in_a_line(sets, tmp_path, line):
    (sets / "two.dev.jsonl").write_text(line, "utf-8")
    (tmp_path / "empty").mkdir()
    for folder, message in ((sets, "two.dev.jsonl, line 1"), (tmp_path / "empty", "holds no sets")):
        result = run(folder)
        assert result.exit_code == 1 and message in result.output
        assert isinstance(result.exception, SystemExit)


@pytest.fixture
def behaviour_texts(tmp_path, monkeypatch):
    rows = ["a\tPOSITIVE\tPOSITIVE 0", 'a\tNEGATIVE\tNEGATIVE "7', "b\tNEUTRAL\tNEUTRAL 1"]
    (tmp_path / "texts.tsv").write_text("\n".join(rows), "utf-8")
    monkeypatch.setattr(behaviour, "TEXTS", tmp_path / "texts.tsv")


def test_behaviour_is_the_share_of_a_group_s_texts_that_pass(behaviour_texts):
    result = CliRunner().invoke(behaviour.main, ["--failures"])
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "| group | texts | brnn_sentiment | peer |\n|---|---|---|---|\n"
        "| a | 2 | 50% | 100% |\n| b | 1 | 100% | 100% |\n| all | 3 | 67% | 100% |\n"
    )
    assert result.stderr == "  a: 'POSITIVE 0' is POSITIVE, not NEUTRAL\n"


def test_behaviour_of_the_project_alone(behaviour_texts):
    result = CliRunner().invoke(behaviour.main, ["--only-brnn"])
    assert result.stdout.startswith("| group | texts | brnn_sentiment |\n|---|---|---|\n")
    assert result.stderr == ""


def test_the_behaviour_texts_are_whole():
    rows = [row.split("\t") for row in BEHAVIOUR_TEXTS.read_text("utf-8").rstrip("\n").split("\n")]
    assert all(len(row) == 3 and row[1] in LABELS and row[2].strip() for row in rows)
    assert len({row[2] for row in rows}) == len(rows) > 100
