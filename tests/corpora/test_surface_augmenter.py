import random
from collections import Counter

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.corpus import create_docbin_reader
from spacy.util import registry

from spacy_brnn.corpora.surface_augmenter import create_surface_augmenter

TEXT = "The Actors were WONDERFUL tonight, really!?"
CATS = {"POSITIVE": 0.7, "NEGATIVE": 0.3}


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def example(nlp):
    return Example.from_dict(nlp.make_doc(TEXT), {"cats": CATS})


def shown(nlp, example, n=300, seed=0, **settings):
    random.seed(seed)
    augment = create_surface_augmenter(**settings)
    return [got for _ in range(n) for got in augment(nlp, example)]


def mistyped(word):
    """All that one typing error within the word may make of it."""
    for i in range(1, len(word) - 2):
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        yield word[:i] + word[i + 1 :]
        yield word[:i] + 2 * word[i] + word[i + 1 :]


def test_without_typing_errors_there_are_four_ways_to_write(nlp, example):
    texts = Counter(got.text for got in shown(nlp, example, level=1.0, typo_rate=0.0))
    assert set(texts) == {TEXT.upper(), TEXT.lower(), TEXT.removesuffix("!?"), TEXT}
    assert min(texts.values()) > 50


def test_typing_errors_are_within_words_of_four_letters_and_more(nlp, example):
    others = {TEXT.upper(), TEXT.lower(), TEXT.removesuffix("!?")}
    got = {got.text for got in shown(nlp, example, level=1.0, typo_rate=1.0)} - others
    assert len(got) > 20
    for text in got:
        for word, written in zip(TEXT.split(), text.split(), strict=True):
            assert written in (set(mistyped(word)) if len(word) > 3 else {word})


def test_every_kind_of_typing_error_comes(nlp):
    example = Example.from_dict(nlp.make_doc("film"), {"cats": CATS})
    texts = {got.text for got in shown(nlp, example, level=1.0, typo_rate=1.0)}
    assert texts == {"FILM", "film", "flim", "flm", "fiilm"}


def test_typo_rate_is_the_share_of_words(nlp):
    text = " ".join(["wonderful"] * 400)
    example = Example.from_dict(nlp.make_doc(text), {"cats": CATS})
    got = [e.text for e in shown(nlp, example, n=12, level=1.0, typo_rate=0.25)]
    wrong = [sum(w != "wonderful" for w in t.split()) for t in got if t not in (text, text.upper())]
    assert wrong and all(number == pytest.approx(100, abs=35) for number in wrong)


def test_level_is_the_share_of_documents(nlp, example):
    got = shown(nlp, example, n=400, level=0.25)
    assert len(got) == 400
    assert sum(other is not example for other in got) == pytest.approx(100, abs=30)
    assert all(same is example for same in shown(nlp, example, level=0.0))


def test_labels_stay(nlp, example):
    for got in shown(nlp, example, level=1.0):
        assert got.reference.cats == CATS
        assert got.predicted.cats == {}
    assert example.text == TEXT


@pytest.mark.parametrize("text", ["...", "", " \n", "?! "])
def test_a_text_is_never_emptied(nlp, text):
    example = Example.from_dict(nlp.make_doc(text), {"cats": CATS})
    assert {got.text for got in shown(nlp, example, level=1.0, typo_rate=1.0)} == {text}


def test_the_seed_repeats_them(nlp, example):
    first, second, other = (
        [got.text for got in shown(nlp, example, n=50, seed=seed, level=0.5, typo_rate=0.5)]
        for seed in (1, 1, 2)
    )
    assert first == second != other


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"level": -0.1}, r"level of spacy-brnn\.surface\.v1 must lie in 0\.\.1, not -0\.1"),
        ({"typo_rate": 1.5}, r"typo_rate of spacy-brnn\.surface\.v1 must lie in 0\.\.1, not 1\.5"),
        ({"level": float("nan")}, "level .* not nan"),
    ],
)
def test_a_setting_out_of_range_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        create_surface_augmenter(**settings)


def test_a_corpus_uses_it_by_its_registered_name(nlp, example, tmp_path):
    DocBin(docs=[example.reference] * 30).to_disk(tmp_path / "docs.spacy")
    augmenter = registry.augmenters.get("spacy-brnn.surface.v1")(level=1.0, typo_rate=0.0)
    read = create_docbin_reader(tmp_path / "docs.spacy", gold_preproc=False, augmenter=augmenter)
    random.seed(0)
    assert {got.text for got in read(nlp)} == {
        TEXT.upper(), TEXT.lower(), TEXT.removesuffix("!?"), TEXT
    }  # fmt: skip
