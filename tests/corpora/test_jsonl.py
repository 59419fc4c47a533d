import gzip
import json

import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.jsonl import read_objects, read_text


def read(path, parse=read_text):
    return list(read_objects(path, parse, "text"))


@pytest.mark.parametrize("name", ["texts.jsonl", "texts.jsonl.gz"])
def test_lines_come_in_their_order_gzipped_or_not(tmp_path, name):
    # Unicode has line separators that do not end a line of JSON.
    texts = ["One.", "Zwei – “zwei”!", "a\u2028b\x85c\rd\ne", ""]
    data = "".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert read(tmp_path / name) == texts


def test_lines_are_parsed_one_by_one(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "first"}\nno json\n', "utf-8")
    objects = read_objects(path, read_text, "text")
    assert next(objects) == "first"
    with pytest.raises(CorpusError):
        next(objects)


@pytest.mark.parametrize(
    "line",
    ["no json", "", '"text"', "[1]", "7", "null", "{}", '{"text": 3}', '{"text": null}', '{"text"'],
)
def test_what_is_no_such_object_is_named_with_file_and_line(tmp_path, line):
    path = tmp_path / "texts.jsonl"
    path.write_text(f'{{"text": "fine"}}\n{line}\n', "utf-8")
    with pytest.raises(CorpusError) as caught:
        read(path)
    assert str(caught.value) == f"{path}, line 2: no object with text"


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, AttributeError])
def test_whatever_parse_cannot_do_is_named(tmp_path, error):
    path = tmp_path / "texts.jsonl"
    path.write_text("{}\n", "utf-8")

    def parse(row):
        raise error("why")

    with pytest.raises(CorpusError, match=r"texts\.jsonl, line 1: no object with text"):
        read(path, parse)


def test_the_parser_s_own_message_goes_out_with_the_place(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("{}\n", "utf-8")

    def parse(row):
        raise CorpusError("label 'FINE' is none of ours")

    with pytest.raises(CorpusError) as caught:
        read(path, parse)
    assert str(caught.value) == f"{path}, line 1: label 'FINE' is none of ours"


def test_half_a_surrogate_pair_is_no_text(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "fine \\ud83d\\ude00"}\n{"text": "half \\ud83d"}\n', "utf-8")
    objects = read_objects(path, read_text, "text")
    assert next(objects) == "fine 😀"
    with pytest.raises(CorpusError, match=r"line 2: text holds half a surrogate pair"):
        next(objects)


def test_another_encoding_is_named_with_its_line(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' * 3 + '{"text": "Café"}\n'.encode("latin-1"))
    with pytest.raises(CorpusError, match=r"texts\.jsonl, line 4: not UTF-8: convert it first"):
        read(path)


@pytest.mark.parametrize("kind", ["plain", "cut", "damaged"])
def test_a_damaged_archive_is_one_line(tmp_path, kind):
    path = tmp_path / "texts.jsonl.gz"
    whole = gzip.compress(json.dumps({"text": "many words " * 500}).encode() + b"\n")
    data = {"plain": b'{"text": "a"}\n', "cut": whole[:-12], "damaged": whole[:20] + b"\0\0\0\0"}
    path.write_bytes(data[kind])
    with pytest.raises(CorpusError, match=r"texts\.jsonl\.gz: damaged, or not gzipped"):
        read(path)
