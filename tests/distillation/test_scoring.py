import json

import numpy
import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.labelled_texts import LABELS
from spacy_brnn.distillation import scoring
from spacy_brnn.distillation.scoring import score_texts

# Unicode's line separators do not end a line of JSON.
TEXTS = ["One.", "Zwei “zwei”", "line\u2028next\x85 \x1c page", "new\nline", "five", "six", "😀"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 3)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "scored.jsonl"


class Teacher:
    """Logits that are the number of a text and 0; keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.append(list(texts))
        return numpy.asarray([[TEXTS.index(text), 0.0, 0.0] for text in texts], dtype="float32")


def score(output, texts=TEXTS):
    teacher, reports = Teacher(), []
    score_texts(teacher, texts, output, reports.append)
    return teacher.asked, reports


def rows(output):
    return [json.loads(line) for line in output.read_bytes().decode("utf-8").split("\n")[:-1]]


def test_texts_get_the_probabilities_of_their_logits(output):
    asked, reports = score(output)
    assert asked == [TEXTS[:3], TEXTS[3:6], TEXTS[6:]]
    assert reports == ["3 of 7 texts", "6 of 7 texts", "7 of 7 texts"]
    assert [row["text"] for row in rows(output)] == TEXTS
    for number, row in enumerate(rows(output)):
        total = numpy.exp(number) + 2
        expected = dict(zip(LABELS, (numpy.exp(number) / total, 1 / total, 1 / total), strict=True))
        assert row["cats"] == pytest.approx(expected, abs=1e-4)


def cuts(whole):
    """Places to cut the file at: in every line its start, its middle and before its end."""
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    return [0, *(p for end in ends for p in (end - 30, end - 1, end, end + 1))]


def test_scoring_goes_on_wherever_it_was_cut(output):
    score(output)
    whole = output.read_bytes()
    for cut in cuts(whole):
        output.write_bytes(whole[:cut])
        done = whole[:cut].count(b"\n")
        asked, _ = score(output)
        assert [text for chunk in asked for text in chunk] == TEXTS[done:]
        assert output.read_bytes() == whole


def test_what_is_done_is_not_done_again(output):
    score(output)
    before = output.read_bytes()
    assert score(output) == ([], [])
    assert output.read_bytes() == before


def test_more_texts_go_on_after_the_first(output):
    score(output, TEXTS[:4])
    asked, reports = score(output)
    assert asked == [TEXTS[4:]] and reports == ["7 of 7 texts"]


@pytest.mark.parametrize("texts", [TEXTS[1:], TEXTS[:5], [TEXTS[0], "other", *TEXTS[2:]], []])
def test_an_output_of_other_texts_is_refused_and_left(output, texts):
    score(output)
    before = output.read_bytes()
    with pytest.raises(CorpusError) as caught:
        score(output, texts)
    assert str(caught.value) == f"{output} holds other texts: remove it, or name another file"
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    "data",
    [
        b"my notes, without a line's end",
        b"first line\nsecond, cut",
        b'{"text": "One."}\n["Zwei"]\n',
        b"7\n",
        b"\xff\xfe\n",
        b'{"text": "One.", "cats": {}}\n{"text": "Two, cut',
    ],
)
def test_another_file_is_refused_and_left(output, data):
    output.write_bytes(data)
    with pytest.raises(CorpusError, match=r"scored\.jsonl holds other texts"):
        score(output)
    assert output.read_bytes() == data
