import json
from dataclasses import replace

import pytest
import spacy
import torch
from spacy.cli.train import train as spacy_train
from spacy.tokens import DocBin

from spacy_brnn.training import run as training
from spacy_brnn.training.config import make_config

from .conftest import OPENINGS, WORDS, tickets

FIELDS = ("--text-field", "body", "--label-field", "topic")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with tickets.jsonl and a model of their topics; and what the command printed."""
    from click.testing import CliRunner

    from spacy_brnn.cli import main

    folder = tmp_path_factory.mktemp("trained")
    path = folder / "tickets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in tickets()))
    command = ["train", str(path), *FIELDS, "-o", str(folder / "topics")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return folder, result


def test_train_learns_labels_of_ones_own(trained):
    folder, result = trained
    nlp = spacy.load(folder / "topics")
    assert nlp.get_pipe("brnn_sentiment").labels == tuple(sorted(WORDS))
    cats = nlp("Yesterday I was charged twice!").cats
    assert max(cats, key=cats.get) == "billing"
    assert sum(cats.values()) == pytest.approx(1, abs=1e-4)
    for wanted in ("this model", "a bag of words", "the commonest label", "precision", "billing"):
        assert wanted in result.stdout
    assert "spacy train" in result.stderr


@pytest.mark.parametrize("has_dev", [False, True])
def test_a_start_that_no_step_betters_is_fitted_to_all_texts(
    has_dev, run, write, tmp_path, monkeypatch
):
    def make_still(*arguments):
        config = make_config(*arguments)
        config["training"].update(max_steps=1, eval_frequency=1)
        config["training"]["optimizer"]["learn_rate"] = 0.0
        return config

    monkeypatch.setattr("spacy_brnn.training.run.make_config", make_still)
    rows = tickets()
    for number, row in enumerate(rows):
        row["body"] += f" number{number}"
    parts = {"known": rows[::2], "dev": rows[1::2]} if has_dev else {"known": rows}
    files = {name: write(part, f"{name}.jsonl") for name, part in parts.items()}
    dev = ("--dev", files["dev"]) if has_dev else ()
    result = run("train", files["known"], *FIELDS, *dev, "-o", tmp_path / "topics")
    assert ("fitted to all texts" in " ".join(result.stdout.split())) is not has_dev
    nlp = spacy.load(tmp_path / "topics")
    known = set(nlp.get_pipe("brnn_sentiment").model.get_ref("ngrams").attrs["keys"].tolist())
    learned = [row for row in rows if nlp.vocab.strings[row["body"].split()[-1]] in known]
    assert learned == parts["known"]


def test_spacy_train_takes_over(trained):
    folder, _ = trained
    workings = folder / "topics.training"
    assert {path.name for path in workings.iterdir()} == {
        "config.cfg", "train.spacy", "dev.spacy", "labels.json",
    }  # fmt: skip
    overrides = {"training.max_steps": 1, "training.eval_frequency": 1}
    spacy_train(workings / "config.cfg", folder / "more", overrides=overrides)
    assert spacy.load(folder / "more" / "model-best").get_pipe("brnn_sentiment").labels


def test_evaluate_scores_a_file(trained, run, write):
    folder, _ = trained
    file = folder / "tickets.jsonl"
    result = run("evaluate", folder / "topics", file, *FIELDS, "--json")
    assert json.loads(result.stdout)["accuracy"] > 0.9
    assert "login" in run("evaluate", folder / "topics", file, *FIELDS).stdout
    other = write([{"body": "a", "topic": "sales"}])
    line = run("evaluate", folder / "topics", other, *FIELDS, fails=True)
    assert "none called sales" in line
    nlp = spacy.load(folder / "topics", config={"components.brnn_sentiment.extension": "topic"})
    nlp.add_pipe("brnn_sentiment", name="sentiment")
    nlp.to_disk(folder / "both")
    assert run("evaluate", folder / "both", file, *FIELDS, "--json").stdout == result.stdout


def test_evaluate_refuses_a_text_that_memory_would_not_do_for(trained, run, write):
    folder, _ = trained
    nlp = spacy.load(folder / "topics")
    nlp.add_pipe("ner")
    nlp.to_disk(folder / "entities")
    path = write([{"body": "long " * 200_001, "topic": "billing"}])
    assert run("evaluate", folder / "topics", path, *FIELDS).stdout
    line = run("evaluate", folder / "entities", path, *FIELDS, fails=True)
    assert "texts.jsonl:1: a text of 1,000,005 characters, more than the 1,000,000 that" in line
    assert line.endswith("entities reads: divide it, or leave it out")


def test_train_several_labels_a_text(run, write, tmp_path):
    rows = [
        {"text": f"{o} {a} and {b}.", "label": [la, lb]}
        for o in ("Hello,", "Today")
        for la, lb in (("billing", "login"), ("login", "delivery"))
        for a in WORDS[la]
        for b in WORDS[lb]
    ]
    run("train", write(rows), "-o", tmp_path / "tags", "-q")
    nlp = spacy.load(tmp_path / "tags")
    assert nlp.pipe_names == ["textcat_multilabel"]
    cats = nlp("I cannot sign in and was charged twice.").cats
    assert min(cats["billing"], cats["login"]) > cats["delivery"]
    scores = run("evaluate", tmp_path / "tags", write(rows), "--json").stdout
    assert json.loads(scores)["micro_f"] > 0.8
    new = tmp_path / "new.csv"
    new.write_text('text\nI cannot sign in and was charged twice.\n""\n', encoding="utf-8")
    lines = run("annotate", new, "--model", tmp_path / "tags", "--output-format", "jsonl", "-q")
    first, empty = map(json.loads, lines.stdout.splitlines())
    assert first["textcat_scores"] == pytest.approx(cats, abs=1e-6)
    assert first["textcat_labels"] == [label for label, share in cats.items() if share >= 0.5]
    assert "sentiment_label" not in first
    assert set(empty["textcat_scores"]) == set(cats)
    output = tmp_path / "new.parquet"
    run("annotate", new, "--model", tmp_path / "tags", "-o", output, "-q")
    table = pytest.importorskip("pyarrow.parquet").read_table(output)
    assert table["textcat_labels"].to_pylist()[0] == first["textcat_labels"]


def test_train_a_scale_from_scratch(run, write, tmp_path):
    words = {1: "awful", 2: "poor", 3: "fair", 4: "good", 5: "great"}
    rows = [
        {"text": f"{opening} {word} thing {n}", "label": stars}
        for stars, word in words.items()
        for opening in ("a", "what a", "such a")
        for n in range(4)
    ]
    run("train", write(rows), "-o", tmp_path / "m", "-q", "--scale", "1:5", "--from-scratch")
    nlp = spacy.load(tmp_path / "m")
    low, high = nlp("an awful thing")._.sentiment, nlp("a great thing")._.sentiment
    assert low.polarity < high.polarity
    assert set(nlp("a good thing").cats) == {"1", "2", "3", "4", "5"}


def test_nothing_is_made_of_a_file_that_cannot_be_trained_on(run, write, tmp_path):
    output = tmp_path / "model"
    path = write([{"text": f"text {n}", "label": "x"} for n in range(9)])
    assert "at least two" in run("train", path, "-o", output, fails=True)
    assert "no such file" in run("train", tmp_path / "none.csv", "-o", output, fails=True)
    assert "LOW:HIGH" in run("train", path, "-o", output, "--scale", "5", fails=True)
    assert "--from-scratch" in run("train", path, "-o", output, "--lang", "de", fails=True)
    assert [path.name for path in tmp_path.iterdir()] == ["texts.jsonl"]


def test_advice_on_a_table_can_be_followed(run, tmp_path):
    path, out = tmp_path / "texts.csv", tmp_path / "out.spacy"
    path.write_bytes("b~b\ncaf\xe9~a\n".encode("latin-1"))
    for command in ("convert", "csv", path, out), ("train", path, "-o", tmp_path / "m"):
        more: list = []
        for advised in (
            ["--delimiter", "~"],
            ["--no-header"],
            ["--text-field", "1"],
            ["--encoding"],
        ):
            assert advised[0] in run(*command, *more, fails=True)
            more += advised
    run("convert", "csv", path, out, *more, "latin-1", "--label-field", "2")


def test_what_cannot_be_had_is_told_before_anything_is_made(run, write, tmp_path, monkeypatch):
    def no_gpu(gpu_id):
        raise ValueError("Cannot use GPU, CuPy is not installed")

    monkeypatch.setattr(training, "require_gpu", no_gpu)
    command = ("train", write(tickets()), *FIELDS, "-o", tmp_path / "model")
    assert "cannot use GPU 3: Cannot" in run(*command, "--gpu-id", 3, fails=True)
    scratch = ("--from-scratch", "--lang", "qq")
    assert "--lang qq: spaCy knows no such language" in run(*command, *scratch, fails=True)
    assert "is left to train on" in run(*command, "--dev", tmp_path / "texts.jsonl", fails=True)
    assert [path.name for path in tmp_path.iterdir()] == ["texts.jsonl"]


def test_texts_of_another_language_are_noted(write, tmp_path):
    words = {"gut": "Das Essen war wunderbar, wir kommen gerne wieder", "schlecht": "Kalt und zäh"}
    rows = [
        {"body": f"{text} {n}", "topic": name} for n in range(40) for name, text in words.items()
    ]
    path = str(write(rows))
    fields = training.Fields(text="body", label="topic")
    options = training.TrainOptions(file=path, output=tmp_path / "model", fields=fields)
    assert any("--from-scratch --lang" in note for note in training.prepare(options).notes)
    scratch = replace(options, from_scratch=True, lang="de")
    english = replace(options, file=str(write(tickets() * 4, "english.jsonl")))
    for other in (scratch, english):
        assert not any("--lang" in note for note in training.prepare(other).notes)


def test_what_exists_is_kept(run, write, tmp_path):
    (tmp_path / "model").mkdir()
    path = write(tickets())
    assert "--force" in run("train", path, *FIELDS, "-o", tmp_path / "model", fails=True)
    line = run("train", path, *FIELDS, "-o", tmp_path / "model", "--force", fails=True)
    assert "no spaCy pipeline" in line


def test_a_dev_file_of_other_labels_is_told(run, write, tmp_path):
    dev = write([{"body": "a", "topic": "sales"}], "dev.jsonl")
    line = run("train", write(tickets()), *FIELDS, "--dev", dev, "-o", tmp_path / "m", fails=True)
    assert "its own are sales, those to train on billing, delivery, login" in line


def test_convert_csv(run, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text('text,label\n"Hello, you",a\nBye,b\n')
    run("convert", "csv", path, tmp_path / "out" / "texts.spacy")
    docs = list(
        DocBin().from_disk(tmp_path / "out" / "texts.spacy").get_docs(spacy.blank("en").vocab)
    )
    assert [(doc.text, doc.cats) for doc in docs] == [
        ("Hello, you", {"a": 1.0, "b": 0.0}),
        ("Bye", {"a": 0.0, "b": 1.0}),
    ]


def test_convert_csv_replaces_lone_surrogates(run, write, tmp_path):
    path = write([{"text": "a \ud83d b", "label": "x"}, {"text": "c", "label": "y"}])
    run("convert", "csv", path, tmp_path / "texts.spacy")
    doc, _ = DocBin().from_disk(tmp_path / "texts.spacy").get_docs(spacy.blank("en").vocab)
    assert doc.text == "a \ufffd b"


def test_convert_csv_keeps_its_input(run, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text(table := f"text,label\n{'long ' * 200_001},a\nBye,b\n")
    assert "texts.csv is the input" in run("convert", "csv", path, path, fails=True)
    assert path.read_text() == table
    line = run("convert", "csv", path, tmp_path / "texts.spacy", fails=True)
    assert "texts.csv:2: a text of 1,000,005 characters, more than the 1,000,000 that" in line
    assert not (tmp_path / "texts.spacy").exists()


def test_a_text_that_is_too_long_is_found_before_training(run, write, tmp_path):
    path = write([*tickets(), {"body": "long " * 200_001, "topic": "billing"}])
    line = run("train", path, *FIELDS, "-o", tmp_path / "topics", fails=True)
    assert "a text of 1,000,005 characters, more than the 1,000,000 that spaCy trains on" in line
    assert list(tmp_path.iterdir()) == [path]


def test_train_takes_one_thread(run, write, tmp_path, three_threads, threads_of):
    """Threads that wait for each other at every step are slow where other processes are at work."""
    seen = [threads_of(training, name) for name in ("init_nlp", "run_loop", "_score")]
    run("train", write(tickets(OPENINGS[:2])), *FIELDS, "-o", tmp_path / "topics", "-q")
    assert seen == [[1], [1], [1]] and torch.get_num_threads() == 3


def test_the_hosts_threads_come_back_where_training_ends_in_an_error(
    run, write, tmp_path, three_threads, threads_of
):
    seen = threads_of(training, "run_loop", OSError("the disk is full"))
    line = run("train", write(tickets()), *FIELDS, "-o", tmp_path / "topics", fails=True)
    assert "the disk is full" in line
    assert seen == [1] and torch.get_num_threads() == 3
