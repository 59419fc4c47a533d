import sys

import click
import pytest
import spacy

from benchmarks import judges
from benchmarks.judges import brnn, by_polarity, choose, peers


@pytest.mark.parametrize(
    ("score", "two", "three"),
    [
        (0.9, "POSITIVE", "POSITIVE"),
        (0.05, "POSITIVE", "POSITIVE"),
        (0.049, "POSITIVE", "NEUTRAL"),
        (0.0, "NEUTRAL", "NEUTRAL"),
        (-0.049, "NEGATIVE", "NEUTRAL"),
        (-0.05, "NEGATIVE", "NEGATIVE"),
    ],
)
def test_a_score_is_a_sign_and_a_label(score, two, three):
    assert by_polarity(lambda texts: [score] * len(texts))(["a", "b"]) == [(two, three)] * 2


@pytest.mark.parametrize("with_pipeline", [False, True])
def test_the_project_answers_each_text(tmp_path, with_pipeline):
    pipeline = None
    if with_pipeline:
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_sentiment")
        pipeline = str(tmp_path / "pipeline")
        nlp.to_disk(pipeline)
    texts = ["A wonderful film, I loved it!", "It was terrible.", "The table is made of wood."]
    answers = brnn(pipeline)(texts)
    assert [two for two, _ in answers[:2]] == ["POSITIVE", "NEGATIVE"]
    assert [three for _, three in answers] == ["POSITIVE", "NEGATIVE", "NEUTRAL"]


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_pipeline_that_will_not_do_is_one_line(tmp_path, name):
    spacy.blank("en").to_disk(tmp_path / "empty")
    with pytest.raises(click.ClickException, match=f"{name}.*is no pipeline with brnn_sentiment"):
        choose(str(tmp_path / name), only_brnn=True)


def test_peers_score_by_their_own_polarity(monkeypatch):
    for system, score in ((judges.Vader, 0.5), (judges.SpacyTextBlob, 0.01), (judges.Asent, -1.0)):
        monkeypatch.setattr(system, "load", lambda self: None)
        monkeypatch.setattr(
            system, "score_all", lambda self, texts, score=score: [score] * len(texts)
        )
    assert {title: judge(["a"]) for title, judge in peers().items()} == {
        "VADER": [("POSITIVE", "POSITIVE")],
        "spacytextblob": [("POSITIVE", "NEUTRAL")],
        "asent": [("NEGATIVE", "NEGATIVE")],
    }


def test_a_peer_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", None)
    with pytest.raises(click.ClickException) as caught:
        choose(None, only_brnn=False)
    assert "vaderSentiment" in caught.value.message
    assert "pip install -e '.[benchmarks]', or give --only-brnn" in caught.value.message
    assert list(choose(None, only_brnn=True)) == ["brnn_sentiment"]
