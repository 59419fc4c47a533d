import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_brnn.known_labels import set_known_labels
from spacy_brnn.pipeline.ner_tags import TagSet

WORDS = ["Ada", "Lovelace", "met", "Bob", "in", "New", "York", "City", "on", "X", "Y"]
TAGS = ["B-PER", "L-PER", "O", "U-PER", "O", "B-LOC", "I-LOC", "L-LOC", "-", "B-DOG", "L-DOG"]


@pytest.fixture(scope="module")
def vocab():
    return spacy.blank("en").vocab


def make_example(vocab, words=WORDS):
    return Example.from_dict(Doc(vocab, words=words), {"words": WORDS, "entities": TAGS})


def test_one_tag_per_token_and_all_where_it_is_missing_or_of_another_label(vocab):
    allowed = TagSet(["LOC", "PER"]).allow_gold(make_example(vocab))
    single = [5, 7, 0, 8, 0, 1, 2, 3]
    expected = [[tag] for tag in single] + [list(range(9))] * 3
    assert [numpy.flatnonzero(row).tolist() for row in allowed] == expected


def test_the_tags_are_those_that_spacy_aligns(vocab):
    """With other tokens they come from spaCy's alignment; a copy of the tokens must agree."""
    tags = TagSet(["DOG", "LOC", "PER"])
    example = make_example(vocab)
    aligned = example.get_aligned_ner()
    for row, tag in zip(tags.allow_gold(example), aligned, strict=True):
        number = tags._numbers.get(tag or "")
        assert row.sum() == (tags.n_tags if number is None else 1)
        assert row[number or 0]
    joined = make_example(vocab, ["Ada", "Lovelace", "met", "Bob", "in", "New York", "City", "on",
                                  "X", "Y"])  # fmt: skip
    assert tags.allow_gold(joined)[5:7].argmax(axis=1).tolist() == [5, 7]


def test_an_entity_lies_in_one_sentence(vocab):
    words = ["New", "York", "Bob", "in"]
    docs = [
        Doc(vocab, words=words, sent_starts=[True, False, True, False]),
        Doc(vocab, words=words),
    ]
    cut, whole = TagSet(["LOC"]).allow_valid(docs)
    outside, last, unit = 0, 3, 4
    assert numpy.flatnonzero(cut[1]).tolist() == [outside, last, unit]
    assert numpy.delete(cut, 1, axis=0).all() and whole.all()


def test_a_document_that_is_one_entity_already_keeps_it(vocab):
    doc = Doc(vocab, words=["Boston"], ents=["B-LOC"])
    (allowed,) = TagSet(["LOC", "PER"]).allow_valid([doc])
    assert numpy.flatnonzero(allowed[0]).tolist() == [4]


def test_a_label_that_the_text_is_not_annotated_with_may_stand_anywhere_outside(vocab):
    example = make_example(vocab)
    set_known_labels(example.reference, ["PER", "DOG"])
    allowed = TagSet(["LOC", "PER"]).allow_gold(example)
    assert numpy.flatnonzero(allowed[2]).tolist() == [0, 1, 2, 3, 4]
    assert numpy.flatnonzero(allowed[0]).tolist() == [5]
    assert allowed[8].all()
