import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_brnn.surface import align_plain, is_literal, is_plain, read_plain

CASES = [
    ("<p>The cast is <b>superb</b>.</p>", "\nThe cast is superb.\n"),
    ("Su<i>perb</i>,<br />truly<BR>so", "Superb,\ntruly\nso"),
    ("A &amp; B &quot;C&quot; it&#39;s &#x41; &lt;b&gt;", 'A & B "C" it\'s A <b>'),
    ("&nosuchthing; &amp", "&nosuchthing; &amp"),
    ("a < b and c > d, <3, AT&T, <unknown>x</unknown>", None),
    ("won<!-- <p>not</p> -->derful<script>if (a < b) {}</script>!", "wonderful!"),
    ("<a href=\"x>y\" title='>'>link</a>", "link"),
    ("<!DOCTYPE html><p>x", "\nx"),
    ("won\u200bder\u00adful\ufeff \u202eok\u202c", "wonderful ok"),
    ("<\u200bb>bold</\u200bb>", "bold"),
    ("soft&shy;hyphen&#8203;", "softhyphen"),
    # Letters that Python takes for "i" and "s", and a digit that HTML does not know.
    ("<\u0131>x</\u0131> <\u017fpan>y", "x y"),
    ("&#39\u0663;", None),
    ("\ud7ff \u2028 \x85 \x1c \u00a0", None),
]


@pytest.mark.parametrize(("text", "plain"), CASES)
def test_what_a_person_reads(text, plain):
    assert read_plain(text) == (text if plain is None else plain)


def test_without_markup_only_invisible_characters_go():
    assert read_plain("<b>su\u200bperb</b> &amp;", markup=False) == "<b>superb</b> &amp;"


PIECES = [
    "<b>",
    "</b>",
    "<br/>",
    "&amp;",
    "&lt;",
    "\u200b",
    "\ufe0f",
    "<",
    "&",
    "a b",
    " ",
    "é",
    ";",
    "<\u0131>",
    "<\u017f>",
    "<\u212abd>",
    "&#39\u0663;",
]
SIGNS = "<>&#;/!bi3\u0131\u0130\u017f\u212a"
parts = st.sampled_from(PIECES) | st.text(max_size=3) | st.sampled_from(SIGNS)
texts = st.lists(parts, max_size=12).map("".join)


@given(texts, st.booleans())
def test_alignment_gives_the_same_text_and_ordered_places(text, markup):
    plain, starts, ends = align_plain(text, markup=markup)
    assert plain == read_plain(text, markup=markup)
    assert len(plain) == len(starts) == len(ends)
    assert all(starts[i] < ends[i] <= len(text) for i in range(len(plain)))
    assert all(starts[i] <= starts[i + 1] for i in range(len(plain) - 1))
    for character, start, end in zip(plain, starts, ends, strict=True):
        assert end - start > 1 or character in (text[start], "\n")


@given(texts)
def test_a_plain_text_is_left_alone(text):
    if is_plain(text):
        assert read_plain(text) is text


@given(texts, st.integers(1, 9), st.integers(1, 4))
def test_nothing_goes_where_all_beginnings_are_literal(text, size, first):
    starts = [place for place, character in enumerate(text) if not is_plain(character)]
    if all(is_literal(text[start : start + size], first) for start in starts):
        assert read_plain(text) == text


@pytest.mark.parametrize("text", ["a < b", "<3 it", "AT&T and", "R & B &", "<< >>", "T&A;", "a<b>"])
def test_signs_that_begin_nothing(text):
    assert is_literal(text, size=1 if text == "a<b>" else 4)


@pytest.mark.parametrize("text", ["<", "a <b", "</", "&", "AT&T", "&#3", "&gt; so", "\u00ad"])
def test_what_may_go_on(text):
    assert not is_literal(text, size=4)


def test_places_of_references_and_tags():
    text = "x &amp; su<b>p</b>er"
    plain, starts, ends = align_plain(text)
    assert plain == "x & super"
    assert [text[a:b] for a, b in zip(starts, ends, strict=True)] == [
        *("x", " ", "&amp;", " ", "s", "u", "p", "e", "r"),
    ]
