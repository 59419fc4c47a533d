"""What writers write, readers read; and the bytes do not depend on what was written before."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_brnn.annotate.records import (
    SENTIMENT_FIELDS,
    Record,
    replace_surrogates,
    to_cell,
    to_json,
)
from spacy_brnn.annotate.sources import compressed
from spacy_brnn.annotate.writers import assemble, make_writer

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
ANNOTATION = dict(zip(SENTIMENT_FIELDS, ("POSITIVE", 0.9, 0.8), strict=True))


def row(fields, text, *, as_json):
    fields = {**fields, "text": text}
    raw = json.dumps(fields).encode() if as_json else None
    record = Record("in", "line", 1, raw, text, fields, is_json=as_json)
    return record, ANNOTATION, None


def output(name, batches, compression=None):
    """The output of batches, by the way that a run goes."""
    writer = make_writer(name)
    stored = [encoded for batch in batches if (encoded := writer.encode(batch, SENTIMENT_FIELDS))]
    file = io.BytesIO()
    with compressed(file, compression) as packed:
        assemble(writer, lambda: stored, packed, SENTIMENT_FIELDS)
    return file.getvalue()


ROWS = st.lists(st.builds(row, FIELDS, TEXTS, as_json=st.booleans()), max_size=4)


def expected(record):
    rest = {name: value for name, value in record.fields.items() if name not in SENTIMENT_FIELDS}
    return {**rest, **ANNOTATION}


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_jsonl_keeps_every_value(rows):
    written = [expected(record) for record, *_ in rows]
    assert [json.loads(line) for line in output("jsonl", [rows]).splitlines()] == written
    assert json.loads(output("json", [rows[:1], rows[1:]])) == written


@settings(max_examples=20, deadline=None)
@given(ROWS, ROWS)
def test_bytes_depend_on_the_batch_alone(first, second):
    for name in ("jsonl", "csv"):
        writer = make_writer(name)
        writer.encode(first, SENTIMENT_FIELDS)
        later = [one.encode(second, SENTIMENT_FIELDS) for one in (writer, make_writer(name))]
        assert later[0] == later[1]
    for compression in (None, "gzip"):
        assert output("csv", [first, second], compression) == output(
            "csv", [first + second], compression
        )


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_tables_keep_every_value_in_its_column(rows):
    content = output("csv", [rows[:1], rows[1:]])
    table = csv.DictReader(io.StringIO(content.decode(), newline=""))
    for line, (record, *_) in zip(list(table), rows, strict=True):
        for name, value in record.fields.items():
            assert line[replace_surrogates(name)] == to_cell(value)


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_parquet_keeps_every_text_and_row(rows):
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(io.BytesIO(output("parquet", [rows[:1], rows[1:]])))
    assert table["sentiment_score"].to_pylist() == [0.9] * len(rows)
    if rows:
        assert table["text"].to_pylist() == [replace_surrogates(record.text) for record, *_ in rows]
        assert set(table.column_names) >= {
            replace_surrogates(name) for record, *_ in rows for name in record.fields
        }


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), st.floats() | st.binary() | VALUES))
def test_json_is_strict(fields):
    def no_constant(name):
        raise AssertionError(name)

    assert set(json.loads(to_json(fields), parse_constant=no_constant)) == set(fields)
