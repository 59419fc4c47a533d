"""Texts that nobody would write, and documents that nobody would expect, for brnn_ner."""

import gc
import pickle
import warnings

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_brnn.pipeline import ner

from .models import DAMAGES, living_vocabularies
from .test_ner import TINY, ents, make_pipeline

TEXT = "Ada Lovelace met Bob in New York City ."
HOSTILE = [
    "",
    " ",
    "\n\n\t \u00a0\u2003",
    "Bob",
    "😀",
    "😀" * 100,
    "👩‍👩‍👧‍👦 Bob 🇩🇪",
    "\u200b",
    "\u200bBob\u200b likes Ro\u200bme",
    "\ufeffBob",
    "<p>Bob <b>likes</b><br/>Rome&nbsp;.</p>",
    "<" * 200,
    "\x00\x01Bob\x7f",
    "a" * 20_000,
    "Bob " * 600,
    "\u202eBob",
    "Z\u0335\u0322a\u0334l\u0337g\u0338o" * 30,
]
SETTINGS = {"keep_confidence": True, "runners_up": 0.05, "min_confidence": 0.1}


@pytest.fixture(scope="module")
def nlp():
    return make_pipeline(steps=25)


@pytest.fixture(scope="module")
def thorough(nlp):
    """The same with all that is computed about entities."""
    other = spacy.blank("en")
    ner = other.add_pipe(
        "brnn_ner", config={"model": nlp.config["components"]["brnn_ner"]["model"]}
    )
    other.from_bytes(nlp.to_bytes())
    for name, value in SETTINGS.items():
        setattr(ner, name, value)
    return other


def confidences(doc):
    return [ent._.confidence for ent in doc.ents]


def is_sound(doc):
    return doc.has_annotation("ENT_IOB") and all(
        not ent[0].is_space and not ent[-1].is_space and 0.0 <= ent._.confidence <= 1.0
        for ent in doc.ents
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_tagged(text, nlp, thorough):
    for pipeline in (nlp, thorough):
        doc = pipeline(text)
        assert doc.text == text and is_sound(doc)


@pytest.mark.parametrize("batch_size", [5, 100])
def test_no_text_touches_its_neighbours(batch_size, thorough):
    texts = [x for text in HOSTILE for x in (text, TEXT)]
    alone = [ents(thorough(text)) for text in texts]
    docs = list(thorough.pipe(texts, batch_size=batch_size))
    assert [doc.text for doc in docs] == texts
    assert [ents(doc) for doc in docs] == alone
    for doc in docs[1::2]:
        assert confidences(doc) == pytest.approx(confidences(docs[1]), abs=1e-5)


@pytest.mark.parametrize("texts", [[""], ["", "", ""], [" ", ""], ["\n"]])
def test_batches_without_a_word(texts, thorough):
    for doc in thorough.pipe(texts):
        assert not doc.ents and not doc.spans["brnn_ner"]


@pytest.mark.parametrize("at_once", [4, 9, 20])
def test_a_batch_of_any_size_is_read_in_parts(at_once, thorough, monkeypatch):
    """Memory grows with what is read at once: a batch of long documents would take gigabytes."""
    texts = [TEXT, "", "Bob", " ", "", "😀" * 12, TEXT, "Bob likes Rome .", "Rome"]
    expected = list(thorough.pipe(texts))
    component, sizes = type(thorough.get_pipe("brnn_ner")), []

    def tag(self, docs, tags, tag=component._tag):
        sizes.append([len(doc) for doc in docs])
        return tag(self, docs, tags)

    monkeypatch.setattr(component, "_tag", tag)
    monkeypatch.setattr(ner, "TOKENS_AT_ONCE", at_once)
    docs = list(thorough.pipe(texts))
    assert len(sizes) > 1
    assert all(sum(of_part) <= at_once or len(of_part) == 1 for of_part in sizes)
    for doc, other in zip(docs, expected, strict=True):
        assert ents(doc) == ents(other)
        assert confidences(doc) == pytest.approx(confidences(other), abs=1e-6)
        assert [(span.start, span.end) for span in doc.spans["brnn_ner"]] == [
            (span.start, span.end) for span in other.spans["brnn_ner"]
        ]


def test_no_documents(nlp):
    ner = nlp.get_pipe("brnn_ner")
    assert not ner.predict([]) and not list(ner.pipe([])) and not list(nlp.pipe([]))
    ner.set_annotations([], [])


@pytest.mark.slow
def test_a_document_of_66_000_tokens(nlp):
    words = TEXT.split() * 7_300
    doc = nlp(Doc(nlp.vocab, words=words))
    assert len(doc) > 1 << 16
    assert [ent.text for ent in doc.ents[-3:]] == ["Ada Lovelace", "Bob", "New York City"]
    assert 0.0 < doc.ents[-1]._.confidence <= 1.0


def test_documents_of_two_vocabularies_in_a_batch(nlp):
    other = spacy.blank("en")
    words = TEXT.split()
    docs = [Doc(vocab, words=words) for vocab in (nlp.vocab, other.vocab, nlp.vocab)]
    expected = nlp(Doc(nlp.vocab, words=words))
    for doc in nlp.get_pipe("brnn_ner").pipe(docs):
        assert ents(doc) == ents(expected)
        assert confidences(doc) == pytest.approx(confidences(expected), abs=1e-5)


def test_nothing_of_other_vocabularies_is_kept(nlp):
    """Each document that was unpickled has one of its own, and a large one."""
    component = nlp.get_pipe("brnn_ner")
    pickled = pickle.dumps(nlp.make_doc(TEXT))
    before = living_vocabularies()
    for _ in range(5):
        doc = component(pickle.loads(pickled))
        assert None not in confidences(doc)
    del doc
    gc.collect()
    assert living_vocabularies() <= before


@pytest.mark.parametrize(("name", "data", "message"), DAMAGES)
def test_a_damaged_folder_changes_nothing(name, data, message, nlp, tmp_path):
    before = ents(nlp(TEXT))
    nlp.to_disk(tmp_path)
    file = tmp_path / "brnn_ner" / name
    file.unlink() if data is None else file.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        nlp.get_pipe("brnn_ner").from_disk(tmp_path / "brnn_ner")
    assert before and ents(nlp(TEXT)) == before


@pytest.mark.parametrize("ships", [False, True])
def test_what_is_nowhere_changes_nothing(ships, nlp):
    if ships:
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_ner")
    component, before = nlp.get_pipe("brnn_ner"), ents(nlp(TEXT))
    with pytest.raises(ValueError, match="nowhere is not the folder of a saved brnn_ner"):
        component.from_disk("nowhere")
    for data in (b"", b"nothing", component.to_bytes()[:-100], srsly.msgpack_dumps({"a": 1})):
        with pytest.raises(ValueError, match="these are not the bytes"):
            component.from_bytes(data)
    assert before and ents(nlp(TEXT)) == before


def test_training_on_nothing_is_said_once():
    nlp = make_pipeline(steps=1)
    silent = [Example(nlp.make_doc(TEXT), nlp.make_doc(TEXT))]
    with pytest.warns(UserWarning, match="none of the 1 documents .* teach 'brnn_ner' nothing"):
        nlp.update(silent)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(silent)
        nlp.update([Example.from_dict(nlp.make_doc(TEXT), {"entities": []})])


def test_a_second_component_that_is_gone_leaves_earlier_documents():
    nlp = make_pipeline(steps=25)
    doc = nlp(TEXT)
    nlp.add_pipe("brnn_ner", name="second", config=TINY)
    nlp.remove_pipe("second")
    gc.collect()
    assert doc.ents and None not in confidences(doc)


def test_the_component_that_came_last_answers_for_a_document():
    """Though another, of a vocabulary of its own, found entities in it before."""
    nlp = make_pipeline(steps=25)
    guest = make_pipeline(steps=0).get_pipe("brnn_ner")
    doc = guest(nlp.make_doc(TEXT))
    doc.set_ents([], default="missing")
    doc = nlp.get_pipe("brnn_ner")(doc)
    assert doc.ents
    assert confidences(doc) == pytest.approx(confidences(nlp(TEXT)), abs=1e-5)


@pytest.mark.parametrize("keep", [True, False])
def test_confidences_survive(keep, nlp, thorough):
    """In a DocBin, in bytes and in a pickle: where they have been computed, without a pipeline."""
    doc = (thorough if keep else nlp)(TEXT)
    expected = confidences(doc)  # Keeps them, from now on.
    assert expected and None not in expected
    vocab = spacy.blank("en").vocab
    copies = [
        *DocBin(store_user_data=True, docs=[doc]).get_docs(vocab),
        Doc(vocab).from_bytes(doc.to_bytes()),
        pickle.loads(pickle.dumps(doc)),
        doc.copy(),
    ]
    for copy in copies:
        assert ents(copy) == ents(doc)
        assert confidences(copy) == expected


def test_parts_and_joined_documents_keep_the_confidences(thorough):
    doc = thorough("In Rome , Ada met Bob .")
    expected = {ent.text: ent._.confidence for ent in doc.ents}
    part = doc[2:].as_doc(copy_user_data=True)
    assert part.ents
    for ent in part.ents:
        assert ent._.confidence == expected[ent.text]
    both = Doc.from_docs([doc, part])
    for ent in both.ents:
        assert ent._.confidence == expected[ent.text]


def test_processes(thorough):
    texts = [TEXT, "", "😀", "Bob likes Rome ."] * 3
    alone = list(thorough.pipe(texts))
    docs = list(thorough.pipe(texts, n_process=2, batch_size=2))
    for doc, expected in zip(docs, alone, strict=True):
        assert ents(doc) == ents(expected)
        assert confidences(doc) == pytest.approx(confidences(expected), abs=1e-5)
        found, wanted = doc.spans["brnn_ner"], expected.spans["brnn_ner"]
        assert [(span.text, span.label_) for span in found] == [
            (span.text, span.label_) for span in wanted
        ]
        assert numpy.allclose(found.attrs["scores"], wanted.attrs["scores"], atol=1e-5)


def test_tokens_that_are_merged_and_split_afterwards(thorough):
    doc = thorough(TEXT)
    expected = confidences(doc)
    with doc.retokenize() as retokenizer:
        for ent in doc.ents:
            retokenizer.merge(ent)
    assert confidences(doc) == expected


def test_a_span_made_by_hand_across_everything(thorough):
    doc = thorough(TEXT)
    whole = Span(doc, 0, len(doc), label="PER")
    assert 0.0 <= whole._.confidence < 0.01
