import gzip

import pytest
import spacy

from spacy_brnn.corpora.docbin import write_docbin
from spacy_brnn.corpora.documents import read_documents
from spacy_brnn.corpora.errors import CorpusError


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    return nlp


def test_a_docbin_comes_with_its_annotation(nlp, tmp_path):
    doc = nlp.make_doc("It isn't <b>bad</b>.")
    doc.cats = {"POSITIVE": 1.0}
    write_docbin([doc], tmp_path / "docs.spacy")
    (found,) = read_documents(tmp_path / "docs.spacy", nlp)
    assert (found.text, found.cats) == (doc.text, {"POSITIVE": 1.0})
    assert found.vocab is nlp.vocab


@pytest.mark.parametrize("name", ["docs.jsonl", "docs.jsonl.gz"])
def test_texts_are_tokenized_as_a_person_reads_them(nlp, tmp_path, name):
    data = b'{"text": "A<br />b &amp; c.", "label": "x"}\n{"text": "It isn\'t."}\n'
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    docs = list(read_documents(tmp_path / name, nlp))
    assert [doc.text for doc in docs] == ["A\nb & c.", "It isn't."]
    assert [token.text for token in docs[1]] == ["It", "is", "n't", "."]
    assert not any(doc.has_annotation("SENT_START") for doc in docs)


def test_a_text_longer_than_the_pipeline_takes_is_read(nlp, tmp_path):
    nlp.max_length = 10
    (tmp_path / "docs.jsonl").write_text('{"text": "longer than ten characters"}\n', "utf-8")
    (doc,) = read_documents(tmp_path / "docs.jsonl", nlp)
    assert len(doc) == 4


def test_a_bad_line_is_named(nlp, tmp_path):
    path = tmp_path / "docs.jsonl"
    path.write_text('{"text": "fine"}\n{"review": "fine"}\n', "utf-8")
    with pytest.raises(CorpusError, match=r"docs\.jsonl, line 2: no object with text"):
        list(read_documents(path, nlp))
