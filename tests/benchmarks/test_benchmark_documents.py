import json
from pathlib import Path

import click
import pytest
import spacy
from spacy.tokens import DocBin

from benchmarks.documents import Document, cut, joined, pieces, read_documents, tokenizer

SAMPLE = Path(__file__).resolve().parents[2] / "corpus" / "sample.jsonl"


def numbered(count):
    return [Document(str(number), 1, None) for number in range(count)]


def test_jsonl_is_read_in_the_same_shuffled_order():
    first = read_documents(SAMPLE)
    assert first == read_documents(SAMPLE)
    assert len(first) == 72
    assert sum(document.positive for document in first) == 36
    assert [document.text for document in first] != [
        json.loads(line)["text"] for line in SAMPLE.read_text("utf-8").splitlines()
    ]


def test_limit_keeps_the_first_of_the_shuffled():
    assert read_documents(SAMPLE, 5) == read_documents(SAMPLE)[:5]


def test_unicode_s_line_separators_end_no_line(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "One\u2028two\x85three."}\n', "utf-8")
    assert [document.text for document in read_documents(path)] == ["One\u2028two\x85three."]


def test_labels_may_be_missing(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "Fine."}\n')
    assert read_documents(path) == [Document("Fine.", 2, None)]


@pytest.mark.parametrize(
    "line", ["no json", '"text"', '{"label": "POSITIVE"}', '{"text": "a", "label": "good"}']
)
def test_bad_lines_are_named(tmp_path, line):
    path = tmp_path / "texts.jsonl"
    path.write_text(f'{{"text": "Fine."}}\n{line}\n')
    with pytest.raises(click.ClickException, match="line 2"):
        read_documents(path)


def test_docbin_gives_texts_and_labels(tmp_path):
    doc = spacy.blank("en")("It isn't  good.")
    doc.cats = {"POSITIVE": 0.0, "NEGATIVE": 1.0}
    DocBin(docs=[doc]).to_disk(tmp_path / "dev.spacy")
    assert read_documents(tmp_path / "dev.spacy") == [Document("It isn't  good.", 6, False)]


def test_missing_and_broken_docbins_are_one_line(tmp_path):
    with pytest.raises(click.ClickException, match="spacy project run convert"):
        read_documents(tmp_path / "dev.spacy")
    (tmp_path / "dev.spacy").write_text("text")
    with pytest.raises(click.ClickException, match="no DocBin"):
        read_documents(tmp_path / "dev.spacy")


def test_rounds_share_no_document_and_the_rest_warms_up():
    slices = cut(numbered(25), rounds=3, warmup=5)
    assert [len(documents) for documents in slices.rounds] == [6, 6, 6]
    assert len(slices.warmup) == 7
    assert sum(slices.rounds, slices.warmup) == numbered(25)


def test_too_few_documents_name_the_options():
    with pytest.raises(click.ClickException, match=r"--limit.*--rounds"):
        cut(numbered(7), rounds=3, warmup=5)


def test_the_same_words_in_pieces_of_each_length():
    whole = joined(read_documents(SAMPLE, 20), 3000)
    assert len(whole) == 3000
    for size in (100, 1000, 3000):
        texts = pieces(whole, size)
        assert len(texts) == 3000 // size
        assert "".join("".join(texts).split()) == "".join(whole.text.split())
        # Where a piece begins amid "I'm", the tokenizer may see other tokens.
        sizes = [len(tokenizer().make_doc(text)) for text in texts]
        assert sizes == pytest.approx([size] * len(texts), abs=2)


def test_documents_come_again_where_they_are_too_few():
    doc = joined([Document("One two.", 3, None), Document("", 0, None)], 7)
    assert len(doc) == 7
    assert doc.text.split() == ["One", "two.", "One", "two."]
    assert pieces(doc, 5) == [doc[:5].text, doc[5:].text]
