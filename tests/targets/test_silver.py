import gzip
import json
from collections import Counter

import pytest
import srsly
from click.testing import CliRunner

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.targeted_texts import TargetedSet, TargetedText, read_targeted_sets
from spacy_brnn.targets.__main__ import main
from spacy_brnn.targets.silver import (
    HeldBack,
    Sentence,
    SilverTarget,
    draw_targets,
    find_sentences,
    read_scored,
    read_silver,
    terms,
    write_silver,
)
from spacy_brnn.targets.training import WithGold, in_drawn_order

GOOD, BAD, PLAIN = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9)
SENTENCES = [
    Sentence("The soup was fine.", [(4, 8)], GOOD),
    Sentence("Avoid the waiters!", [(10, 17)], BAD),
    Sentence("Tables have chairs", [(0, 6), (12, 18)], PLAIN),
]
NOTHING_HELD = HeldBack([])


def a_set(*targets):
    texts = [
        TargetedText(text, text.index(part), text.index(part) + len(part), "POSITIVE")
        for text, part in targets
    ]
    return TargetedSet("menu", texts, [])


def held(*texts):
    return HeldBack(TargetedText(text, 0, 1, "POSITIVE") for text in texts)


def find(text, shares=GOOD, wanted=("soup", "goat cheese", "cheese"), held_back=NOTHING_HELD):
    return list(find_sentences([(text, shares)], set(wanted), held_back))


def write_scored(path, rows):
    cats = ("POSITIVE", "NEGATIVE", "NEUTRAL")
    lines = [json.dumps({"text": t, "cats": dict(zip(cats, s, strict=True))}) for t, s in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_terms_are_what_mostly_is_a_target():
    many = [(f"The great soup number {i}", "soup") for i in range(9)]
    found = terms([a_set(*many, ("a great one", "great"), ("Goat Cheese", "Goat Cheese"))])
    assert found == {"soup", "goat cheese"}


def test_terms_come_of_train_alone():
    one = TargetedSet("menu", [], a_set(("the soup", "soup")).train)
    assert terms([one]) == set()


def test_a_sentence_names_its_longest_terms():
    (sentence,) = find("I had goat cheese, then the Soup")
    named = [sentence.text[start:end] for start, end in sentence.spans]
    assert named == ["goat cheese", "Soup"] and sentence.shares == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "The soup was fine. The rest was not",
        "The soup was fine but cold",
        "I would like soup",
        "soup again",
        "The salad was fine",
        "soup " * 26,
    ],
)
def test_what_is_no_such_sentence(text):
    assert find(text) == []


def test_a_teacher_in_doubt_says_nothing():
    assert find("The soup was fine", (0.79, 0.11, 0.1)) == []
    assert len(find("The soup was fine", (0.8, 0.1, 0.1))) == 1


@pytest.mark.parametrize(
    ("dev", "is_left_out"),
    [
        ("I said: the soup -- was FINE, mostly", True),
        ("was fine", True),
        ("the soups was fine", False),
        ("the soup, fine", False),
    ],
)
def test_dev_is_left_out(dev, is_left_out):
    assert (find("The soup was fine", held_back=held(dev)) == []) is is_left_out


def test_each_part_of_a_joined_text_keeps_its_label():
    targets = draw_targets(SENTENCES, 300, 1.0, seed=0)
    assert len(targets) == 300
    named = {"soup": GOOD, "waiters": BAD, "tables": PLAIN, "chairs": PLAIN}
    assert all(named[t.text[t.start : t.end].lower()] == t.shares for t in targets)
    texts = Counter(target.text for target in targets)
    assert max(texts.values()) > 1
    assert any(", but the soup" in text for text in texts)
    assert any(". The soup" in text for text in texts)


def test_nothing_is_joined_when_not_asked_for():
    targets = draw_targets(SENTENCES, 100, 0.0, seed=0)
    assert {target.text for target in targets} == {sentence.text for sentence in SENTENCES}
    assert targets == draw_targets(SENTENCES, 100, 0.0, seed=0)
    assert targets != draw_targets(SENTENCES, 100, 0.0, seed=1)


def test_every_label_needs_a_sentence():
    with pytest.raises(ValueError, match="is NEUTRAL: score more"):
        draw_targets(SENTENCES[:2], 1, 0.5, seed=0)


def test_targets_come_back_from_their_file(tmp_path):
    targets = [SilverTarget("the soup\u2028is fine", 4, 8, (0.25, 0.5, 0.25))]
    write_silver(targets, tmp_path / "silver.jsonl")
    assert read_silver(tmp_path / "silver.jsonl") == targets


@pytest.mark.parametrize(
    "change", [{"start": -1}, {"end": 99}, {"start": 4.0}, {"cats": {}}, {"text": 1}]
)
def test_a_bad_line_is_named(tmp_path, change):
    path = tmp_path / "silver.jsonl"
    write_silver([SilverTarget("the soup", 4, 8, GOOD)] * 2, path)
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + json.dumps({**json.loads(second), **change}))
    with pytest.raises(CorpusError, match=r"silver.jsonl, line 2: no object with text, start"):
        read_silver(path)


def test_a_file_without_targets_is_named(tmp_path):
    (tmp_path / "silver.jsonl").touch()
    with pytest.raises(CorpusError, match="holds no targets: make them with `silver`"):
        read_silver(tmp_path / "silver.jsonl")


def test_the_command_makes_targets_that_train_reads(sets, nlp, tmp_path):
    rows = [
        ("The food was fine", GOOD),
        ("I do not like this service", BAD),
        ("We sat at a table", PLAIN),
        ("Not sure about the food", (0.4, 0.3, 0.3)),
    ]
    scored = write_scored(tmp_path / "scored.jsonl", rows)
    silver = tmp_path / "silver.jsonl"
    arguments = ["silver", str(sets), str(scored), str(silver), "--number", "40"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "3 sentences" in result.output and "40 targets" in result.output
    assert {t.text[t.start : t.end] for t in read_silver(silver)} == {"food", "service", "table"}

    nlp.to_disk(tmp_path / "pipeline")
    train = ["train", str(sets), "--model", str(tmp_path / "pipeline"), "--epochs", "1"]
    heads = [tmp_path / "plain", tmp_path / "taught"]
    assert CliRunner().invoke(main, [*train, str(heads[0])]).exit_code == 0
    result = CliRunner().invoke(main, [*train, str(heads[1]), "--silver", str(silver)])
    assert result.exit_code == 0 and result.output.count("epoch 1/1") == 2
    assert heads[0].read_bytes() != heads[1].read_bytes()
    assert not list(tmp_path.glob("*.checkpoint"))


def test_the_command_leaves_out_dev(sets, tmp_path):
    (one,) = read_targeted_sets(sets)
    rows = [("The food was fine", GOOD), ("I do not like this service", BAD)]
    scored = write_scored(tmp_path / "scored.jsonl", [*rows, (one.dev[0].text, PLAIN)])
    arguments = ["silver", str(sets), str(scored), str(tmp_path / "silver")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1 and "is NEUTRAL: score more" in result.output
    assert not (tmp_path / "silver").exists()


def test_the_command_names_a_bad_line(sets, tmp_path):
    with gzip.open(tmp_path / "scored.jsonl.gz", "wt") as lines:
        lines.write('{"text": "The food was fine", "cats": {"POSITIVE": 1.0}}')
    arguments = ["silver", str(sets), str(tmp_path / "scored.jsonl.gz"), str(tmp_path / "silver")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1 and "scored.jsonl.gz, line 1: no object with" in result.output
    with pytest.raises(CorpusError, match="line 1"):
        list(read_scored(tmp_path / "scored.jsonl.gz"))


def test_training_goes_on_after_silver(sets, nlp, tmp_path, train_twice):
    nlp.to_disk(tmp_path / "pipeline")
    text = "the soup was fine"
    write_silver([SilverTarget(text, 4, 8, GOOD)] * 20, tmp_path / "silver.jsonl")
    arguments = [str(sets), "--model", str(tmp_path / "pipeline"), "--epochs", "1"]
    output, are_equal = train_twice(*arguments, "--silver", str(tmp_path / "silver.jsonl"))
    assert output.count("epoch 1/1") == 1
    assert are_equal


def test_texts_are_learnt_in_a_drawn_order():
    targets = [SilverTarget(f"text {number // 2}", 0, 4, GOOD) for number in range(40)]
    drawn = in_drawn_order(targets, 0)
    assert drawn != targets and drawn == in_drawn_order(targets, 0)
    assert drawn != in_drawn_order(targets, 1)
    assert sorted(one.text for one in drawn) == sorted(one.text for one in targets)
    assert [one.text for one in drawn[::2]] == [one.text for one in drawn[1::2]]


def test_gold_targets_are_spread_over_the_silver_ones():
    silver, gold = [["a"] * 5, ["b"] * 5, ["c"]], list(range(7))
    mixed = WithGold(silver, gold, 2, 0)
    parts = [mixed[place] for place in range(len(mixed))]
    assert [[one for one in part if isinstance(one, str)] for part in parts] == silver
    drawn = [[one for one in part if isinstance(one, int)] for part in parts]
    assert {len(some) for some in drawn} == {4, 5}
    in_order = [one for some in drawn for one in some]
    assert sorted(in_order) == sorted(gold * 2) and in_order != gold * 2


def test_silver_and_gold_are_learnt_together(sets, nlp, tmp_path, train_twice, stop_training):
    nlp.to_disk(tmp_path / "pipeline")
    text = "the soup was fine"
    write_silver([SilverTarget(text, 4, 8, GOOD)] * 20, tmp_path / "silver.jsonl")
    arguments = [str(sets), "--model", str(tmp_path / "pipeline"), "--epochs", "0"]
    arguments += ["--silver", str(tmp_path / "silver.jsonl"), "--silver-epochs", "3"]
    output, are_equal = train_twice(*arguments, "--gold-times", "2")
    assert "epoch 1/3" not in output and "epoch 3/3" in output
    assert are_equal
    stop_training(*arguments, "--gold-times", "2", str(tmp_path / "other"))
    other = CliRunner().invoke(main, ["train", *arguments, str(tmp_path / "other")])
    assert "is of another training: gold_times was 2, is 0: give the same" in other.output
    silver_alone = CliRunner().invoke(main, ["train", *arguments, str(tmp_path / "alone")])
    assert silver_alone.exit_code == 0, silver_alone.output
    assert (tmp_path / "alone").read_bytes() != (tmp_path / "whole").read_bytes()


def test_weights_before_and_after_gold_are_averaged(sets, nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    write_silver([SilverTarget("the soup was fine", 4, 8, GOOD)] * 20, tmp_path / "silver.jsonl")
    arguments = [str(sets), "--model", str(tmp_path / "pipeline")]
    arguments += ["--silver", str(tmp_path / "silver.jsonl")]
    weights = []
    for options in (["--epochs", "0"], ["--epochs", "20"], ["--epochs", "20", "--average"]):
        output = str(tmp_path / "head")
        result = CliRunner().invoke(main, ["train", *arguments, output, *options])
        assert result.exit_code == 0, result.output
        state = srsly.read_msgpack(output)["state"]
        weights.append(state["project.weight"].astype("float32"))
    moved = abs(weights[0] - weights[1]).max()
    assert moved > 1e-3
    assert abs(weights[2] - (weights[0] + weights[1]) / 2).max() < moved / 8


@pytest.mark.parametrize("options", [("--epochs", "0"), ("--gold-times", "1"), ("--average",)])
def test_training_needs_targets(sets, tmp_path, options):
    arguments = ["train", str(sets), str(tmp_path / "head"), *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and "without --silver" in result.output
