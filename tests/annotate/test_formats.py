"""Parquet, DocBin and zstd, in and out."""

import csv
import datetime
import gzip
import io
import json

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_brnn.annotate import sources

from .conftest import read_jsonl, write_jsonl

ROWS = [{"id": 1, "text": "good film"}, {"id": 2, "text": "bad \U0001f600"}, {"id": 3, "text": ""}]
LABELS = ["POSITIVE", "NEGATIVE", "POSITIVE"]


class TestZstd:
    @pytest.fixture(autouse=True)
    def zstd(self):
        return sources.zstd_module() or pytest.skip("needs the extra zstd")

    def test_in_and_out(self, annotate, tmp_path, zstd):
        write_jsonl(tmp_path / "in.jsonl", ROWS)
        packed = zstd.compress((tmp_path / "in.jsonl").read_bytes())
        (tmp_path / "in.jsonl.zst").write_bytes(packed)
        assert annotate("in.jsonl", "-o", "plain.csv", "--batch-size", 1).exit_code == 0
        assert annotate("in.jsonl.zst", "-o", "out.csv.zst", "--batch-size", 1).exit_code == 0
        content = zstd.decompress((tmp_path / "out.csv.zst").read_bytes())
        assert content == (tmp_path / "plain.csv").read_bytes()
        assert annotate("out.csv.zst").stdout == (tmp_path / "plain.csv").read_text()

    @pytest.mark.parametrize("content", [b"not zstd", b"\x28\xb5\x2f\xfd"])
    def test_a_broken_file_is_told(self, annotate, tmp_path, content):
        (tmp_path / "in.jsonl.zst").write_bytes(content)
        result = annotate("in.jsonl.zst")
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: in.jsonl.zst: cannot be read from here on")

    def test_without_the_package_it_says_what_to_install(self, annotate, tmp_path, monkeypatch):
        monkeypatch.setattr(sources, "zstd_module", lambda: None)
        (tmp_path / "in.jsonl.zst").touch()
        write_jsonl(tmp_path / "in.jsonl", ROWS)
        for arguments in (["in.jsonl.zst"], ["in.jsonl", "-o", "out.jsonl.zst"]):
            result = annotate(*arguments)
            assert result.exit_code == 1
            assert "pip install 'spacy-brnn[zstd]'" in result.stderr


class TestParquet:
    @pytest.fixture(autouse=True)
    def parquet(self):
        return pytest.importorskip("pyarrow.parquet")

    @pytest.fixture
    def arrow(self):
        return pytest.importorskip("pyarrow")

    def test_types_are_kept(self, annotate, tmp_path, arrow, parquet):
        stamp = arrow.array([1, 2**60 + 1, None], arrow.timestamp("ns", "UTC"))
        table = arrow.table(
            {
                "text": arrow.array([row["text"] for row in ROWS]).dictionary_encode(),
                "stamp": stamp,
                "day": arrow.array([datetime.date(2020, 1, 2)] * 3),
                "price": arrow.array(["1.50", "2", None]).cast(arrow.decimal128(10, 2)),
                "nested": arrow.array([{"a": [1, 2]}, {"a": None}, None]),
                "small": arrow.array([1, 2, 3], arrow.int8()),
                "raw": arrow.array([b"\xff", b"", None]),
            }
        )
        parquet.write_table(table, tmp_path / "in.parquet", row_group_size=2)
        result = annotate("in.parquet", "-o", "out.parquet", "--batch-size", 1)
        assert result.exit_code == 0, result.stderr
        written = parquet.read_table(tmp_path / "out.parquet")
        assert written.select(table.column_names).equals(table)
        assert written["sentiment_label"].to_pylist() == LABELS
        assert written["sentiment_score"].type == arrow.float64()
        rows = [json.loads(line) for line in annotate("in.parquet").stdout.splitlines()]
        assert rows[0]["day"] == "2020-01-02"
        assert rows[0]["price"] == "1.50"
        assert rows[0]["raw"] == "/w=="
        assert rows[1]["stamp"].startswith("2006-07-14 23:58:24.606846977")

    def test_jsonl_to_parquet_finds_common_types(self, annotate, tmp_path, parquet):
        write_jsonl(
            tmp_path / "in.jsonl",
            [
                {"text": "good", "n": 1, "mixed": 1, "late": None, "o": {"a": 1}},
                {"text": "bad", "n": 2.5, "mixed": "x", "o": {"b": ["\ud83d"]}},
                {"text": "\ud83d", "mixed": {"y": [1]}, "late": "z", "big": 2**80},
            ],
        )
        for size in (1, 2, 3):
            result = annotate("in.jsonl", "-o", "out.parquet", "--batch-size", size, "--overwrite")
            assert result.exit_code == 0, result.stderr
            table = parquet.read_table(tmp_path / "out.parquet").to_pydict()
            assert table["text"] == ["good", "bad", "\ufffd"]
            assert table["n"] == [1.0, 2.5, None]
            assert table["mixed"] == ["1", '"x"', '{"y": [1]}']
            assert table["late"] == [None, None, "z"]
            assert table["big"] == [None, None, str(2**80)]
            assert table["o"][0]["a"] == 1
            assert table["o"][1]["b"] == ["\ufffd"]
            assert list(table)[-1] == "sentiment_polarity"

    def test_parquet_to_csv(self, annotate, tmp_path, arrow, parquet):
        parquet.write_table(arrow.Table.from_pylist(ROWS), tmp_path / "in.parquet")
        output = annotate("in.parquet", "--output-format", "csv").stdout
        rows = list(csv.DictReader(io.StringIO(output)))
        assert [(row["id"], row["sentiment_label"]) for row in rows] == [
            ("1", "POSITIVE"), ("2", "NEGATIVE"), ("3", "POSITIVE"),
        ]  # fmt: skip

    def test_entities_are_lists_of_structs(self, annotate, entity_model, tmp_path, parquet):
        write_jsonl(tmp_path / "in.jsonl", [{"text": "bad"}, {"text": "good Casablanca"}])
        command = ("in.jsonl", "-o", "out.parquet", "--batch-size", 1)
        assert annotate(*command, use_model=entity_model).exit_code == 0
        entities = parquet.read_table(tmp_path / "out.parquet")["entities"].to_pylist()
        expected = {"start": 5, "end": 15, "label": "WORK_OF_ART", "text": "Casablanca"}
        assert entities == [[], [{**expected, "confidence": None}]]

    def test_a_null_text_is_rejected_by_row(self, annotate, tmp_path, arrow, parquet):
        table = arrow.table({"text": ["good", None], "id": [1, 2]})
        parquet.write_table(table, tmp_path / "in.parquet")
        assert "in.parquet, row 2: field" in annotate("in.parquet").stderr
        annotate("in.parquet", "-o", "out.jsonl", "--errors", "skip")
        (rejected,) = read_jsonl(tmp_path / "out.jsonl.rejects.jsonl")
        assert rejected["row"] == 2
        assert json.loads(rejected["raw"]) == {"text": None, "id": 2}

    @pytest.mark.parametrize(
        ("columns", "message"),
        [({"text": [1]}, "of type int64, not of strings"), ({"body": ["a"]}, 'no field "text"')],
    )
    def test_a_table_without_texts_is_told(
        self, annotate, tmp_path, arrow, parquet, columns, message
    ):
        parquet.write_table(arrow.table(columns), tmp_path / "in.parquet")
        result = annotate("in.parquet")
        assert result.exit_code == 1
        assert message in result.stderr

    def test_a_file_that_is_not_parquet_is_told(self, annotate, tmp_path):
        (tmp_path / "in.parquet").write_bytes(b"PAR1 no, it is not")
        result = annotate("in.parquet", "-o", "out.parquet")
        assert result.exit_code == 1
        assert "in.parquet: cannot be read as Parquet" in result.stderr

    def test_a_run_goes_on_at_any_row(self, annotate, tmp_path, arrow, parquet):
        rows = [{"text": f"good {i}" if i != 7 else None, "i": i} for i in range(20)]
        parquet.write_table(
            arrow.Table.from_pylist(rows), tmp_path / "in.parquet", row_group_size=3
        )
        command = ("in.parquet", "--batch-size", 2, "-o")
        assert annotate(*command, "out.parquet").exit_code == 1
        assert annotate(*command, "out.parquet", "--errors", "skip").exit_code == 0
        assert annotate(*command, "whole.parquet", "--errors", "skip").exit_code == 0
        written = (tmp_path / "out.parquet").read_bytes()
        assert written == (tmp_path / "whole.parquet").read_bytes()
        assert parquet.read_table(tmp_path / "out.parquet")["i"].to_pylist() == [
            i for i in range(20) if i != 7
        ]

    def test_an_empty_corpus(self, annotate, tmp_path, parquet):
        (tmp_path / "in.jsonl").touch()
        assert annotate("in.jsonl", "-o", "out.parquet").exit_code == 0
        assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0


class TestDocBin:
    @pytest.fixture
    def docs(self, tmp_path):
        nlp = spacy.blank("en")
        docs = [nlp(row["text"]) for row in ROWS]
        docs[0].cats = {"POSITIVE": 1.0}
        DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "in.spacy")

    def read(self, path):
        return list(DocBin(store_user_data=True).from_disk(path).get_docs(spacy.blank("en").vocab))

    def test_docs_to_jsonl(self, annotate, docs, tmp_path):
        rows = [json.loads(line) for line in annotate("in.spacy").stdout.splitlines()]
        assert [row["text"] for row in rows] == [row["text"] for row in ROWS]
        assert [row["sentiment_label"] for row in rows] == LABELS
        assert rows[0]["cats"] == {"POSITIVE": 1.0}

    def test_docs_to_docs(self, annotate, docs, entity_model, tmp_path):
        command = ("in.spacy", "-o", "out.spacy")
        assert annotate(*command, use_model=entity_model).exit_code == 0
        written = self.read(tmp_path / "out.spacy")
        assert [doc.text for doc in written] == [row["text"] for row in ROWS]
        assert written[0].cats == pytest.approx({"POSITIVE": 2 / 3, "NEGATIVE": 1 / 3})
        assert written[0]._.sentiment.label == "POSITIVE"

    def test_records_to_docs_and_back(self, annotate, entity_model, tmp_path):
        records = [{"id": 2**70, "text": "good \ud83d Casablanca"}, *ROWS]
        write_jsonl(tmp_path / "in.jsonl", records)
        command = ("in.jsonl", "-o", "out.spacy", "--batch-size", 2)
        result = annotate(*command, use_model=entity_model)
        assert result.exit_code == 0, result.stderr
        written = self.read(tmp_path / "out.spacy")
        assert [json.loads(doc.user_data["fields"])["id"] for doc in written] == [2**70, 1, 2, 3]
        assert [(ent.label_, ent.text) for ent in written[0].ents] == [
            ("WORK_OF_ART", "Casablanca")
        ]
        rows = [json.loads(line) for line in annotate("out.spacy").stdout.splitlines()]
        assert [(row["id"], row["text"]) for row in rows] == [
            (record["id"], record["text"]) for record in records
        ]

    @pytest.mark.parametrize("kept", ["mine", "[1]", 3])
    def test_user_data_of_the_same_name_is_not_taken_for_fields(self, annotate, tmp_path, kept):
        doc = spacy.blank("en")("good")
        doc.user_data["fields"] = kept
        DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "in.spacy")
        result = annotate("in.spacy")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["text"] == "good"

    def test_a_file_that_is_not_a_docbin_is_told(self, annotate, tmp_path):
        (tmp_path / "in.spacy").write_bytes(b"nothing")
        result = annotate("in.spacy", "-o", "out.jsonl")
        assert result.exit_code == 1
        assert "in.spacy: cannot be read as a DocBin" in result.stderr


@pytest.mark.parametrize("name", ["parquet", "spacy"])
def test_formats_that_jump_about_are_not_read_from_a_pipe(annotate, name):
    result = annotate("-", "--input-format", name, input=b"")
    assert result.exit_code == 1
    assert f"{name} cannot be read from standard input" in result.stderr


def test_files_are_read_by_uri(annotate, tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "folder").mkdir()
    write_jsonl(tmp_path / "folder" / "1.jsonl", ROWS[:2])
    with gzip.open(tmp_path / "folder" / "2.jsonl.gz", "wt") as file:
        file.write(json.dumps(ROWS[2]) + "\n")
    (tmp_path / "folder" / "other.csv").touch()
    write_jsonl(tmp_path / "plain.jsonl", ROWS)
    uri = (tmp_path / "folder").as_uri()
    expected = annotate("plain.jsonl").stdout
    assert annotate(uri).stdout == expected
    assert annotate(f"{uri}/1.jsonl", f"{uri}/2.jsonl.gz", "-o", "out.jsonl").exit_code == 0
    assert (tmp_path / "out.jsonl").read_text() == expected
    result = annotate(f"{uri}/none.jsonl")
    assert f"{uri}/none.jsonl: no such file or folder" in result.stderr
    assert "Error: xyz://a: " in annotate("xyz://a").stderr
