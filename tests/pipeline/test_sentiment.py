import copy
import gc
import multiprocessing
import pickle

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from spacy_brnn.pipeline.sentiment_value import Sentiment

from .models import MIXED, TEXTS, cats


@pytest.mark.parametrize("text, label", TEXTS)
def test_works_at_once_with_the_weights_that_ship(text, label, nlp):
    doc = nlp(text)
    assert set(doc.cats) == {"POSITIVE", "NEGATIVE"}
    assert sum(doc.cats.values()) == pytest.approx(1.0, abs=1e-5)
    assert doc.cats[label] > 0.8


@pytest.mark.parametrize("text", MIXED)
def test_the_values_agree(text, nlp):
    doc = nlp(text)
    sentiment = doc._.sentiment
    assert isinstance(sentiment, Sentiment)
    assert sentiment.label == max(doc.cats, key=doc.cats.get)
    assert sentiment.score == doc.cats[sentiment.label]
    assert sentiment.polarity == pytest.approx(doc.cats["POSITIVE"] - doc.cats["NEGATIVE"])
    assert doc.sentiment == pytest.approx(sentiment.polarity, abs=1e-6)
    assert -1.0 <= sentiment.polarity <= 1.0


@pytest.mark.parametrize("text", ["", " ", "\n\n", " \t\u00a0\n"])
def test_texts_without_words(text, nlp):
    doc = nlp(text)
    assert set(doc.cats.values()) == {0.5}
    assert doc._.sentiment.polarity == 0.0
    assert doc[:]._.sentiment.polarity == 0.0


@pytest.mark.parametrize("text", MIXED)
def test_the_span_of_the_whole_document_has_its_sentiment(text, nlp):
    doc = nlp(text)
    whole = doc[:]._.sentiment
    assert whole.label == doc._.sentiment.label
    assert whole.score == pytest.approx(doc._.sentiment.score, abs=1e-5)
    assert whole.polarity == pytest.approx(doc._.sentiment.polarity, abs=1e-5)


def test_sentences_have_a_sentiment_of_their_own(nlp):
    nlp.add_pipe("sentencizer")
    doc = nlp("A wonderful film, warm and funny. A dreadful waste of time.")
    sentiments = [sentence._.sentiment for sentence in doc.sents]
    assert [sentiment.label for sentiment in sentiments] == ["POSITIVE", "NEGATIVE"]
    for sentence, sentiment in zip(doc.sents, sentiments, strict=True):
        alone = nlp(sentence.text)._.sentiment
        assert sentiment.polarity == pytest.approx(alone.polarity, abs=1e-5)


def test_asking_a_span_changes_nothing(nlp):
    doc = nlp("A wonderful film, warm and funny.")
    before = doc.to_bytes()
    assert doc[2:5]._.sentiment == doc[2:5]._.sentiment
    assert doc[0:0]._.sentiment.polarity == 0.0
    assert doc.to_bytes() == before


def results(docs):
    return [doc.cats["POSITIVE"] for doc in docs]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_batch_size_does_not_matter(batch_size, nlp):
    alone = results(nlp(text) for text in MIXED)
    assert results(nlp.pipe(MIXED, batch_size=batch_size)) == pytest.approx(alone, abs=1e-5)


def test_neighbours_do_not_matter(nlp):
    alone = results(nlp(text) for text in MIXED)
    turned = results(nlp.pipe(MIXED[::-1]))[::-1]
    among_long = results(nlp.pipe([t for text in MIXED for t in (text, MIXED[-1] * 3)]))[::2]
    assert turned == pytest.approx(alone, abs=1e-5)
    assert among_long == pytest.approx(alone, abs=1e-5)


@Language.component("polarity_of_first_word")
def polarity_of_first_word(doc):
    doc.user_data["first"] = doc[:1]._.sentiment.polarity
    return doc


@pytest.fixture(params=["fork", "spawn"])
def start_method(request):
    if request.param not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {request.param}")
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


def test_processes_do_not_matter(start_method, nlp):
    nlp.add_pipe("polarity_of_first_word")
    alone = [nlp(text) for text in MIXED]
    docs = list(nlp.pipe(MIXED, n_process=2, batch_size=3))
    assert [doc.text for doc in docs] == MIXED
    assert results(docs) == pytest.approx(results(alone), abs=1e-5)
    for doc, expected in zip(docs, alone, strict=True):
        assert doc._.sentiment.label == expected._.sentiment.label
        assert doc._.sentiment.polarity == pytest.approx(expected._.sentiment.polarity, abs=1e-5)
        assert doc.sentiment == pytest.approx(expected.sentiment, abs=1e-5)
        assert doc.user_data["first"] == pytest.approx(expected.user_data["first"], abs=1e-5)
        assert doc[:]._.sentiment.polarity == pytest.approx(doc.sentiment, abs=1e-5)


def test_documents_survive_bytes_and_docbin(nlp):
    docs = list(nlp.pipe(MIXED))
    blank = spacy.blank("en")
    from_bytes = [Doc(blank.vocab).from_bytes(doc.to_bytes()) for doc in docs]
    binary = DocBin(docs=docs).to_bytes()
    from_docbin = list(DocBin().from_bytes(binary).get_docs(blank.vocab))
    for doc, *loaded in zip(docs, from_bytes, from_docbin, strict=True):
        assert [copied._.sentiment for copied in loaded] == [doc._.sentiment] * 2
    assert [doc.sentiment for doc in from_bytes] == [doc.sentiment for doc in docs]


def test_other_annotations_stay(nlp):
    Doc.set_extension("source", default=None, force=True)
    doc = nlp.make_doc("A wonderful film by Ada Lovelace")
    doc.cats = {"FILM": 0.7}
    doc._.source = "web"
    doc.user_data["key"] = [1, 2]
    doc.ents = [Span(doc, 4, 6, "PERSON")]
    doc.spans["sc"] = [Span(doc, 2, 3, "NOUN")]
    doc = nlp.get_pipe("brnn_sentiment")(doc)
    assert doc.cats["FILM"] == 0.7
    assert set(doc.cats) == {"FILM", "POSITIVE", "NEGATIVE"}
    assert doc._.source == "web"
    assert doc.user_data["key"] == [1, 2]
    assert [ent.text for ent in doc.ents] == ["Ada Lovelace"]
    assert [span.label_ for span in doc.spans["sc"]] == ["NOUN"]
    assert doc._.sentiment.label in ("POSITIVE", "NEGATIVE")
    Doc.remove_extension("source")


def test_documents_that_were_not_annotated_have_none(nlp):
    assert nlp.make_doc("A wonderful film")._.sentiment is None


def test_pipelines_answer_for_their_own_spans(nlp, trained):
    other = trained(polarities={"POSITIVE": 1.0, "NEGATIVE": 0.5})
    text = TEXTS[0][0]
    first, second = nlp(text), other(text)
    assert -1.0 <= first[:]._.sentiment.polarity <= 1.0
    assert 0.5 <= second[:]._.sentiment.polarity <= 1.0
    assert second._.sentiment.polarity == pytest.approx(second[:]._.sentiment.polarity, abs=1e-5)
    assert first._.sentiment.polarity == pytest.approx(first[:]._.sentiment.polarity, abs=1e-5)


def test_a_later_pipeline_has_the_last_word(nlp, trained):
    other = trained(polarities={"POSITIVE": 1.0, "NEGATIVE": 0.5})
    doc = other(TEXTS[0][0])
    nlp.get_pipe("brnn_sentiment")(doc)
    assert doc._.sentiment.polarity == pytest.approx(doc.sentiment, abs=1e-5)


def test_a_span_without_its_pipeline_says_so(trained):
    other = trained()
    vocab = other.vocab
    doc = other(TEXTS[0][0])
    del other
    gc.collect()
    assert doc.vocab is vocab
    assert doc._.sentiment.label == "POSITIVE"
    with pytest.raises(ValueError, match="keep the nlp object alive with its brnn_sentiment"):
        _ = doc[:]._.sentiment


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda nlp: pickle.loads(pickle.dumps(nlp))],
    ids=["deep", "pickle"],
)
def test_copies_of_a_pipeline_answer_for_their_spans(duplicate, nlp):
    twin = duplicate(nlp)
    text = TEXTS[0][0]
    doc = twin(text)
    assert doc.cats["POSITIVE"] == pytest.approx(nlp(text).cats["POSITIVE"], abs=1e-6)
    assert doc[:]._.sentiment.polarity == pytest.approx(doc.sentiment, abs=1e-5)


def test_a_component_that_is_gone_does_not_silence_the_one_that_stays(nlp, model_config):
    config = {"model": model_config()}
    nlp.add_pipe("brnn_sentiment", name="second", config=config)
    nlp.remove_pipe("second")
    gc.collect()
    doc = nlp(TEXTS[0][0])
    assert doc[:]._.sentiment.label == "POSITIVE"


def test_polarities_of_three_labels(untrained, make_examples, train):
    labels = ("GOOD", "MIXED", "BAD")
    nlp = untrained(polarities={"GOOD": 1.0, "MIXED": 0.0, "BAD": -1.0})
    texts = ["what a joy", "some of it works", "what a bore"]
    pairs = [(text, cats(label, labels)) for text, label in zip(texts, labels, strict=True)]
    train(nlp, make_examples(nlp, pairs))
    for text, label, polarity in zip(texts, labels, (1.0, 0.0, -1.0), strict=True):
        doc = nlp(text)
        assert set(doc.cats) == set(labels)
        assert doc._.sentiment.label == label
        assert doc._.sentiment.polarity == pytest.approx(polarity, abs=0.5)
        assert doc.sentiment == pytest.approx(doc._.sentiment.polarity, abs=1e-6)
        assert doc[:]._.sentiment.polarity == pytest.approx(doc.sentiment, abs=1e-5)
        loaded = Doc(spacy.blank("en").vocab).from_bytes(doc.to_bytes())
        assert loaded._.sentiment == doc._.sentiment


def test_labels_without_a_polarity_count_nothing(untrained, make_examples, train):
    nlp = untrained()
    pairs = [("fine", {"POSITIVE": 1.0, "OTHER": 0.0}), ("what", {"POSITIVE": 0.0, "OTHER": 1.0})]
    train(nlp, make_examples(nlp, pairs))
    doc = nlp("what")
    assert doc._.sentiment.label == "OTHER"
    assert doc._.sentiment.polarity == pytest.approx(doc.cats["POSITIVE"])


def test_another_language_is_warned_of(shipped):
    with pytest.warns(UserWarning, match="read English, but the pipeline's language is 'de'"):
        nlp = spacy.blank("de")
        nlp.add_pipe("brnn_sentiment")
        nlp("Ein Film")


def test_another_language_with_its_own_model_is_not_warned_of(model_config, make_examples, recwarn):
    nlp = spacy.blank("de")
    nlp.add_pipe("brnn_sentiment", config={"model": model_config()}).add_label("POSITIVE")
    nlp.initialize(lambda: make_examples(nlp))
    nlp("Ein Film")
    assert not [warning for warning in recwarn if "English" in str(warning.message)]


def test_weights_that_do_not_ship():
    config = {"model": {"@architectures": "spacy-brnn.PretrainedTextCatBRNN.v1", "name": "bert"}}
    with pytest.raises(ValueError, match="no weights named 'bert' ship"):
        spacy.blank("en").add_pipe("brnn_sentiment", config=config)


@pytest.mark.parametrize(
    ("factory", "architecture", "name"),
    [
        ("brnn_sentiment", "spacy-brnn.PretrainedTextCatBRNN.v1", "entities_brnn"),
        ("brnn_ner", "spacy-brnn.PretrainedBRNNTagger.v1", "sentiment_en"),
    ],
)
def test_weights_of_another_kind(factory, architecture, name):
    config = {"model": {"@architectures": architecture, "name": name}}
    with pytest.raises(ValueError, match=f"the model '{name}' that ships is a spacy-brnn"):
        spacy.blank("en").add_pipe(factory, config=config)


def test_an_extension_of_another_package_is_not_overwritten(model_config):
    getter = Doc.get_extension("sentiment")[2] if Doc.has_extension("sentiment") else None
    Doc.set_extension("sentiment", default="theirs", force=True)
    try:
        with pytest.raises(ValueError, match=r"Doc\._\.sentiment is taken by another package"):
            spacy.blank("en").add_pipe("brnn_sentiment", config={"model": model_config()})
        assert spacy.blank("en")("hello")._.sentiment == "theirs"
    finally:
        Doc.remove_extension("sentiment")
        if getter:
            Doc.set_extension("sentiment", getter=getter)


def test_sentiment_prints_well():
    sentiment = Sentiment.from_scores({"POSITIVE": 0.75, "NEGATIVE": 0.25}, {"POSITIVE": 1.0})
    assert str(sentiment) == "POSITIVE (0.750)"
    assert repr(sentiment) == "Sentiment(label='POSITIVE', score=0.75, polarity=0.75)"


def test_a_sourced_component_answers_for_spans(trained):
    source = trained()
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", source=source)
    doc = nlp(TEXTS[0][0])
    assert doc[:]._.sentiment.polarity == pytest.approx(doc._.sentiment.polarity, abs=1e-5)


def test_a_docbin_without_user_data_keeps_the_sentiment_of_other_labels(
    untrained, make_examples, train
):
    labels = ("POSITIVE", "NEGATIVE", "NEUTRAL")
    nlp = untrained(polarities={"POSITIVE": 1.0, "NEGATIVE": -1.0})
    texts = ["what a joy", "what a bore", "some of it works"]
    pairs = [(text, cats(label, labels)) for text, label in zip(texts, labels, strict=True)]
    train(nlp, make_examples(nlp, pairs))
    docs = list(nlp.pipe(texts))
    loaded = DocBin().from_bytes(DocBin(docs=docs).to_bytes()).get_docs(nlp.vocab)
    assert [doc._.sentiment.label for doc in loaded] == list(labels)


def test_refuses_a_model_of_labels_that_may_be_true_together(model_config):
    with pytest.raises(ValueError, match="needs a model of exclusive classes"):
        spacy.blank("en").add_pipe(
            "brnn_sentiment", config={"model": model_config(exclusive_classes=False)}
        )


@pytest.mark.parametrize("polarity", [1.5, -1.5])
def test_refuses_a_polarity_out_of_range(untrained, polarity):
    with pytest.raises(ValueError, match=rf"polarities lie in -1..1, not 'POSITIVE': {polarity}"):
        untrained(polarities={"POSITIVE": polarity})
