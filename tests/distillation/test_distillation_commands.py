import gzip
import json
from math import isnan

import pytest
import spacy
from click.testing import CliRunner

from spacy_brnn.corpora.docbin import write_docbin
from spacy_brnn.corpora.labelled_texts import LABELS
from spacy_brnn.corpora.scored_corpus import create_scored_reader
from spacy_brnn.distillation.__main__ import main

REVIEW = "one two three four five six seven eight nine ten eleven twelve"


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture
def files(tmp_path):
    """Two sets, one with neutral; reviews; scored texts; texts to score."""
    sets = tmp_path / "sets"
    sets.mkdir()
    two = [(f"two {n} was good", "POSITIVE") for n in range(5)] + [("two bad", "NEGATIVE")]
    three = [(f"three {n}", label) for n in range(2) for label in ("NEGATIVE", "NEUTRAL")]
    for name, texts in (("two", two), ("three", [*three, (REVIEW, "NEUTRAL")])):
        rows = [{"text": text, "label": label} for text, label in texts]
        write(sets / f"{name}.train.jsonl", rows)
        write(sets / f"{name}.dev.jsonl", [{"text": f"dev of {name}", "label": "POSITIVE"}])
    docs = list(spacy.blank("en").pipe([f"Review {n} is long enough. So it is." for n in range(4)]))
    for doc in docs:
        doc.cats = {"POSITIVE": 1.0, "NEGATIVE": 0.0}
    write_docbin(docs, tmp_path / "reviews.spacy")
    write_docbin(spacy.blank("en").pipe([REVIEW]), tmp_path / "held.spacy")
    soft = {"POSITIVE": 0.5, "NEGATIVE": 0.25, "NEUTRAL": 0.249}
    write(tmp_path / "scored.jsonl", [{"text": f"scored {n}", "cats": soft} for n in range(3)])
    return tmp_path


def run(files, command, *arguments):
    known = [str(files / a) if (files / a).exists() else a for a in arguments]
    return CliRunner().invoke(main, [command, *known, "-o", str(files / "out")])


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


def mixed(files):
    examples = create_scored_reader(files / "out")(spacy.blank("en"))
    return {example.reference.text: example.reference.cats for example in examples}


MIX = ["sets", "--reviews", "reviews.spacy", "--scored", "scored.jsonl", "--texts", "11"]


def test_mix_puts_sets_reviews_and_scored_texts_together(files):
    result = run(files, "mix", *MIX, "--most-reviews", "2", "--power", "1")
    assert result.exit_code == 0, result.output
    assert "out: 16 documents" in result.output
    found = mixed(files)
    assert {text.split()[0] for text in found} == {"two", "three", "one", "Review", "scored"}
    assert {text for text in found if text.startswith("Review")} == {
        "Review 0 is long enough. So it is.",
        "Review 1 is long enough. So it is.",
    }
    assert isnan(found["two bad"]["NEUTRAL"]) and found["three 0"]["NEUTRAL"] == 1.0
    assert sum(found["scored 0"].values()) == pytest.approx(1.0)


def test_mix_leaves_copies_of_what_is_held_back_out(files):
    assert run(files, "mix", *MIX, "--power", "1").exit_code == 0
    assert REVIEW in mixed(files)
    (files / "folder").mkdir()
    empty = run(files, "mix", *MIX, "--without", "folder", "--power", "1")
    assert empty.exit_code == 1 and "folder: no .spacy file in this folder" in empty.output
    (files / "folder" / "held.spacy").write_bytes((files / "held.spacy").read_bytes())
    for held in ("held.spacy", "folder"):
        assert run(files, "mix", *MIX, "--without", held, "--power", "1").exit_code == 0
        assert REVIEW not in mixed(files)


def test_mix_of_dev_draws_from_the_dev_parts(files):
    assert run(files, "mix", "sets", "--dev", "--texts", "2").exit_code == 0
    found = mixed(files)
    assert set(found) == {"dev of two", "dev of three"}
    # Its set has neutral, if only in train.
    assert found["dev of three"] == {"POSITIVE": 1.0, "NEGATIVE": 0.0, "NEUTRAL": 0.0}
    assert isnan(found["dev of two"]["NEUTRAL"])


def test_mix_may_draw_nothing_from_sets(files):
    assert run(files, "mix", "sets", "--scored", "scored.jsonl", "--texts", "0").exit_code == 0
    assert set(mixed(files)) == {"scored 0", "scored 1", "scored 2"}


def test_passages_are_written_one_a_line(files):
    result = run(files, "passages", "reviews.spacy", "scored.jsonl", "--number", "3")
    assert result.exit_code == 0, result.output
    assert "out: 3 texts" in result.output
    rows = lines(files / "out")
    assert len(rows) == 3 and all(set(row) == {"text"} for row in rows)


def test_the_output_gets_its_folder(files):
    command = ["passages", str(files / "reviews.spacy"), "--number", "3", "-o"]
    assert CliRunner().invoke(main, [*command, str(files / "new" / "out")]).exit_code == 0
    assert len(lines(files / "new" / "out")) == 3
    result = CliRunner().invoke(main, [*command, str(files / "reviews.spacy" / "out")])
    assert result.exit_code == 2 and "reviews.spacy: " in result.output


def test_variants_are_written_one_a_line_the_same_again(files):
    result = run(files, "variants", "sets", "--number", "20", "--seed", "3")
    assert result.exit_code == 0, result.output
    first = lines(files / "out")
    assert len(first) == 20
    run(files, "variants", "sets", "--number", "20", "--seed", "3")
    assert lines(files / "out") == first
    run(files, "variants", "sets", "--number", "20", "--seed", "4")
    assert lines(files / "out") != first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mix", "empty"], "holds no sets (files like NAME.train.jsonl.gz)"),
        (["mix", "broken"], "a.train.jsonl, line 1: label 'good' is none of"),
        (
            ["mix", "sets", "--scored", "bad.jsonl", "--texts", "5"],
            "bad.jsonl, line 1: no object with text and",
        ),
        (
            ["mix", "sets", "--reviews", "held.spacy", "--texts", "5"],
            "held.spacy: document 0 has no POSITIVE in",
        ),
        (
            ["mix", "sets", "--reviews", "bad.jsonl", "--texts", "5"],
            "bad.jsonl is not a DocBin file",
        ),
        (["mix", "sets", "--texts", "-1"], "-1 is not in the range x>=0"),
        (["mix", "sets", "--most-reviews", "-1"], "-1 is not in the range x>=0"),
        (["variants", "empty"], "holds no sets"),
        (["variants", "sets", "--number", "-1"], "-1 is not in the range x>=1"),
        (["variants", "missing"], "'missing' does not exist"),
        (["passages", "bad.jsonl"], "bad.jsonl, line 1: no object with text"),
        (["passages", "damaged.jsonl.gz"], "damaged.jsonl.gz: damaged, or not gzipped"),
        (["passages", "scored.jsonl", "--number", "0"], "0 is not in the range x>=1"),
    ],
)
def test_mistakes_are_told_in_a_line_and_nothing_is_written(files, arguments, message):
    (files / "empty").mkdir()
    (files / "broken").mkdir()
    write(files / "broken" / "a.train.jsonl", [{"text": "a", "label": "good"}])
    write(files / "bad.jsonl", [{"review": "a"}])
    (files / "damaged.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\n' * 99)[:-9])
    result = run(files, *arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output.replace("\n", " ")
    assert isinstance(result.exception, SystemExit)
    assert not (files / "out").exists()


def test_phrases_are_texts_with_one_label_each_but_for_those_left_out(files):
    assert run(files, "phrases", "--number", "60").exit_code == 0
    every = lines(files / "out")
    assert len(every) == 60
    assert {max(row["cats"], key=row["cats"].get) for row in every} == set(LABELS)
    assert all(sum(row["cats"].values()) == 1.0 for row in every)
    (files / "suite.tsv").write_text(f"group\tLABEL\t{every[3]['text'].upper()}\n", "utf-8")
    assert run(files, "phrases", "--number", "60", "--without", "suite.tsv").exit_code == 0
    assert lines(files / "out") == every[:3] + every[4:]


def test_texts_are_those_to_train_on(files):
    result = run(files, "texts", "sets", "reviews.spacy", "--without", "held.spacy")
    assert result.exit_code == 0, result.output
    texts = {row["text"] for row in lines(files / "out")}
    assert {"two bad", "three 0", "Review 3 is long enough. So it is."} <= texts
    assert REVIEW not in texts
    assert not any(text.startswith("dev of") for text in texts)
