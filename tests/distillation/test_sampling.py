from collections import Counter

import pytest

from spacy_brnn.corpora.labelled_texts import LabelledText, TextSet
from spacy_brnn.distillation.sampling import draw


def make(name, size, labels=("POSITIVE", "NEGATIVE")):
    texts = [LabelledText(f"{name} {i}", labels[i % len(labels)]) for i in range(size)]
    return TextSet(name, texts, [])


def per_set(drawn):
    return Counter(text.split()[0] for text, _, _ in drawn)


@pytest.mark.parametrize(
    ("power", "shares"),
    [
        (0.0, {"small": 60, "large": 60}),
        (0.5, {"small": 20, "large": 100}),
        (1.0, {"large": 115, "small": 5}),
    ],
)
def test_a_set_s_share_goes_with_a_power_of_its_size(power, shares):
    drawn = draw([make("small", 10), make("large", 250)], 120, 0, power)
    assert per_set(drawn) == shares


def test_a_set_is_read_whole_before_it_comes_again():
    counts = Counter(text for text, _, _ in draw([make("a", 7)], 24, 0))
    assert len(counts) == 7 and set(counts.values()) == {3, 4}


def test_texts_keep_their_label_and_whether_their_set_has_neutral():
    three = make("three", 9, ("POSITIVE", "NEGATIVE", "NEUTRAL"))
    two = make("two", 9)
    drawn = set(draw([three, two], 18, 0))
    assert drawn == {(t.text, t.label, True) for t in three.train} | {
        (t.text, t.label, False) for t in two.train
    }


def test_sets_are_mixed_and_the_order_is_the_seed_s():
    sets = [make("a", 50), make("b", 50)]
    first, again, other = (draw(sets, 100, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(first) == sorted(other)
    assert 10 < per_set(first[:50])["a"] < 40


def test_a_set_whose_share_is_less_than_half_a_text_gives_none():
    assert per_set(draw([make("small", 1), make("large", 10_000)], 10, 0)) == {"large": 10}
    assert draw([make("a", 5)], 0, 0) == []


def test_sets_without_texts_give_none():
    assert per_set(draw([make("empty", 0), make("a", 5)], 5, 0)) == {"a": 5}
    assert draw([make("empty", 0)], 5, 0) == []
    assert draw([], 5, 0) == []
