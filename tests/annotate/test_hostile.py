"""Input and surroundings at their worst: a right result, or one clear line."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys

import pytest

from .conftest import read_jsonl, write_jsonl

GOOD = b'{"text": "good"}\n'


def one_line(result):
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\0", "a\0b good", "\ud83d", "\ufeffgood", "é\u2028x"]
)
@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.jsonl.gz"])
def test_any_text_gets_an_annotation(annotate, tmp_path, text, name):
    if name == "out.csv" and "\0" in text and sys.version_info < (3, 11):
        pytest.skip("the csv module reads no NUL bytes before Python 3.11")
    write_jsonl(tmp_path / "in.jsonl", [{"text": text}, {"text": "good"}])
    result = annotate("in.jsonl", "-o", name)
    assert result.exit_code == 0, result.stderr
    content = (tmp_path / name).read_bytes()
    content = gzip.decompress(content) if name.endswith("gz") else content
    if name == "out.csv":
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    else:
        rows = [json.loads(line) for line in content.splitlines()]
    assert len(rows) == 2
    assert rows[0]["text"] == (text.replace("\ud83d", "\ufffd") if name == "out.csv" else text)
    assert rows[1]["sentiment_label"] == "POSITIVE"


def test_a_very_long_line(annotate, tmp_path):
    other = {"text": "good", "padding": "x" * 50_000_000}
    write_jsonl(tmp_path / "in.jsonl", [other, {"text": "bad"}])
    assert annotate("in.jsonl", "-o", "out.jsonl").exit_code == 0
    first, second = read_jsonl(tmp_path / "out.jsonl")
    assert len(first["padding"]) == 50_000_000
    assert second["sentiment_label"] == "NEGATIVE"


def test_a_text_beyond_max_length_is_annotated_whole(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "film " * 200_001 + "good"}])
    (row,) = map(json.loads, annotate("in.jsonl").stdout.splitlines())
    assert row["sentiment_polarity"] > 0


def test_a_text_beyond_max_length_is_rejected_where_memory_would_not_do(annotate, tmp_path):
    import lexicon_standin  # noqa: F401
    import spacy

    nlp = spacy.blank("en", config={})
    nlp.add_pipe("lexicon_standin")
    nlp.add_pipe("ner").add_label("X")
    nlp.initialize()
    nlp.to_disk(tmp_path / "model")
    write_jsonl(tmp_path / "in.jsonl", [{"text": "film " * 200_001}, {"text": "good"}])
    result = annotate("in.jsonl", use_model=tmp_path / "model")
    assert "1,000,005 characters are more than the pipeline's max_length" in one_line(result)


def test_duplicate_ids_and_keys_are_kept(annotate, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(b'{"id":1,"id":2,"text":"good"}\n{"id":1,"text":"bad"}\n')
    lines = annotate("in.jsonl").stdout.splitlines()
    assert lines[0].startswith('{"id":1,"id":2,"text":"good", ')
    assert len(lines) == 2


class TestUnreadableFiles:
    @pytest.fixture(params=["missing", "cut off", "not gzip"])
    def inputs(self, request, tmp_path):
        (tmp_path / "1.jsonl").write_bytes(GOOD)
        (tmp_path / "3.jsonl").write_bytes(GOOD)
        if request.param == "missing":
            os.symlink("nowhere", tmp_path / "2.jsonl")
            return ["1.jsonl", "2.jsonl", "3.jsonl"], "2.jsonl", 0
        content = gzip.compress(b"".join(b'{"text": "%x"}\n' % (i**9) for i in range(3000)))
        content = content[: len(content) // 2] if request.param == "cut off" else GOOD
        (tmp_path / "2.jsonl.gz").write_bytes(content)
        return ["1.jsonl", "2.jsonl.gz", "3.jsonl"], "2.jsonl.gz", None

    def test_stop(self, annotate, inputs, tmp_path):
        names, bad, _ = inputs
        result = annotate(*names, "-o", "out.jsonl")
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {bad}:")
        assert not (tmp_path / "out.jsonl").exists()

    def test_skip(self, annotate, inputs, tmp_path):
        names, bad, _ = inputs
        result = annotate(*names, "-o", "out.jsonl", "--errors", "skip")
        assert result.exit_code == 1
        assert f"Error: {bad}" in result.stderr.splitlines()[-1]
        (rejected,) = read_jsonl(tmp_path / "out.jsonl.rejects.jsonl")
        assert rejected["file"] == bad
        assert "cannot be read from here on" in rejected["reason"]
        counts = [int(line.split()[1].replace(",", "")) for line in result.stderr.splitlines()[:3]]
        assert counts[0] == counts[1] + counts[2]
        assert [row["text"] for row in read_jsonl(tmp_path / "out.jsonl")][-1] == "good"


def test_a_bad_header_in_one_of_several_tables(annotate, tmp_path):
    (tmp_path / "1.csv").write_text("id,text\n1,good\n")
    (tmp_path / "2.csv").write_text("id,txt\n1,good\n")
    assert 'Error: 2.csv:1: no field "text" (fields: id, txt)' in annotate("1.csv", "2.csv").stderr
    annotate("1.csv", "2.csv", "-o", "out.csv", "--errors", "skip")
    (rejected,) = read_jsonl(tmp_path / "out.csv.rejects.jsonl")
    assert (rejected["file"], rejected["raw"]) == ("2.csv", "id,txt")


@pytest.mark.parametrize("output", ["in.jsonl", "link.jsonl", "./in.jsonl"])
def test_the_output_is_an_input(annotate, tmp_path, output):
    (tmp_path / "in.jsonl").write_bytes(GOOD)
    os.symlink("in.jsonl", tmp_path / "link.jsonl")
    assert "is an input and would be overwritten" in one_line(annotate("in.jsonl", "-o", output))
    assert (tmp_path / "in.jsonl").read_bytes() == GOOD


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_the_output_is_a_pipe(annotate, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(GOOD)
    os.mkfifo(tmp_path / "out.jsonl")
    result = annotate("in.jsonl", "-o", "out.jsonl", "--overwrite")
    assert "out.jsonl is a pipe or a device" in one_line(result)
    assert (tmp_path / "out.jsonl").is_fifo()


def test_a_link_is_not_replaced(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "good"}])
    (tmp_path / "out.jsonl").symlink_to("elsewhere.jsonl")
    result = annotate("in.jsonl", "-o", "out.jsonl", "--overwrite")
    assert "elsewhere.jsonl, and a file would replace it" in one_line(result)
    assert (tmp_path / "out.jsonl").is_symlink()


def test_the_rejects_file_is_an_input(annotate, tmp_path):
    (tmp_path / "out.jsonl.rejects.jsonl").write_bytes(GOOD)
    result = annotate("*.jsonl", "-o", "out.jsonl")
    assert "is an input and would be overwritten" in one_line(result)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder nobody may write to")
def test_a_folder_that_is_not_writable(annotate, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(GOOD)
    for output in ("/proc/out.jsonl", "in.jsonl/out.jsonl"):
        result = annotate("in.jsonl", "-o", output)
        assert one_line(result).startswith("Error: ")


def test_a_pipe_that_closes_early(start, model, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(GOOD * 20_000)
    process = start("in.jsonl", "--model", model, "--n-process", "1", stdin=subprocess.DEVNULL)
    assert process.stdout.readline().startswith(b'{"text": "good", "sent')
    process.stdout.close()
    messages = process.stderr.read().decode()
    assert process.wait(timeout=30) == 141
    assert messages == "Stopped: standard output was closed\n"


def test_standard_input_that_is_empty(annotate):
    result = annotate("-", "--quiet", input="")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "Warning: no record in standard input: nothing was annotated\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("in.jsonl", ""), ("in.jsonl", "\n \n"), ("in.json", "[]"), ("in.csv", "id,text\n"),
     ("in.csv", ""), ("in.txt", "")],
)  # fmt: skip
def test_an_input_without_records_is_said_and_is_no_failure(annotate, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    result = annotate(name, "-o", "out.jsonl")
    assert result.exit_code == 0
    assert result.stderr.startswith(f"Warning: no record in {name}: nothing was annotated\nread ")
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_beside_records_a_file_without_any_is_no_matter(annotate, tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "b.jsonl").write_bytes(GOOD)
    assert "Warning" not in annotate("a.jsonl", "b.jsonl", "-o", "out.jsonl").stderr
