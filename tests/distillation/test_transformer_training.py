from dataclasses import replace

import pytest

pytest.importorskip("transformers", reason="the extra `teacher` is not installed")

import torch
from click.testing import CliRunner

from spacy_brnn.checkpoint import NAME as CHECKPOINT
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.labelled_texts import LabelledText, TextSet
from spacy_brnn.distillation import transformer_training
from spacy_brnn.distillation.__main__ import main
from spacy_brnn.distillation.transformer import TransformerTeacher
from spacy_brnn.distillation.transformer_training import Schedule, train

SCHEDULE = Schedule(60, batch_pieces=24, learn_rate=1e-2, head_rate=1e-2, warmup=3)


def a_set(*pairs):
    return TextSet("a", [LabelledText(text, label) for text, label in pairs], [])


SETS = [
    a_set(("good film", "POSITIVE"), ("the film was bad .", "NEGATIVE"), ("a table", "NEUTRAL"))
]


@pytest.fixture(autouse=True)
def in_float32(monkeypatch):
    monkeypatch.setattr(transformer_training, "has_bfloat16", lambda: False)


def teacher(start, **settings):
    torch.manual_seed(0)
    return TransformerTeacher(start, **settings)


def run(start, folder, sets=SETS, schedule=SCHEDULE, **settings):
    made = teacher(start, **settings)
    train(made, sets, schedule, folder, lambda line: None)
    return made


def weights(made):
    return {name: value.clone() for name, value in made.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_training_learns_and_saves(make_bert, tmp_path):
    start = make_bert()
    schedule = replace(SCHEDULE, texts=300)
    run(start, tmp_path / "out", schedule=schedule)
    scores = TransformerTeacher(tmp_path / "out").score(
        ["good film", "the film was bad .", "a table"]
    )
    assert scores.argmax(1).tolist() == [0, 1, 2]
    assert not (tmp_path / "out" / CHECKPOINT).exists()


def test_frozen_layers_stay_and_the_others_move(make_bert, tmp_path):
    start = make_bert()
    before = weights(teacher(start))
    after = weights(run(start, tmp_path / "out", schedule=replace(SCHEDULE, frozen_layers=1)))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any("embeddings." in name or "layer.0." in name for name in moved)
    assert any("layer.1." in name for name in moved) and "head.weight" in moved


def test_the_seed_repeats_a_training(make_bert, tmp_path):
    start = make_bert()
    first, again, other = (
        weights(run(start, tmp_path / name, schedule=replace(SCHEDULE, seed=seed)))
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert same(first, again) and not same(first, other)


def test_texts_of_a_set_without_neutral_leave_its_logit_alone(make_bert, tmp_path):
    start = make_bert()
    sets = [a_set(("good film", "POSITIVE"), ("the film was bad .", "NEGATIVE"))]
    before = weights(teacher(start))["head.weight"]
    made = run(start, tmp_path / "out", sets, replace(SCHEDULE, weight_decay=0.0))
    after = weights(made)["head.weight"]
    assert torch.equal(before[2], after[2]) and not torch.equal(before[:2], after[:2])


def test_training_goes_on_from_a_checkpoint_to_the_same_weights(
    make_bert, tmp_path, monkeypatch, stop_after
):
    start, steps = make_bert(), []
    whole = weights(run(start, tmp_path / "whole"))
    stop_after(4, lambda: run(start, tmp_path / "parts"))
    assert (tmp_path / "parts" / CHECKPOINT).exists()
    forward = TransformerTeacher.forward
    monkeypatch.setattr(
        TransformerTeacher, "forward", lambda self, p: steps.append(1) or forward(self, p)
    )
    assert same(whole, weights(run(start, tmp_path / "parts")))
    gone_on = len(steps)
    run(start, tmp_path / "again")
    assert len(steps) - gone_on == gone_on + 4
    assert not (tmp_path / "parts" / CHECKPOINT).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": replace(SCHEDULE, seed=1)}, "seed was 0, is 1"),
        ({"schedule": replace(SCHEDULE, texts=90)}, "texts was 60, is 90"),
        ({"schedule": replace(SCHEDULE, learn_rate=1e-3)}, "learn_rate was 0.01, is 0.001"),
        ({"schedule": replace(SCHEDULE, batch_pieces=48)}, "batch_pieces was 24, is 48"),
        ({"schedule": replace(SCHEDULE, frozen_layers=1)}, "frozen_layers was 0, is 1"),
        ({"sets": [replace(SETS[0], train=SETS[0].train[:2])]}, "the texts are others"),
        ({"max_pieces": 3}, "the texts are others"),
    ],
)
def test_another_training_s_checkpoint_is_refused_and_left(
    make_bert, tmp_path, stop_after, change, message
):
    start = make_bert()
    stop_after(2, lambda: run(start, tmp_path / "out"))
    before = (tmp_path / "out" / CHECKPOINT).read_bytes()
    with pytest.raises(CorpusError) as caught:
        run(start, tmp_path / "out", **change)
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'out' / CHECKPOINT} is of another training: ")
    assert message in text
    assert text.endswith("give the same settings to go on, or remove it to begin anew")
    assert (tmp_path / "out" / CHECKPOINT).read_bytes() == before


def test_a_checkpoint_of_another_model_is_refused(make_bert, tmp_path, stop_after):
    stop_after(2, lambda: run(make_bert(), tmp_path / "out"))
    with pytest.raises(CorpusError, match="is of another training: it began with other"):
        run(make_bert("other", intermediate_size=32), tmp_path / "out")


def test_the_time_between_checkpoints_may_change(make_bert, tmp_path, stop_after):
    start = make_bert()
    stop_after(2, lambda: run(start, tmp_path / "out"))
    run(start, tmp_path / "out", schedule=replace(SCHEDULE, checkpoint_seconds=1e9))


def test_a_checkpoint_without_a_schedule_is_refused(make_bert, tmp_path):
    (tmp_path / "out").mkdir()
    torch.save([{}, {}, {}, 3], tmp_path / "out" / CHECKPOINT)
    with pytest.raises(CorpusError, match=r"checkpoint\.pt does not say of what training it is"):
        run(make_bert(), tmp_path / "out")


def test_no_warm_up_is_no_division(make_bert, tmp_path):
    run(make_bert(), tmp_path / "out", schedule=replace(SCHEDULE, warmup=0))


def test_without_texts_there_is_nothing_to_learn(make_bert, tmp_path):
    with pytest.raises(CorpusError, match="the sets hold no texts to train on"):
        run(make_bert(), tmp_path / "out", [a_set()])
    assert not (tmp_path / "out").exists()


def write_sets(folder):
    folder.mkdir()
    rows = "".join(f'{{"text": "{t.text}", "label": "{t.label}"}}\n' for t in SETS[0].train)
    (folder / "a.train.jsonl").write_text(rows, "utf-8")
    (folder / "a.dev.jsonl").write_text(rows, "utf-8")


def test_the_commands_teach_and_score(make_bert, tmp_path):
    write_sets(tmp_path / "sets")
    arguments = [str(make_bert()), str(tmp_path / "sets"), "--texts", "20", "-o", "out"]
    (tmp_path / "texts.jsonl").write_text('{"text": "good film"}\n', "utf-8")
    arguments[-1] = str(tmp_path / "out")
    result = CliRunner().invoke(main, ["teach-transformer", *arguments])
    assert result.exit_code == 0, result.output
    scoring = ["transformer", str(tmp_path / "out"), str(tmp_path / "texts.jsonl")]
    result = CliRunner().invoke(main, [*scoring, "-o", str(tmp_path / "scored.jsonl")])
    assert result.exit_code == 0 and "1 of 1 texts" in result.output
    assert '"text": "good film"' in (tmp_path / "scored.jsonl").read_text("utf-8")


def test_the_commands_refuse_what_is_no_teacher_in_a_line(make_bert, tmp_path):
    write_sets(tmp_path / "sets")
    (tmp_path / "texts.jsonl").write_text('{"text": "good film"}\n', "utf-8")
    (tmp_path / "empty").mkdir()
    two = make_bert(labels=["NEGATIVE", "POSITIVE"])
    for folder, message in ((two, "labels must be"), (tmp_path / "empty", "empty is no model")):
        for command, more in (("teach-transformer", "sets"), ("transformer", "texts.jsonl")):
            arguments = [command, str(folder), str(tmp_path / more), "-o", str(tmp_path / "out")]
            result = CliRunner().invoke(main, arguments)
            assert result.exit_code == 1 and message in result.output
            assert isinstance(result.exception, SystemExit)
            assert not (tmp_path / "out").exists()


def test_an_encoder_without_a_head_scores_nothing(make_bert, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": "good film"}\n', "utf-8")
    scoring = ["transformer", str(make_bert()), str(tmp_path / "texts.jsonl")]
    result = CliRunner().invoke(main, [*scoring, "-o", str(tmp_path / "out")])
    assert result.exit_code == 1 and "teach it first, by `teach-transformer`" in result.output
    assert not (tmp_path / "out").exists()
