"""What writers write, readers read; and the bytes do not depend on what was written before."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_brnn.annotate.annotator import SENTIMENT_FIELDS, Annotation
from spacy_brnn.annotate.records import Record
from spacy_brnn.annotate.values import encodable, to_cell, to_json
from spacy_brnn.annotate.writers import make_writer

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(st.text(), VALUES, max_size=4)
TEXTS = st.text(st.characters(exclude_categories=[]))  # lone surrogates among them
ANNOTATION = Annotation(dict(zip(SENTIMENT_FIELDS, ("POSITIVE", 0.9, 0.8), strict=True)))


def row(fields, text, *, as_json):
    fields = {**fields, "text": text}
    raw = json.dumps(fields).encode() if as_json else None
    record = Record(
        source="in", unit="line", number=1, end=0, next_number=2, raw=raw,
        text=text, fields=fields, is_json=as_json,
    )  # fmt: skip
    return record, ANNOTATION


ROWS = st.lists(st.builds(row, FIELDS, TEXTS, as_json=st.booleans()), max_size=4)


def expected(record):
    rest = {name: value for name, value in record.fields.items() if name not in SENTIMENT_FIELDS}
    return {**rest, **ANNOTATION.fields}


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_jsonl_keeps_every_value(rows):
    lines = make_writer("jsonl", None, None).encode(rows, SENTIMENT_FIELDS, first=True)
    assert [json.loads(line) for line in lines.splitlines()] == [
        expected(record) for record, _ in rows
    ]


@settings(max_examples=20, deadline=None)
@given(ROWS, ROWS)
def test_bytes_depend_on_the_batch_alone(first, second):
    for compression in (None, "gzip"):
        writer = make_writer("jsonl", compression, None)
        writer.encode(first, SENTIMENT_FIELDS, first=True)
        fresh = make_writer("jsonl", compression, None)
        later = [w.encode(second, SENTIMENT_FIELDS, first=False) for w in (writer, fresh)]
        assert later[0] == later[1]


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_tables_keep_every_value_in_its_column(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("tables")
    writer = make_writer("csv", None, None)
    batches = [rows[:1], rows[1:]]
    with open(folder / "store", "wb") as store:
        for batch in batches:
            store.write(writer.encode(batch, SENTIMENT_FIELDS, first=batch is batches[0]))
    writer.assemble(folder / "store", folder / "out")
    table = csv.DictReader(io.StringIO((folder / "out").read_bytes().decode(), newline=""))
    for line, (record, _) in zip(list(table), rows, strict=True):
        for name, value in record.fields.items():
            assert line[encodable(name)] == to_cell(value)


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_parquet_keeps_every_text_and_row(tmp_path_factory, rows):
    pq = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("parquet")
    writer = make_writer("parquet", None, None)
    batches = [rows[:1], rows[1:]]
    with open(folder / "store", "wb") as store:
        for batch in batches:
            store.write(writer.encode(batch, SENTIMENT_FIELDS, first=batch is batches[0]))
    writer.assemble(folder / "store", folder / "out")
    table = pq.read_table(folder / "out")
    assert table["sentiment_score"].to_pylist() == [0.9] * len(rows)
    if rows:
        assert table["text"].to_pylist() == [encodable(record.text) for record, _ in rows]
        assert set(table.column_names) >= {
            encodable(name) for record, _ in rows for name in record.fields
        }


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), st.floats() | st.binary() | VALUES))
def test_json_is_strict(fields):
    def no_constant(name):
        raise AssertionError(name)

    assert set(json.loads(to_json(fields), parse_constant=no_constant)) == set(fields)
