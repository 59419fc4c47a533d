from html.parser import HTMLParser

import pytest

from spacy_brnn.annotate.report import render_report
from spacy_brnn.annotate.tally import BINS, Tally

from .conftest import write_jsonl


class Page(HTMLParser):
    """Checks that tags close in order; collects what loads from elsewhere, and all text."""

    VOID = frozenset(["meta", "line", "br"])

    def __init__(self, page):
        super().__init__()
        self.open, self.outside, self.words = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.outside += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_the_report_of_a_run(annotate, tmp_path):
    texts = ["good <script>alert(1)</script>", "bad & \ud83d", "film", ""]
    write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts] + [{"text": 1}])
    result = annotate("in.jsonl", "-o", "out.jsonl", "--errors", "skip", "--report", "report.html")
    assert result.exit_code == 0, result.stderr
    page = Page((tmp_path / "report.html").read_text())
    assert page.outside == []
    assert "read 5 written 4 rejected 1" in page.text
    assert "1 negative, 2 neutral, 1 positive" in page.text
    assert "Most positive +0.333 in.jsonl:1 good <script>alert(1)</script>" in page.text
    assert "Most negative -0.333 in.jsonl:2 bad & \ufffd" in page.text
    assert 'in.jsonl:5 field "text" is a number, not a string' in page.text


def test_a_resumed_run_reports_on_everything(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "good"}, {"text": 1}, {"text": "bad"}])
    command = ("in.jsonl", "-o", "out.jsonl", "--batch-size", 1, "--report", "report.html")
    assert annotate(*command).exit_code == 1
    assert not (tmp_path / "report.html").exists()
    assert annotate(*command, "--errors", "skip").exit_code == 0
    text = Page((tmp_path / "report.html").read_text()).text
    assert "read 3 written 2 rejected 1" in text
    assert "in.jsonl:1 good" in text


def test_a_report_without_documents():
    page = Page(render_report(Tally(), {"inputs": "in.jsonl"}))
    assert "Polarity" not in page.text


@pytest.mark.parametrize("counts", [[0] * BINS, [1] + [0] * (BINS - 2) + [10**9]])
def test_the_histogram_shows_every_bin(counts):
    picture = render_report(Tally(labels={"POSITIVE": 1}, histogram=counts), {})
    assert picture.count("<rect") == BINS
    assert ": 0 documents" in picture
    assert ('height="1.5"' in picture) == (counts[0] == 1)


def test_the_report_is_an_input(annotate, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "good"}])
    result = annotate("in.jsonl", "-o", "out.jsonl", "--report", "in.jsonl")
    assert "is an input and would be overwritten" in result.stderr
