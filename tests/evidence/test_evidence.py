import contextlib
import copy
import dataclasses
import pickle
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin

from spacy_brnn.architectures.cut_model import cut_model
from spacy_brnn.architectures.precision import predict_in
from spacy_brnn.architectures.torch_shim import FlatTorchShim
from spacy_brnn.evidence.attribution import undisturbed
from spacy_brnn.evidence.fields import evidence_fields
from spacy_brnn.evidence.render import render

from .conftest import MODEL

TEXT = "A wonderful film, warm and funny. But dull, slow and far too long!"


def logit_of(nlp, doc):
    with predict_in("float32"):
        positive, negative = (nlp.get_pipe("brnn_sentiment").model.predict([doc])[0]).tolist()
    labels = nlp.get_pipe("brnn_sentiment").labels
    logit = float(numpy.log(positive) - numpy.log(negative))
    return logit if labels[0] == "POSITIVE" else -logit


def parameters(model):
    for node in model.walk():
        for name in node.param_names:
            yield node.get_param(name)
        for shim in node.shims:
            yield from (p.detach().numpy() for p in shim._model.parameters())


def test_contributions_and_remainder_add_up_to_the_logit(nlp):
    doc = nlp(TEXT)
    evidence = doc._.sentiment.evidence()
    assert evidence.logit == pytest.approx(logit_of(nlp, doc), abs=1e-4)
    total = sum(value for _, value in evidence) + evidence.remainder
    assert total == pytest.approx(evidence.logit, abs=1e-4)
    assert [span.text for span, _ in evidence] == [token.text for token in doc]
    assert sum(value for _, value in evidence.sentences) == pytest.approx(
        sum(evidence.contributions), abs=1e-4
    )


def test_words_of_the_training_speak_for_their_label(nlp):
    doc = nlp("wonderful dreadful")
    values = {span.text: value for span, value in doc._.sentiment.evidence()}
    assert values["wonderful"] > 0 > values["dreadful"]


def test_the_model_and_the_document_stay_as_they_are(nlp):
    model = nlp.get_pipe("brnn_sentiment").model
    doc = nlp(TEXT)
    before = [copy.deepcopy(p) for p in parameters(model)]
    state, cats = model.to_bytes(), dict(doc.cats)
    first = doc._.sentiment.evidence()
    assert doc._.sentiment.evidence() == first  # No dropout, no randomness.
    assert model.to_bytes() == state and doc.cats == cats
    assert not doc.has_annotation("SENT_START")
    for old, new in zip(before, parameters(model), strict=True):
        numpy.testing.assert_array_equal(old, new)
    for node in model.walk():
        assert not any(node.has_grad(n) and node.get_grad(n).any() for n in node.param_names)
        for shim in node.shims:
            assert all(p.requires_grad for p in shim._model.parameters())
            assert not any(p.grad is not None and p.grad.any() for p in shim._model.parameters())


def test_a_span_is_explained_by_itself(nlp):
    doc = nlp("so wonderful. A dreadful waste of time")
    span = doc[3:8]
    alone = nlp("A dreadful waste of time")._.sentiment.evidence()
    evidence = span._.sentiment.evidence()
    assert evidence.contributions == pytest.approx(alone.contributions, abs=1e-5)
    assert [piece.start for piece, _ in evidence] == [3, 4, 5, 6, 7]


def test_white_space_adds_nothing(nlp):
    plain = nlp("A wonderful film")._.sentiment.evidence()
    spaced = nlp("A  wonderful \n\n film")._.sentiment.evidence()
    assert {s.text: v for s, v in spaced if v} == pytest.approx({s.text: v for s, v in plain})


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_to_read_is_no_evidence(nlp, text):
    doc = nlp(text)
    evidence = doc._.sentiment.evidence()
    assert not any(evidence.contributions) and evidence.logit == evidence.remainder
    assert str(evidence) and evidence_fields(doc) == {"sentiment_evidence": []}


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.sampled_from("good bad,.;!\n<&>'—but é🙂 "), max_size=60))
def test_offsets_point_into_the_text(nlp, text):
    doc = nlp(text)
    for clause in evidence_fields(doc)["sentiment_evidence"]:
        assert text[clause["start"] : clause["end"]] == clause["text"]
        assert clause["text"].strip() == clause["text"] != ""
    evidence = doc._.sentiment.evidence()
    words = [token.i for token in doc if not token.is_space]
    for pieces in (evidence.clauses, evidence.sentences):
        covered = [token.i for span, _ in pieces for token in span if not token.is_space]
        assert covered == words


def test_the_last_tokens_alone_speak_where_the_model_reads_no_others(train_pipeline):
    nlp = train_pipeline(model={**MODEL, "last_tokens": 3})
    contributions = nlp("wonderful film, warm and funny")._.sentiment.evidence().contributions
    assert not any(contributions[:-3]) and any(contributions[-3:])


def test_every_pooling_adds_up(train_pipeline):
    for pooling in ("last", "mean", "attention"):
        nlp = train_pipeline(model={**MODEL, "pooling": pooling}, steps=20)
        doc = nlp(TEXT)
        assert doc._.sentiment.evidence().logit == pytest.approx(logit_of(nlp, doc), abs=1e-4)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("cell", ["mingru", "sru", "qrnn", "gru"])
def test_every_cell_adds_up(train_pipeline, cell, depth):
    encode = {**MODEL["tok2vec"]["encode"], "cell": cell, "depth": depth}
    model = {**MODEL, "tok2vec": {**MODEL["tok2vec"], "encode": encode}, "pooling": "max_mean"}
    nlp = train_pipeline(model=model)
    doc = nlp(TEXT)
    evidence = doc._.sentiment.evidence()
    assert evidence.logit == pytest.approx(logit_of(nlp, doc), abs=1e-4)
    total = sum(value for _, value in evidence) + evidence.remainder
    assert total == pytest.approx(evidence.logit, abs=1e-4)
    values = {span.text: value for span, value in nlp("wonderful dreadful")._.sentiment.evidence()}
    assert values["wonderful"] > 0 > values["dreadful"]


def test_labels_of_ones_own(train_pipeline):
    pairs = [("dreadful waste", "bad"), ("so so film", "mixed"), ("wonderful film", "good")]
    nlp = train_pipeline(pairs, polarities={"bad": -1.0, "good": 1.0})
    sentiment = nlp("wonderful film")._.sentiment
    assert (sentiment.evidence().toward, sentiment.evidence().against) == ("good", "bad")
    mixed = sentiment.evidence(label="mixed")
    assert (mixed.toward, mixed.against) == ("mixed", "not mixed")
    with pytest.raises(ValueError, match="there is no label 'worse'; there are: bad, good, mixed"):
        sentiment.evidence(label="worse")


@pytest.mark.filterwarnings("ignore:every polarity")
def test_labels_without_polarity_are_explained_against_the_rest(train_pipeline):
    nlp = train_pipeline([("ball goal", "sport"), ("vote law", "politics"), ("rain", "weather")])
    doc = nlp("ball goal")
    for text in (doc, doc[:], doc[1:]):
        evidence = text._.sentiment.evidence()
        assert (evidence.toward, evidence.against) == ("sport", "not sport")
        assert sum(evidence.contributions) > 0


def test_the_value_stays_a_value(nlp):
    sentiment = nlp(TEXT)._.sentiment
    plain = dataclasses.replace(sentiment)
    assert sentiment == plain and hash(sentiment) == hash(plain) and repr(sentiment) == repr(plain)
    assert set(dataclasses.asdict(sentiment)) == {"label", "score", "polarity"}
    for lost in (pickle.loads(pickle.dumps(sentiment)), copy.copy(sentiment), plain):
        assert lost == sentiment
        with pytest.raises(ValueError, match="lost its document"):
            lost.evidence()


def test_a_document_from_disk_is_explained_by_its_pipeline(nlp):
    doc = nlp(TEXT)
    data = DocBin(docs=[doc]).to_bytes()
    (back,) = DocBin().from_bytes(data).get_docs(nlp.vocab)
    back.cats = doc.cats
    assert back._.sentiment.evidence().contributions == pytest.approx(
        doc._.sentiment.evidence().contributions
    )
    (stray,) = DocBin().from_bytes(data).get_docs(spacy.blank("en").vocab)
    stray.cats = doc.cats
    with pytest.raises(ValueError, match="needs the pipeline"):
        stray._.sentiment.evidence()


def test_another_architecture_is_refused():
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe("textcat")
    textcat.add_label("a"), textcat.add_label("b")
    nlp.initialize()
    with pytest.raises(ValueError, match="read off spacy-brnn"):
        cut_model(textcat.model)


def test_evidence_prints(nlp):
    printed = str(nlp("A wonderful film. A dreadful waste of time.")._.sentiment.evidence())
    assert printed.startswith("POSITIVE (+) against NEGATIVE (-): logit ")
    assert "wonderful +" in printed


def test_a_label_that_does_not_show_has_its_evidence(train_pipeline):
    pairs = [("dreadful", "NEGATIVE"), ("a table", "NEUTRAL"), ("wonderful", "POSITIVE")]
    nlp = train_pipeline(pairs, neutral=False)
    doc = nlp("wonderful table")
    assert set(doc.cats) == {"POSITIVE", "NEGATIVE"}
    evidence = doc._.sentiment.evidence()
    assert (evidence.toward, evidence.against) == ("POSITIVE", "NEGATIVE")
    values = {span.text: value for span, value in doc._.sentiment.evidence(label="NEUTRAL")}
    assert values["table"] > 0 > values["wonderful"]


def test_markup_adds_nothing_and_words_in_it_keep_their_place(nlp):
    plain = nlp("A wonderful film")._.sentiment.evidence()
    doc = nlp("<p>A <b>wonderful</b> film</p>")
    evidence = doc._.sentiment.evidence()
    assert evidence.logit == pytest.approx(plain.logit, abs=1e-4)
    assert sum(evidence.contributions) == pytest.approx(sum(plain.contributions), abs=1e-4)
    strongest = max(evidence, key=lambda one: abs(one[1]))[0]
    assert "wonderful" in strongest.text


def test_another_name_of_the_extension(train_pipeline):
    nlp = train_pipeline(extension="mood")
    doc = nlp(TEXT)
    assert evidence_fields(doc, extension="mood")["sentiment_evidence"]
    assert "wonderful" in render(doc, extension="mood")


def test_evidence_takes_one_thread(nlp, three_threads, threads_of):
    seen = threads_of(FlatTorchShim, "begin_update")
    assert nlp("I loved it.")._.sentiment.evidence().contributions
    assert set(seen) == {1} and torch.get_num_threads() == 3
    threads_of(FlatTorchShim, "begin_update", KeyError())
    with pytest.raises(KeyError):
        nlp("I loved it.")._.sentiment.evidence()
    assert torch.get_num_threads() == 3


def test_threads_leave_the_model_as_it_is(train_pipeline):
    gru = {**MODEL["tok2vec"]["encode"], "cell": "gru", "input_dropout": 0.25}
    nlp = train_pipeline(model={**MODEL, "tok2vec": {**MODEL["tok2vec"], "encode": gru}}, steps=2)
    inside = threading.Barrier(2, timeout=0.2)
    model = nlp.get_pipe("brnn_sentiment").model

    def enter():
        with undisturbed(model), contextlib.suppress(threading.BrokenBarrierError):
            inside.wait()

    with ThreadPoolExecutor(2) as pool:
        deque(pool.map(lambda _: enter(), range(2)), maxlen=0)
    network = cut_model(model).encode.shims[0]._model
    assert inside.broken and network.dropouts[0].rate == 0.25
    assert all(parameter.requires_grad for parameter in network.parameters())
