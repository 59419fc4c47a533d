import pytest
from click.testing import CliRunner

from spacy_brnn.corpora.symbols import is_symbol, name_symbols, symbol_name
from spacy_brnn.corpora.word_list import main


def test_emoji_are_symbols_and_words_are_not():
    assert [is_symbol(text) for text in ("😀", "❤", "a", "+", "", "😀😀")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("😂", "face with tears of joy"), ("❤", "heart"), ("👍", "thumbs up"), ("\ue000", "")],
)
def test_a_name_says_what_a_symbol_says(symbol, name):
    assert symbol_name(symbol) == name


def test_names_take_the_place_of_symbols_that_are_not_known():
    assert name_symbols("so good 😂 ♥", known={"♥"}).split() == [
        *["so", "good", "face", "with", "tears", "of", "joy"],
        "♥",
    ]
    assert name_symbols("plain, text: 1 + 1") == "plain, text: 1 + 1"


def test_an_emoji_starts_as_the_mean_of_its_names_words(tmp_path):
    corpus, vectors, out = (tmp_path / n for n in ("c.jsonl", "v.txt", "o.txt"))
    corpus.write_text('{"text": "good 👍"}\n' * 5, encoding="utf-8")
    vectors.write_text("good 1 2 3\nthumbs 0 2 4\nup 2 0 0\n", encoding="utf-8")
    result = CliRunner().invoke(main, [str(corpus), "--vectors", str(vectors), "-o", str(out)])
    assert result.exit_code == 0, result.output
    rows = dict(line.split(" ", 1) for line in out.read_text(encoding="utf-8").splitlines()[1:])
    assert rows["👍"] == "1.0 1.0 2.0"
    assert rows["good"] == "1 2 3"
