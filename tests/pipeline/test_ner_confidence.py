import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, DocBin, Span
from spacy.util import registry

from spacy_brnn.nn.crf import CRF
from spacy_brnn.nn.marginals import Marginals
from spacy_brnn.pipeline import ner_confidence
from spacy_brnn.pipeline.ner import BRNNEntityRecognizer
from spacy_brnn.pipeline.ner_confidence import LabelledSpan

from .test_ner import TINY, ents, make_doc, make_examples, make_pipeline

TEXT = "Ada Lovelace met Bob in New York City ."


@pytest.fixture(scope="module")
def trained():
    """Half trained, so that it is not sure of everything."""
    return make_pipeline(steps=12)


def with_settings(nlp, **settings):
    """The same pipeline with other settings of brnn_ner."""
    other = spacy.blank("en")
    other.add_pipe("brnn_ner", config={**TINY, **settings})
    return other.from_bytes(nlp.to_bytes())


def run(nlp, text=TEXT):
    return nlp(make_doc(nlp, text))


def test_every_entity_has_a_confidence(trained):
    doc = run(trained)
    assert doc.ents
    for ent in doc.ents:
        assert 0.0 < ent._.confidence <= 1.0


def test_it_is_the_share_of_all_ways_to_tag_the_text(trained):
    """Over all spans and labels that one token can be part of, or none: 1 in all."""
    doc = run(trained, "Bob likes Rome")
    ner = trained.get_pipe("brnn_ner")
    spans = [
        LabelledSpan(start, end, label)
        for start in range(3)
        for end in range(start + 1, 4)
        for label in ner.labels
    ]
    probabilities = dict(zip(spans, ner.score_entities(doc, spans), strict=True))
    (scores,) = ner.model.predict([doc])
    allowed = [numpy.ones(scores.shape, dtype=bool)]
    crf = ner.model.get_ref("crf")
    marginals = ner_marginals(crf, scores, allowed)
    for i in range(3):
        inside = sum(p for span, p in probabilities.items() if span.start <= i < span.end)
        assert inside + marginals[i, 0] == pytest.approx(1.0, abs=1e-6)


def ner_marginals(crf, scores, allowed):
    from spacy_brnn.architectures.crf_layer import predict_marginals

    return predict_marginals(crf, [scores], allowed).tags().numpy()


def test_a_span_may_be_asked_about_that_is_no_entity(trained):
    doc = run(trained, "Bob likes Rome .")
    low, high = Span(doc, 1, 2, label="PER"), Span(doc, 0, 1, label="PER")
    assert low._.confidence < high._.confidence
    assert doc[0:1]._.confidence is None
    assert Span(doc, 0, 1, label="DOG")._.confidence is None
    assert Span(doc, 1, 1, label="PER")._.confidence is None


def test_nothing_is_computed_unless_asked_for(trained, monkeypatch):
    def fail(*args, **settings):
        raise AssertionError("computed")

    monkeypatch.setattr(CRF, "marginals", fail)
    doc = run(trained)
    assert doc.ents and not doc.user_data
    with pytest.raises(AssertionError, match="computed"):
        _ = doc.ents[0]._.confidence


def test_it_is_computed_once_for_all_entities(trained, monkeypatch):
    calls = []
    original = BRNNEntityRecognizer.score_entities
    monkeypatch.setattr(
        BRNNEntityRecognizer,
        "score_entities",
        lambda self, doc, spans: calls.append(len(spans)) or original(self, doc, spans),
    )
    doc = run(trained)
    values = [ent._.confidence for ent in doc.ents]
    assert calls == [len(doc.ents)]
    assert [ent._.confidence for ent in doc.ents] == values and len(calls) == 1


def test_at_once_and_when_asked_for_are_the_same(trained):
    at_once = run(with_settings(trained, runners_up=0.5))
    assert at_once.user_data
    found = {(ent.start, ent.end, ent.label_): ent._.confidence for ent in at_once.ents}
    later = {(ent.start, ent.end, ent.label_): ent._.confidence for ent in run(trained).ents}
    assert found == pytest.approx(later)


def test_kept_for_a_whole_batch_by_one_pass(trained, monkeypatch):
    texts = [TEXT, "", "Bob likes Rome .", " ", "Rome met New York City ."]
    expected = [[ent._.confidence for ent in trained(text).ents] for text in texts]
    nlp = with_settings(trained, keep_confidence=True)
    calls = []
    marginals = CRF.marginals
    monkeypatch.setattr(CRF, "marginals", lambda *a, **k: calls.append(1) or marginals(*a, **k))
    docs = list(nlp.pipe(texts))
    assert len(calls) == 1
    kept = [[ent._.confidence for ent in doc.ents] for doc in docs]
    assert len(calls) == 1 and "brnn_ner" not in docs[0].spans
    for found, wanted in zip(kept, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-5)


def test_what_others_set_does_not_change_it(trained):
    plain = {ent.text: ent._.confidence for ent in run(trained).ents}
    doc = make_doc(trained, TEXT)
    doc.set_ents([Span(doc, 3, 4, "PER")], default="missing")
    doc = trained(doc)
    assert {ent.text: ent._.confidence for ent in doc.ents}["Bob"] == pytest.approx(plain["Bob"])


def test_a_second_pass_forgets_the_first(trained):
    doc = run(with_settings(trained, runners_up=0.001))
    doc.user_data["mine"] = 1
    first = len(doc.user_data)
    trained.get_pipe("brnn_ner")(doc)
    assert first > 1 and doc.user_data == {"mine": 1}


def test_min_confidence_leaves_unsure_entities_out(trained):
    confidences = sorted(ent._.confidence for ent in run(trained).ents)
    assert len(confidences) > 1 and confidences[0] < confidences[-1]
    bound = (confidences[0] + confidences[-1]) / 2
    kept = run(with_settings(trained, min_confidence=bound)).ents
    assert [ent._.confidence >= bound for ent in kept] == [True] * len(kept)
    assert len(kept) == sum(c >= bound for c in confidences)
    assert run(with_settings(trained, min_confidence=1.0)).has_annotation("ENT_IOB")


def test_runners_up_are_the_other_spans_above_the_threshold(trained):
    assert "brnn_ner" not in run(trained).spans
    doc = run(with_settings(trained, runners_up=0.01))
    group = doc.spans["brnn_ner"]
    chosen = {(ent.start, ent.end, ent.label) for ent in doc.ents}
    assert len(group) and len(group.attrs["scores"]) == len(group)
    for span, score in zip(group, group.attrs["scores"], strict=True):
        assert (span.start, span.end, span.label) not in chosen
        assert score >= 0.01 and span._.confidence == pytest.approx(score, rel=1e-5)
    assert len(run(with_settings(trained, runners_up=0.3)).spans["brnn_ner"]) < len(group)


def test_what_min_confidence_leaves_out_is_a_runner_up(trained):
    sure = run(with_settings(trained, min_confidence=1.0, runners_up=0.01))
    assert not sure.ents
    texts = {(span.text, span.label_) for span in sure.spans["brnn_ner"]}
    assert set(ents(run(trained))) <= texts


def test_documents_keep_it_in_a_docbin_and_in_bytes(trained):
    nlp = with_settings(trained, runners_up=0.01)
    doc = run(nlp)
    expected = [ent._.confidence for ent in doc.ents]
    (copy,) = DocBin(store_user_data=True, docs=[doc]).get_docs(spacy.blank("en").vocab)
    assert [ent._.confidence for ent in copy.ents] == expected
    copy = Doc(spacy.blank("en").vocab).from_bytes(doc.to_bytes())
    assert [ent._.confidence for ent in copy.ents] == expected
    assert len(copy.spans["brnn_ner"]) == len(doc.spans["brnn_ner"])


def test_documents_from_other_processes_have_it(trained):
    docs = list(trained.pipe([TEXT, "Bob likes Rome ."], n_process=2, batch_size=1))
    alone = [trained(TEXT), trained("Bob likes Rome .")]
    for doc, expected in zip(docs, alone, strict=True):
        assert [e._.confidence for e in doc.ents] == pytest.approx(
            [e._.confidence for e in expected.ents]
        )


def test_without_the_pipeline_nobody_knows():
    doc = Doc(spacy.blank("en").vocab, words=["Bob"], ents=["B-PER"])
    assert doc.ents[0]._.confidence is None


def test_empty_documents_and_white_space(trained):
    nlp = with_settings(trained, runners_up=0.01, min_confidence=0.1)
    for doc in (Doc(nlp.vocab), nlp.make_doc("  \n "), nlp.make_doc(" ")):
        doc = nlp(doc)
        assert not doc.ents and not len(doc.spans["brnn_ner"])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"min_confidence": 1.5}, "min_confidence of 'brnn_ner' is a probability, 0 to 1, not 1.5"),
        ({"runners_up": 0.0}, "runners_up of 'brnn_ner' is a probability above 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe("brnn_ner", config={**TINY, **settings})


def test_an_unknown_label_is_named(trained):
    with pytest.raises(ValueError, match="no label DOG among LOC, PER"):
        trained.get_pipe("brnn_ner").score_entities(
            trained.make_doc("Bob"), [LabelledSpan(0, 1, "DOG")]
        )


def test_the_name_may_not_be_taken():
    taken = Span.remove_extension("confidence")
    Span.set_extension("confidence", default=0.5)
    try:
        with pytest.raises(ValueError, match=r"Span\._\.confidence is taken by another package"):
            ner_confidence.register_confidence()
    finally:
        Span.remove_extension("confidence")
        Span.set_extension("confidence", getter=taken[2])


def test_a_scorer_passes_over_labels_that_a_document_is_not_annotated_with(trained):
    from spacy_brnn.known_labels import set_known_labels

    (example,) = make_examples(trained, [("Bob likes Rome .", "U-PER O O O")])
    example.predicted = run(trained, "Bob likes Rome .")
    score = registry.scorers.get("spacy-brnn.ner_scorer.v1")()
    assert ents(example.predicted) == [("Bob", "PER"), ("Rome", "LOC")]
    assert score([example])["ents_p"] == 0.5
    set_known_labels(example.reference, ["PER"])
    assert score([example])["ents_p"] == 1.0
    assert ents(example.predicted) == [("Bob", "PER"), ("Rome", "LOC")]


def test_asked_for_it_takes_one_thread(trained, three_threads, threads_of):
    seen = threads_of(Marginals, "spans")
    assert run(trained).ents[0]._.confidence
    assert seen == [1] and torch.get_num_threads() == 3


@pytest.mark.parametrize("settings", [{"keep_confidence": True}, {"runners_up": 0.01}])
def test_at_once_it_takes_one_thread(trained, three_threads, threads_of, settings):
    nlp = with_settings(trained, **settings)
    seen = [threads_of(Marginals, name) for name in ("spans", "likely", "tags")]
    run(nlp)
    assert {count for counts in seen for count in counts} == {1}
    assert torch.get_num_threads() == 3


def test_the_hosts_threads_come_back_after_an_error(trained, three_threads, threads_of):
    threads_of(Marginals, "spans", RuntimeError("stop"))
    with pytest.raises(RuntimeError, match="stop"):
        run(trained).ents[0]._.confidence  # noqa: B018
    assert torch.get_num_threads() == 3
