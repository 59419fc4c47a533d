import json

import pytest
import spacy

from spacy_brnn.corpora.docbin import write_docbin
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.distillation import passages
from spacy_brnn.distillation.passages import draw_passages


def sentences(name, n):
    return [f"Sentence {i} of {name} is here." for i in range(n)]


def write(path, texts):
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts), "utf-8")
    return path


@pytest.fixture
def corpora(tmp_path):
    """A DocBin of one document, and lines of two."""
    docs = spacy.blank("en").pipe(["\n\n ".join(sentences("a", 12)), ""])
    write_docbin(docs, tmp_path / "a.spacy")
    lines = write(tmp_path / "b.jsonl", [" ".join(sentences(n, 12)) for n in ("b", "c")])
    return [tmp_path / "a.spacy", lines]


def test_passages_are_one_to_three_sentences_in_a_row(corpora):
    known = {
        " ".join(sentences(name, 12)[i : i + n])
        for name in "abc" for n in (1, 2, 3) for i in range(12)
    }  # fmt: skip
    found = draw_passages(corpora, 1000, 0)
    assert set(found) <= known
    assert {passage.count("Sentence") for passage in found} == {1, 2, 3}
    assert {passage.split()[3] for passage in found} == {"a", "b", "c"}


def test_passages_of_a_document_share_no_sentence(corpora):
    found = " ".join(draw_passages(corpora, 1000, 0)).split("Sentence")[1:]
    assert len(found) == len(set(map(str.strip, found))) == 36


def test_there_are_at_most_so_many_by_the_seed(corpora):
    everything = draw_passages(corpora, 1000, 0)
    first, again, other = (draw_passages(corpora, 6, seed) for seed in (0, 0, 1))
    assert len(first) == 6 and first == again != other
    assert first == everything[:6]


def test_a_passage_comes_once(tmp_path):
    assert draw_passages([write(tmp_path / "a.jsonl", ["This is it."] * 5)], 9, 0) == [
        "This is it."
    ]


def test_white_space_is_single(tmp_path):
    path = write(tmp_path / "a.jsonl", ["  This \n\n is\tit<br>now. "])
    assert draw_passages([path], 9, 0) == ["This is it now."]


@pytest.mark.parametrize("text", ["", " \n", "Yes.", "word " * 81])
def test_too_short_or_long_is_no_passage(tmp_path, text):
    assert draw_passages([write(tmp_path / "a.jsonl", [text])], 9, 0) == []


def test_a_long_document_gives_so_many_and_no_more(tmp_path):
    found = draw_passages([write(tmp_path / "a.jsonl", [" ".join(sentences("a", 400))])], 999, 0)
    assert len(found) == passages.MAX_FROM_A_DOCUMENT
    assert max(int(passage.split()[1]) for passage in found) > 200


def test_a_bad_line_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n7\n', "utf-8")
    with pytest.raises(CorpusError, match=r"a\.jsonl, line 2: no object with text"):
        draw_passages([tmp_path / "a.jsonl"], 9, 0)
