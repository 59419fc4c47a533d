"""brnn_ner with the weights that ship, by a small model in place of the one that ships."""

import copy
import pickle

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc
from thinc.api import Config, fix_random_seed

from spacy_brnn.pretrained import card, weights

from .test_ner import SENTENCES, TINY, ents, make_doc, make_examples, train

MODEL = copy.deepcopy(TINY["model"])
EMBED = MODEL["tok2vec"]["embed"]
EMBED["words"]["attrs"] = ["PREFIX", "SHAPE"]
EMBED["vectors"] = {"@architectures": "spacy-brnn.VectorTable.v1", "width": 8, "rows": 20}
MODEL["tok2vec"]["encode"]["input_width"] = 32
PRETRAINED = {"model": {"@architectures": "spacy-brnn.PretrainedBRNNTagger.v1"}}
TEXT = SENTENCES[0][0]
EXPECTED = [("Ada Lovelace", "PER"), ("Bob", "PER"), ("New York City", "LOC")]


@pytest.fixture(scope="module")
def shipped_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    fix_random_seed(0)
    nlp = spacy.blank("en")
    rng = numpy.random.default_rng(0)
    for word in {word.lower() for words, _ in SENTENCES for word in words.split()}:
        nlp.vocab.set_vector(word, rng.normal(size=8))
    component = nlp.add_pipe("brnn_ner", config={"model": MODEL})
    train(nlp, make_examples(nlp))
    Config({"model": MODEL}).to_disk(folder / "config.cfg")
    weights.save(component.model, folder)
    srsly.write_json(folder / card.FILE_NAME, {"labels": list(component.labels)})
    return folder


@pytest.fixture(autouse=True)
def shipped(shipped_folder, monkeypatch):
    for module in (weights, card):
        monkeypatch.setattr(module, "folder", lambda name: shipped_folder)


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_ner", config=PRETRAINED)
    return nlp


def run(nlp, text=TEXT):
    return nlp(make_doc(nlp, text))


def test_it_finds_entities_at_once(nlp):
    doc = run(nlp)
    assert ents(doc) == EXPECTED
    assert all(ent._.confidence > 0.5 for ent in doc.ents)
    assert nlp.get_pipe("brnn_ner").labels == ("LOC", "PER")
    assert nlp.pipe_labels == {"brnn_ner": ["LOC", "PER"]}


def test_the_pipeline_around_it_does_not_matter(nlp):
    """As spacy-lookups-data would have it: norms of tables, on every word."""
    other = spacy.blank("en")
    other.add_pipe("sentencizer")
    other.add_pipe("brnn_ner", first=True, config=PRETRAINED)
    for words, _ in SENTENCES:
        for word in words.split():
            other.vocab[word].norm_ = "something"
    for words, _ in SENTENCES:
        a, b = run(nlp, words), run(other, words)
        assert ents(a) == ents(b)
        assert [e._.confidence for e in a.ents] == [e._.confidence for e in b.ents]


def test_saved_and_loaded_it_is_the_same(nlp, tmp_path):
    expected = [ent._.confidence for ent in run(nlp).ents]
    nlp.to_disk(tmp_path)
    copies = [spacy.load(tmp_path), pickle.loads(pickle.dumps(nlp))]
    for copy_ in copies:
        doc = run(copy_)
        assert ents(doc) == EXPECTED
        assert [ent._.confidence for ent in doc.ents] == pytest.approx(expected)


def test_training_starts_from_scratch(nlp):
    examples = make_examples(nlp, [("Rome likes Bob .", "U-CITY O U-NAME O")] * 3)
    losses = train(nlp, examples, steps=60)
    assert losses[0] > 0.5 > losses[-1]
    assert nlp.get_pipe("brnn_ner").labels == ("CITY", "NAME")
    assert ents(run(nlp, "Rome likes Bob .")) == [("Rome", "CITY"), ("Bob", "NAME")]
    again = spacy.blank("en")
    again.add_pipe("brnn_ner", config=PRETRAINED)
    again.from_bytes(nlp.to_bytes())
    assert ents(run(again, "Rome likes Bob .")) == [("Rome", "CITY"), ("Bob", "NAME")]


def test_from_scratch_only_the_word_vectors_stay(nlp):
    def nodes(name):
        return next(n for n in nlp.get_pipe("brnn_ner").model.walk() if n.name == name)

    table = nodes("vector_table").attrs["table"]
    characters = nodes("char_embed").shims[0]._model.network.embed.weight.detach().numpy().copy()
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert (nodes("vector_table").attrs["table"] == table).all() and table.any()
    assert (nodes("char_embed").shims[0]._model.network.embed.weight.detach().numpy()
            != characters).any()  # fmt: skip
    assert ents(run(nlp)) != EXPECTED


def initialize_pretrained(nlp, examples):
    nlp.config["initialize"]["components"]["brnn_ner"] = {"pretrained": True}
    return nlp.initialize(lambda: examples)


def test_training_may_go_on_from_the_weights(nlp):
    examples = make_examples(nlp, SENTENCES[:1])
    optimizer = initialize_pretrained(nlp, examples)
    assert ents(run(nlp)) == EXPECTED
    first = nlp.update(examples, sgd=optimizer)["brnn_ner"]
    assert first < 0.5
    assert nlp.get_pipe("brnn_ner").labels == ("LOC", "PER")


def test_labels_are_added_as_to_any_component(nlp):
    """The usual way: add the pipe, add its labels, initialize, update."""
    ner = nlp.get_pipe("brnn_ner")
    assert ner.add_label("DOG") == 1
    assert ner.labels == ("LOC", "PER", "DOG")
    assert ents(run(nlp)) == EXPECTED
    nlp.initialize()
    assert ner.labels == ("DOG",)
    examples = make_examples(nlp, [("Rome likes Bob .", "U-LOC O U-DOG O")] * 3)
    train(nlp, examples, steps=60)
    assert ner.labels == ("DOG", "LOC")
    assert ents(run(nlp, "Rome likes Bob .")) == [("Rome", "LOC"), ("Bob", "DOG")]


def test_labels_that_were_added_go_on_from_the_weights(nlp):
    ner = nlp.get_pipe("brnn_ner")
    ner.add_label("DOG")
    sentences = [*SENTENCES, ("Rex likes Bob .", "U-DOG O U-PER O")]
    examples = make_examples(nlp, sentences)
    optimizer = initialize_pretrained(nlp, examples)
    optimizer.learn_rate = 0.01
    assert ner.labels == ("LOC", "PER", "DOG") and ents(run(nlp)) == EXPECTED
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    assert ents(run(nlp, "Rex likes Bob .")) == [("Rex", "DOG"), ("Bob", "PER")]
    again = spacy.blank("en")
    again.add_pipe("brnn_ner", config=PRETRAINED)
    again.from_bytes(nlp.to_bytes())
    assert ents(run(again, "Rex likes Bob .")) == [("Rex", "DOG"), ("Bob", "PER")]


def test_it_goes_on_with_its_own_labels_only(nlp):
    examples = make_examples(nlp, [("Bob", "U-DOG")])
    with pytest.raises(ValueError, match="goes on with the labels LOC, PER, but the examples have"):
        initialize_pretrained(nlp, examples)
    other = spacy.blank("en")
    other.add_pipe("brnn_ner", config=TINY)
    with pytest.raises(ValueError, match=r"PretrainedBRNNTagger\.v1"):
        initialize_pretrained(other, make_examples(other))


def test_another_language_is_warned_of():
    nlp = spacy.blank("de")
    nlp.add_pipe("brnn_ner", config=PRETRAINED)
    with pytest.warns(UserWarning, match="read English, but the pipeline's language is 'de'"):
        nlp("Bob")


HOSTILE = [
    "", " ", "\n\n\t \u00a0\u2003", "😀", "😀" * 500, "👩‍👩‍👧‍👦 Bob 🇩🇪", "\u200b", "\u202eBob",
    "a" * 20_000, "\x00\x01Bob\x7f", "Bob\u0301\u0301 likes", "!" * 3000, "\ufeffBob", "ﷺ" * 50,
]  # fmt: skip


def test_hostile_texts_pass_and_do_not_touch_their_neighbours(nlp):
    plain = ents(nlp(TEXT))
    texts = [x for text in HOSTILE for x in (text, TEXT)]
    docs = list(nlp.pipe(texts, batch_size=7))
    assert [doc.text for doc in docs] == texts
    for doc in docs[1::2]:
        assert ents(doc) == plain
    for doc, text in zip(docs[::2], HOSTILE, strict=True):
        assert ents(doc) == ents(nlp(text))
        for ent in doc.ents:
            assert 0.0 <= ent._.confidence <= 1.0 and ent.text.strip() == ent.text


def test_a_long_document_is_read_to_its_end(nlp):
    words = TEXT.split() * 1000
    doc = nlp(Doc(nlp.vocab, words=words))
    assert len(doc.ents) > 2_900 and doc.ents[-1].end == len(words) - 1
    confidence = doc.ents[-1]._.confidence
    assert 0.0 < confidence <= 1.0 and numpy.isfinite(confidence)
