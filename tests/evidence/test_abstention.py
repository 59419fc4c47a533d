import pytest
import spacy
from spacy.tokens import Doc

from .conftest import MODEL


def test_a_label_is_given_from_the_threshold_on(train_pipeline):
    nlp = train_pipeline(abstain_below=0.95)
    sure, unsure = nlp("A wonderful film, warm and funny."), nlp("Zyxwv qwe")
    assert sure._.sentiment.label == "POSITIVE" and sure._.sentiment.score >= 0.95
    assert unsure._.sentiment.score < 0.95
    assert unsure._.sentiment.label is None and unsure[:]._.sentiment.label is None
    assert str(unsure._.sentiment).startswith("undecided (0.")
    assert sum(unsure.cats.values()) == pytest.approx(1.0)


def test_it_travels_with_the_document_and_the_pipeline(train_pipeline, tmp_path):
    nlp = train_pipeline(abstain_below=1.0)
    doc = nlp("Zyxwv qwe")
    stray = Doc(spacy.blank("en").vocab).from_bytes(doc.to_bytes())
    assert stray._.sentiment.label is None
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded("Zyxwv qwe")._.sentiment.label is None


def test_not_asked_for_it_leaves_no_trace(train_pipeline):
    assert not train_pipeline()("Zyxwv qwe").user_data


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_threshold_is_a_probability(value):
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match="abstain_below of 'brnn_sentiment' is a probability"):
        nlp.add_pipe("brnn_sentiment", config={"model": MODEL, "abstain_below": value})
