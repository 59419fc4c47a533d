"""The student's trainer: it trains the model that spacy train would, and gives it back."""

import json
from math import nan

import numpy
import pytest
import spacy
import torch
from click.testing import CliRunner
from spacy.training import Example
from thinc.api import LayerNorm, with_array

from spacy_brnn.architectures.subword_embed import Memory
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.distillation.__main__ import main
from spacy_brnn.distillation.student import train_student
from spacy_brnn.distillation.student_network import StudentNetwork
from spacy_brnn.distillation.student_texts import read_texts
from spacy_brnn.distillation.student_training import StudentSchedule, _divisor, _losses, train

MODEL = {
    "@architectures": "spacy-brnn.TextCatBRNN.v1",
    "pooling": "max_mean",
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {"@architectures": "spacy-brnn.SubwordEmbed.v1", "width": 8, "rows": 9},
        "encode": {
            "@architectures": "spacy-brnn.BRNNEncoder.v1",
            "cell": "mingru",
            "depth": 2,
            "input_width": 8,
            "width": 12,
            "lower_width": 6,
        },
    },
}
WEIGHTS = numpy.random.default_rng(0).normal(scale=9.0, size=(3, 24)).astype("f")
TEXTS = [
    ("A good film.", {"POSITIVE": 1.0, "NEGATIVE": 0.0, "NEUTRAL": 0.0}),
    ("A bad film, a very bad one indeed.", {"POSITIVE": 0.0, "NEGATIVE": 1.0, "NEUTRAL": nan}),
    ("  ", {"POSITIVE": 1.0, "NEGATIVE": 0.0, "NEUTRAL": 0.0}),
    ("<b>Tables</b> have unpredictabilities", {"POSITIVE": 0.1, "NEGATIVE": 0.1, "NEUTRAL": 0.8}),
]


def a_pipeline(**changes):
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"model": {**MODEL, **changes}})
    examples = [Example.from_dict(nlp.make_doc(text), {"cats": cats}) for text, cats in TEXTS]
    nlp.initialize(lambda: examples[:1] + examples[3:] + examples[1:2])
    return nlp, examples


@pytest.mark.parametrize("projection", [None, 4])
def test_it_computes_what_the_component_computes(projection):
    encode = {**MODEL["tok2vec"]["encode"], "projection_width": projection}
    nlp, examples = a_pipeline(tok2vec={**MODEL["tok2vec"], "encode": encode})
    pipe = nlp.get_pipe("brnn_sentiment")
    pipe.precision = "float32"
    pipe.model.get_ref("output_layer").set_param("W", WEIGHTS)
    texts = read_texts(nlp, "brnn_sentiment", examples)
    network = StudentNetwork(pipe.model, texts.words).eval()
    assert pipe.predict([examples[0].predicted])[0].std() > 0.05
    with torch.no_grad():
        logits = network(torch.from_numpy(texts.tokens).long(), torch.from_numpy(texts.lengths))
    expected = pipe.predict([examples[place].predicted for place in (0, 1, 3)])
    assert logits.softmax(dim=1).numpy() == pytest.approx(expected, abs=1e-5)


def test_a_word_hidden_in_training_is_read_by_its_parts():
    embed = {**MODEL["tok2vec"]["embed"], "unknown_dropout": 0.999999}
    nlp, examples = a_pipeline(tok2vec={**MODEL["tok2vec"], "embed": embed})
    pipe = nlp.get_pipe("brnn_sentiment")
    texts = read_texts(nlp, "brnn_sentiment", examples)
    network = StudentNetwork(pipe.model, texts.words)
    place = torch.tensor([texts.words.index("film")])
    seen = network.eval()._vectors(place)
    hidden = network.train()._vectors(place)
    embed = pipe.model.get_ref("tok2vec").get_ref("embed")
    memory = Memory(embed.attrs["words"], embed.attrs["part_rows"])
    for found, rows in ((seen, memory.rows("film")), (hidden, memory.rows_of_parts("film"))):
        expected = embed.get_param("E")[rows].mean(axis=0)
        assert found[0].detach().numpy() == pytest.approx(expected, abs=1e-6)


def test_texts_are_read_as_the_component_reads_them():
    nlp, examples = a_pipeline()
    texts = read_texts(nlp, "brnn_sentiment", examples)
    assert texts.lengths.tolist() == [4, 10, 3]  # Not white space, nor markup.
    assert [texts.words[place] for place in texts.tokens[:4]] == ["A", "good", "film", "."]
    assert numpy.isnan(texts.targets[1]).tolist() == [
        label == "NEUTRAL" for label in nlp.get_pipe("brnn_sentiment").labels
    ]


def test_it_learns_and_gives_back_what_it_learned(tmp_path):
    nlp, examples = a_pipeline()
    pipe = nlp.get_pipe("brnn_sentiment")
    texts = read_texts(nlp, "brnn_sentiment", examples)
    network = StudentNetwork(pipe.model, texts.words, dropout=0.1)
    lines = []
    schedule = StudentSchedule(passes=150.5, batch_tokens=40, learn_rate=0.02, warmup=5)
    train(network, texts, schedule, tmp_path, lines.append)
    network.write_back()
    scores = pipe.predict([examples[place].predicted for place in (0, 1, 3)])
    best = [pipe.labels[place] for place in scores.argmax(axis=1)]
    assert best == ["POSITIVE", "NEGATIVE", "NEUTRAL"]
    assert lines[-1].startswith("step ")
    assert not network.training


def test_the_same_seed_gives_the_same_weights(tmp_path):
    found = []
    for _ in range(2):
        nlp, examples = a_pipeline()
        texts = read_texts(nlp, "brnn_sentiment", examples)
        network = StudentNetwork(nlp.get_pipe("brnn_sentiment").model, texts.words, dropout=0.5)
        train(network, texts, StudentSchedule(passes=3), tmp_path, lambda line: None)
        found.append(network.table.detach().clone())
    assert torch.equal(*found)


def trained(folder, passes=6.5, texts=4, config="", **changes):
    nlp, examples = a_pipeline()
    texts = read_texts(nlp, "brnn_sentiment", examples[:texts])
    network = StudentNetwork(nlp.get_pipe("brnn_sentiment").model, texts.words, dropout=0.5)
    lines = []
    schedule = StudentSchedule(passes=passes, batch_tokens=16, **changes)
    train(network, texts, schedule, folder, lines.append, config)
    return {name: value.clone() for name, value in network.state_dict().items()}, lines


def test_it_goes_on_from_a_checkpoint_to_the_same_weights(tmp_path, stop_after, steps_of):
    whole, lines = trained(tmp_path / "whole")
    assert lines[0].startswith("step 20/20 ")
    stop_after(7, lambda: trained(tmp_path / "parts"))
    stop_after(11, lambda: trained(tmp_path / "parts"))
    torch.manual_seed(5)  # Chance goes on from where it was, too.
    parts = {}
    assert steps_of(lambda: parts.update(trained(tmp_path / "parts")[0]))[0] == 12
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert not torch.equal(whole["table"], trained(tmp_path / "other", seed=1)[0]["table"])


def test_another_training_s_checkpoint_is_refused(tmp_path, stop_after):
    stop_after(2, lambda: trained(tmp_path))
    with pytest.raises(CorpusError, match=r"is of another training: passes was 6\.5, is 3; seed w"):
        trained(tmp_path, passes=3, seed=1)
    with pytest.raises(CorpusError, match=r"is of another training: .*the texts are others"):
        trained(tmp_path, texts=3)
    with pytest.raises(CorpusError, match="is of another training: the config is another: give"):
        trained(tmp_path, config="other")
    path = tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    torch.save({**state, "plan": {**state["plan"], "more": 1}}, path)
    with pytest.raises(CorpusError, match="made by another version of this package"):
        trained(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorpusError, match=r"checkpoint\.pt cannot be read \(.*\): remove it to"):
        trained(tmp_path)
    path.unlink()
    trained(tmp_path)


def test_labels_left_open_do_not_count():
    logits = torch.tensor([[1.0, 0.0, 9.0], [1.0, 0.0, 9.0]])
    losses = _losses(logits, torch.tensor([[1.0, 0.0, nan], [0.5, 0.0, nan]]))
    expected = torch.nn.functional.cross_entropy(logits[:1, :2], torch.tensor([0]))
    assert losses.tolist() == pytest.approx([expected.item()] * 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"last_tokens": 5}, "without last_tokens"),
        (
            {"tok2vec": {**MODEL["tok2vec"], "embed": {"@architectures": "spacy-brnn.WordEmbed.v1",
             "width": 8, "rows": 9}}},
            "spacy-brnn.SubwordEmbed.v1",
        ),
    ],
)  # fmt: skip
def test_other_models_are_refused(changes, message):
    nlp, _ = a_pipeline(**changes)
    with pytest.raises(ValueError, match=message):
        StudentNetwork(nlp.get_pipe("brnn_sentiment").model, ["a"])


def test_a_model_of_another_kind_is_refused():
    bag = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 1,
        "no_output_layer": False,
    }
    pipe = spacy.blank("en").add_pipe("brnn_sentiment", config={"model": bag})
    with pytest.raises(ValueError, match=r"a student is a spacy-brnn\.TextCatBRNN\.v1, not"):
        StudentNetwork(pipe.model, ["a"])


def test_a_layer_more_is_not_left_out():
    nlp, _ = a_pipeline()
    model = nlp.get_pipe("brnn_sentiment").model
    tok2vec = model.get_ref("tok2vec")
    tok2vec.layers.insert(1, with_array(LayerNorm(nI=8)))
    with pytest.raises(ValueError, match="a student's tok2vec is"):
        StudentNetwork(model, ["a"])


def test_cats_are_filled_in_and_checked_as_in_training():
    nlp, _ = a_pipeline()
    pipe = nlp.get_pipe("brnn_sentiment")

    def read(cats):
        example = Example.from_dict(nlp.make_doc("A film"), {"cats": cats})
        return read_texts(nlp, "brnn_sentiment", [example]).targets[0].tolist()

    assert read({"NEGATIVE": 1.0}) == [float(label == "NEGATIVE") for label in pipe.labels]
    with pytest.raises(ValueError, match="add up to 1"):
        read({"POSITIVE": 1.0, "NEGATIVE": 1.0})
    with pytest.raises(ValueError, match="no texts to read"):
        read({"POSITIVE": 0.0, "NEGATIVE": 0.0, "NEUTRAL": nan})


@pytest.mark.parametrize(("power", "shares"), [(0.0, [0.1, 0.01]), (1.0, [0.055, 0.055])])
def test_what_a_text_counts_goes_with_the_company_it_has(power, shares):
    # Ten long texts in a batch, then a hundred short ones.
    found = [1.0 / _divisor(len_, mean_texts=1 / 0.055, power=power) for len_ in (10, 100)]
    assert found == pytest.approx(shares)


@pytest.mark.parametrize("passes", ["0", "-1", "nan"])
def test_passes_are_more_than_none(tmp_path, passes):
    arguments = ["student", str(write_config(tmp_path)), "--passes", passes]
    ran = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "m")])
    assert ran.exit_code == 2
    assert "passes" in ran.output


def write_config(folder):
    rows = [{"text": text, "cats": {k: None if v != v else v for k, v in cats.items()}}
            for text, cats in TEXTS]  # fmt: skip
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    nlp, _ = a_pipeline()
    config = nlp.config
    config["corpora"]["train"] = {"@readers": "spacy-brnn.ScoredTexts.v1", "path": str(path)}
    config["corpora"]["dev"] = {"@readers": "spacy-brnn.ScoredTexts.v1", "path": str(path)}
    config["initialize"]["components"] = {
        "brnn_sentiment": {"labels": ["POSITIVE", "NEGATIVE", "NEUTRAL"]}
    }
    config.to_disk(folder / "config.cfg")
    return folder / "config.cfg"


def test_the_command_writes_a_pipeline(tmp_path):
    arguments = ["student", str(write_config(tmp_path)), "--passes", "2", "-o", str(tmp_path / "m")]
    ran = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    assert "3 texts, 17 tokens" in ran.output
    assert set(spacy.load(tmp_path / "m")("A film").cats) == {"POSITIVE", "NEGATIVE", "NEUTRAL"}


def test_the_command_goes_on(tmp_path, stop_after, steps_of):
    config, schedule = write_config(tmp_path), StudentSchedule(passes=9)
    stop_after(4, lambda: train_student(config, schedule, tmp_path / "parts", lambda line: None))
    assert (tmp_path / "parts" / "checkpoint.pt").exists()
    for folder in ("parts", "whole"):
        arguments = ["student", str(config), "--passes", "9", "-o", str(tmp_path / folder)]
        steps = steps_of(lambda: CliRunner().invoke(main, arguments, catch_exceptions=False))  # noqa: B023
        assert steps[0] == (5 if folder == "parts" else 1)
        assert not (tmp_path / folder / "checkpoint.pt").exists()
    scores = [spacy.load(tmp_path / folder)("A film").cats for folder in ("parts", "whole")]
    assert scores[0] == scores[1]


def test_the_command_says_what_pipeline_it_takes(tmp_path):
    path = write_config(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('pipeline = ["brnn_sentiment"]', "pipeline = []"), "utf-8")
    ran = CliRunner().invoke(main, ["student", str(path), "-o", str(tmp_path / "m")])
    assert ran.exit_code == 1
    assert "its pipeline must be ['brnn_sentiment']" in ran.output
    assert not (tmp_path / "m").exists()


CELL = "--components.brnn_sentiment.model.tok2vec.encode.cell"


def test_the_command_takes_values_of_the_config_as_spacy_train_does(tmp_path):
    arguments = ["student", str(write_config(tmp_path)), "--passes", "2", "-o", str(tmp_path / "m")]
    ran = CliRunner().invoke(main, [*arguments, CELL, "lstm"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    tok2vec = spacy.load(tmp_path / "m").config["components"]["brnn_sentiment"]["model"]["tok2vec"]
    assert tok2vec["encode"]["cell"] == "lstm"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([CELL, "lstn"], "config.cfg: cell must be one of"),
        ([CELL.replace("cell", "width"), "wide"], "'wide' is not <class 'int'>"),
        (["--brnn.cell", "lstm"], "brnn -> cell"),
        (["--initialize.vectors", "nowhere"], "config.cfg: [E884]"),
        (["--corpora.train.path", "none.jsonl"], "none.jsonl"),
    ],
)
def test_the_command_says_what_is_wrong_with_the_config(tmp_path, arguments, told):
    path = write_config(tmp_path)
    ran = CliRunner().invoke(main, ["student", str(path), "-o", str(tmp_path / "m"), *arguments])
    assert ran.exit_code == 1
    assert isinstance(ran.exception, SystemExit)
    assert told in ran.output
    assert not (tmp_path / "m").exists()


def test_an_option_that_there_is_not_is_no_value_of_the_config(tmp_path):
    arguments = ["student", str(write_config(tmp_path)), "--pases", "2", "-o", str(tmp_path / "m")]
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 2
    assert "--pases" in ran.output
