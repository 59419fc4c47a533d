import re
from collections import Counter

import pytest

from spacy_brnn.corpora.labelled_texts import LABELS
from spacy_brnn.distillation.phrases import SLOT, draw_phrases, grammar

# A wrong article: "a" before a vowel's sound, "an" before a consonant's.
WRONG_A = re.compile(r"\b[Aa] (?!one\b|once\b|euro|uni|use)[aeiou8]")
WRONG_AN = re.compile(r"\b[Aa]n (?!hour|honest|honour|[8AEFHILMNORSX])[^aeiou]")


def all_texts() -> list[str]:
    """The phrases and fillers, as written."""
    fillers = [filler for fillers in grammar()["slots"].values() for filler in fillers]
    return [phrase["text"] for phrase in grammar()["phrases"]] + fillers


def expansions(number: int = 2000, seed: int = 0) -> list[str]:
    return [text for text, _ in draw_phrases(number, seed)]


def test_slots_exist_and_are_used():
    used = {name.lower() for text in all_texts() for name in SLOT.findall(text)}
    assert used == set(grammar()["slots"])


def test_slots_and_phrases_are_distinct():
    for fillers in grammar()["slots"].values():
        assert len(set(fillers)) == len(fillers) > 1
    texts = [phrase["text"] for phrase in grammar()["phrases"]]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_labels_are_known():
    assert {phrase["label"] for phrase in grammar()["phrases"]} == set(LABELS)


def test_groups_are_large():
    groups = Counter(phrase["group"] for phrase in grammar()["phrases"])
    assert min(groups.values()) >= 25


def test_texts_are_filled():
    assert [text for text in expansions() if "{" in text or "}" in text] == []


def test_spaces_are_single():
    assert [text for text in expansions() if "  " in text or text != text.strip()] == []


def test_articles_agree():
    texts = expansions(10_000)
    assert [text for text in texts if WRONG_A.search(text) or WRONG_AN.search(text)] == []


def test_no_text_has_two_labels():
    labels: dict[str, str] = {}
    for seed in range(5):
        for text, label in draw_phrases(2000, seed):
            assert labels.setdefault(text, label) == label, text


def test_draws_are_distinct_and_follow_the_seed():
    drawn = draw_phrases(500, 1)
    assert len(dict(drawn)) == len(drawn) == 500
    assert draw_phrases(500, 1) == drawn != draw_phrases(500, 2)


def test_labels_are_balanced():
    shares = Counter(label for _, label in draw_phrases(2000, 0))
    assert min(shares.values()) > 0.5 * max(shares.values())


def test_too_many_are_refused(monkeypatch):
    small = {"small": [{"label": "NEUTRAL", "group": "small", "text": "{n_kids}"}]}
    monkeypatch.setattr("spacy_brnn.distillation.phrases._groups", lambda: small)
    with pytest.raises(ValueError, match="no 4 distinct"):
        draw_phrases(4, 0)
