from math import isnan

import pytest
import spacy

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.scored_corpus import create_scored_reader
from spacy_brnn.corpora.surface_augmenter import create_surface_augmenter


def write(path, *lines):
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_each_line_is_an_example_with_its_cats(tmp_path):
    path = write(
        tmp_path / "texts.jsonl",
        '{"text": "Good.", "cats": {"POSITIVE": 1, "NEUTRAL": null}}',
        '{"text": "Bad.", "cats": {"POSITIVE": 0.25}}',
    )
    good, bad = create_scored_reader(path)(spacy.blank("en"))
    assert good.reference.cats["POSITIVE"] == 1.0
    assert isnan(good.reference.cats["NEUTRAL"])
    assert [token.text for token in bad.predicted] == ["Bad", "."]
    assert bad.reference.cats == {"POSITIVE": 0.25}
    assert bad.predicted.cats == {}


def test_the_augmenter_sees_each_text(tmp_path):
    path = write(tmp_path / "texts.jsonl", *['{"text": "Good film", "cats": {"A": 1}}'] * 40)
    reader = create_scored_reader(path, augmenter=create_surface_augmenter(level=1.0))
    examples = list(reader(spacy.blank("en")))
    assert {example.predicted.text for example in examples} >= {"GOOD FILM", "good film"}
    assert all(example.reference.cats == {"A": 1.0} for example in examples)


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"text": "a"}', '{"text": 1, "cats": {}}', '{"text": "a", "cats": {"A": "x"}}'],
)
def test_another_line_is_named(tmp_path, line):
    path = write(tmp_path / "texts.jsonl", '{"text": "a", "cats": {}}', line)
    with pytest.raises(CorpusError) as caught:
        list(create_scored_reader(path)(spacy.blank("en")))
    assert str(caught.value) == f"{path}, line 2: no object with text and cats"
