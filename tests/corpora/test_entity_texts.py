import random

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Corpus, Example

from spacy_brnn.corpora.conll import convert_conll
from spacy_brnn.corpora.entity_texts import create_entity_variants, create_shuffled_reader
from spacy_brnn.known_labels import known_labels, set_known_labels

WORDS = ["UK-based", "Ada", "met", "\n", "Bob", "in", "Rome", "."]
TAGS = ["B-MISC", "B-PER", "O", "O", "B-PER", "O", "B-LOC", "O"]
STARTS = [True, False, False, False, True, False, False, False]


@pytest.fixture
def nlp():
    random.seed(0)
    return spacy.blank("en")


@pytest.fixture
def example(nlp):
    gold = Doc(nlp.vocab, words=WORDS, ents=TAGS, sent_starts=STARTS)
    set_known_labels(gold, ["PER", "LOC"])
    return Example(Doc(nlp.vocab, words=WORDS), gold)


def vary(nlp, example, **shares):
    return list(create_entity_variants(**shares)(nlp, example))


def words(doc):
    return [token.text for token in doc]


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_without_shares_it_is_the_same(nlp, example):
    (same,) = vary(nlp, example)
    assert words(same.predicted) == words(same.reference) == WORDS
    assert ents(same.reference) == ents(example.reference)


def test_sentences_one_by_one(nlp, example):
    first, second = vary(nlp, example, sentences=1.0)
    assert words(first.predicted) == ["UK-based", "Ada", "met"]
    assert words(second.predicted) == ["Bob", "in", "Rome", "."]
    assert ents(second.reference) == [("Bob", "PER"), ("Rome", "LOC")]
    assert known_labels(second.reference) == {"PER", "LOC"}


def test_line_breaks_go(nlp, example):
    (one,) = vary(nlp, example, line_breaks=1.0)
    assert words(one.predicted) == [word for word in WORDS if word != "\n"]
    assert [token.is_sent_start for token in one.reference][3] is True


def test_case(nlp, example):
    (lower,) = vary(nlp, example, lower=1.0)
    assert words(lower.predicted) == [word.lower() for word in WORDS]
    assert ents(lower.reference)[0] == ("uk-based", "MISC")
    (upper,) = vary(nlp, example, upper=1.0)
    assert words(upper.predicted)[1] == "ADA"


def test_the_pipeline_s_own_tokens(nlp, example):
    first, _ = vary(nlp, example, sentences=1.0, tokenizer=1.0)
    assert words(first.predicted) == ["UK", "-", "based", "Ada", "met"]
    assert first.get_aligned_ner() == ["B-MISC", "I-MISC", "L-MISC", "U-PER", "O"]


def test_what_is_missing_stays_missing(nlp):
    gold = Doc(nlp.vocab, words=["a", "b"], ents=["", "O"])
    (one,) = vary(nlp, Example(Doc(nlp.vocab, words=["a", "b"]), gold), lower=1.0)
    assert [token.ent_iob for token in one.reference] == [0, 2]


@pytest.mark.parametrize(
    "shares", [{"lower": 1.1}, {"sentences": -0.1}, {"lower": 0.6, "upper": 0.6}]
)
def test_shares_out_of_range_are_refused(shares):
    with pytest.raises(ValueError, match="is a share, 0 to 1, not"):
        create_entity_variants(**shares)


def test_an_order_of_its_own_each_epoch_and_all_of_it(nlp, tmp_path):
    (tmp_path / "a.conll").write_text("\n\n".join(f"w{i} O" for i in range(30)))
    convert_conll(tmp_path / "a.conll", tmp_path / "c" / "a.spacy")
    reader = create_shuffled_reader(tmp_path / "c")
    assert isinstance(reader, Corpus)
    epochs = [[eg.predicted.text for eg in reader(nlp)] for _ in range(2)]
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(f"w{i} " for i in range(30))


@pytest.fixture
def two_corpora(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.conll").write_text("\n\n".join(f"{name}{i} O" for i in range(3)))
        convert_conll(tmp_path / f"{name}.conll", tmp_path / "c" / f"{name}.spacy")
    return tmp_path / "c"


def test_small_corpora_can_be_read_more_often(nlp, two_corpora):
    for repeats, expected in (({"a": 2}, (2, 1)), ({"a": 0, "b": 3}, (0, 3)), (None, (1, 1))):
        reader = create_shuffled_reader(two_corpora, repeats=repeats)
        found = [example.predicted.text for example in reader(nlp)]
        assert [found.count("a0 "), found.count("b2 ")] == list(expected)
        assert len(found) == 3 * sum(expected)
    reader = create_shuffled_reader(two_corpora / "a.spacy", repeats={"a": 2})
    assert len(list(reader(nlp))) == 6


def test_repeats_of_what_is_not_there_are_refused(two_corpora):
    with pytest.raises(ValueError, match=r"repeats names c, but .* has no such \.spacy file"):
        create_shuffled_reader(two_corpora, repeats={"a": 2, "c": 2})
    with pytest.raises(ValueError, match="repeats of b must be 0 or more"):
        create_shuffled_reader(two_corpora, repeats={"b": -1})
