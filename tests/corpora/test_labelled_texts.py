import gzip
import json

import pytest
import spacy

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.labelled_texts import (
    LabelledText,
    TextSet,
    is_dev_text,
    read_sets,
    review_set,
    without_copies,
)

LABELS = ("POSITIVE", "NEGATIVE", "NEUTRAL")


def write(path, rows):
    data = "".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def rows(size, prefix="text"):
    return [(f"{prefix} {number}", LABELS[number % 3]) for number in range(size)]


def pairs(texts):
    return [(text.text, text.label) for text in texts]


def test_sets_come_by_name(tmp_path):
    for name in ("b.train.jsonl", "a.train.jsonl.gz", "c.train.jsonl"):
        write(tmp_path / name, rows(3, name[0]))
    for other in ("aspect_d.train.jsonl", "e.test.jsonl", "f.train.jsonl.bak", "g.dev.jsonl"):
        write(tmp_path / other, rows(3))
    assert [one.name for one in read_sets(tmp_path)] == ["a", "b", "c"]


@pytest.mark.parametrize("train", ["a.train.jsonl", "a.train.jsonl.gz"])
@pytest.mark.parametrize("dev", ["a.dev.jsonl", "a.dev.jsonl.gz"])
def test_dev_is_the_file_beside_train_gzipped_or_not(tmp_path, train, dev):
    write(tmp_path / train, rows(30))
    write(tmp_path / dev, rows(5, "dev"))
    (one,) = read_sets(tmp_path)
    assert (pairs(one.train), pairs(one.dev)) == (rows(30), rows(5, "dev"))


def test_dev_is_a_tenth_where_there_is_no_file(tmp_path):
    write(tmp_path / "a.train.jsonl", rows(1000))
    (one,) = read_sets(tmp_path)
    assert pairs(one.dev) == [(text, label) for text, label in rows(1000) if is_dev_text(text)]
    assert sorted(pairs(one.train + one.dev)) == sorted(rows(1000))
    assert len(one.dev) == pytest.approx(100, abs=30)


def test_what_is_dev_depends_on_the_text_as_it_stands_in_its_file(tmp_path):
    texts = [f"<b>text</b> {number}" for number in range(60)]
    write(tmp_path / "a.train.jsonl", [(text, "POSITIVE") for text in texts])
    (one,) = read_sets(tmp_path)
    expected = [text for text in texts if is_dev_text(text)]
    assert expected
    assert [text.text for text in one.dev] == [
        text.replace("<b>text</b>", "text") for text in expected
    ]


def test_which_texts_are_dev_stays():
    found = [number for number in range(40) if is_dev_text(f"text {number}")]
    assert found == [14, 23, 24, 34, 36, 39]


def test_a_name_may_hold_dots(tmp_path):
    for name in ("reviews.2019", "reviews.2020"):
        write(tmp_path / f"{name}.train.jsonl", rows(3, name))
        write(tmp_path / f"{name}.dev.jsonl", rows(2, name))
    assert [one.name for one in read_sets(tmp_path)] == ["reviews.2019", "reviews.2020"]


def test_a_set_that_is_there_twice_is_refused(tmp_path):
    write(tmp_path / "a.train.jsonl", rows(3))
    write(tmp_path / "a.train.jsonl.gz", rows(3))
    with pytest.raises(CorpusError, match=r"a\.train\.jsonl is there gzipped, too: remove one"):
        read_sets(tmp_path)


def test_a_set_has_neutral_where_a_text_is(tmp_path):
    write(tmp_path / "two.train.jsonl", [("good", "POSITIVE"), ("bad", "NEGATIVE")])
    write(tmp_path / "three.train.jsonl", [("good", "POSITIVE"), ("a table", "NEUTRAL")])
    assert {one.name: one.has_neutral for one in read_sets(tmp_path)} == {
        "three": True,
        "two": False,
    }


def test_a_set_has_neutral_where_only_its_other_part_shows_it():
    good, table = LabelledText("good", "POSITIVE"), LabelledText("a table", "NEUTRAL")
    assert TextSet("a", [good], [table]).has_neutral
    assert TextSet("a", [table], [good]).has_neutral
    assert not TextSet("a", [good], [good]).has_neutral


def test_a_folder_without_sets_says_what_files_are_sets(tmp_path):
    write(tmp_path / "aspect_a.train.jsonl", rows(3))
    with pytest.raises(CorpusError) as caught:
        read_sets(tmp_path)
    assert str(caught.value) == f"{tmp_path}: holds no sets (files like NAME.train.jsonl.gz)"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a"}', "no object with text and label"),
        ('{"label": "POSITIVE"}', "no object with text and label"),
        ('{"text": "a", "label": "positive"}', "label 'positive' is none of"),
        ('{"text": "a", "label": ["POSITIVE"]}', r"label \['POSITIVE'\] is none of"),
        ('{"text": 3, "label": "POSITIVE"}', "no object with text and label"),
    ],
)
@pytest.mark.parametrize("part", ["train", "dev"])
def test_a_bad_line_is_named(tmp_path, part, line, message):
    for name in ("train", "dev"):
        write(tmp_path / f"a.{name}.jsonl", rows(2))
    with (tmp_path / f"a.{part}.jsonl").open("a", encoding="utf-8") as file:
        print(line, file=file)
    with pytest.raises(CorpusError, match=rf"a\.{part}\.jsonl, line 3: {message}"):
        read_sets(tmp_path)


def reviews(*cats):
    docs = [spacy.blank("en")(f"review {number}") for number in range(len(cats))]
    for doc, cat in zip(docs, cats, strict=True):
        doc.cats = cat
    return docs


def test_reviews_are_the_training_half_of_a_set(tmp_path):
    docs = reviews({"POSITIVE": 0.9, "NEGATIVE": 0.1}, {"POSITIVE": 0.0, "NEGATIVE": 1.0})
    one = review_set(tmp_path / "films.spacy", docs)
    assert one.name == "films" and one.dev == [] and not one.has_neutral
    assert pairs(one.train) == [("review 0", "POSITIVE"), ("review 1", "NEGATIVE")]


def test_a_review_without_a_label_is_named(tmp_path):
    docs = reviews({"POSITIVE": 0.9, "NEGATIVE": 0.1}, {})
    with pytest.raises(CorpusError, match=r"films\.spacy: document 1 has no POSITIVE in its cats"):
        review_set(tmp_path / "films.spacy", docs)


ORIGINAL = "one two three four five six seven eight nine ten eleven twelve"


@pytest.mark.parametrize(
    ("text", "is_copy"),
    [
        (ORIGINAL, True),
        ("One, two -- three: four FIVE six seven eight nine ten eleven twelve!", True),
        # 4 of 8 runs of eight words are the original's.
        ("a b c d " + ORIGINAL[: ORIGINAL.index(" twelve")], True),
        # 1 of 5.
        ("a b c d " + " ".join(ORIGINAL.split()[:8]), False),
        ("one two three four five six seven", False),
        ("short and sweet", True),
        ("Short and sweet!", True),
        ("short and sour", False),
        ("😀", False),
        ("", False),
    ],
)
def test_copies_and_edits_of_the_originals_are_left_out(text, is_copy):
    texts = [LabelledText(text, "POSITIVE"), LabelledText("another", "NEGATIVE")]
    dev = [LabelledText(ORIGINAL, "POSITIVE")]
    (one,) = without_copies([TextSet("a", texts, dev)], [ORIGINAL, "short and sweet", "!!"])
    assert one.train == texts[is_copy:]
    assert one.dev == dev


def test_without_originals_all_stay():
    texts = [LabelledText(ORIGINAL, "POSITIVE"), LabelledText("a", "POSITIVE")]
    assert without_copies([TextSet("a", texts, [])], []) == [TextSet("a", texts, [])]
