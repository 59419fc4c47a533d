"""Faults that people met, one by one: each was seen failing before it was mended."""

import bz2
import codecs
import csv
import gzip
import io
import json
import lzma
import os
import subprocess
import sys

import pytest
import spacy
from click.testing import CliRunner
from spacy.language import Language

from spacy_brnn.annotate import annotator, workers
from spacy_brnn.cli import main

from .conftest import read_jsonl, write_jsonl

GOOD = [{"text": "good"}, {"text": "bad"}]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestFilesThatEndEarly:
    @pytest.mark.parametrize("name", ["in.jsonl", "in.csv", "in.txt", "in.json"])
    @pytest.mark.parametrize("packing", ["zst", "gz"])
    def test_it_is_told(self, annotate, tmp_path, name, packing):
        lines = [f"good {i**90}" for i in range(1500)]
        if name == "in.jsonl":
            lines = [json.dumps({"text": line}) for line in lines]
        if name == "in.json":
            lines = [json.dumps([{"text": line} for line in lines])]
        content = "\n".join(["text", *lines] if name == "in.csv" else lines).encode()
        if packing == "zst":
            zstandard = pytest.importorskip("zstandard")
            packed = zstandard.ZstdCompressor().compress(content)
        else:
            packed = gzip.compress(content)
        (tmp_path / f"{name}.{packing}").write_bytes(packed[: len(packed) // 2])
        result = annotate(f"{name}.{packing}", "-o", "out.jsonl", "--quiet")
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {name}.{packing}")
        assert "cannot be read from here on: Compressed file ended before" in result.stderr
        result = annotate(f"{name}.{packing}", "-o", "out.jsonl", "--errors", "skip", "--quiet")
        assert result.exit_code == 1
        assert f"Error: {name}.{packing}" in result.stderr
        assert "ended before" in result.stderr
        assert "the output lacks what follows" in result.stderr
        rejects = read_jsonl(tmp_path / "out.jsonl.rejects.jsonl")
        assert [row["file"] for row in rejects] == [f"{name}.{packing}"]
        assert "ended before" in rejects[0]["reason"]
        assert (tmp_path / "out.jsonl").read_text().count("\n") > 100

    @pytest.mark.parametrize("name", ["in.json", "in.parquet", "in.spacy"])
    def test_uncompressed_ones_too(self, annotate, tmp_path, name):
        rows = [{"text": f"good {n}"} for n in range(30)]
        write_jsonl(tmp_path / "rows.jsonl", rows)
        assert annotate("rows.jsonl", "-o", name).exit_code == 0
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-40])
        command = (name, "rows.jsonl", "-o", "out.jsonl", "--errors", "skip", "--quiet")
        result = annotate(*command)
        assert result.exit_code == 1
        assert f"Error: {name}" in result.stderr
        assert len(read_jsonl(tmp_path / "out.jsonl.rejects.jsonl")) == 1
        assert len(read_jsonl(tmp_path / "out.jsonl")) >= len(rows)


class TestAFailedStart:
    def test_the_field_may_be_named_after_all(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_text("review\ngood\n")
        result = annotate("in.csv", "-o", "out.csv")
        assert 'no field "text" (fields: review); name it with --text-field' in result.stderr
        assert names(tmp_path) == ["in.csv"]
        result = annotate("in.csv", "-o", "out.csv", "--text-field", "review")
        assert result.exit_code == 0, result.stderr

    def test_nothing_stays_behind(self, annotate, tmp_path, monkeypatch):
        write_jsonl(tmp_path / "in.jsonl", GOOD)
        spacy.blank("en").to_disk(tmp_path / "blank")
        (tmp_path / "folder").mkdir()
        monkeypatch.setattr(spacy, "require_gpu", no_gpu)
        before = names(tmp_path)
        for more in (
            ["blank"],
            ["folder"],
            ["--gpu-id", 0],
            ["--report", "folder"],
            ["--errors", "skip", "--rejects", "folder"],
            ["--encoding", "no-such"],
            ["--delimiter", "ab"],
        ):
            options = [] if len(more) == 1 else more
            chosen = {"use_model": more[0]} if len(more) == 1 else {}
            result = annotate("in.jsonl", "-o", "out.jsonl", *options, **chosen)
            assert result.exit_code == 1, more
            assert len(result.stderr.splitlines()) == 1
            assert names(tmp_path) == before, more
        assert annotate("in.jsonl", "-o", "out.jsonl").exit_code == 0

    def test_a_folder_for_a_report_is_told_first(self, annotate, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", GOOD)
        (tmp_path / "folder").mkdir()
        result = annotate("in.jsonl", "-o", "out.jsonl", "--report", "folder")
        assert result.stderr == "Error: folder is a folder; name a file\n"

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            (["--rejects", "r.jsonl"], "--rejects needs --errors skip"),
            (["--ray-address", "auto"], "--ray-address needs --engine ray"),
        ],
    )
    def test_options_that_would_do_nothing_are_refused(self, annotate, tmp_path, more, message):
        write_jsonl(tmp_path / "in.jsonl", GOOD)
        result = annotate("in.jsonl", "-o", "out.jsonl", *more)
        assert result.exit_code == 1
        assert message in result.stderr


def no_gpu(gpu_id):
    raise ValueError("no GPU here")


class TestFilesThatAreThere:
    @pytest.mark.parametrize("name", ["out.jsonl", "notes.txt", "report.html"])
    def test_they_are_kept_unless_asked(self, annotate, tmp_path, name):
        write_jsonl(tmp_path / "in.jsonl", GOOD)
        (tmp_path / name).write_text("mine")
        command = (
            "in.jsonl", "-o", "out.jsonl", "--errors", "skip", "--rejects", "notes.txt",
            "--report", "report.html",
        )  # fmt: skip
        result = annotate(*command)
        assert result.exit_code == 1
        assert f"Error: {name} exists;" in result.stderr
        assert "--overwrite" in result.stderr
        assert (tmp_path / name).read_text() == "mine"
        assert names(tmp_path) == sorted(["in.jsonl", name])
        assert annotate(*command, "--overwrite").exit_code == 0
        assert (tmp_path / name).read_text() != "mine"
        assert names(tmp_path) == ["in.jsonl", "notes.txt", "out.jsonl", "report.html"]

    def test_a_rejects_file_of_another_run_is_not_deleted(self, annotate, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", GOOD)
        (tmp_path / "out.jsonl.rejects.jsonl").write_text("mine")
        assert annotate("in.jsonl", "-o", "out.jsonl").exit_code == 0
        assert (tmp_path / "out.jsonl.rejects.jsonl").read_text() == "mine"


def test_nothing_written_is_a_failure(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "XXRAISE"}] * 3)
    for output in ("out.jsonl", "-"):
        result = annotate("in.jsonl", "-o", output, "--errors", "skip")
        assert result.exit_code == 1
        assert "nothing was written: all of 3 records were rejected" in result.stderr
        assert "in.jsonl:1: the pipeline failed: RuntimeError: told to raise" in result.stderr
    assert names(tmp_path) == ["in.jsonl"]


@Language.factory("three_moods", assigns=["doc.cats", "doc._.sentiment"])
class ThreeMoods:
    """Labels of its own, that have no place on the scale of polarity."""

    def __init__(self, nlp, name):
        from spacy_brnn.pipeline.extensions import register_extensions

        register_extensions("sentiment")

    def __call__(self, doc):
        from spacy_brnn.pipeline.extensions import _polarities_key

        first = doc[0].text
        doc.cats = {name: float(name == first) for name in ("joy", "anger", "fear")}
        doc.user_data[_polarities_key("sentiment")] = dict.fromkeys(doc.cats, 0.0)
        return doc


@pytest.fixture
def moods(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moods") / "model"
    nlp = spacy.blank("en")
    nlp.add_pipe("three_moods")
    nlp.to_disk(folder)
    return folder


def test_the_labels_of_the_model_are_counted(annotate, moods, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": t} for t in ("joy a", "anger", "joy b", "fear")])
    command = ("in.jsonl", "-o", "out.jsonl", "--report", "report.html")
    result = annotate(*command, use_model=moods)
    assert result.exit_code == 0, result.stderr
    rows = [line.split() for line in result.stderr.splitlines()[3:6]]
    assert rows == [["anger", "1", "25.0%"], ["fear", "1", "25.0%"], ["joy", "2", "50.0%"]]
    assert "neutral" not in result.stderr
    page = (tmp_path / "report.html").read_text()
    assert "<dt>joy</dt><dd>50.0%</dd>" in page
    assert "1 anger, 1 fear, 2 joy" in page


class TestFilesThatPeopleHave:
    def table(self, annotate, content, *more, name="in.csv"):
        with open(name, "wb") as file:
            file.write(content)
        result = annotate(name, "-o", "out.csv", "--overwrite", *more)
        assert result.exit_code == 0, result.stderr
        with open("out.csv", "rb") as file:
            return file.read()

    def test_semicolons_are_seen_and_kept(self, annotate):
        assert self.table(annotate, b"id;text\n1;good, or not\n") == (
            b"id;text;sentiment_label;sentiment_score;sentiment_polarity\n"
            b"1;good, or not;POSITIVE;0.666667;0.333333\n"
        )

    def test_the_line_that_excel_reads_the_separator_from(self, annotate, tmp_path):
        self.table(annotate, b"sep=;\r\nid;text\r\n1;good\r\n")
        assert annotate("out.csv").stdout.startswith("id;text;")
        (tmp_path / "in.csv").write_bytes(b"sep=;\nid;text\n1;good\n2\n")
        assert "Error: in.csv:4: the row has 1 fields" in annotate("in.csv").stderr

    def test_a_separator_that_cannot_be_told(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_bytes(b"id:text\n1:good\n")
        assert "--delimiter" in annotate("in.csv").stderr
        assert b"1:good:POSITIVE" in self.table(annotate, b"id:text\n1:good\n", "--delimiter", ":")

    def test_tables_without_a_header(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_bytes(b"1,good\n2,bad\n")
        assert "--no-header" in annotate("in.csv").stderr
        out = self.table(annotate, b"1,good\n2,bad\n", "--no-header", "--text-field", 2)
        assert out == b"1,good,POSITIVE,0.666667,0.333333\n2,bad,NEGATIVE,0.666667,-0.333333\n"
        assert self.table(annotate, b"good\n", "--no-header").startswith(b"good,POSITIVE")
        (tmp_path / "in.csv").write_bytes(b"1,good\n2,bad\n")
        result = annotate("in.csv", "--no-header")
        assert 'no field "text" (fields: 1, 2); name it with --text-field' in result.stderr

    def test_latin_1(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_bytes("text\nbon café, good\n".encode("latin-1"))
        assert "--encoding" in annotate("in.csv").stderr
        content = "text\ncafé good\n".encode("latin-1")
        out = self.table(annotate, content, "--encoding", "latin-1")
        assert "café good,POSITIVE".encode() in out

    @pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.txt", "in.json"])
    @pytest.mark.parametrize("order", ["le", "be"])
    def test_utf_16(self, annotate, tmp_path, name, order):
        texts = {"in.csv": "text\ngood é\u2028\n", "in.txt": "good é\u2028\n"}
        content = texts.get(name, json.dumps({"text": "good é\u2028"}) + "\n")
        mark = codecs.BOM_UTF16_LE if order == "le" else codecs.BOM_UTF16_BE
        plain = content.encode(f"utf-16-{order}")
        (tmp_path / name).write_bytes(mark + plain)
        result = annotate(name, "--output-format", "jsonl")
        assert result.exit_code == 0, result.stderr
        (row,) = map(json.loads, result.stdout.split("\n")[:-1])
        assert (row["text"], row["sentiment_label"]) == ("good é\u2028", "POSITIVE")
        (tmp_path / name).write_bytes(plain)
        message = annotate(name).stderr
        assert f"--encoding utf-16-{order}" in message
        assert "\0" not in message
        named = annotate(name, "--output-format", "jsonl", "--encoding", f"utf-16-{order}")
        assert named.stdout == result.stdout

    def test_a_byte_order_mark_comes_back_in_tables(self, annotate):
        out = self.table(annotate, b"\xef\xbb\xbftext\ngood\n")
        assert out.startswith(b"\xef\xbb\xbftext,sentiment_label")
        assert self.table(annotate, b"text\ngood\n").startswith(b"text,")

    @pytest.mark.parametrize(
        ("start", "message"),
        [
            (b"PK\x03\x04\x14\0\6\0", "save the sheet as CSV"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1", "save the sheet as CSV"),
            (b"%PDF-1.7\n", "a PDF"),
            (bz2.compress(b"text\ngood\n"), "compressed by bzip2"),
            (lzma.compress(b"text\ngood\n"), "compressed by xz"),
        ],
    )
    @pytest.mark.parametrize("more", [(), ("--encoding", "latin-1")])
    def test_what_is_no_text_is_told_by_what_it_is(self, annotate, tmp_path, start, message, more):
        (tmp_path / "in.csv").write_bytes(start)
        assert message in annotate("in.csv", *more).stderr

    def test_a_spreadsheet_is_told_by_its_name(self, annotate, tmp_path):
        (tmp_path / "in.xls").write_bytes(b"text\tn\ngood\t1\n")  # Such files are about.
        message = annotate("in.xls").stderr
        assert "save the sheet as CSV" in message
        assert annotate("in.xls", "--input-format", "tsv").exit_code == 0

    def test_lines_of_an_old_mac(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_bytes(b"text,n\rgood,1\r")
        assert r"tr '\r' '\n'" in annotate("in.csv").stderr

    @pytest.mark.parametrize("delimiter", [",", "\t"])
    def test_quotation_marks_of_the_text(self, annotate, tmp_path, delimiter):
        content = 'id,text\n1,"good" film\n2,bad "film\n3,"not closed\n'.replace(",", delimiter)
        name = "in.csv" if delimiter == "," else "in.tsv"
        (tmp_path / name).write_text(content)
        assert "--no-quotes" in annotate(name).stderr
        command = (name, "-o", "out.jsonl", "--no-quotes")
        assert annotate(*command).exit_code == 0
        texts = [row["text"] for row in read_jsonl(tmp_path / "out.jsonl")]
        assert texts == ['"good" film', 'bad "film', '"not closed']

    def test_quotation_marks_that_are_never_closed(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_text('id,text\n1,"good\n2,bad\n')
        message = annotate("in.csv").stderr
        assert "in.csv:2: not readable as a table row" in message
        assert "--no-quotes" in message

    def test_a_delimiter_in_a_cell(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_text("id,text\n1,good, really\n")
        assert "a cell with ',' in it needs quotation marks" in annotate("in.csv").stderr

    def test_columns_without_a_name(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_text("id,text,,\n1,good,,\n")
        assert "columns without a name in the header" in annotate("in.csv").stderr
        assert "id,text,,sentiment_label" in self.table(annotate, b"id,text,\n1,good,\n").decode()

    def test_a_field_with_white_space_in_its_name(self, annotate, tmp_path):
        (tmp_path / "in.csv").write_text("id, text\n1,good\n")
        assert '(fields: id, " text")' in annotate("in.csv").stderr
        assert annotate("in.csv", "--text-field", " text").exit_code == 0

    def test_objects_over_several_lines(self, annotate, tmp_path):
        (tmp_path / "in.jsonl").write_text(json.dumps({"text": "good"}, indent=1) * 2)
        assert "add --input-format json" in annotate("in.jsonl").stderr
        assert annotate("in.jsonl", "--input-format", "json").stdout.count("good") == 2

    @pytest.mark.parametrize(
        "columns", [{"text": {"0": "good", "1": "bad"}}, {"text": ["good"], "n": [1]}]
    )
    def test_json_by_columns(self, annotate, tmp_path, columns):
        (tmp_path / "in.json").write_text(json.dumps(columns))
        message = annotate("in.json").stderr
        assert "written by columns" in message and "records" in message
        (tmp_path / "in.json").write_text(json.dumps({"text": {"a": "good"}, "n": 1}))
        assert "written by columns" not in annotate("in.json").stderr

    def test_json_in_an_envelope(self, annotate, tmp_path):
        (tmp_path / "in.json").write_text(json.dumps({"data": [{"text": "good"}]}))
        message = annotate("in.json").stderr
        assert 'the records are in its list "data"' in message and "by columns" not in message

    def test_json_of_strings(self, annotate, tmp_path):
        (tmp_path / "in.json").write_text('["good"]')
        assert 'not a JSON object but a string; a text by itself is written {"text": "..."}' in (
            annotate("in.json").stderr
        )

    @pytest.mark.parametrize("indent", [None, 2])
    def test_a_json_array(self, annotate, tmp_path, indent):
        rows = [{"text": "good", "n": 1.5, "more": {"a": [1]}}, {"text": "bad ] } ,"}]
        (tmp_path / "in.json").write_text(json.dumps(rows * 500, indent=indent))
        assert annotate("in.json", "-o", "out.json").exit_code == 0
        written = json.loads((tmp_path / "out.json").read_text())
        assert [{k: v for k, v in row.items() if k in rows[0]} for row in written] == rows * 500
        (tmp_path / "in.jsonl").write_text(json.dumps(rows))
        assert "add --input-format json" in annotate("in.jsonl").stderr
        assert annotate("in.jsonl", "--input-format", "json").exit_code == 0

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b'[{"text": "good"}, {"text": ', "not JSON"),
            (b'[{"text": "good"}', "the file ends inside of its array"),
            (b'[{"text": "good"}] and more', "not JSON"),
            (b'[{"text": "good"}, 3]', "not a JSON object but a number"),
            (b'[{"text": "good"}, {"body": "x"}]', 'no field "text"'),
        ],
    )
    def test_a_bad_json_array(self, annotate, tmp_path, content, message):
        (tmp_path / "in.json").write_bytes(content)
        assert f"Error: in.json, record 2: {message}" in annotate("in.json").stderr

    def test_json_arrays_in_a_row(self, annotate, tmp_path):
        (tmp_path / "in.json").write_text('[{"text": "good"}]\n[{"text": "bad"}] {"text": "good"}')
        rows = json.loads(annotate("in.json").stdout)
        assert [row["text"] for row in rows] == ["good", "bad", "good"]

    def test_one_json_object_over_several_lines(self, annotate, tmp_path):
        (tmp_path / "in.json").write_text(json.dumps(GOOD[0], indent=2))
        assert json.loads(annotate("in.json").stdout)[0]["sentiment_label"] == "POSITIVE"

    def test_nested_fields(self, annotate, tmp_path):
        record = {"review": {"body": "good"}, "id": 1}
        write_jsonl(tmp_path / "in.jsonl", [record])
        result = annotate("in.jsonl", "--text-field", "review.body")
        row = json.loads(result.stdout)
        assert {k: row[k] for k in record} == record
        assert row["sentiment_label"] == "POSITIVE"
        missing = annotate("in.jsonl", "--text-field", "review.text").stderr
        assert 'no field "review.text" (fields: review, id)' in missing
        pq = pytest.importorskip("pyarrow.parquet")
        pa = pytest.importorskip("pyarrow")
        pq.write_table(pa.Table.from_pylist([record]), tmp_path / "in.parquet")
        result = annotate("in.parquet", "--text-field", "review.body")
        assert json.loads(result.stdout)["sentiment_label"] == "POSITIVE"

    @pytest.mark.parametrize("name", ["in.jsonl", "in.csv", "in.csv.zst"])
    def test_gzip_without_its_suffix(self, annotate, tmp_path, name):
        content = b"text\ngood\n" if ".csv" in name else b'{"text": "good"}\n'
        (tmp_path / name).write_bytes(gzip.compress(content))
        result = annotate(name)
        assert result.exit_code == 0, result.stderr
        assert "POSITIVE" in result.stdout

    def test_a_folder_of_one_format(self, annotate, tmp_path):
        (tmp_path / "reviews").mkdir()
        write_jsonl(tmp_path / "reviews" / "a.jsonl", GOOD)
        assert len(annotate("reviews").stdout.splitlines()) == 2
        (tmp_path / "reviews" / "b.csv").write_text("text\ngood\n")
        message = annotate("reviews").stderr
        assert "1 jsonl, 1 csv" in message
        assert "--input-format" in message
        assert len(annotate("reviews", "--input-format", "jsonl").stdout.splitlines()) == 2

    def test_hidden_files_of_a_folder_are_left_out(self, annotate, tmp_path):
        """As a notebook's copies are, and what macOS puts beside each file on another disk."""
        for place in ("reviews", "reviews/.ipynb_checkpoints", "reviews/more"):
            (tmp_path / place).mkdir()
            write_jsonl(tmp_path / place / "a.jsonl", GOOD)
        (tmp_path / "reviews" / "._a.jsonl").write_bytes(b"\0\5\x16\7")
        assert len(annotate("reviews").stdout.splitlines()) == 2 * len(GOOD)
        assert len(annotate("reviews/.ipynb_checkpoints").stdout.splitlines()) == len(GOOD)


def test_a_web_address_is_told_what_to_do(annotate):
    message = annotate("https://example.org/reviews.csv").stderr
    assert "download the file, or pipe it" in message


def test_plain_text_on_standard_input_is_told_what_to_add(annotate):
    assert "add --input-format text" in annotate("-", input="A fine film.\n").stderr
    table = "text\nA fine film.\n"
    assert "a table, --input-format csv" in annotate("-", input=table).stderr
    lines = annotate("-", "--input-format", "csv", input=table).stdout.splitlines()
    assert lines[0].startswith("text,sentiment_label") and lines[1].startswith("A fine film.,")


class TestChangedInputs:
    @pytest.fixture
    def unfinished(self, annotate, tmp_path):
        write_jsonl(tmp_path / "a.jsonl", GOOD)
        (tmp_path / "b.jsonl").write_text("not json\n")
        command = ("a.jsonl", "b.jsonl", "-o", "out.jsonl", "--batch-size", 1)
        assert annotate(*command).exit_code == 1
        assert (tmp_path / "out.jsonl.partial").exists()
        return command

    def test_the_one_that_changed_is_named(self, annotate, unfinished, tmp_path):
        write_jsonl(tmp_path / "b.jsonl", GOOD)
        message = annotate(*unfinished).stderr
        assert "(changed: b.jsonl)" in message

    def test_a_copy_of_the_same_bytes_is_the_same(self, annotate, unfinished, tmp_path):
        content = (tmp_path / "a.jsonl").read_bytes()
        (tmp_path / "a.jsonl").unlink()
        (tmp_path / "a.jsonl").write_bytes(content)
        os.utime(tmp_path / "a.jsonl", (1, 1))
        result = annotate(*unfinished, "--errors", "skip")
        assert result.exit_code == 0, result.stderr
        assert "resumed" in result.stderr


def test_python_m(tmp_path):
    command = [sys.executable, "-m", "spacy_brnn", "--version"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stdout.startswith("spacy-brnn, version")


def test_without_arguments_it_shows_its_help():
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_the_line_end_that_closes_a_text_file_is_not_annotated(tmp_path):
    from spacy_brnn.annotate.readers import InputReader, ReadOptions
    from spacy_brnn.annotate.sources import Input

    (tmp_path / "in.txt").write_bytes(b"A fine\nfilm.\r\n")
    (record,) = InputReader([Input(str(tmp_path / "in.txt"), "text-file")], ReadOptions())
    assert record.document == "A fine\nfilm."
    assert record.fields["text"] == "A fine\nfilm.\r\n"


def test_annotate_frame_leaves_the_threads_of_its_caller(model):
    pd = pytest.importorskip("pandas")
    torch = pytest.importorskip("torch")
    from spacy_brnn.annotate.frames import _annotator, annotate_frame

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    _annotator.cache_clear()
    try:
        annotate_frame(pd.DataFrame({"text": ["good"]}), model=str(model))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_annotate_frame_names_the_columns_there_are():
    pd = pytest.importorskip("pandas")
    from spacy_brnn.annotate.frames import annotate_frame

    with pytest.raises(KeyError, match=r"columns: id, review\); name it with text_field"):
        annotate_frame(pd.DataFrame({"id": [1], "review": ["good"]}))


@Language.factory("warns_standin", assigns=["doc._.sentiment"])
class Warns:
    """Warns of every document, in two lines."""

    def __init__(self, nlp, name):
        from spacy_brnn.pipeline.extensions import register_extensions

        register_extensions("sentiment")

    def __call__(self, doc):
        import warnings

        warnings.warn("most words are\nnot English", stacklevel=1)
        doc.cats = {"POSITIVE": 1.0, "NEGATIVE": 0.0}
        return doc


def test_a_warning_is_one_line(annotate, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("warns_standin")
    nlp.to_disk(tmp_path / "model")
    write_jsonl(tmp_path / "in.jsonl", GOOD)
    result = annotate("in.jsonl", "-q", "--batch-size", 1, use_model=tmp_path / "model")
    assert result.exit_code == 0
    assert result.stderr == "Warning: most words are not English\n"


def test_neutral_is_refused_where_the_model_has_none(annotate, model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", GOOD)
    result = annotate("in.jsonl", "--neutral")
    assert result.exit_code == 1
    assert "leave --neutral out" in result.stderr


def test_long_documents_make_small_batches():
    from spacy_brnn.annotate.records import Position, Record

    class Reader(list):
        position, consumed = Position(), 0

    long = "x" * 250_000  # docs/annotate.md names twice as many.
    records = [Record("in", "line", number, text=long) for number in range(5)]
    assert [len(batch.records) for batch in workers.cut_batches(Reader(records), 100)] == [2, 2, 1]
    raw = b"x" * (8 * 2**20)
    records = [Record("in", "line", number, raw, "short") for number in range(3)]
    assert [len(batch.records) for batch in workers.cut_batches(Reader(records), 100)] == [2, 1]


def test_a_field_of_one_s_own(tmp_path, monkeypatch):
    """The place where an option adds fields that it makes of a Doc."""
    from spacy_brnn.annotate.fields import EXTRA_FIELDS, DocFields

    words = DocFields(("words",), lambda doc: {"words": [token.text for token in doc]})
    monkeypatch.setitem(EXTRA_FIELDS, "words", words)
    options = annotator.PipelineOptions(_model(tmp_path), extra_fields=("words",))
    annotate_texts = annotator.Annotator(options)
    (result,) = annotate_texts(["good film"]).results
    assert annotate_texts.columns[-1] == "words"
    assert result.fields["words"] == ["good", "film"]


def _model(folder):
    from .conftest import save_pipeline

    return save_pipeline(folder / "model")


def test_csv_of_a_pipe_is_read_whole(annotate):
    result = annotate("-", "--input-format", "csv", input="id;text\n1;good\n")
    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert rows[1][:2] == ["1", "good"]
