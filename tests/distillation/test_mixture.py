import json
from math import isnan, nan

import pytest
import spacy

from spacy_brnn.corpora.docbin import read_docbin
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.labelled_texts import LABELS, LabelledText, TextSet
from spacy_brnn.corpora.scored_corpus import create_scored_reader
from spacy_brnn.distillation import mixture


def a_set(*labels):
    return TextSet("a", [LabelledText(f"{label} text", label) for label in labels], [])


def cats(positive, negative, neutral):
    return pytest.approx(dict(zip(LABELS, (positive, negative, neutral), strict=True)), nan_ok=True)


def read(path):
    nlp = spacy.blank("en")
    if path.suffix == ".spacy":
        return list(read_docbin(path, nlp.vocab))
    return [example.reference for example in create_scored_reader(path)(nlp)]


def scored_file(path, *rows):
    path.write_text("".join(json.dumps({"text": t, "cats": c}) + "\n" for t, c in rows), "utf-8")
    return path


def test_labelled_texts_have_one_label(tmp_path):
    found = dict(mixture.labelled([a_set(*LABELS)], 3, 0.5, 0))
    assert found == {
        "POSITIVE text": cats(1, 0, 0),
        "NEGATIVE text": cats(0, 1, 0),
        "NEUTRAL text": cats(0, 0, 1),
    }


def test_a_set_without_neutral_says_nothing_of_it():
    found = dict(mixture.labelled([a_set("POSITIVE", "NEGATIVE")], 2, 0.5, 0))
    assert found == {"POSITIVE text": cats(1, 0, nan), "NEGATIVE text": cats(0, 1, nan)}


def test_reviews_say_nothing_of_neutral(tmp_path):
    doc = spacy.blank("en")("A review.")
    doc.cats = {"POSITIVE": 0.75, "NEGATIVE": 0.25}
    assert list(mixture.reviews(tmp_path, [doc])) == [("A review.", cats(0.75, 0.25, nan))]
    assert doc.cats == {"POSITIVE": 0.75, "NEGATIVE": 0.25}


@pytest.mark.parametrize("missing", ["POSITIVE", "NEGATIVE"])
def test_a_review_without_a_label_is_named(tmp_path, missing):
    doc = spacy.blank("en")("A review.")
    doc.cats = {label: 0.5 for label in ("POSITIVE", "NEGATIVE") if label != missing}
    with pytest.raises(CorpusError, match=rf"a\.spacy: document 0 has no {missing} in its cats"):
        list(mixture.reviews(tmp_path / "a.spacy", [doc]))


def test_soft_labels_are_normalized(tmp_path):
    rows = [
        ("a", {"POSITIVE": 0.3333, "NEGATIVE": 0.3333, "NEUTRAL": 0.3333}),
        ("b", {"POSITIVE": 2, "NEGATIVE": 1, "NEUTRAL": 1}),
    ]
    found = list(mixture.scored(scored_file(tmp_path / "s.jsonl", *rows)))
    assert found == [("a", cats(1 / 3, 1 / 3, 1 / 3)), ("b", cats(0.5, 0.25, 0.25))]
    assert [sum(soft.values()) for _, soft in found] == pytest.approx([1.0, 1.0], abs=1e-12)


@pytest.mark.parametrize(
    "row",
    [
        {"text": "b"},
        {"cats": {"POSITIVE": 0.5, "NEGATIVE": 0.25, "NEUTRAL": 0.25}},
        {"text": "b", "cats": {}},
        {"text": "b", "cats": [0.5, 0.25, 0.25]},
        {"text": "b", "cats": {"POSITIVE": 0.5, "NEGATIVE": 0.5}},
        {"text": "b", "cats": {"POSITIVE": 0.5, "NEGATIVE": 0.5, "OTHER": 0.0}},
        {"text": "b", "cats": {"POSITIVE": 0.0, "NEGATIVE": 0.0, "NEUTRAL": 0.0}},
        {"text": "b", "cats": {"POSITIVE": nan, "NEGATIVE": 0.5, "NEUTRAL": 0.5}},
        {"text": "b", "cats": {"POSITIVE": 2.0, "NEGATIVE": -1.5, "NEUTRAL": 0.5}},
        {"text": "b", "cats": {"POSITIVE": "1", "NEGATIVE": "0", "NEUTRAL": "0"}},
    ],
)
def test_a_line_that_is_not_scored_is_named(tmp_path, row):
    path = scored_file(tmp_path / "s.jsonl", ("a", dict.fromkeys(LABELS, 0.5)))
    with path.open("a", encoding="utf-8") as file:
        print(json.dumps(row), file=file)
    with pytest.raises(CorpusError) as caught:
        list(mixture.scored(path))
    assert str(caught.value) == (
        f"{path}, line 2: no object with text and cats: shares of POSITIVE, NEGATIVE, NEUTRAL"
    )


PARTS = [
    (f"Text {n} isn't it.", {"POSITIVE": n / 7, "NEGATIVE": 1 - n / 7, "NEUTRAL": nan})
    for n in range(7)
]


@pytest.mark.parametrize("kind", ["spacy", "jsonl"])
def test_a_mixture_reads_back_shuffled_by_its_seed(tmp_path, kind):
    orders = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        path = tmp_path / f"{name}.{kind}"
        assert mixture.write_mixture(PARTS, path, seed) == 7
        orders.append([doc.text for doc in read(path)])
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != [text for text, _ in PARTS]
    found = {doc.text: doc.cats for doc in read(path)}
    for text, expected in PARTS:
        assert found[text] == pytest.approx(expected, nan_ok=True)
        assert isnan(found[text]["NEUTRAL"])


@pytest.mark.parametrize("kind", ["spacy", "jsonl"])
def test_documents_are_tokenized_as_spacy_does(tmp_path, kind):
    mixture.write_mixture(PARTS[:1], tmp_path / f"one.{kind}", 0)
    (doc,) = read(tmp_path / f"one.{kind}")
    assert [token.text for token in doc] == ["Text", "0", "is", "n't", "it", "."]
    assert doc[3].norm_ == "not"


def test_texts_of_white_space_are_left_out(tmp_path):
    path = tmp_path / "mixture.jsonl"
    assert mixture.write_mixture([*PARTS, (" \n", {}), ("", {})], path, 0) == 7
    assert len(read(path)) == 7


def test_a_part_that_cannot_be_read_leaves_what_was_there(tmp_path):
    path = tmp_path / "mixture.jsonl"
    mixture.write_mixture(PARTS, path, 0)

    def broken():
        yield PARTS[0]
        raise CorpusError("line 2")

    with pytest.raises(CorpusError):
        mixture.write_mixture(broken(), path, 0)
    assert len(read(path)) == 7
    with pytest.raises(CorpusError):
        mixture.write_mixture(broken(), tmp_path / "new.jsonl", 0)
    assert not (tmp_path / "new.jsonl").exists()
