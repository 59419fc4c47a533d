"""What spaCy's users and other packages may rely on."""

import gc
import json
import pickle
import warnings

import numpy
import pytest
import spacy
import srsly
from spacy.lang.de.examples import sentences as GERMAN
from spacy.tokens import Doc, Span
from spacy.util import registry
from thinc.api import Adam

import spacy_brnn
from spacy_brnn.pipeline.english import WINDOW, EnglishCheck

from .models import DAMAGES, MODEL, TEXTS, cats, living_vocabularies

# White space and markup.

SAME = [
    "  I loved every minute of it.",
    "I\u00a0loved\u2003every\nminute of\r\n\r\nit.\n",
    "I lo\u200bved every minute of it.\ufeff",
    "<p>I <b>loved</b> every<br/>minute of it&#46;</p>",
]


@pytest.mark.parametrize("text", SAME)
def test_the_polarity_is_equal(text, trained):
    nlp = trained()
    plain = nlp("I loved every minute of it.")
    doc = nlp(text)
    assert doc.text == text
    assert doc._.sentiment == plain._.sentiment
    assert doc[:]._.sentiment == plain[:]._.sentiment


def test_training_reads_what_prediction_reads(trained, make_examples):
    plain, odd = trained(), trained()
    pairs = [(TEXTS[0][0], cats("NEGATIVE")), ("\n", cats("POSITIVE"))]
    changed = [(f"<p>{TEXTS[0][0]}</p>".replace(" ", "\u00a0 "), cats("NEGATIVE")), pairs[1]]
    for nlp, batch in ((plain, pairs), (odd, changed)):
        nlp.update(make_examples(nlp, batch), sgd=Adam(0.01))
    assert odd(TEXTS[0][0]).cats == plain(TEXTS[0][0]).cats


def test_markup_may_be_text(trained):
    nlp = trained(markup=False)
    assert nlp("<p>wonderful</p>").cats != nlp("wonderful").cats


# Labels.


@pytest.mark.parametrize("pretrained", [False, True])
def test_a_label_that_was_added_is_kept(pretrained, nlp, make_examples):
    nlp.get_pipe("brnn_sentiment").add_label("NEUTRAL")
    nlp.config["initialize"]["components"]["brnn_sentiment"] = {"pretrained": pretrained}
    nlp.initialize(lambda: make_examples(nlp))
    assert set(nlp.get_pipe("brnn_sentiment").labels) == {"POSITIVE", "NEGATIVE", "NEUTRAL"}
    assert set(nlp("a film").cats) == {"POSITIVE", "NEGATIVE", "NEUTRAL"}


def test_labels_that_were_added_are_enough(nlp):
    for label in ("GOOD", "BAD"):
        nlp.get_pipe("brnn_sentiment").add_label(label)
    with pytest.warns(UserWarning, match="every polarity will be 0"):
        nlp.initialize()
    assert set(nlp("a film").cats) == {"GOOD", "BAD"}


def test_polarities_of_labels_that_the_model_lacks(untrained, make_examples):
    nlp = untrained(polarities={"GOOD": 1.0})
    with pytest.raises(ValueError, match="`polarities` of 'brnn_sentiment' names GOOD"):
        nlp.initialize(lambda: make_examples(nlp))


def test_training_without_labels_is_said_once(trained, make_examples):
    nlp = trained()
    batch = make_examples(nlp, [("a film", {}), ("a bore", {"OTHER": 1.0})])
    with pytest.warns(UserWarning, match="none of the 2 documents of a batch has a value"):
        nlp.update(batch, sgd=Adam(0.01))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(batch, sgd=Adam(0.01))


def test_what_spacy_init_config_writes_for_textcat(make_examples):
    config = {
        "model": {
            "@architectures": "spacy.TextCatBOW.v3",
            "exclusive_classes": True,
            "length": 1024,
            "ngram_size": 1,
            "no_output_layer": False,
        },
        "scorer": {"@scorers": "spacy.textcat_scorer.v2"},
        "threshold": 0.4,
    }
    nlp = spacy.blank("en")
    component = nlp.add_pipe("brnn_sentiment", config=config)
    nlp.initialize(lambda: make_examples(nlp))
    assert component.cfg["threshold"] == 0.4
    assert sum(nlp("a film").cats.values()) == pytest.approx(1.0)


# Loading whole or not at all.


def damaged(folder, name, data):
    path = folder / "brnn_sentiment" / name
    path.unlink() if data is None else path.write_bytes(data)
    return folder / "brnn_sentiment"


@pytest.mark.parametrize(("name", "data", "message"), DAMAGES)
def test_a_damaged_folder_changes_nothing(name, data, message, nlp, tmp_path):
    component = nlp.get_pipe("brnn_sentiment")
    before = nlp(TEXTS[0][0]).cats
    nlp.to_disk(tmp_path)
    folder = damaged(tmp_path, name, data)
    with pytest.raises(ValueError, match=message):
        component.from_disk(folder)
    assert nlp(TEXTS[0][0]).cats == before


def test_a_folder_without_a_vocabulary_changes_nothing(nlp, tmp_path):
    component = nlp.get_pipe("brnn_sentiment")
    before = nlp(TEXTS[0][0]).cats
    nlp.to_disk(tmp_path)
    folder = tmp_path / "brnn_sentiment"
    with pytest.raises(ValueError, match=r'load it with exclude=\["vocab"\]'):
        component.from_disk(folder)
    assert nlp(TEXTS[0][0]).cats == before
    component.from_disk(folder, exclude=["vocab"])
    assert nlp(TEXTS[0][0]).cats == before
    component.to_disk(tmp_path / "alone")
    assert component.from_disk(tmp_path / "alone").labels == component.labels


def test_what_is_nowhere_changes_nothing(nlp):
    before = nlp(TEXTS[0][0]).cats
    component = nlp.get_pipe("brnn_sentiment")
    with pytest.raises(ValueError, match="nowhere is not the folder of a saved brnn_sentiment"):
        component.from_disk("nowhere")
    for data in (b"", b"nothing", component.to_bytes()[:-100], srsly.msgpack_dumps({"a": 1})):
        with pytest.raises(ValueError, match="these are not the bytes"):
            component.from_bytes(data)
    assert nlp(TEXTS[0][0]).cats == before


def test_bytes_without_a_model_leave_it_as_it_is(nlp):
    component, before = nlp.get_pipe("brnn_sentiment"), nlp(TEXTS[0][0]).cats
    component.from_bytes(component.to_bytes(exclude=["model"]))
    assert nlp(TEXTS[0][0]).cats == before


# Extensions.


@pytest.mark.parametrize("name", ["get", "a b", None])
def test_the_extension_needs_a_name_that_is_free(nlp, name):
    component = nlp.get_pipe("brnn_sentiment")
    with pytest.raises(ValueError, match="must be a Python name that spaCy's"):
        component.extension = name
    assert component.extension == "sentiment"


def test_the_extension_may_have_another_name(trained):
    nlp = trained(extension="mood")
    doc = nlp(TEXTS[0][0])
    try:
        assert doc._.mood.label == doc[:]._.mood.label == "POSITIVE"
        assert spacy_brnn.score_spans([doc[:]], extension="mood") == [doc[:]._.mood]
    finally:
        Doc.remove_extension("mood")
        Span.remove_extension("mood")


def test_a_taken_name_names_the_setting():
    Doc.set_extension("taken", default=1)
    try:
        with pytest.raises(ValueError, match="setting `extension` another name"):
            spacy.blank("en").add_pipe(
                "brnn_sentiment", config={"model": MODEL, "extension": "taken"}
            )
    finally:
        Doc.remove_extension("taken")


def test_values_are_json(trained):
    doc = trained()(TEXTS[0][0])
    data = doc.to_json(underscore=["sentiment"])
    expected = doc._.sentiment.to_dict()
    assert set(expected) == {"label", "score", "polarity"}
    assert srsly.json_loads(srsly.json_dumps(data))["_"]["sentiment"] == pytest.approx(expected)
    text = json.dumps(data, default=spacy_brnn.Sentiment.to_dict)
    assert json.loads(text)["_"]["sentiment"] == expected


def test_a_pickled_document_keeps_its_sentiment(trained):
    doc = trained()(TEXTS[0][0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(doc))._.sentiment == doc._.sentiment


def test_documents_of_other_vocabularies_are_answered_for(nlp):
    component = nlp.get_pipe("brnn_sentiment")
    doc = component(pickle.loads(pickle.dumps(nlp.make_doc(TEXTS[0][0]))))
    assert doc.vocab is not nlp.vocab
    assert doc[:]._.sentiment.polarity == pytest.approx(doc._.sentiment.polarity, abs=1e-5)


def test_nothing_of_other_vocabularies_is_kept(nlp):
    component = nlp.get_pipe("brnn_sentiment")
    pickled = pickle.dumps(nlp.make_doc(TEXTS[0][0]))
    before = living_vocabularies()
    for _ in range(5):
        component(pickle.loads(pickled))[:]._.sentiment  # noqa: B018
    gc.collect()
    assert living_vocabularies() <= before


def test_a_second_component_that_is_gone_leaves_earlier_documents(nlp):
    doc = nlp(TEXTS[0][0])
    nlp.add_pipe("brnn_sentiment", name="second", config={"model": MODEL})
    nlp.remove_pipe("second")
    gc.collect()
    assert doc[:]._.sentiment.label == "POSITIVE"


def test_spans_in_one_pass(nlp, monkeypatch):
    docs = [nlp(text) for text, _ in TEXTS]
    spans = [doc[start : start + 3] for doc in docs for start in range(3)]
    one_by_one = [span._.sentiment for span in spans]
    component = nlp.get_pipe("brnn_sentiment")
    calls = []
    score = component._score
    monkeypatch.setattr(component, "_score", lambda read: calls.append(len(read)) or score(read))
    together = spacy_brnn.score_spans(iter(spans))
    assert calls == [len(spans)]
    assert [s.label for s in together] == [s.label for s in one_by_one]
    numpy.testing.assert_allclose(
        [s.polarity for s in together], [s.polarity for s in one_by_one], atol=1e-5
    )
    assert spacy_brnn.score_spans([]) == []


def test_score_spans_takes_spans(nlp):
    with pytest.raises(TypeError, match=r"not Doc: of a whole doc, doc\[:\] is one"):
        spacy_brnn.score_spans([nlp("A film.")])


def test_score_targets_takes_spans(nlp):
    with pytest.raises(TypeError, match="score_targets takes spans, not str"):
        nlp.get_pipe("brnn_sentiment").score_targets(["film"])


# Other languages.


def numbered(texts, times):
    """The texts so many times, no two the same."""
    return [f"{text} {number}" for number in range(times) for text in texts]


def test_other_languages_are_told_once_and_english_is_not(nlp):
    english = [" ".join(text for text, _ in TEXTS)] * 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(nlp.pipe(english, batch_size=1))
    with pytest.warns(UserWarning, match="hardly have an English function word") as caught:
        list(nlp.pipe(numbered(GERMAN, 30), batch_size=1))
    assert len(caught) == 1


def test_more_than_a_batch_s_first_document_is_looked_at():
    german, russian = spacy.blank("de"), spacy.blank("ru")
    docs = [german.make_doc(text) for text in numbered(GERMAN, 30)]
    assert EnglishCheck().is_other_language(docs)
    assert not EnglishCheck().is_other_language(docs[:3])  # Too few to tell.
    # Russian has no such word at all, which fewer tokens tell.
    texts = (f"Очень плохой сервис, {n} минут никто не отвечает." for n in range(12))
    assert EnglishCheck().is_other_language([russian.make_doc(text) for text in texts])
    # The same again and again tells nothing more, as in a loop over one text.
    again = [spacy.blank("en").make_doc("Great film!")] * 200
    assert not EnglishCheck().is_other_language(again)


@pytest.mark.parametrize("lang", ["de", "fr", "es", "nl", "ru", "ja", "zh", "hi", "ar"])
def test_many_languages_are_told_from_english(lang):
    sentences = __import__(f"spacy.lang.{lang}.examples", fromlist=["x"]).sentences
    check = EnglishCheck()
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in numbered(sentences, 2 + WINDOW // 5)]
    assert any(check.is_other_language([doc]) for doc in docs)


def test_the_factory_is_still_registered():
    assert "brnn_sentiment" in registry.factories.get_all()
