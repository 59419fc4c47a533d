import random

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.corpus import create_docbin_reader
from spacy.util import registry

from spacy_brnn.corpora.passages import create_passage_augmenter

SENTENCES = ["One is short.", "Is two a question?", "Three!", "Four ends without a stop"]
CATS = {"POSITIVE": 0.7, "NEGATIVE": 0.3}


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def example(nlp):
    return Example.from_dict(nlp.make_doc(" ".join(SENTENCES)), {"cats": CATS})


def passages(nlp, example, n=200, **settings):
    random.seed(0)
    augment = create_passage_augmenter(**settings)
    return [got for _ in range(n) for got in augment(nlp, example)]


def test_passages_are_sentences_in_a_row(nlp, example):
    runs = {
        " ".join(SENTENCES[first : first + n]) for n in (1, 2) for first in range(len(SENTENCES))
    }
    got = {passage.text for passage in passages(nlp, example, level=1.0, max_sentences=2)}
    assert got == runs


def test_a_passage_has_the_document_s_categories(nlp, example):
    for passage in passages(nlp, example, level=1.0):
        assert passage.reference.cats == CATS
        assert passage.predicted.cats == {}


def test_level_is_the_share_of_the_documents(nlp, example):
    got = passages(nlp, example, n=400, level=0.25, max_sentences=1)
    assert len(got) == 400
    assert sum(passage is not example for passage in got) == pytest.approx(100, abs=30)


def test_level_0_changes_nothing(nlp, example):
    assert all(passage is example for passage in passages(nlp, example, level=0.0))


def test_the_document_is_left_as_it_was(nlp, example):
    passages(nlp, example, level=1.0)
    assert example.text == " ".join(SENTENCES)
    assert not example.predicted.has_annotation("SENT_START")


def test_the_seed_repeats_them(nlp, example):
    first, second = (passages(nlp, example, level=0.5) for _ in range(2))
    assert [passage.text for passage in first] == [passage.text for passage in second]


def test_a_document_of_one_word_is_its_own_passage(nlp):
    example = Example.from_dict(nlp.make_doc("Good"), {"cats": CATS})
    assert {passage.text for passage in passages(nlp, example, level=1.0)} == {"Good"}


@pytest.mark.parametrize(
    ("text", "whole_or"), [("", set()), (" \n", set()), ("Great. Bad!\n", {"Great.", "Bad!"})]
)
def test_no_passage_is_empty_or_white_space(nlp, text, whole_or):
    example = Example.from_dict(nlp.make_doc(text), {"cats": CATS})
    got = passages(nlp, example, level=1.0, max_sentences=1)
    assert {passage.text for passage in got} == {text} | whole_or


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"level": -0.1}, "level"),
        ({"level": 1.5}, "level"),
        ({"level": 0.5, "max_sentences": 0}, "max_sentences"),
    ],
)
def test_a_setting_out_of_range_is_named(settings, named):
    with pytest.raises(ValueError, match=named):
        create_passage_augmenter(**settings)


def test_a_corpus_uses_it_by_its_registered_name(nlp, example, tmp_path):
    doc = example.reference
    DocBin(docs=[doc] * 20).to_disk(tmp_path / "docs.spacy")
    augmenter = registry.augmenters.get("spacy-brnn.passage.v1")(level=1.0, max_sentences=1)
    read = create_docbin_reader(tmp_path / "docs.spacy", gold_preproc=False, augmenter=augmenter)
    got = list(read(nlp))
    assert len(got) == 20
    assert {example.text for example in got} <= set(SENTENCES)
    assert all(example.reference.cats == pytest.approx(CATS) for example in got)
