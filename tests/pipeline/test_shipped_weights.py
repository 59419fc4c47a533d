"""The weights that ship, as they are; all other tests have a small model stand in for them."""

import pickle
import re
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.training import Example

from spacy_brnn.architectures.textcat import reads_words_alone
from spacy_brnn.nn import compiled_mingru
from spacy_brnn.pipeline import sentiment
from spacy_brnn.pretrained import card, weights

pytestmark = pytest.mark.skipif(
    weights.DEFAULT not in weights.shipped_names(), reason="no weights in this checkout"
)
in_int8 = pytest.mark.skipif(not compiled_mingru.rounds(), reason="not on this processor")
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "corpus" / "sample.jsonl"
README = (ROOT / "README.md").read_text("utf-8")
CLEAR = [
    ("This film is wonderful.", "POSITIVE"),
    ("One of the best films I have seen in years, moving and beautifully acted.", "POSITIVE"),
    ("A great cast, a clever script, and I laughed all the way through.", "POSITIVE"),
    ("The film is dull and the acting is terrible.", "NEGATIVE"),
    ("What a waste of two hours: boring, badly written and far too long.", "NEGATIVE"),
    ("One of the worst films I have ever seen.", "NEGATIVE"),
]


@pytest.fixture(scope="module")
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    return nlp


@pytest.mark.parametrize("text, label", CLEAR)
def test_clear_verdicts(text, label, nlp):
    assert nlp(text)._.sentiment.label == label


@pytest.mark.parametrize(
    "plain, negated",
    [
        ("This film is good.", "This film is not good."),
        ("I recommend this film.", "I don't recommend this film."),
        ("It is worth seeing.", "It isn't worth seeing."),
    ],
)
def test_negation_turns_the_verdict_down(plain, negated, nlp):
    assert nlp(negated)._.sentiment.polarity < nlp(plain)._.sentiment.polarity - 0.2


@pytest.mark.parametrize("precision", ["float32", "bfloat16", pytest.param("int8", marks=in_int8)])
def test_it_does_not_depend_on_the_batch(precision, any_bfloat16):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"precision": precision})
    texts = ["", "Fine", *(text for text, _ in CLEAR), "It never ends. " * 400]
    alone = [nlp(text).cats["POSITIVE"] for text in texts]
    together = [doc.cats["POSITIVE"] for doc in nlp.pipe(texts)]
    assert together == pytest.approx(alone, abs=1e-5)


def test_bfloat16_says_nearly_the_same_as_float32(any_bfloat16):
    scores = []
    for precision in ("float32", "bfloat16"):
        nlp = spacy.blank("en")
        component = nlp.add_pipe("brnn_sentiment", config={"precision": precision})
        assert component.precision == precision
        scores.append([nlp(text).cats["POSITIVE"] for text, _ in CLEAR])
    assert scores[0] != scores[1]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision must be one of auto, .*, not 'half'"):
        spacy.blank("en").add_pipe("brnn_sentiment", config={"precision": "half"})


def test_the_whole_of_a_long_document_is_read(nlp):
    middle = "The story is set in a small town. " * 300
    neutral = nlp(middle)._.sentiment.polarity
    for verdict in ("It is awful, the worst film I have ever seen.", "A wonderful masterpiece."):
        start = nlp(f"{verdict} {middle}")._.sentiment.polarity
        end = nlp(f"{middle} {verdict}")._.sentiment.polarity
        assert start != pytest.approx(neutral, abs=1e-6)
        assert end != pytest.approx(neutral, abs=1e-6)


def test_the_card_says_what_it_is(nlp):
    facts = card.load(weights.DEFAULT)
    assert facts["labels"] == list(nlp.get_pipe("brnn_sentiment").labels)
    assert set(facts["labels"]) == {"POSITIVE", "NEGATIVE", "NEUTRAL"}
    assert all(corpus["name"] and corpus["licence"] for corpus in facts["corpora"])


def test_neutral_is_left_out_unless_asked_for(nlp):
    asked = spacy.blank("en")
    asked.add_pipe("brnn_sentiment", config={"neutral": True})
    text = "The package arrived on Tuesday."
    assert asked(text)._.sentiment.label == "NEUTRAL"
    assert sum(asked(text).cats.values()) == pytest.approx(1.0)
    two = nlp(text).cats
    assert set(two) == {"POSITIVE", "NEGATIVE"}
    assert sum(two.values()) == pytest.approx(1.0)


def test_of_the_sample_corpus_as_many_are_right_as_the_readme_says(nlp):
    rows = list(srsly.read_jsonl(SAMPLE))
    docs = nlp.pipe(row["text"] for row in rows)
    right = [doc._.sentiment.label == row["label"] for doc, row in zip(docs, rows, strict=True)]
    said = re.search(r"Of the sample's (\d+) .* (\d+) get their label", README, re.DOTALL)
    assert len(right) == int(said[1])
    # Last digits differ between processors.
    assert sum(right) == pytest.approx(int(said[2]), abs=1)


def test_it_goes_to_another_process(nlp):
    """As `nlp.pipe` sends it where processes are spawned, and Dask or Spark always."""
    component = nlp.get_pipe("brnn_sentiment")
    again = pickle.loads(pickle.dumps(component))
    docs = [nlp.make_doc(text) for text, _ in CLEAR]
    assert again.predict(docs) == pytest.approx(component.predict(docs), abs=1e-6)


def test_it_survives_disk(nlp, tmp_path):
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    for text, _ in CLEAR:
        assert loaded(text).cats == pytest.approx(nlp(text).cats, abs=1e-6)


def test_it_trains_from_scratch_with_the_shape_that_ships(nlp):
    """Its own weights are gone then: two labels score the same before the first update."""
    fresh = spacy.blank("en")
    fresh.add_pipe("brnn_sentiment")
    gold = {"cats": {"POSITIVE": 1.0, "NEGATIVE": 0.0}}
    examples = [Example.from_dict(fresh.make_doc("A wonderful film"), gold)]
    fresh.initialize(lambda: examples)
    assert fresh("A wonderful film").cats["POSITIVE"] == pytest.approx(0.5)


def test_the_share_of_good_sentences_counts():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    good, bad = "The room was lovely and quiet. ", "The soup was cold and the waiter rude. "
    few, even, many, all_good = (
        nlp(good * number + bad * other)._.sentiment.polarity
        for number, other in ((5, 30), (20, 20), (50, 10), (60, 0))
    )
    assert few < even < many < all_good


def test_words_are_scored_as_their_documents_are(nlp):
    texts = ["A <b>fine</b> film.\n\nGo!", "", " \n", "AT&amp;T isn't", *(t for t, _ in CLEAR)]
    docs = [nlp.make_doc(text) for text in texts]
    pipe = nlp.get_pipe("brnn_sentiment")
    assert reads_words_alone(pipe.model)
    spans = [doc[1:3] for doc in docs]
    of_words = pipe.predict(docs).tolist(), pipe.score_spans(spans)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sentiment, "reads_words_alone", lambda model: False)
        assert (pipe.predict(docs).tolist(), pipe.score_spans(spans)) == of_words
