import pickle
from itertools import pairwise

import numpy
import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_brnn.pipeline import reading
from spacy_brnn.pipeline.reading import Reader
from spacy_brnn.surface import read_plain

WORDS = ["It", "isn't", "superb,", "U.S.", "(a", "film).", ":)", "AT&T", "<3", "don't!", "fine..."]
SPACES = [" ", "\n", "\t", "\u00a0", "\u2003", "\u2028", "\x1c", "\x85", "\r\n"]
INVISIBLE = ["\u200b", "\u200d", "\ufeff", "\u00ad", "\ufe0f", "\u202e", "\x00", "\U000e0041"]
nlp = spacy.blank("en")
reader = Reader(nlp.tokenizer)


def words(text, of=reader):
    doc = nlp.make_doc(text)
    read = of.read([doc])[0]
    assert of.read_words([doc])[0].orths.tolist() == [token.orth for token in read]
    return [token.text for token in read]


@st.composite
def edited(draw):
    """A text, and the same one after edits that a person does not see."""
    chosen = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
    white = st.lists(st.sampled_from([*SPACES, "<br/>", "<p>", "</p>", "&nbsp;"]), max_size=3)
    text = "".join(draw(white))
    for word in chosen:
        for character in word:
            text += draw(st.sampled_from(["", "", "", *INVISIBLE]))
            text += draw(st.sampled_from(["<b>", "<i class='x'>", *[""] * 12]))
            text += "&amp;" if character == "&" else character
        text += draw(st.sampled_from(["", "</b>"])) + draw(st.sampled_from(SPACES))
        text += "".join(draw(white))
    return " ".join(chosen), text


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(edited())
def test_what_a_person_does_not_see_changes_nothing(texts):
    plain, changed = texts
    assert words(changed) == words(plain) == [token.text for token in nlp.make_doc(plain)]


@pytest.mark.parametrize(
    "text",
    [
        "<p>It isn't <b>so</b> bad, U.S.&nbsp;made.</p>",
        "AT&amp;T can't<br/>say&hellip; don\u00ad't",
        "gonna <!-- a b --> go &amp; <i>ca</i>n't",
        "&lt;b&gt; fine <unknown> &amp;amp; end<br>",
    ],
)
def test_words_that_nothing_was_taken_from_are_not_tokenized_again(text, monkeypatch):
    read_again = []
    own = Reader(Counting(spacy.blank("en").tokenizer, read_again))
    text = f"{text} {'fine film ' * 50}"
    monkeypatch.setattr(reading, "splits_at_white_space", lambda tokenizer: True)
    read = own.read([nlp.make_doc(text)])[0]
    again = [t for t in nlp.make_doc(read_plain(text)) if not t.is_space]
    assert [(t.text, t.norm_, t.whitespace_) for t in read] == [
        (t.text, t.norm_, t.whitespace_) for t in again
    ]
    assert "film" not in "".join(read_again)


class Counting:
    def __init__(self, tokenizer, texts):
        self.tokenizer, self.texts = tokenizer, texts

    def __call__(self, text):
        self.texts.append(text)
        return self.tokenizer(text)


def test_another_tokenizer_than_that_of_spacy_reads_all_of_it_again():
    texts = []
    own = Reader(Counting(nlp.tokenizer, texts))
    own.read([nlp.make_doc("A <b>fine</b> film")])
    assert texts == ["A fine film"]


def test_a_tokenizer_that_adds_tokens_leaves_a_text_as_it_is():
    def bracket(text):
        return Doc(nlp.vocab, words=["[CLS]", *text.split(), "[SEP]"])

    reader, doc = Reader(bracket), bracket("A <br> film")
    assert [token.text for token in reader.read([doc])[0]] == [token.text for token in doc]


class WholeCities(Tokenizer):
    def __call__(self, text):
        doc = super().__call__(text)
        with doc.retokenize() as retokenizer:
            for first, second in pairwise(doc):
                if (first.text, second.text) == ("New", "York"):
                    retokenizer.merge(doc[first.i : second.i + 1])
        return doc


def test_special_cases_of_several_words_are_found_through_markup():
    text = "in New <b>York</b> now"
    assert words(text, Reader(WholeCities(nlp.vocab))) == ["in", "New York", "now"]
    own = spacy.blank("en").tokenizer
    special = Reader(own)
    assert words(text, special) == ["in", "New", "York", "now"]
    own.add_special_case("New York", [{"ORTH": "New York"}])
    assert words(text, special) == ["in", "New York", "now"]


def test_tokens_with_white_space_in_them_beside_markup():
    own = ["The", " film", " is", " terrible\n", " &amp;", " slow"]
    doc = Doc(nlp.vocab, words=own, spaces=[False] * 6)
    read = reader.read([doc])[0]
    assert [t.text for t in read] == ["The", "film", "is", "terrible", "&", "slow"]
    without_markup = Doc(nlp.vocab, words=own[:3], spaces=[False] * 3)
    assert [t.text for t in reader.read([without_markup])[0]] == ["The", "film", "is"]
    merged = nlp.make_doc("good\n\nfilm <b>x</b>")
    with merged.retokenize() as retokenizer:
        retokenizer.merge(merged[1:3])
    assert [t.text for t in reader.read([merged])[0]] == ["good", "film", "x"]


def test_documents_of_a_bare_vocab():
    doc = Doc(Vocab(), words=["a", "good", "\n", "film"], spaces=[True, False, False, False])
    assert [t.text for t in reader.read([doc])[0]] == ["a", "good", "film"]
    assert reader.offsets(doc) == [(0, 1), (2, 6), (7, 11)]
    assert [t.text for t in reader.read_spans([doc[2:4]])[0]] == ["film"]


def test_words_of_a_document_with_a_vocab_of_its_own():
    doc = spacy.blank("en").make_doc("It isn't<br>unheardofinthisvocab <b>ca</b>n't")
    read = reader.read([doc])[0]
    expected = ["It", "is", "n't", "unheardofinthisvocab", "ca", "n't"]
    assert [token.text for token in read] == expected
    assert read[2].norm_ == read[5].norm_ == "not"
    assert reader.read_words([doc])[0].text == " ".join(expected)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(edited(), st.data())
def test_words_of_spans_are_those_of_their_documents(texts, data):
    doc = nlp.make_doc(texts[1])
    start = data.draw(st.integers(0, len(doc)))
    span = doc[start : data.draw(st.integers(start, len(doc)))]
    read, offsets = reader.read([doc])[0], reader.offsets(doc)
    within = [
        token.orth
        for token, (first, last) in zip(read, offsets, strict=True)
        if first < span.end_char and last > span.start_char
    ]
    assert [token.orth for token in reader.read_spans([span])[0]] == within
    assert reader.read_words_of_spans([span])[0].orths.tolist() == within


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(edited())
def test_offsets_lead_to_what_was_read(texts):
    doc = nlp.make_doc(texts[1])
    read, offsets = reader.read([doc])[0], reader.offsets(doc)
    assert len(read) == len(offsets)
    for token, (start, end) in zip(read, offsets, strict=True):
        assert words(doc.text[start:end]) == words(token.text)


def test_documents_stay_what_they_are():
    text = "<p>A  fine\u200b film.</p>\n"
    doc = nlp.make_doc(text)
    before = doc.to_bytes()
    reader.read([doc])
    assert doc.text == text
    assert doc.to_bytes() == before


def test_a_document_without_anything_odd_is_read_as_it_is():
    docs = [nlp.make_doc("A fine film, isn't it?"), nlp.make_doc("AT&T <3 a < b")]
    assert all(a is b for a, b in zip(reader.read(docs), docs, strict=True))
    assert reader.read([]) == []


def test_signs_that_begin_no_markup_do_not_have_the_text_read(monkeypatch):
    monkeypatch.setattr(reading, "align_plain", None)
    doc = nlp.make_doc("I <3 this R&B band, a < b, and AT&T sponsors it." + " So it goes." * 4)
    [read] = Reader(nlp.tokenizer).read([doc])
    assert read is doc


@pytest.mark.parametrize("text", ["a <\u0131> b", "<\u017fpan>so good", "it&#39;s <\u212abd>x"])
def test_tags_of_letters_that_python_takes_for_others(text):
    assert words(text) == words(read_plain(text)) != [token.text for token in nlp.make_doc(text)]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["<", ">", "&", ";", "#39", "b", "/b", "amp", "so", "\u200b", "!"]),
        max_size=20,
    ),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.integers(1, 12),
)
def test_however_a_text_was_cut_into_tokens(parts, spaces, near):
    doc = Doc(nlp.vocab, words=parts, spaces=spaces[: len(parts)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "NEAR", near)
        read = reader.read([doc])[0]
    assert "".join(token.text for token in read) == "".join(read_plain(doc.text).split())


def test_the_odd_ones_of_a_batch_are_found():
    texts = ["a film", "a  film", "", " ", "a<br>film", "so", "a\u200b film"]
    read = reader.read([nlp.make_doc(text) for text in texts])
    assert [" ".join(token.text for token in doc) for doc in read] == [
        *("a film", "a film", "", "", "a film", "so", "a film"),
    ]


def test_more_words_than_the_table_has_places(monkeypatch):
    monkeypatch.setattr(reading, "PLACES", 16)
    monkeypatch.setattr(reading, "LOW_BITS", numpy.uint64(15))
    small = Reader(nlp.tokenizer)
    numbers = " ".join(map(str, range(100)))
    doc = nlp.make_doc(f"{numbers} a  film")
    for _ in range(2):
        assert len(small.read([doc])[0]) == 102
    assert words("a\u200bb  c", small) == ["ab", "c"]


def test_annotations_and_tensors_go_along():
    doc = Doc(
        nlp.vocab, words=["ca", "\n", "n't"], tags=["MD", "_SP", "RB"], lemmas=["can", "", "not"]
    )
    doc[2].norm_ = "not"
    doc.tensor = numpy.arange(6, dtype="float32").reshape(3, 2)
    read = reader.read([doc])[0]
    assert [(t.text, t.norm_, t.tag_, t.lemma_) for t in read] == [
        ("ca", "ca", "MD", "can"),
        ("n't", "not", "RB", "not"),
    ]
    assert read.tensor.tolist() == [[0, 1], [4, 5]]


def test_tokens_that_were_merged_over_white_space():
    texts = ["New York is fine", "New \u00a0York is fine"]
    docs = [nlp.make_doc(text) for text in texts]
    for doc, end in zip(docs, (2, 3), strict=True):
        with doc.retokenize() as retokenizer:
            retokenizer.merge(doc[0:end])
    assert [[t.text for t in doc] for doc in reader.read(docs)] == [texts[0].split()] * 2


@pytest.mark.parametrize(
    "text", ["<p>So <b>fine</b>. A bore</p>", "So  fine. A\nbore", "So fine. A bore"]
)
def test_spans_are_read_by_themselves(text):
    doc = nlp.make_doc(text)
    middle = text.index(".") + 1
    spans = [doc.char_span(0, middle, alignment_mode="expand"), doc[:], doc[0:0]]
    read = [[t.text for t in part] for part in reader.read_spans(spans)]
    assert read == [["So", "fine", "."], ["So", "fine", ".", "A", "bore"], []]


def test_without_a_tokenizer_only_white_space_is_left_out():
    assert words("a\u200b  <b>film", Reader(None)) == words("a\u200b <b>film", Reader(None))
    assert "a\u200b" in words("a\u200b  film", Reader(None))


def test_a_reader_travels():
    twin = pickle.loads(pickle.dumps(Reader(nlp.tokenizer, markup=False)))
    assert words("a\u200b  b &amp; c", twin) == [t.text for t in nlp.make_doc("a b &amp; c")]


def test_the_tokenizer_is_the_one_that_the_pipeline_has_now():
    nlp = spacy.blank("en")
    component = nlp.add_pipe("brnn_sentiment")
    nlp.tokenizer = Tokenizer(nlp.vocab)
    markup, plain = map(nlp.make_doc, ("I <b>don't</b> like it", "I don't like it"))
    for own in (component.reader, pickle.loads(pickle.dumps(component.reader))):
        first, second = own.read([markup, plain])
        assert [t.text for t in first] == [t.text for t in second] == ["I", "don't", "like", "it"]
