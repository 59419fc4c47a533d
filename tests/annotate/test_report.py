import json
from html.parser import HTMLParser

import pytest
import spacy

from spacy_brnn.annotate.console import summary
from spacy_brnn.annotate.plan import Result
from spacy_brnn.annotate.records import Record
from spacy_brnn.annotate.report import render_report
from spacy_brnn.annotate.tally import BINS, EXCERPT_CHARACTERS, Extreme, Tally, excerpt

from .conftest import read_jsonl, write_jsonl


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


def test_documents_without_a_label_are_counted(annotate, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment", config={"abstain_below": 0.9})
    nlp.to_disk(tmp_path / "careful")
    texts = ["A wonderful film!", "It came in a box.", "A dreadful film."]
    write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    arguments = ("in.jsonl", "-o", "out.jsonl", "--report", "report.html")
    result = annotate(*arguments, use_model=tmp_path / "careful")
    assert result.exit_code == 0, result.stderr
    assert "undecided 1 33.3%" in " ".join(result.stderr.split())
    page = Page((tmp_path / "report.html").read_text())
    assert "1 negative, 1 positive, 1 undecided" in page.text
    labels = [row["sentiment_label"] for row in read_jsonl(tmp_path / "out.jsonl")]
    assert labels == ["POSITIVE", None, "NEGATIVE"]


def test_labels_of_which_several_hold_are_counted():
    tallies = [Tally(), Tally()]
    for number, held in enumerate((["plot", "acting"], ["plot"], [], ["plot"])):
        scores = dict.fromkeys(("acting", "plot", "music"), 0.5)
        fields = {"textcat_labels": held, "textcat_scores": scores}
        tallies[number // 2].add(Record("in", "line", number, text="a film"), fields)
    tallies[0].merge(Tally.from_dict(json.loads(json.dumps(tallies[1].to_dict()))))
    expected = {"acting": (1, 0.25), "plot": (3, 0.75), "music": (0, 0.0)}
    assert tallies[0].shares_held() == expected
    lines = summary(Result(tallies[0], None)).splitlines()
    assert [" ".join(line.split()) for line in lines[3:6]] == [
        "acting 1 holds for 25.0%",
        "plot 3 holds for 75.0%",
        "music 0 holds for 0.0%",
    ]
    assert "plot 3 75.0%" in Page(render_report(tallies[0], {})).text


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


def evidence(text, *clauses):
    return [
        {"text": clause, "start": text.index(clause), "end": text.index(clause) + len(clause)}
        | {"contribution": value}
        for clause, value in clauses
    ]


def report_of(text, *clauses):
    tally = Tally()
    fields = {"sentiment_label": "POSITIVE", "sentiment_polarity": 0.5}
    fields["sentiment_evidence"] = evidence(text, *clauses)
    tally.add(Record("in.jsonl", "line", 1, text=text), fields)
    # A run that goes on has its tally from a checkpoint.
    return render_report(Tally.from_dict(json.loads(json.dumps(tally.to_dict()))), {})


def test_the_report_marks_the_evidence():
    page = report_of("Great <b>food</b>; slow service. We sat.", ("Great <b>food</b>;", 1.5),
                     ("slow service.", -0.25))  # fmt: skip
    assert (
        '<mark class="positive" title="+1.500">Great &lt;b&gt;food&lt;/b&gt;;</mark> '
        '<mark class="negative" title="-0.250">slow service.</mark> We sat.'
    ) in page
    assert "says most" in Page(page).text
    assert "says most" not in report_of("Great food.")


def test_the_excerpt_shows_the_strongest_evidence():
    text = "It begins. " * 60 + "A superb cast! " + "It ends. " * 60
    clauses = ("A superb cast!", 2.0), ("It begins.", 0.5)
    pieces = excerpt(text, evidence(text, *clauses))
    assert [piece for piece, value in pieces if value] == ["A superb cast!"]
    assert pieces[0][0] == pieces[-1][0] == "…"
    shown = "".join(piece for piece, _ in pieces[1:-1])
    assert len(shown) == EXCERPT_CHARACTERS and shown in text


def test_evidence_longer_than_the_excerpt_is_cut():
    text = "so " * 200 + "good."
    assert f'title="+1.000">{text[:EXCERPT_CHARACTERS]}</mark>…' in report_of(text, (text, 1.0))


@pytest.mark.parametrize(
    ("label", "polarity", "shown", "hidden"),
    [
        ("POSITIVE", 0.0, "the probability of positive minus", "Labels"),
        ("5", 0.8, "on a scale from -1 to 1", "the probability of positive minus"),
        ("billing", 0.0, "Labels", "olarity"),
    ],
)
def test_polarity_shows_where_the_labels_have_one(label, polarity, shown, hidden):
    extreme = Extreme(polarity, "in.jsonl:1", [("a text", 0.0)])
    tally = Tally(read=1, written=1, labels={label: 1}, most_positive=[extreme])
    text = Page(render_report(tally, {})).text
    assert shown in text
    assert hidden not in text
    assert ("Most positive" in text) == (label != "billing")
