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


def test_set_later_it_is_saved_unless_the_config_is_changed(train_pipeline, tmp_path):
    nlp = train_pipeline()
    nlp.get_pipe("brnn_sentiment").abstain_below = 1.0
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path)("Zyxwv qwe")._.sentiment.label is None
    other = {"components": {"brnn_sentiment": {"abstain_below": 0.1}}}
    assert spacy.load(tmp_path, config=other)("Zyxwv qwe")._.sentiment.label is not None
    bare = train_pipeline().from_bytes(nlp.to_bytes())
    assert bare("Zyxwv qwe")._.sentiment.label is None


def test_not_asked_for_it_leaves_no_trace(train_pipeline):
    assert not train_pipeline()("Zyxwv qwe").user_data


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.7", None, float("nan")])
def test_a_threshold_is_a_probability(value):
    component = (nlp := spacy.blank("en")).add_pipe("brnn_sentiment", config={"model": MODEL})
    with pytest.raises(ValueError, match="abstain_below of 'brnn_sentiment' is a probability"):
        component.abstain_below = value
    assert component.abstain_below == 0.0
    if value is not None:
        with pytest.raises(ValueError, match="abstain_below"):
            config = {"model": MODEL, "abstain_below": value}
            nlp.add_pipe("brnn_sentiment", name="other", config=config)
