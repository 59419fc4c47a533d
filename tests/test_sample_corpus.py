"""The sample corpus keeps the promises that its README makes."""

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
SAMPLE = CORPUS / "sample.jsonl"
KINDS = {"film": 36, "book": 18, "product": 18}
LABELS = {"POSITIVE", "NEGATIVE"}
LENGTHS = {(1, 29): 15, (30, 120): 31, (121, 300): 18, (301, 600): 6, (700, 800): 2}


def read_reviews() -> list[dict[str, str]]:
    text = SAMPLE.read_bytes().decode("utf-8")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


@pytest.fixture(scope="module")
def reviews() -> list[dict[str, str]]:
    return read_reviews()


def kind_of(review: dict[str, str]) -> str:
    return review["id"].split("-")[0]


def word_runs(text: str, size: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + size]) for start in range(len(words) - size + 1)}


def test_file_is_plain_utf8_with_non_ascii_characters():
    raw = SAMPLE.read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"}\n")
    assert {"é", "—", "“", "”", "🐙"} <= set(raw.decode("utf-8"))


def test_every_review_has_exactly_the_three_text_fields(reviews):
    for review in reviews:
        assert list(review) == ["id", "text", "label"]
        assert all(isinstance(value, str) for value in review.values())
        assert review["label"] in LABELS
        assert review["text"] == review["text"].strip() != ""


def test_ids_are_unique_and_numbered_within_their_kind(reviews):
    numbered: Counter[str] = Counter()
    for review in reviews:
        numbered[kind_of(review)] += 1
        assert review["id"] == f"{kind_of(review)}-{numbered[kind_of(review)]:03}"
    assert numbered == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_balanced_within_each_kind(reviews, kind):
    labels = Counter(review["label"] for review in reviews if kind_of(review) == kind)
    assert labels == dict.fromkeys(LABELS, KINDS[kind] // 2)


def test_every_third_of_the_file_mixes_kinds_and_labels(reviews):
    third = len(reviews) // 3
    for start in range(0, len(reviews), third):
        part = reviews[start : start + third]
        assert {kind_of(review) for review in part} == set(KINDS)
        assert 8 <= sum(review["label"] == "POSITIVE" for review in part) <= 16


@pytest.mark.parametrize("bounds", LENGTHS)
def test_reviews_have_the_lengths_that_the_readme_states(reviews, bounds):
    shortest, longest = bounds
    counts = [len(review["text"].split()) for review in reviews]
    assert sum(shortest <= count <= longest for count in counts) == LENGTHS[bounds]


def test_both_labels_have_a_long_review(reviews):
    long = [review for review in reviews if len(review["text"].split()) >= 700]
    assert {review["label"] for review in long} == LABELS


def test_length_does_not_give_the_label_away(reviews):
    words = Counter()
    for review in reviews:
        words[review["label"]] += len(review["text"].split())
    assert 0.8 < words["POSITIVE"] / words["NEGATIVE"] < 1.25


def test_no_two_reviews_share_six_words_in_a_row(reviews):
    owners = sorted(
        (run, review["id"]) for review in reviews for run in word_runs(review["text"], 6)
    )
    shared = [(here, there) for here, there in pairwise(owners) if here[0] == there[0]]
    assert shared == []


def test_no_text_occurs_twice(reviews):
    texts = Counter(" ".join(review["text"].casefold().split()) for review in reviews)
    assert max(texts.values()) == 1


def test_readme_states_the_counts():
    readme = (CORPUS / "README.md").read_text("utf-8")
    assert f"{sum(KINDS.values())} short and long reviews" in readme
    for kind, count in KINDS.items():
        assert f"{count} {kind}" in readme
