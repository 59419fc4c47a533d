import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_brnn.annotate import sources
from spacy_brnn.annotate.readers import READERS, InputReader, ReadOptions
from spacy_brnn.annotate.records import Position
from spacy_brnn.annotate.sources import Input, Stream

TEXTS = st.text(st.characters(codec="utf-8"))


def read(content: bytes, name: str, **options):
    return list(READERS[name](Stream(io.BytesIO(content)), "in", ReadOptions(**options)))


def documents(items):
    return [item.document for item in items]


def reason(content: bytes, name: str) -> str:
    (item,) = read(content, name)
    assert item.problem is not None
    return item.problem


def test_jsonl_keeps_fields_raw_bytes_and_line_numbers():
    items = read(b'{"text": "a", "id": 1.0}\r\n\n{"text":"b"}', "jsonl")
    assert [item.place for item in items] == ["in:1", "in:3"]
    assert items[0].fields == {"text": "a", "id": 1.0}
    assert items[0].raw == b'{"text": "a", "id": 1.0}'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{", "not JSON: Expecting property name"),
        (b'{"text": "a"} x', "not JSON: Extra data at column 15"),
        (b"[1]", "not a JSON object but a list"),
        (b'{"txt": "a"}', 'no field "text" (fields: txt); name it with --text-field'),
        (b'{"text": 3}', 'field "text" is a number, not a string'),
        (b'{"text": null}', 'field "text" is null, not a string'),
        (b'{"text": "caf\xe9"}', "not UTF-8: byte 0xe9 at position 14"),
        (b'{"text": "a\x00"}', "not JSON: Invalid control character at column 12"),
        (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"text": "a", "n": ' + b"1" * 5000 + b"}", "not JSON that can be read: Exceeds"),
    ],
)
def test_jsonl_rejects_with_a_reason(line, expected):
    assert expected in reason(line, "jsonl")


def test_jsonl_takes_a_lone_surrogate():
    assert documents(read(rb'{"text": "\ud83d"}', "jsonl")) == ["\ud83d"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jsonl", b'{"text": "a"}\n'),
        ("csv", b"text\na\n"),
        ("text", b"a\n"),
        ("text-file", b"a"),
    ],
)
def test_a_byte_order_mark_is_not_part_of_the_record(name, content):
    (item,) = read(b"\xef\xbb\xbf" + content, name)
    assert item.document == "a"
    assert list(item.fields) == (["file", "text"] if name == "text-file" else ["text"])


def test_text_lines_keep_empty_lines_and_other_separators():
    items = read("one\r\n\n \u2028two\x0b\x00\n".encode(), "text")
    assert documents(items) == ["one", "", " \u2028two\x0b\x00"]


def test_text_file_is_one_document():
    (item,) = read(b"one\ntwo\n", "text-file")
    assert item.fields == {"file": "in", "text": "one\ntwo\n"}
    assert item.place == "in"


def test_csv_with_quoted_newlines_keeps_line_numbers():
    content = b'id,text\r\n1,"a\r\nb"\r\n\r\n2,c\r\n'
    items = read(content, "csv")
    assert [item.fields for item in items] == [
        {"id": "1", "text": "a\r\nb"},
        {"id": "2", "text": "c"},
    ]
    assert [item.number for item in items] == [2, 5]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,txt\n1,a\n", 'no field "text" (fields: id, txt)'),
        (b"text,text\na,b\n", 'names the column "text" more than once'),
        (b"text\na,b\n", "the row has 2 fields, the header 1"),
        (b'text\n"a"b\n', "not readable as a table row"),
        (b'text\n"a\n', "not readable as a table row: unexpected end of data"),
        (b"text\ncaf\xe9\n", "not UTF-8: byte 0xe9 at position 4"),
        (b"te\xe9xt\na\n", "not UTF-8"),
    ],
)
def test_csv_rejects_with_a_reason(content, expected):
    assert expected in reason(content, "csv")


def test_csv_goes_on_after_a_bad_row():
    items = read(b'text\na\n"b"c\nd\xff\ne\n', "csv")
    assert [bool(item.problem) for item in items] == [False, True, True, False]
    assert [item.number for item in items] == [2, 3, 4, 5]
    assert [item.raw for item in items] == [b"a", b'"b"c', b"d\xff", b"e"]


def test_tsv_splits_at_tabs():
    assert read(b"text\tid\na,b\t1\n", "tsv")[0].fields == {"text": "a,b", "id": "1"}


@pytest.mark.parametrize(("name", "head"), [("jsonl", b""), ("text", b""), ("csv", b"text\n")])
def test_a_line_that_is_too_long_is_rejected_and_the_next_is_read(name, head, monkeypatch):
    monkeypatch.setattr(sources, "MAX_RECORD_BYTES", 2**20)
    good = b'{"text": "b"}\n' if name == "jsonl" else b"b\n"
    long, after = read(head + b"a" * (2**20 + 5) + b"\n" + good, name)
    assert "longer than 1 MiB" in long.problem
    assert len(long.raw) <= 1000
    assert after.document == "b"
    assert after.number == long.number + 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.integers() | TEXTS), max_size=5), st.lists(TEXTS))
def test_jsonl_reads_what_json_writes(others, texts):
    written = [{**other, "text": text} for other, text in zip(others, texts, strict=False)]
    content = "".join(json.dumps(record) + "\n" for record in written).encode()
    assert [item.fields for item in read(content, "jsonl")] == written


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_csv_reads_what_csv_writes(rows):
    text = io.StringIO()
    csv.writer(text).writerows([("id", "text"), *rows])
    items = read(text.getvalue().encode(), "csv")
    assert [tuple(item.fields.values()) for item in items] == rows


@pytest.mark.parametrize("name", ["jsonl", "json", "csv", "tsv", "text"])
@settings(max_examples=50, deadline=None)
@given(
    content=st.binary() | st.lists(st.sampled_from([b'{"text":"a"}', b"\n", b'"', b"a,b", b"\xff"]))
)
def test_any_bytes_give_items_and_reading_can_go_on_after_each(tmp_path_factory, name, content):
    body = b"".join(content) if isinstance(content, list) else content
    body = b"text\n" + body if name in ("csv", "tsv") else body
    path = tmp_path_factory.mktemp("any") / "in"
    path.write_bytes(body)
    reader = InputReader([Input(str(path), name)], ReadOptions())
    items, positions = [], []
    for item in reader:
        items.append(item)
        positions.append(reader.position)
    for done, position in enumerate(positions, 1):
        rest = InputReader([Input(str(path), name)], ReadOptions(), position)
        assert list(rest) == items[done:]
    assert positions == sorted(positions, key=lambda p: (p.input, p.records))
    assert reader.position == Position(1)
