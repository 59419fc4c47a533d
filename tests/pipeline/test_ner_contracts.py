"""What spaCy's users rely on in its `ner`, of brnn_ner."""

import random

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example, biluo_tags_to_offsets
from thinc.api import Adam, fix_random_seed

from .test_ner import SENTENCES, TINY, ents, make_doc, make_examples, make_pipeline, train

TEXT = "Ada Lovelace met Bob in New York City ."


@pytest.fixture(scope="module")
def trained():
    return make_pipeline()


def blank(**settings):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    return nlp, nlp.add_pipe("brnn_ner", config={**TINY, **settings})


# Labels.


@pytest.mark.parametrize("label", ["JOB-NAME", "O", "B", "U-X", "ÄÖÜ", "x/y"])
def test_labels_of_any_spelling(label):
    nlp, ner = blank()
    examples = make_examples(nlp, [("Bob likes Rome .", f"U-{label} O B-{label} L-{label}")])
    train(nlp, examples)
    assert ner.labels == (label,)
    assert ents(nlp(make_doc(nlp, "Bob likes Rome ."))) == [("Bob", label), ("Rome .", label)]


def test_labels_added_before_are_kept_and_may_lack_examples():
    nlp, ner = blank()
    for label in ("ANIMAL", "PER"):
        ner.add_label(label)
    nlp.initialize(lambda: make_examples(nlp))
    assert set(ner.labels) == {"ANIMAL", "LOC", "PER"}
    assert len(ner.labels) == 3
    other, _ = blank()
    other.from_bytes(nlp.to_bytes())
    assert other.get_pipe("brnn_ner").labels == ner.labels
    assert other.pipe_labels["brnn_ner"] == list(ner.labels)


def test_labels_added_before_are_enough_to_initialize():
    nlp, ner = blank()
    ner.add_label("PER")
    nlp.initialize()
    assert ner.labels == ("PER",)
    assert {ent.label_ for ent in nlp("Bob likes Rome .").ents} <= {"PER"}


def test_a_label_added_after_training_changes_nothing_and_can_be_learned(tmp_path):
    nlp = make_pipeline()
    ner = nlp.get_pipe("brnn_ner")
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    before = [(ent.text, ent._.confidence) for ent in nlp(make_doc(nlp, TEXT)).ents]
    assert before
    assert ner.add_label("DOG") == 1 and ner.labels == ("LOC", "PER", "DOG")
    nlp.to_disk(tmp_path)
    for same in (nlp, spacy.load(tmp_path)):
        after = [(ent.text, ent._.confidence) for ent in same(make_doc(same, TEXT)).ents]
        assert [text for text, _ in after] == [text for text, _ in before]
        assert [p for _, p in after] == pytest.approx([p for _, p in before], abs=1e-5)
    examples = make_examples(nlp, [*SENTENCES, ("Rex met Ada .", "U-DOG O U-PER O")])
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    assert ents(nlp(make_doc(nlp, "Rex met Ada ."))) == [("Rex", "DOG"), ("Ada", "PER")]
    assert [ent.text for ent in nlp(make_doc(nlp, TEXT)).ents] == [text for text, _ in before]
    # With gradients of the earlier size that no step has used.
    nlp.update(examples, sgd=None)
    ner.add_label("CAT")
    nlp.update(examples, sgd=optimizer)


def test_no_label_is_an_error_in_words():
    nlp, _ = blank()
    with pytest.raises(ValueError):
        nlp.initialize()
    nlp, _ = blank()
    with pytest.raises(ValueError):
        nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Bob"), {"entities": ["O"]})])


@pytest.mark.parametrize("examples", [None, [], "Bob", [1]])
def test_what_are_no_examples_is_refused(examples):
    nlp, ner = blank()
    with pytest.raises((TypeError, ValueError)):
        ner.initialize(lambda: examples, nlp=nlp)
    with pytest.raises(TypeError):
        ner.initialize(examples, nlp=nlp)


# Training.


@pytest.mark.parametrize("tags", [None, ["-", "-", "-", "-"]])
def test_documents_without_annotation_among_others(tags):
    nlp, _ = blank()
    gold = {"words": ["Bob", "likes", "Rome", "."], **({"entities": tags} if tags else {})}
    unknown = Example.from_dict(make_doc(nlp, "Bob likes Rome ."), gold)
    examples = [*make_examples(nlp), unknown]
    losses = train(nlp, examples)
    assert losses[-1] < 0.1 * losses[0]
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_empty_documents_in_training():
    nlp, _ = blank()
    empty = Example.from_dict(nlp.make_doc(""), {"entities": []})
    optimizer = nlp.initialize(lambda: [empty, *make_examples(nlp)])
    assert nlp.update([empty], sgd=optimizer)["brnn_ner"] == 0.0
    assert nlp.get_pipe("brnn_ner").update([], sgd=optimizer) == {"brnn_ner": 0.0}
    assert nlp.update([empty, *make_examples(nlp)], sgd=optimizer)["brnn_ner"] > 0.0


def test_offsets_that_fit_no_token_teach_nothing_there():
    nlp, _ = blank()
    train(nlp, make_examples(nlp))
    with pytest.warns(UserWarning, match="could not be aligned"):
        example = Example.from_dict(nlp.make_doc("Bob likes Rome ."), {"entities": [(1, 3, "PER")]})
    assert nlp.update([example])["brnn_ner"] >= 0.0


def test_an_entity_may_be_over_white_space_in_the_annotation():
    """Such an entity cannot be predicted, but must not end the training."""
    nlp, _ = blank()
    words = ["Bob", " ", "likes", "Rome", "\n"]
    tags = ["B-PER", "L-PER", "O", "B-LOC", "L-LOC"]
    example = Example.from_dict(Doc(nlp.vocab, words=words), {"words": words, "entities": tags})
    losses = train(nlp, [example, *make_examples(nlp)])
    assert losses[-1] < losses[0]
    doc = nlp(Doc(nlp.vocab, words=words))
    assert not any(ent[-1].is_space for ent in doc.ents)


def test_updates_without_an_optimizer_and_resumed_training(trained):
    nlp, _ = blank()
    nlp.from_bytes(trained.to_bytes())
    examples = make_examples(nlp)
    before = nlp.get_pipe("brnn_ner").model.predict([examples[0].predicted])[0].copy()
    nlp.get_pipe("brnn_ner").update(examples)
    assert (nlp.get_pipe("brnn_ner").model.predict([examples[0].predicted])[0] == before).all()
    optimizer = nlp.resume_training()
    random.seed(0)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_the_same_seed_gives_the_same_weights():
    one, two = make_pipeline(steps=5), make_pipeline(steps=5)
    doc = make_doc(one, TEXT)
    scores = [nlp.get_pipe("brnn_ner").model.predict([doc])[0] for nlp in (one, two)]
    assert (scores[0] == scores[1]).all()


def test_frozen_it_annotates_for_others(trained):
    nlp = pipeline_like(trained)
    nlp.add_pipe("tagger").add_label("X")
    examples = make_examples(nlp)
    for example in examples:
        for token in example.reference:
            token.tag_ = "X"
    with nlp.select_pipes(disable="brnn_ner"):
        nlp.get_pipe("tagger").initialize(lambda: examples, nlp=nlp)
    before = nlp.get_pipe("brnn_ner").to_bytes()
    nlp.update(examples, sgd=Adam(0.01), exclude=["brnn_ner"], annotates=["brnn_ner"])
    assert nlp.get_pipe("brnn_ner").to_bytes() == before


# What is set before and after.


def pipeline_like(nlp):
    other, _ = blank()
    return other.from_bytes(nlp.to_bytes())


@pytest.mark.parametrize("default", ["missing", "outside", "unmodified"])
def test_all_of_a_document_may_be_set_before(default, trained):
    doc = make_doc(trained, TEXT)
    doc.set_ents([Span(doc, 0, 2, "DOG"), Span(doc, 5, 9, "PER")], default=default)
    trained(doc)
    assert ents(doc) == [("Ada Lovelace", "DOG"), ("Bob", "PER"), ("New York City .", "PER")]


def test_an_entity_of_many_tokens_over_sentences_and_white_space_stays(trained):
    doc = Doc(trained.vocab, words=["In", "New", "\n", "York", "City", " ", "Bob"])
    doc[3].is_sent_start = True
    doc.set_ents([Span(doc, 1, 6, "LOC")], default="missing")
    trained(doc)
    first = doc.ents[0]
    assert (first.start, first.end, first.label_) == (1, 6, "LOC")
    assert ("Bob", "PER") in ents(doc)


def test_entities_side_by_side_stay_two(trained):
    doc = make_doc(trained, TEXT)
    doc.set_ents([Span(doc, 5, 6, "LOC"), Span(doc, 6, 8, "LOC")], default="missing")
    assert ents(trained(doc))[-2:] == [("New", "LOC"), ("York City", "LOC")]


def test_ids_of_what_is_set_stay(trained):
    doc = make_doc(trained, TEXT)
    doc.set_ents([Span(doc, 3, 4, "PER", kb_id="Q1", span_id="me")], default="missing")
    (bob,) = (ent for ent in trained(doc).ents if ent.text == "Bob")
    assert (bob.kb_id_, bob.ent_id_ or bob.id_) == ("Q1", "me")


def test_every_token_blocked(trained):
    doc = make_doc(trained, TEXT)
    doc.set_ents([], blocked=[doc[:]], default="missing")
    assert not trained(doc).ents
    assert all(token.ent_iob_ in ("B", "I") and not token.ent_type_ for token in doc)


@Language.component("blocks_the_third")
def blocks_the_third(doc):
    doc.set_ents(list(doc.ents), blocked=[doc[3:4]], default="unmodified")
    return doc


@pytest.mark.parametrize("position", ["before", "after"])
def test_a_component_that_blocks(position, trained):
    nlp = pipeline_like(trained)
    if position == "after":
        # As spaCy does: what an entity holds cannot be blocked any more.
        nlp.add_pipe("blocks_the_third", last=True)
        with pytest.raises(ValueError):
            nlp(make_doc(nlp, TEXT))
        return
    nlp.add_pipe("blocks_the_third", first=True)
    assert ("Bob", "PER") not in ents(nlp(make_doc(nlp, TEXT)))
    assert ("Ada Lovelace", "PER") in ents(nlp(make_doc(nlp, TEXT)))


@pytest.mark.parametrize("overwrite", [False, True])
def test_rules_that_overwrite(overwrite, trained):
    nlp = pipeline_like(trained)
    ruler = nlp.add_pipe("entity_ruler", config={"overwrite_ents": overwrite})
    ruler.add_patterns([{"label": "DOG", "pattern": "Bob"}, {"label": "DOG", "pattern": "met"}])
    doc = nlp(make_doc(nlp, TEXT))
    assert (("Bob", "DOG") in ents(doc)) == overwrite
    assert ("met", "DOG") in ents(doc)


def test_running_twice_changes_nothing(trained):
    doc = trained(make_doc(trained, TEXT))
    before = [(token.ent_iob, token.ent_type) for token in doc]
    trained.get_pipe("brnn_ner")(doc)
    assert [(token.ent_iob, token.ent_type) for token in doc] == before


def test_two_recognizers_in_a_pipeline(trained):
    nlp = pipeline_like(trained)
    other = make_pipeline(sentences=[("Ada met Bob .", "O U-VERB O O"), *SENTENCES[1:2]])
    nlp.add_pipe("brnn_ner", name="second", source=other)
    doc = nlp(make_doc(nlp, TEXT))
    assert ("Bob", "PER") in ents(doc) and ("met", "VERB") in ents(doc)
    for ent in doc.ents:
        assert ent._.confidence is None or 0.0 <= ent._.confidence <= 1.0


def test_predictions_do_not_touch_the_documents(trained):
    doc = make_doc(trained, TEXT)
    ner = trained.get_pipe("brnn_ner")
    predictions = ner.predict([doc])
    assert not doc.ents and not doc.has_annotation("ENT_IOB")
    ner.set_annotations([doc], predictions)
    assert ents(doc) == ents(trained(make_doc(trained, TEXT)))


# In and out.


def test_what_it_found_trains_another(trained):
    """A round through offsets, as annotation tools make it."""
    doc = trained(make_doc(trained, TEXT))
    tags = [
        "O" if token.ent_iob_ == "O" else f"{token.ent_iob_}-{token.ent_type_}" for token in doc
    ]
    assert tags[0] == "B-PER"
    example = Example(trained.make_doc(TEXT), doc)
    assert biluo_tags_to_offsets(doc, example.get_aligned_ner()) == [
        (ent.start_char, ent.end_char, ent.label_) for ent in doc.ents
    ]


def test_an_error_handler_gets_the_documents_of_a_failing_batch(trained, monkeypatch):
    failed = []
    ner = trained.get_pipe("brnn_ner")
    handler = ner.get_error_handler()
    monkeypatch.setattr(ner, "predict", lambda docs: 1 / 0)
    try:
        ner.set_error_handler(lambda name, proc, docs, error: failed.append((name, len(docs))))
        assert not list(ner.pipe([make_doc(trained, TEXT), make_doc(trained, "Bob")]))
    finally:
        ner.set_error_handler(handler)
    assert failed == [("brnn_ner", 2)]


def test_the_pipeline_knows_what_it_assigns(trained):
    analysis = trained.analyze_pipes()
    assert "doc.ents" in analysis["summary"]["brnn_ner"]["assigns"]
    assert not analysis["problems"]["brnn_ner"]
    assert {"ents_f", "ents_p", "ents_r", "ents_per_type"} <= set(
        analysis["summary"]["brnn_ner"]["scores"]
    )
