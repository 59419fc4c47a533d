"""Two brnn_sentiment in one pipeline, and what either leaves alone."""

import warnings

import pytest
import spacy
import torch

TEXT = "Great food at Luigi's in Boston, but the service was terribly slow."
MOOD = {"extension": "mood", "neutral": True}
HASHED = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 8,
    "depth": 1,
    "embed_size": 50,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}


def alone(**config):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config=config)
    return nlp(TEXT)


@pytest.fixture
def topics():
    """A trained component whose labels have no polarity, in a pipeline of its own."""
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-brnn.TextCatBRNN.v1", "tok2vec": HASHED}
    pipe = nlp.add_pipe("brnn_sentiment", config={"model": model, "extension": "topic"})
    for label in ("food", "billing"):
        pipe.add_label(label)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of labels without polarity.
        nlp.initialize()
    return nlp


@pytest.mark.parametrize("swapped", [False, True])
def test_each_keeps_its_own_where_they_share_labels(swapped):
    nlp = spacy.blank("en")
    settings = [("one", {}), ("other", MOOD)]
    for name, config in reversed(settings) if swapped else settings:
        nlp.add_pipe("brnn_sentiment", name=name, config=config)
    doc = nlp(TEXT)
    for _ in range(2):
        assert str(doc._.sentiment) == str(alone()._.sentiment)
        assert str(doc._.mood) == str(alone(**MOOD)._.mood)
        for _, pipe in nlp.pipeline:
            doc = pipe(doc)
    back = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert str(back._.sentiment) == str(doc._.sentiment) and str(back._.mood) == str(doc._.mood)


def test_labels_without_polarity_leave_the_polarity_alone(topics):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    nlp.add_pipe("brnn_sentiment", name="topics", source=topics)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doc = nlp(TEXT)
    assert doc.sentiment == pytest.approx(alone()._.sentiment.polarity)
    assert str(doc._.sentiment) == str(alone()._.sentiment)
    assert doc._.topic.label in ("food", "billing")


def test_one_name_for_two_is_told():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    nlp.add_pipe("brnn_sentiment", name="other", config={"neutral": True})
    with pytest.warns(UserWarning, match=r"two components .* doc\._\.sentiment: .* `extension`"):
        nlp(TEXT)


def test_one_without_labels_is_no_rival():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    model = {"@architectures": "spacy-brnn.TextCatBRNN.v1", "tok2vec": HASHED}
    untrained = nlp.create_pipe("brnn_sentiment", config={"model": model})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp(nlp(TEXT))
    assert not untrained.labels


def test_one_component_after_another_is_no_news():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    removed = nlp.remove_pipe("brnn_sentiment")
    nlp.add_pipe("brnn_sentiment")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp(nlp(TEXT))
    assert removed


@pytest.mark.parametrize("factory", ["brnn_sentiment", "brnn_ner"])
def test_adding_weights_that_ship_draws_nothing(factory):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    spacy.blank("en").add_pipe(factory)
    assert torch.rand(3).equal(expected)


def test_asking_draws_nothing():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    doc = nlp(TEXT)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    assert doc[1:2]._.sentiment_toward
    assert torch.rand(3).equal(expected)
