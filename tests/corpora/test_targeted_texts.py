import gzip
import json

import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.labelled_texts import is_dev_text
from spacy_brnn.corpora.targeted_texts import TargetedText, read_targeted_sets

FOOD = {"text": "the food was <b>fine</b>", "start": 4, "end": 8, "label": "POSITIVE"}


def write(path, rows):
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def rows(size):
    return [{**FOOD, "text": f"the food was fine {number}"} for number in range(size)]


def test_targets_keep_their_place_in_the_text(tmp_path):
    write(tmp_path / "aspect_menu.train.jsonl.gz", [FOOD])
    write(tmp_path / "aspect_menu.dev.jsonl.gz", [{**FOOD, "label": "NEUTRAL"}])
    write(tmp_path / "menu.train.jsonl.gz", [FOOD])
    (one,) = read_targeted_sets(tmp_path)
    assert one.name == "menu"
    assert one.train == [TargetedText(FOOD["text"], 4, 8, "POSITIVE")]
    assert one.dev == [TargetedText(FOOD["text"], 4, 8, "NEUTRAL")]
    assert one.train[0].text[4:8] == "food"


@pytest.mark.parametrize("train", ["aspect_a.train.jsonl", "aspect_a.train.jsonl.gz"])
@pytest.mark.parametrize("dev", ["aspect_a.dev.jsonl", "aspect_a.dev.jsonl.gz"])
def test_files_may_be_gzipped(tmp_path, train, dev):
    write(tmp_path / train, rows(30))
    write(tmp_path / dev, rows(2))
    (one,) = read_targeted_sets(tmp_path)
    assert (len(one.train), len(one.dev)) == (30, 2)


def test_dev_is_a_tenth_where_there_is_no_file(tmp_path):
    write(tmp_path / "aspect_a.train.jsonl.gz", rows(500))
    (one,) = read_targeted_sets(tmp_path)
    expected = [row["text"] for row in rows(500) if is_dev_text(row["text"])]
    assert [text.text for text in one.dev] == expected
    assert len(one.train) == 500 - len(expected) and 20 < len(expected) < 80
    assert not {text.text for text in one.train} & set(expected)


@pytest.mark.parametrize("part", ["train", "dev"])
def test_a_set_has_neutral_where_a_text_is(tmp_path, part):
    for name in ("train", "dev"):
        write(tmp_path / f"aspect_a.{name}.jsonl.gz", rows(3))
    assert not read_targeted_sets(tmp_path)[0].has_neutral
    write(tmp_path / f"aspect_a.{part}.jsonl.gz", [*rows(3), {**FOOD, "label": "NEUTRAL"}])
    assert read_targeted_sets(tmp_path)[0].has_neutral


def test_a_folder_without_sets_says_what_files_are_sets(tmp_path):
    write(tmp_path / "menu.train.jsonl.gz", rows(3))
    with pytest.raises(CorpusError) as caught:
        read_targeted_sets(tmp_path)
    assert str(caught.value) == f"{tmp_path}: holds no sets (files like aspect_NAME.train.jsonl.gz)"


@pytest.mark.parametrize(
    "change",
    [
        {"start": -1},
        {"start": 8},
        {"end": len(FOOD["text"]) + 1},
        {"start": "4"},
        {"start": 4.5},
        {"start": None},
        {"end": 8.0},
        {"start": False, "end": True},
        {"label": "conflict"},
        {"label": None},
        {"text": None},
    ],
)
def test_a_line_that_points_to_no_part_of_its_text_is_named(tmp_path, change):
    write(tmp_path / "aspect_a.train.jsonl.gz", [FOOD, {**FOOD, **change}])
    with pytest.raises(CorpusError) as caught:
        read_targeted_sets(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'aspect_a.train.jsonl.gz'}, line 2: no object with text, start and end of a "
        "part of it, and a label of POSITIVE, NEGATIVE, NEUTRAL"
    )


def test_a_target_may_be_the_whole_text(tmp_path):
    write(tmp_path / "aspect_a.train.jsonl.gz", [{**FOOD, "start": 0, "end": len(FOOD["text"])}])
    assert (
        len(read_targeted_sets(tmp_path)[0].train) + len(read_targeted_sets(tmp_path)[0].dev) == 1
    )
