import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import registry

from spacy_brnn.corpora import semi_supervised
from spacy_brnn.corpora.semi_supervised import create_semi_supervised_reader

CATS = {"POSITIVE": 1.0, "NEGATIVE": 0.0}


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def paths(tmp_path, nlp):
    """A DocBin of two labelled documents, one of three whose cats do not count."""
    for name, texts in {"labelled": ["a b", "c d"], "unlabelled": ["e", "f", "g"]}.items():
        docs = list(nlp.pipe(texts))
        for doc in docs:
            doc.cats = dict(CATS)
        DocBin(docs=docs).to_disk(tmp_path / f"{name}.spacy")
    return tmp_path / "labelled.spacy", tmp_path / "unlabelled.spacy"


def read(nlp, *args, **settings):
    examples = create_semi_supervised_reader(*args, **settings)(nlp)
    return [(example.text, example.reference.cats) for example in examples]


def test_labelled_documents_come_first_and_the_others_lose_their_cats(nlp, paths):
    assert read(nlp, *paths) == [
        *[(text, CATS) for text in ("a b", "c d")],
        *[(text, {}) for text in ("e", "f", "g")],
    ]


def test_labelled_documents_are_repeated(nlp, paths):
    texts = [text for text, _ in read(nlp, *paths, repeat_labelled=3)]
    assert texts == ["a b", "c d"] * 3 + ["e", "f", "g"]


@pytest.mark.parametrize(("repeat", "read_ahead"), [(1, 1), (2, 5)])
def test_only_repeated_documents_are_kept_in_memory(nlp, paths, monkeypatch, repeat, read_ahead):
    read = []

    def create_reader(path, **settings):
        def examples(nlp):
            for number in range(5):
                read.append((path, number))
                yield Example.from_dict(nlp.make_doc(f"document {number}"), {"cats": CATS})

        return examples

    monkeypatch.setattr(semi_supervised, "create_docbin_reader", create_reader)
    examples = create_semi_supervised_reader("labelled", "unlabelled", repeat)(nlp)
    next(examples)
    assert len(read) == read_ahead
    for _ in range(5 * repeat):
        example = next(examples)
    assert read[5:] == [("unlabelled", 0)]
    assert example.reference.cats == {}


def test_every_epoch_reads_anew(nlp, paths):
    reader = create_semi_supervised_reader(*paths, repeat_labelled=1)
    epochs = [list(reader(nlp)) for _ in range(2)]
    texts = [[example.text for example in epoch] for epoch in epochs]
    assert texts == [["a b", "c d", "e", "f", "g"]] * 2
    assert epochs[0][0] is not epochs[1][0]


def test_is_registered():
    reader = registry.readers.get("spacy-brnn.SemiSupervisedCorpus.v1")
    assert reader is create_semi_supervised_reader


def test_refuses_to_repeat_less_than_once(paths):
    with pytest.raises(ValueError, match="repeat_labelled must be at least 1, not 0"):
        create_semi_supervised_reader(*paths, repeat_labelled=0)


def test_names_a_missing_path(paths):
    with pytest.raises(ValueError, match="E913"):
        create_semi_supervised_reader(paths[0], None)
