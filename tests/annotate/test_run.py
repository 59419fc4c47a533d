import csv
import gzip
import json
import os
import re
import struct
import subprocess
import sys
from contextlib import suppress

import pytest
import spacy
from spacy.training import Example

from spacy_brnn.annotate import annotator, progress

from .conftest import MAIN, read_jsonl, write_jsonl

FIELDS = ["sentiment_label", "sentiment_score", "sentiment_polarity"]
REVIEWS = [
    {"id": 7, "text": "a good film"},
    {"text": "a bad, dull film", "tags": ["x", {"y": None}]},
    {"id": 7, "text": ""},
]


def test_jsonl_keeps_order_and_fields(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", REVIEWS)
    result = annotate("in.jsonl", "-o", "out.jsonl", "--batch-size", 2)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    written = read_jsonl(tmp_path / "out.jsonl")
    assert [{k: v for k, v in row.items() if k not in FIELDS} for row in written] == REVIEWS
    assert [row["sentiment_label"] for row in written[:2]] == ["POSITIVE", "NEGATIVE"]
    assert written[1]["sentiment_score"] == 0.8
    assert written[1]["sentiment_polarity"] == -0.6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_jsonl_is_not_rewritten(annotate, tmp_path):
    line = b'{"n":1.10, "big":12345678901234567890.5,"text":"\\ud83d\\u00e9"}'
    (tmp_path / "in.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n")
    result = annotate("in.jsonl")
    assert result.stdout_bytes.startswith(line[:-1] + b', "sentiment_label": ')
    assert result.stdout_bytes.endswith(b"}\n")


def test_annotating_again_replaces_the_fields(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"sentiment_label": "?", "text": "good", "id": 1}])
    (row,) = map(json.loads, annotate("in.jsonl").stdout.splitlines())
    assert list(row) == ["text", "id", *FIELDS]
    assert row["sentiment_label"] == "POSITIVE"


def test_csv_in_csv_out(annotate, tmp_path):
    (tmp_path / "in.csv").write_bytes(b'id,text\r\n1,"good,\nnew"\r\n2,bad\r\n')
    assert annotate("in.csv", "-o", "out.csv").exit_code == 0
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "text", *FIELDS]
    assert rows[1] == ["1", "good,\nnew", "POSITIVE", "0.666667", "0.333333"]


def test_standard_input_and_output_keep_the_format(annotate):
    result = annotate("-", "--input-format", "csv", input="text\ngood\n")
    assert result.stdout.splitlines()[1] == "good,POSITIVE,0.666667,0.333333"


def test_text_lines_come_out_as_jsonl(annotate):
    result = annotate("-", "--input-format", "text", input="good\n\nbad\n")
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["good", "", "bad"]


def test_jsonl_to_csv_takes_the_union_of_all_fields(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", REVIEWS)
    assert annotate("in.jsonl", "-o", "out.csv", "--batch-size", 1).exit_code == 0
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "text", "tags", *FIELDS]
    assert rows[1]["tags"] == '["x", {"y": null}]'
    assert rows[1]["id"] == ""


def test_several_tables_share_one_header(annotate, tmp_path):
    (tmp_path / "1.csv").write_text("text,a\ngood,1\n")
    (tmp_path / "2.tsv").write_text("b\ttext\n2\tbad\n")
    result = annotate("1.csv", "2.tsv", "--output-format", "csv")
    assert [line.split(",")[:3] for line in result.stdout.splitlines()] == [
        ["text", "a", "b"],
        ["good", "1", ""],
        ["bad", "", "2"],
    ]


def test_globs_and_folders_are_read_in_order(annotate, tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.txt").write_text(f"{name}\nline\n")
    rows = [json.loads(line) for line in annotate("*.txt").stdout.splitlines()]
    assert [row["text"] for row in rows] == ["a", "line", "b", "line", "c", "line"]
    rows = [json.loads(line) for line in annotate(tmp_path).stdout.splitlines()]
    assert [row["text"] for row in rows] == ["a\nline\n", "b\nline\n", "c\nline\n"]
    assert rows[0]["file"] == str(tmp_path / "a.txt")


def test_gzip_in_and_out(annotate, tmp_path):
    with gzip.open(tmp_path / "in.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(review) + "\n" for review in REVIEWS)
    assert annotate("in.jsonl.gz", "-o", "out.csv.gz", "--batch-size", 1).exit_code == 0
    assert annotate("in.jsonl.gz", "-o", "out.jsonl.gz", "--batch-size", 1).exit_code == 0
    with gzip.open(tmp_path / "out.csv.gz", "rt") as file:
        assert len(list(csv.DictReader(file))) == 3
    with gzip.open(tmp_path / "out.jsonl.gz", "rt") as file:
        assert [json.loads(line)["text"] for line in file] == [row["text"] for row in REVIEWS]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.jsonl.gz"])
def test_an_empty_corpus_gives_an_empty_output(annotate, tmp_path, name):
    (tmp_path / "in.jsonl").touch()
    assert annotate("in.jsonl", "-o", name).exit_code == 0
    content = (tmp_path / name).read_bytes()
    content = gzip.decompress(content) if name.endswith("gz") else content
    assert content.strip() == (",".join(FIELDS).encode() if name == "out.csv" else b"")


def test_entities_are_added_where_the_pipeline_sets_them(annotate, entity_model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "\ud83d a good Casablanca"}, {"text": "bad"}])
    rows = list(map(json.loads, annotate("in.jsonl", use_model=entity_model).stdout.splitlines()))
    expected = {
        **{"start": 9, "end": 19, "label": "WORK_OF_ART", "text": "Casablanca"},
        "confidence": None,
    }
    assert [row["entities"] for row in rows] == [[expected], []]
    assert rows[0]["sentiment_label"] == "POSITIVE"


def test_workers_give_the_same_bytes(annotate, start, model, tmp_path):
    reviews = [{"text": f"good film number {i} " + "bad " * (i % 3)} for i in range(500)]
    write_jsonl(tmp_path / "in.jsonl", reviews)
    annotate("in.jsonl", "-o", "one.jsonl", "--batch-size", 16)
    process = start(
        "in.jsonl", "-o", "two.jsonl", "--batch-size", 16, "--n-process", 2, "--model", model
    )
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 0, messages
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_a_pipeline_that_has_learnt_many_words_forgets_them(model, monkeypatch):
    monkeypatch.setattr(annotator, "KEPT_NEW_STRINGS", 1)
    monkeypatch.setattr(annotator, "MOST_NEW_STRINGS", 8)
    annotate = annotator.Annotator(annotator.PipelineOptions(model))
    annotate(["good kone ktwo"])
    known = len(annotate.nlp.vocab.strings)
    texts = ["good qone qtwo qthree qfour qfive qsix", "bad"]
    before = annotate(texts)
    many = len(annotate.nlp.vocab.strings)
    assert many > known + 5
    assert annotate(texts) == before
    assert len(annotate.nlp.vocab.strings) == many
    annotate(["good"])
    assert known <= len(annotate.nlp.vocab.strings) < known + 5
    assert "kone" in annotate.nlp.vocab.strings and "qone" not in annotate.nlp.vocab.strings


def test_how_many_words_it_may_learn():
    """Memory: a corpus has no end of words. Time: to forget them costs that of many documents."""
    nlp = spacy.blank("en")
    words, known = annotator.ForgottenWords(nlp), len(nlp.vocab.strings)
    for learnt, kept in ((20_000, 20_000), (40_000, 40_000), (240_000, 240_000), (400_000, 40_000)):
        for number in range(learnt):
            nlp.vocab.strings.add(f"w{number}")
        words.forget()
        assert abs(len(nlp.vocab.strings) - known - kept) < 1000


def test_the_tokenizer_remembers_what_it_reads_first():
    """In a memory zone it does not, which takes two thirds more time."""
    nlp = spacy.blank("en")
    words = annotator.ForgottenWords(nlp)
    for number in range(annotator.KEPT_NEW_STRINGS // 2):
        nlp.vocab.strings.add(f"w{number}")
    words.forget()
    assert not nlp.vocab.in_memory_zone


def test_progress_in_a_log(annotate, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LOG_LINES", 0)
    write_jsonl(tmp_path / "in.jsonl", REVIEWS[:2] * 50)
    lines = annotate("in.jsonl", "-o", "out.jsonl", "--batch-size", 50).stderr.splitlines()
    assert re.fullmatch(r"\d+%, 50 documents, [\d,.e+]+/s, 50% positive, \d\d:\d\d left", lines[0])
    assert lines[1].startswith("100%, 100 documents, ")


def test_progress_on_a_terminal(environment, model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", REVIEWS[:2] * 500)
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    terminal, stderr = os.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    command = ["annotate", "in.jsonl", "-o", "out.jsonl", "--batch-size", "5", "--model", model]
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *command], env=environment, cwd=tmp_path, stderr=stderr
    )
    os.close(stderr)
    shown = b""
    with suppress(OSError):  # how a terminal ends
        while part := os.read(terminal, 1000):
            shown += part
    assert process.wait(timeout=30) == 0
    assert re.search(rb"\d+% \|.*\| \d\d:\d\d left, \d+ documents, .*/s, \d+% positive", shown)


def test_the_summary_is_on_standard_error(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", REVIEWS)
    lines = annotate("in.jsonl", "-o", "out.jsonl").stderr.splitlines()
    assert lines[0].split() == ["read", "3"]
    assert lines[1].split() == ["written", "3", "out.jsonl"]
    assert lines[3].split() == ["positive", "1", "33.3%"]
    assert "documents/s" in lines[-1]
    assert annotate("in.jsonl", "-o", "out.jsonl", "--quiet", "--overwrite").stderr == ""


class TestErrors:
    BAD = '{"text": "good"}\n{"text": 1}\n{"text": "XXRAISE"}\n{"text": "bad"}\nnot json\n'

    def test_stop_leaves_no_output(self, annotate, tmp_path):
        (tmp_path / "in.jsonl").write_text(self.BAD)
        result = annotate("in.jsonl", "-o", "out.jsonl")
        assert result.exit_code == 1
        assert result.stderr.splitlines()[0].startswith(
            'Error: in.jsonl:2: field "text" is a number, not a string'
        )
        assert not (tmp_path / "out.jsonl").exists()

    def test_skip_sets_aside_and_the_counts_add_up(self, annotate, tmp_path):
        (tmp_path / "in.jsonl").write_text(self.BAD)
        result = annotate("in.jsonl", "-o", "out.jsonl", "--errors", "skip")
        assert result.exit_code == 0
        counts = {line.split()[0]: line.split()[1] for line in result.stderr.splitlines()}
        assert (counts["read"], counts["written"], counts["rejected"]) == ("5", "2", "3")
        assert [row["text"] for row in read_jsonl(tmp_path / "out.jsonl")] == ["good", "bad"]
        rejects = read_jsonl(tmp_path / "out.jsonl.rejects.jsonl")
        assert [(row["file"], row["line"], row["raw"]) for row in rejects] == [
            ("in.jsonl", 2, '{"text": 1}'),
            ("in.jsonl", 3, '{"text": "XXRAISE"}'),
            ("in.jsonl", 5, "not json"),
        ]
        assert "told to raise" in rejects[1]["reason"]

    def test_a_clean_run_removes_the_rejects_of_an_earlier_one(self, annotate, tmp_path):
        (tmp_path / "in.jsonl").write_text(self.BAD)
        annotate("in.jsonl", "-o", "out.jsonl", "--errors", "skip")
        write_jsonl(tmp_path / "in.jsonl", REVIEWS)
        annotate("in.jsonl", "-o", "out.jsonl", "--errors", "skip", "--overwrite")
        assert not (tmp_path / "out.jsonl.rejects.jsonl").exists()

    def test_after_a_stop_skip_goes_on(self, annotate, tmp_path):
        (tmp_path / "in.jsonl").write_text(self.BAD)
        annotate("in.jsonl", "-o", "out.jsonl", "--batch-size", 1)
        result = annotate("in.jsonl", "-o", "out.jsonl", "--batch-size", 1, "--errors", "skip")
        assert "resumed" in result.stderr
        assert len(read_jsonl(tmp_path / "out.jsonl")) == 2

    def test_on_standard_output_rejected_records_are_told(self, annotate):
        result = annotate("-", "--errors", "skip", input=self.BAD)
        assert len(result.stdout.splitlines()) == 2
        assert "skipped standard input:5: not JSON" in result.stderr

    def test_bytes_that_are_not_utf8_are_kept_as_base64(self, annotate, tmp_path):
        (tmp_path / "in.txt").write_bytes(b"good\ncaf\xe9\n")
        annotate("in.txt", "-o", "out.jsonl", "--errors", "skip", "--rejects", "bad.jsonl")
        (rejected,) = read_jsonl(tmp_path / "bad.jsonl")
        assert rejected["raw_base64"] == "Y2Fm6Q=="

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["nowhere.jsonl"], "nowhere.jsonl: no such file or folder"),
            (["*.nothing"], "*.nothing: no file matches"),
            (["in.bin"], "in.bin: the name does not tell the format"),
            (["in.jsonl", "-o", "out.bin"], "out.bin: the name does not tell the format"),
            (["in.jsonl", "-o", "out.txt"], "plain text has no room"),
            (["in.jsonl", "-o", "in.jsonl"], "in.jsonl is an input and would be overwritten"),
            (["in.jsonl", "-o", "no/out.jsonl"], "no: no such folder"),
            (["in.jsonl", "-o", "o.jsonl", "--report", "./o.jsonl"], "o.jsonl is named twice"),
            (["in.jsonl", "-o", "o.jsonl", "--report", "-"], "--report needs the name of a file"),
            (["in.jsonl", "-o", "o.jsonl", "--rejects", "o.jsonl"], "o.jsonl is named twice"),
            (["in.jsonl", "-o", "folder.jsonl"], "folder.jsonl is a folder"),
            (["folder.jsonl"], "no .txt"),
        ],
    )
    def test_wrong_arguments_get_one_line(self, annotate, tmp_path, arguments, message):
        write_jsonl(tmp_path / "in.jsonl", REVIEWS)
        (tmp_path / "in.bin").touch()
        (tmp_path / "folder.jsonl").mkdir()
        result = annotate(*arguments)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert message in result.stderr

    @pytest.mark.parametrize("bad", ["no-such-package", "no/such/folder", "."])
    def test_a_model_that_cannot_be_loaded(self, annotate, tmp_path, bad):
        write_jsonl(tmp_path / "in.jsonl", REVIEWS)
        for more in ([], ["-o", "out.jsonl"]):
            result = annotate("in.jsonl", *more, use_model=bad)
            assert result.exit_code == 1
            assert len(result.stderr.splitlines()) == 1
            assert result.stderr.startswith("Error: ")

    def test_a_pipeline_without_sentiment(self, annotate, tmp_path):
        import spacy

        spacy.blank("en").to_disk(tmp_path / "blank")
        write_jsonl(tmp_path / "in.jsonl", REVIEWS)
        result = annotate("in.jsonl", use_model=tmp_path / "blank")
        assert "has neither brnn_sentiment nor" in result.stderr

    def test_several_labels_a_text_are_one_component_s_and_no_other_s(self, annotate, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", REVIEWS)

        def run(folder, labels, *more, sentiment=False):
            nlp = spacy.blank("en")
            for name, label in labels.items():
                nlp.add_pipe("textcat_multilabel", name=name).add_label(label)
            examples = [Example.from_dict(nlp.make_doc("a film"), {"cats": {}})]
            nlp.initialize(lambda: examples)
            if sentiment:
                nlp.add_pipe("brnn_sentiment")
            nlp.to_disk(tmp_path / folder)
            return annotate("in.jsonl", *more, use_model=tmp_path / folder)

        one = run("one", {"topics": "plot"})
        rows = [json.loads(line) for line in one.stdout.splitlines()]
        assert rows[0]["textcat_scores"]["plot"] > 0 and "sentiment_label" not in rows[0]
        # The empty text beside others, of which spaCy's component makes up something.
        assert (rows[2]["textcat_labels"], rows[2]["textcat_scores"]) == ([], {"plot": 0.0})
        message = run("no_evidence", {"topics": "plot"}, "--evidence").stderr
        assert message == "Error: the pipeline has no brnn_sentiment; leave --evidence out\n"
        two = run("two", {"topics": "plot", "moods": "sad"}).stderr
        assert "has 2 textcat_multilabel (topics, moods): annotate with a pipeline of one" in two
        both = run("both", {"topics": "plot"}, sentiment=True)
        assert {*FIELDS, "textcat_labels"} <= json.loads(both.stdout.splitlines()[0]).keys()
        shared = run("shared", {"topics": "POSITIVE"}, sentiment=True).stderr
        assert "the label POSITIVE twice, in 'brnn_sentiment' and 'topics'" in shared
