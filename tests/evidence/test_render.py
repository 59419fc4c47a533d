import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import spacy
from click.testing import CliRunner

import spacy_brnn
from spacy_brnn import render
from spacy_brnn.cli import main

from .conftest import TEXTS


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if "div" in self.open[1:] and "figcaption" not in self.open else ""


def text_of(html):
    parser = Text()
    parser.feed(html)
    assert not parser.open
    return parser.text


@pytest.mark.parametrize("text", ["<b>wonderful</b> & 'dreadful'\n  <script>", "", *dict(TEXTS)])
def test_the_text_shows_as_it_is(nlp, text):
    assert text_of(spacy_brnn.render(nlp(text))) == text


def test_signs_are_told_without_colours(nlp):
    html = spacy_brnn.render(nlp("wonderful dreadful"))
    marks = dict(re.findall(r'<mark style="([^"]*)" title="[^"]*">(\w+)</mark>', html))
    styles = {word: style for style, word in marks.items()}
    assert "solid" in styles["wonderful"] and "dashed" in styles["dreadful"]
    assert "toward POSITIVE" in html and "toward NEGATIVE" in html


def test_several_and_spans_and_a_page(nlp):
    doc = nlp("A wonderful film. A dreadful waste.")
    html = spacy_brnn.render([doc, doc[4:]], page=True)
    assert html.startswith("<!doctype html>") and html.count("<figure") == 2


def test_a_document_that_nothing_scored():
    with pytest.raises(ValueError, match="begins 'never scored' has no sentiment"):
        spacy_brnn.render(spacy.blank("en")("never scored"))


def test_importing_the_package_stays_cheap():
    code = "import spacy_brnn, sys; assert not {'spacy', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_render_takes_documents_only():
    with pytest.raises(TypeError, match="render takes documents and spans, not str"):
        render("a film")


def explain(*arguments, **settings):
    return CliRunner().invoke(main, ["explain", *arguments], **settings)


@pytest.fixture
def folder(nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    return str(tmp_path / "pipeline")


def test_explain_a_text_a_file_and_standard_input(folder, tmp_path):
    text = "A wonderful film, warm and funny."
    shown = explain(text, "--model", folder)
    assert shown.exit_code == 0, shown.output
    assert text in shown.stdout and "POSITIVE (+) against NEGATIVE (-): +" in shown.stdout
    path = tmp_path / "review.txt"
    path.write_text(text, encoding="utf-8-sig")
    assert explain(str(path), "--model", folder).stdout == shown.stdout
    assert explain("-", "--model", folder, input=text).stdout == shown.stdout


def test_explain_has_colours_in_a_terminal(folder):
    assert "\x1b[" in explain("A wonderful film", "--model", folder, color=True).stdout


def test_explain_writes_html(folder, tmp_path):
    page = tmp_path / "page.html"
    assert explain("A wonderful film", "--model", folder, "--html", str(page)).exit_code == 0
    assert "wonderful" in page.read_text(encoding="utf-8")


def test_explain_keeps_its_input(folder, tmp_path):
    path = tmp_path / "review.txt"
    path.write_text("A wonderful film")
    result = explain(str(path), "--model", folder, "--html", str(path))
    assert result.exit_code == 1 and "review.txt is the text itself" in result.output
    assert path.read_text() == "A wonderful film"


def test_explain_takes_a_text_of_any_length(folder, tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("fine " + "x" * 1_000_000)
    assert explain(str(path), "--model", folder).exit_code == 0


def test_explain_refuses_a_text_that_memory_would_not_do_for(folder, tmp_path):
    nlp = spacy.load(folder)
    nlp.add_pipe("ner")
    nlp.to_disk(tmp_path / "model")
    path = tmp_path / "book.txt"
    path.write_text("fine " + "x" * 1_000_000)
    result = explain(str(path), "--model", str(tmp_path / "model"))
    assert result.exit_code == 1
    assert "the text has 1,000,005 characters, more than the 1,000,000 that" in result.output


def test_explain_says_what_is_wrong(folder, tmp_path):
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"caf\xe9")
    table = tmp_path / "the reviews.CSV"
    table.write_text("text\na film\n", encoding="utf-8")
    blank = tmp_path / "blank"
    spacy.blank("en").to_disk(blank)
    for arguments, message in (
        (["review.txt"], "review.txt: no such file"),
        ([str(bad), "--model", folder], "bad.txt: byte 3 is not UTF-8"),
        (
            [str(table), "--model", folder],
            f"`spacy-brnn annotate '{table}' --evidence --model {folder}` writes",
        ),
        ([" ", "--model", folder], "there is no text to explain"),
        (["a text", "--model", str(tmp_path / "none")], "neither a pipeline's folder nor"),
        (["a text", "--model", str(blank)], "has no brnn_sentiment (it has: nothing)"),
        (["a text", "--model", folder, "--html", str(tmp_path / "x/y.html")], "cannot be written"),
    ):
        result = explain(*arguments)
        assert result.exit_code == 1 and message in result.output, result.output


def test_explain_reads_what_the_locale_has_no_characters_for(folder):
    for raw, said in ((b"caf\xc3\xa9 wonderful", "café"), (b"caf\xe9 wonderful", "caf\ufffd")):
        text = raw.decode("ascii", "surrogateescape")
        result = explain(text, "--model", folder)
        assert result.exit_code == 0 and said in result.output
