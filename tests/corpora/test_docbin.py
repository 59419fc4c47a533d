import random
import zlib

import click
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin

from spacy_brnn.corpora.docbin import read_docbin, write_docbin


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "docs.spacy"


def test_documents_come_back_as_made(nlp, path):
    texts = ["It isn't  good.\n", "I can't, y'all 😀", "", "Café"]
    docs = list(nlp.pipe(texts))
    docs[0].cats = {"POSITIVE": 0.1234567890123, "NEGATIVE": 0.75}
    write_docbin(docs, path)
    found = list(read_docbin(path, spacy.blank("en").vocab))
    assert [doc.text for doc in found] == texts
    for doc, same in zip(docs, found, strict=True):
        assert [t.text_with_ws for t in same] == [t.text_with_ws for t in doc]
        assert [t.norm_ for t in same] == [t.norm_ for t in doc]
    assert "not" in [token.norm_ for token in found[0]]
    assert [doc.cats for doc in found] == [docs[0].cats, {}, {}, {}]


def test_their_order_is_kept(nlp, path):
    texts = [str(number) for number in range(50)]
    random.Random(0).shuffle(texts)
    write_docbin(nlp.pipe(texts), path)
    assert [doc.text for doc in read_docbin(path, nlp.vocab)] == texts


def test_only_real_user_data_is_stored(nlp, path):
    docs = list(nlp.pipe(["first", "second", "third"]))
    docs[1].user_data = {"id": 7, "names": ("a", "b"), "": None}
    write_docbin(docs, path)
    stored = DocBin().from_disk(path).user_data
    assert [data is None for data in stored] == [True, False, True]
    found = list(read_docbin(path, nlp.vocab))
    assert [doc.user_data for doc in found] == [{}, docs[1].user_data, {}]


def test_values_of_extensions_are_user_data(nlp, path):
    Doc.set_extension("seen_by", default=None, force=True)
    try:
        docs = list(nlp.pipe(["first", "second"]))
        docs[0]._.seen_by = "Ann"
        write_docbin(docs, path)
        assert [doc._.seen_by for doc in read_docbin(path, nlp.vocab)] == ["Ann", None]
    finally:
        Doc.remove_extension("seen_by")


def test_a_file_without_documents_holds_none(nlp, path):
    write_docbin([], path)
    assert list(read_docbin(path, nlp.vocab)) == []


def test_spacy_s_own_files_are_read(nlp, path):
    DocBin(docs=[nlp("It isn't.")]).to_disk(path)
    assert [doc.text for doc in read_docbin(path, nlp.vocab)] == ["It isn't."]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        zlib.compress(b"text"),
        zlib.compress(srsly.msgpack_dumps({"no": "DocBin"})),
        zlib.compress(srsly.msgpack_dumps([1, 2])),
    ],
)
def test_another_kind_of_file_is_refused(nlp, path, data):
    path.write_bytes(data)
    with pytest.raises(click.ClickException) as caught:
        read_docbin(path, nlp.vocab)
    assert caught.value.message == f"{path} is not a DocBin file, as `spacy-brnn convert` writes"


def test_a_file_that_cannot_be_written_is_an_os_error(nlp, tmp_path):
    with pytest.raises(OSError):
        write_docbin([nlp("text")], tmp_path / "missing" / "docs.spacy")
