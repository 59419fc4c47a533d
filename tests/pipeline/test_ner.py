import pickle

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_brnn.corpora.conll import convert_conll

TINY = {
    "model": {
        "@architectures": "spacy-brnn.BRNNTagger.v1",
        "tok2vec": {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": {
                "@architectures": "spacy-brnn.ConcatEmbed.v1",
                "words": {
                    "@architectures": "spacy.MultiHashEmbed.v2",
                    "width": 16,
                    "attrs": ["NORM", "SHAPE"],
                    "rows": [200, 100],
                    "include_static_vectors": False,
                },
                "characters": {"@architectures": "spacy-brnn.CharEmbed.v1", "width": 8},
            },
            "encode": {
                "@architectures": "spacy-brnn.BRNNEncoder.v1",
                "width": 32,
                "input_width": 24,
            },
        },
    }
}
# Words, and BILUO tags; "-" is missing.
SENTENCES = [
    ("Ada Lovelace met Bob in New York City .", "B-PER L-PER O U-PER O B-LOC I-LOC L-LOC O"),
    ("Bob likes Rome .", "U-PER O U-LOC O"),
    ("Rome met New York City .", "U-LOC O B-LOC I-LOC L-LOC O"),
    ("In Rome , Ada likes Bob Lovelace .", "O U-LOC O U-PER O B-PER L-PER O"),
]


def make_examples(nlp, sentences=SENTENCES):
    return [
        Example.from_dict(
            Doc(nlp.vocab, words=words.split()),
            {"words": words.split(), "entities": tags.split()},
        )
        for words, tags in sentences
    ]


def train(nlp, examples, steps=40):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    losses = [nlp.update(examples, sgd=optimizer) for _ in range(steps)]
    return [loss["brnn_ner"] for loss in losses]


def make_pipeline(steps=40, sentences=SENTENCES):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_ner", config=TINY)
    train(nlp, make_examples(nlp, sentences), steps)
    return nlp


def make_doc(nlp, text):
    return Doc(nlp.vocab, words=text.split(" "))


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


@pytest.fixture(scope="module")
def trained():
    return make_pipeline()


def test_training_finds_the_entities(trained):
    doc = trained(make_doc(trained, "Ada Lovelace met Bob in New York City ."))
    assert ents(doc) == [("Ada Lovelace", "PER"), ("Bob", "PER"), ("New York City", "LOC")]
    assert doc.has_annotation("ENT_IOB")
    assert trained.get_pipe("brnn_ner").labels == ("LOC", "PER")
    scores = trained.evaluate(make_examples(trained))
    assert scores["ents_f"] == 1.0
    assert scores["ents_per_type"]["PER"]["f"] == 1.0


def test_loss_falls_from_that_of_a_guess():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_ner", config=TINY)
    losses = train(nlp, make_examples(nlp))
    assert 0.5 < losses[0] < 3.0
    assert losses[-1] < 0.1 * losses[0]


def test_the_default_model_trains():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_ner")
    losses = train(nlp, make_examples(nlp), steps=3)
    assert losses[-1] < losses[0]


def test_every_document_is_annotated(trained):
    docs = [make_doc(trained, "Bob likes Rome ."), Doc(trained.vocab), trained.make_doc("")]
    piped = list(trained.pipe(docs))
    assert ents(piped[0]) == [("Bob", "PER"), ("Rome", "LOC")]
    assert not piped[1].ents and not piped[2].ents
    assert not list(trained.pipe([]))


def test_neighbours_do_not_change_a_result(trained):
    texts = [words for words, _ in SENTENCES] * 3 + [" ".join(w for w, _ in SENTENCES) * 5]
    ner = trained.get_pipe("brnn_ner")
    alone = [ents(trained(make_doc(trained, text))) for text in texts]
    for size in (1, 4, 64):
        docs = trained.pipe([make_doc(trained, text) for text in texts], batch_size=size)
        assert [ents(doc) for doc in docs] == alone
    docs = [make_doc(trained, text) for text in texts]
    together = ner.model.predict(docs)
    for doc, scores in zip(docs, together, strict=True):
        assert abs(ner.model.predict([doc])[0] - scores).max() < 1e-5


def test_entities_that_are_set_stay(trained):
    doc = make_doc(trained, "Ada Lovelace met Bob in New York City .")
    doc.set_ents([Span(doc, 0, 1, "DOG", kb_id="Q1"), Span(doc, 3, 4, "LOC")], default="missing")
    trained(doc)
    assert ents(doc)[0] == ("Ada", "DOG") and doc.ents[0].kb_id_ == "Q1"
    assert ("Bob", "LOC") in ents(doc)
    assert ents(doc)[-1] == ("New York City", "LOC")


def test_the_rest_is_tagged_to_fit_what_is_set(trained):
    doc = make_doc(trained, "Ada Lovelace met Bob in New York City .")
    doc.set_ents([Span(doc, 6, 7, "LOC")], default="missing")
    trained(doc)
    assert ("York", "LOC") in ents(doc)
    assert ("New York City", "LOC") not in ents(doc)


def test_as_in_spacy_outside_of_earlier_components_may_become_an_entity(trained):
    doc = make_doc(trained, "Bob likes Rome .")
    doc.set_ents([], default="outside")
    assert ents(trained(doc)) == [("Bob", "PER"), ("Rome", "LOC")]


def test_blocked_tokens_stay_blocked(trained):
    doc = make_doc(trained, "Bob likes Rome .")
    doc.set_ents([], blocked=[doc[0:1]], default="missing")
    assert ents(trained(doc)) == [("Rome", "LOC")]
    assert [token.ent_iob for token in doc] == [3, 2, 3, 2]
    assert not doc[0].ent_type


def test_an_entity_ruler_before_and_after(trained):
    for position in ("before", "after"):
        nlp = make_pipeline()
        ruler = nlp.add_pipe("entity_ruler", **{position: "brnn_ner"})
        ruler.add_patterns([{"label": "PER", "pattern": "likes"}])
        doc = nlp("Bob likes Rome .")
        assert ents(doc) == [("Bob", "PER"), ("likes", "PER"), ("Rome", "LOC")]


def test_entities_do_not_cross_sentences_nor_begin_with_whitespace(trained):
    doc = make_doc(trained, "In New York City Rome")
    doc[3].is_sent_start = True
    trained(doc)
    assert all(not (ent.start < 3 < ent.end) for ent in doc.ents)
    doc = trained(Doc(trained.vocab, words=["Bob", "likes", "\n", "Rome", "\n", "."]))
    assert not any(ent[0].is_space or ent[-1].is_space for ent in doc.ents)


def test_missing_annotation_teaches_nothing():
    nlp = make_pipeline(steps=0)
    unknown = make_examples(nlp, [("Bob likes Rome .", "- - - -")])
    assert nlp.update(unknown)["brnn_ner"] == pytest.approx(0.0, abs=1e-5)
    # With all that is not an entity unknown, only the entities are learned.
    partial = [(words, tags.replace("U-PER", "-").replace(" O", " -")) for words, tags in SENTENCES]
    nlp = make_pipeline(sentences=[*partial, ("likes . in", "O O O")])
    doc = nlp(make_doc(nlp, "Rome likes New York City ."))
    assert ents(doc) == [("Rome", "LOC"), ("New York City", "LOC")]


def test_training_takes_other_tokens_than_the_annotation_has():
    nlp = make_pipeline(steps=0)
    words = ["New York", "City", "likes", "B", "ob", "."]
    example = Example.from_dict(
        Doc(nlp.vocab, words=words),
        {
            "words": ["New", "York", "City", "likes", "Bob", "."],
            "entities": ["B-LOC", "I-LOC", "L-LOC", "O", "U-PER", "O"],
        },
    )
    assert 0.0 < nlp.update([example])["brnn_ner"] < 10.0


def test_an_unknown_label_teaches_nothing_and_stops_nothing(trained):
    examples = make_examples(trained, [("Bob likes Rome .", "U-DOG - - -")])
    ner = trained.get_pipe("brnn_ner")
    loss, _ = ner.get_loss(examples, ner.model.predict([examples[0].predicted]))
    assert loss == pytest.approx(0.0, abs=1e-5)


def test_bytes_disk_and_pickle(trained, tmp_path):
    text = SENTENCES[0][0]
    expected = ents(trained(make_doc(trained, text)))
    trained.to_disk(tmp_path / "model")
    blank = spacy.blank("en")
    blank.add_pipe("brnn_ner", config=TINY)
    copies = [
        spacy.load(tmp_path / "model"),
        blank.from_bytes(trained.to_bytes()),
        pickle.loads(pickle.dumps(trained)),
    ]
    ner = trained.get_pipe("brnn_ner")
    for nlp in copies:
        copy = nlp.get_pipe("brnn_ner")
        assert copy.labels == ner.labels
        assert ents(nlp(make_doc(nlp, text))) == expected
        doc = make_doc(nlp, text)
        assert abs(copy.model.predict([doc])[0] - ner.model.predict([doc])[0]).max() < 1e-6
    assert pickle.loads(pickle.dumps(ner)).labels == ner.labels


def test_processes_give_the_same(trained):
    texts = [words for words, _ in SENTENCES]
    expected = [ents(doc) for doc in trained.pipe(texts)]
    assert [ents(doc) for doc in trained.pipe(texts, n_process=2, batch_size=2)] == expected


def test_averages_of_weights_include_the_transitions(trained):
    ner = trained.get_pipe("brnn_ner")
    shim = ner.model.get_ref("crf").shims[0]
    before = shim._model.transitions.detach().clone()
    with ner.model.use_params({(shim.id, "transitions"): before.numpy() + 1.0}):
        assert (shim._model.transitions == before + 1.0).all()
    assert (shim._model.transitions == before).all()


def test_only_new_labels_of_text_are_added(trained):
    ner = trained.get_pipe("brnn_ner")
    assert ner.add_label("PER") == 0
    with pytest.raises(ValueError):
        ner.add_label(1)


def test_labels_may_be_added_or_given_before():
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("brnn_ner", config=TINY)
    with pytest.raises(ValueError, match="E143"):
        nlp("Bob")
    assert ner.add_label("DOG") == 1
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert ner.labels == ("DOG", "LOC", "PER") == ner.label_data
    nlp.update(examples)  # Its gradients have the size of three labels.
    ner.initialize(lambda: examples, nlp=nlp, labels=["PER"])
    assert ner.labels == ("DOG", "PER")
    nlp.update(examples, sgd=nlp.create_optimizer())
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("brnn_ner", config=TINY)
    ner.initialize(lambda: examples, nlp=nlp, labels=["PER"])
    assert ner.labels == ("PER",)
    assert {ent.label_ for ent in nlp("Bob likes Rome .").ents} <= {"PER"}


def test_a_shared_tok2vec_with_sentiment():
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TINY["model"]["tok2vec"]})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
    nlp.add_pipe(
        "brnn_ner",
        config={"model": {"@architectures": "spacy-brnn.BRNNTagger.v1", "tok2vec": listener}},
    )
    nlp.add_pipe(
        "brnn_sentiment",
        config={"model": {"@architectures": "spacy-brnn.TextCatBRNN.v1", "tok2vec": listener}},
    )
    examples = make_examples(nlp)
    for example, positive in zip(examples, (1.0, 1.0, 0.0, 0.0), strict=True):
        example.reference.cats = {"POSITIVE": positive, "NEGATIVE": 1.0 - positive}
    losses = train(nlp, examples)
    assert losses[-1] < 0.2 * losses[0]
    doc = nlp(make_doc(nlp, "Bob likes Rome ."))
    assert ents(doc) == [("Bob", "PER"), ("Rome", "LOC")]
    assert doc._.sentiment.label in ("POSITIVE", "NEGATIVE")


def test_the_converter_s_documents_train(tmp_path):
    (tmp_path / "ner.conll").write_text(
        "-DOCSTART- -X- O O\n\nAda NNP I-NP I-PER\nLovelace NNP I-NP I-PER\nBob NNP I-NP B-PER\n"
        "likes VB I-VP O\n\nRome NNP I-NP I-LOC\n"
    )
    convert_conll(tmp_path / "ner.conll", tmp_path / "ner.spacy")
    nlp = make_pipeline(steps=0)
    (gold,) = DocBin().from_disk(tmp_path / "ner.spacy").get_docs(nlp.vocab)
    assert ents(gold) == [("Ada Lovelace", "PER"), ("Bob", "PER"), ("Rome", "LOC")]
    examples = [Example(Doc(nlp.vocab, words=[t.text for t in gold]), gold)]
    train(nlp, examples)
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_the_vocabulary_is_that_of_the_documents_it_reads():
    """The tokenizer knows norms that a gold document without them lacks."""
    nlp = spacy.blank("en")
    words = {"@architectures": "spacy-brnn.WordEmbed.v1", "width": 16, "rows": 50}
    model = {**TINY["model"], "tok2vec": {**TINY["model"]["tok2vec"], "embed": words}}
    model["tok2vec"]["encode"] = {**model["tok2vec"]["encode"], "input_width": 16}
    component = nlp.add_pipe("brnn_ner", config={"model": model})
    gold = {"words": ["Ada", "ca", "n't"], "entities": ["U-PER", "O", "O"]}
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Ada can't"), gold)])
    embed = next(node for node in component.model.walk() if node.name == "word_embed")
    assert nlp.vocab.strings["not"] in embed.attrs["keys"]
