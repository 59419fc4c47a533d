import io
import re

import pytest

from spacy_brnn.corpora import progress
from spacy_brnn.corpora.progress import document_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that moves when told to."""

    def __init__(self):
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr("click._termui_impl.time", clock)
    return clock


def test_rate_and_time_left(clock):
    terminal = Terminal()
    with document_progress("Reading", 80, terminal) as advance:
        for _ in range(10):
            clock.now += 0.5
            advance(4)
        halfway = terminal.getvalue()
    assert re.search(r"Reading  \[#+-+\]   50%  00:00:05  2 docs/s *$", halfway)
    assert "100%" in terminal.getvalue().removeprefix(halfway)


def test_label_alone_where_there_is_no_terminal():
    output = io.StringIO()
    with document_progress("Tokenizing", 3, output) as advance:
        for _ in range(3):
            advance(1)
    assert output.getvalue() == "Tokenizing\n"


def test_standard_error_by_default(capsys):
    with document_progress("Tokenizing", 0):
        pass
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Tokenizing\n")
