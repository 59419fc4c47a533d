import json

import numpy
import pytest
from click.testing import CliRunner

pytest.importorskip("transformers", reason="the extra `teacher` is not installed")

import torch

from spacy_brnn.checkpoint import NAME
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.targeted_texts import TargetedSet, TargetedText
from spacy_brnn.distillation.transformer import TransformerTeacher
from spacy_brnn.targets.__main__ import main
from spacy_brnn.targets.candidates import Candidate
from spacy_brnn.targets.silver import read_silver
from spacy_brnn.targets.target_teacher import TargetTeacher
from spacy_brnn.targets.teaching import TeacherSchedule, predict_dev, score, teach
from tests.distillation.conftest import make_bert, steps_of, stop_after  # noqa: F401

SCHEDULE = TeacherSchedule(epochs=150, batch_pieces=60, learn_rate=1e-2, head_rate=1e-2)


@pytest.fixture
def start(make_bert):  # noqa: F811
    return make_bert()


def teacher(folder, *args):
    torch.manual_seed(0)
    return TargetTeacher(folder, *args)


def at(text, part, label=None):
    start = text.index(part)
    end = start + len(part)
    return TargetedText(text, start, end, label) if label else Candidate(text, start, end)


def names(made, target):
    return made.tokenizer.convert_ids_to_tokens(made.pair_pieces([target])[0])


def test_text_and_target_are_a_pair(start):
    made = teacher(start)
    found = names(made, at("The good tables.", "tables"))
    assert " ".join(found) == "[CLS] the good table ##s . [SEP] table ##s [SEP]"
    assert made.pair_pieces([]) == []


@pytest.mark.parametrize("most", [20, 21, 40, 100])
@pytest.mark.parametrize(("before", "after"), [(200, 200), (0, 200), (200, 0), (3, 200), (200, 3)])
def test_of_a_long_text_the_part_around_the_target_is_read(start, most, before, after):
    text = " ".join(["good"] * before + ["tables"] + ["bad"] * after)
    found = names(teacher(start, most), at(text, "tables"))
    assert len(found) == most
    assert found[0] == "[CLS]" and found[-4:] == ["[SEP]", "table", "##s", "[SEP]"]
    assert found.count("table") == 2
    rest = most - 3 - 4
    good, bad = found.count("good"), found.count("bad")
    assert good + bad == rest
    if before == after:
        assert abs(good - bad) <= 1
    else:
        assert min(good, bad) == min(before, after)


def test_a_target_longer_than_what_is_read_is_cut(start):
    text = "good " * 50
    (found,) = teacher(start, 12).pair_pieces([Candidate(text, 0, len(text) - 1)])
    assert len(found) == 12


def test_symbols_the_vocabulary_lacks_are_read_by_their_names(start):
    made = teacher(start)
    found = names(made, at("\U0001f600 tables \U0001f600", "tables"))
    assert found[-3:] == ["table", "##s", "[SEP]"] and found.count("table") == 2


def test_both_sequences_have_their_types(start):
    made = teacher(start)
    rows = made.pair_pieces([at("good film", "film"), at("the film was a bad film .", "film")])
    known = made.inputs(rows)
    assert known["token_type_ids"].tolist() == [
        [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
    ]


def test_an_encoder_without_types_gets_none(make_bert):  # noqa: F811
    made = teacher(make_bert(type_vocab_size=1))
    target = at("good film", "film")
    assert "token_type_ids" not in made.inputs(made.pair_pieces([target]))
    assert numpy.isfinite(score(made, [target], print)).all()


def test_the_target_changes_what_is_said_and_the_batch_does_not(start):
    made = teacher(start)
    text = "good film was a bad table ."
    targets = [at(text, "film"), at(text, "table"), at("the film", "film")]
    together = score(made, targets, lambda _: None)
    assert together.shape == (3, 3) and together.dtype == "float32"
    numpy.testing.assert_allclose(together.sum(1), 1, atol=1e-6)
    assert abs(together[0] - together[1]).max() > 1e-4
    alone = numpy.concatenate([score(made, [one], lambda _: None) for one in targets])
    numpy.testing.assert_allclose(together, alone, atol=1e-5)
    assert score(made, [], print).shape == (0, 3)


def a_set(name="menu", has_neutral=True):
    rows = [
        at("the film was good , a table was bad .", "film", "POSITIVE"),
        at("the film was good , a table was bad .", "table", "NEGATIVE"),
        at("a table was bad .", "table", "NEGATIVE"),
    ]
    if has_neutral:
        rows.append(at("a film .", "film", "NEUTRAL"))
    return TargetedSet(name, rows, rows)


def test_a_teacher_learns_to_tell_targets_apart_and_is_saved(start, tmp_path):
    made, reports = teacher(start), []
    teach(made, [a_set()], SCHEDULE, tmp_path / "taught", reports.append)
    assert "pieces/s" in reports[-1]
    truths, guesses = predict_dev(made, a_set())
    assert truths.tolist() == guesses.tolist() == [0, 1, 1, 2]
    again = TargetTeacher(tmp_path / "taught")
    targets = a_set().train
    numpy.testing.assert_allclose(
        score(made, targets, print), score(again, targets, print), atol=1e-6
    )


def test_the_same_seed_teaches_the_same_in_one_run_or_in_two(
    start,
    tmp_path,
    stop_after,  # noqa: F811
    steps_of,  # noqa: F811
):
    def taught(folder, seed=0, more=0.0):
        made = teacher(start)
        made.head.bias.data += more
        schedule = TeacherSchedule(epochs=2, batch_pieces=20, seed=seed)
        teach(made, [a_set()], schedule, tmp_path / folder, print)
        return made

    stop_after(3, lambda: taught("parts"))
    assert (tmp_path / "parts" / NAME).exists()
    with pytest.raises(CorpusError, match="is of another training: seed was 0, is 1"):
        taught("parts", seed=1)
    with pytest.raises(CorpusError, match="is of another training: it began with other weights"):
        taught("parts", more=0.1)
    made = [taught("whole"), None, taught("other", seed=1)]
    assert steps_of(lambda: made.__setitem__(1, taught("parts")))[0] == 4
    assert not (tmp_path / "parts" / NAME).exists()
    first, same, other = (score(one, a_set().train, print) for one in made)
    assert (first == same).all() and (first != other).any()


def test_a_set_without_neutral_says_nothing_of_neutral(start, tmp_path):
    made = teacher(start)
    bias = made.head.bias.detach().clone()
    teach(made, [a_set(has_neutral=False)], TeacherSchedule(epochs=1), tmp_path, print)
    moved = (made.head.bias - bias).abs()
    assert moved[0] > 5e-4 and moved[2] < 5e-5  # Weight decay alone.
    made.head.bias.data[2] = 99.0
    assert 2 not in predict_dev(made, a_set(has_neutral=False))[1]
    assert 2 in predict_dev(made, a_set())[1]


def test_sets_without_targets_teach_nothing(start, tmp_path):
    with pytest.raises(CorpusError, match="no targets to train on"):
        teach(teacher(start), [TargetedSet("menu", [], [])], SCHEDULE, tmp_path, print)


def test_a_teacher_of_whole_texts_is_a_start(start, tmp_path):
    torch.manual_seed(1)
    whole = TransformerTeacher(start)
    whole.save(tmp_path / "whole")
    assert (TargetTeacher(tmp_path / "whole").head.weight == whole.head.weight).all()


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_the_commands_teach_and_score_what_train_reads(start, sets, nlp, tmp_path):
    result = run("teach", start, sets, "-o", tmp_path / "taught", "--epochs", 1)
    assert result.exit_code == 0, result.output
    assert "menu" in result.output and "macro F1" in result.output
    scored = tmp_path / "scored.jsonl"
    cats = {"POSITIVE": 0.2, "NEGATIVE": 0.3, "NEUTRAL": 0.5}
    scored.write_text(json.dumps({"text": "The service. And food, but cold", "cats": cats}) + "\n")
    result = run("candidates", sets, scored, tmp_path / "drawn.jsonl", "--number", 1000)
    assert result.exit_code == 0, result.output
    result = run("score", tmp_path / "taught", tmp_path / "drawn.jsonl", "-o", tmp_path / "silver")
    assert result.exit_code == 0, result.output
    silver = read_silver(tmp_path / "silver")
    drawn = [json.loads(line) for line in (tmp_path / "drawn.jsonl").open()]
    assert [[t.text, t.start, t.end] for t in silver] == [list(row.values()) for row in drawn]
    assert len({t.shares for t in silver}) > 3

    other = run("teach", start, sets, "-o", tmp_path / "other", "--epochs", 1, "--seed", 1)
    assert other.exit_code == 0, other.output
    teachers = [tmp_path / "taught", tmp_path / "other"]
    for output, some in {"of_other": teachers[1:], "of_both": teachers}.items():
        result = run("score", *some, tmp_path / "drawn.jsonl", "-o", tmp_path / output)
        assert result.exit_code == 0, result.output
    of_other, of_both = map(read_silver, [tmp_path / "of_other", tmp_path / "of_both"])
    assert of_other != silver
    for one, two, mean in zip(silver, of_other, of_both, strict=True):
        expected = [(p + q) / 2 for p, q in zip(one.shares, two.shares, strict=True)]
        assert mean.shares == pytest.approx(expected, abs=2e-4)

    nlp.to_disk(tmp_path / "pipeline")
    train = ["train", sets, "--model", tmp_path / "pipeline", "--epochs", 1]
    assert run(*train, tmp_path / "plain").exit_code == 0
    result = run(*train, tmp_path / "softened", "--scored", tmp_path / "silver")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "plain").read_bytes() != (tmp_path / "softened").read_bytes()


def test_the_commands_name_what_is_wrong(start, sets, tmp_path):
    result = run("teach", sets, sets, "-o", tmp_path / "taught")
    assert result.exit_code == 1 and "has no config.json" in result.output
    result = run("teach", start, start, "-o", tmp_path / "taught")
    assert result.exit_code == 1 and "holds no sets" in result.output
    assert not (tmp_path / "taught").exists()
    whole = tmp_path / "whole"
    TransformerTeacher(start).save(whole)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "the food", "start": 4, "end": 9}')
    result = run("score", whole, bad, "-o", tmp_path / "out")
    assert (
        result.exit_code == 1 and "bad.jsonl, line 1: no object with text, start" in result.output
    )
    bad.write_text("")
    result = run("score", whole, bad, "-o", tmp_path / "out")
    assert result.exit_code == 1 and "make them with `candidates`" in result.output
    assert not (tmp_path / "out").exists()


def test_an_encoder_without_a_head_scores_nothing(start, tmp_path):
    targets = tmp_path / "targets.jsonl"
    targets.write_text(json.dumps({"text": "The menu.", "start": 4, "end": 8}) + "\n")
    result = run("score", start, targets, "-o", tmp_path / "out")
    assert result.exit_code == 1 and "without a head" in result.output
    assert not (tmp_path / "out").exists()
