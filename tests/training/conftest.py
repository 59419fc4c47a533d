import json

import pytest
from click.testing import CliRunner

from spacy_brnn.cli import main

WORDS = {
    "billing": ["the invoice is wrong", "charged twice", "refund my payment", "card was declined"],
    "login": ["password forgotten", "cannot sign in", "account is locked", "reset link is dead"],
    "delivery": ["parcel is late", "box arrived broken", "wrong address", "courier never came"],
}
OPENINGS = ["Hello,", "Please help:", "Again", "Since Monday", "My colleague says", "Today"]


def tickets(openings=OPENINGS):
    """Rows of short texts with three labels."""
    return [
        {"body": f"{opening} {words}.", "topic": topic}
        for topic, phrases in WORDS.items()
        for words in phrases
        for opening in openings
    ]


@pytest.fixture
def write(tmp_path):
    """Write rows as JSONL, and return the path."""

    def write(rows, name="texts.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run():
    """Run a command of spacy-brnn; a failure has one line of error and no traceback."""

    def run(*arguments, fails=False):
        result = CliRunner().invoke(main, list(map(str, arguments)))
        if fails:
            assert result.exit_code == 1, result.output
            assert isinstance(result.exception, SystemExit)
            return result.stderr.splitlines()[-1]
        assert result.exit_code == 0, result.output
        return result

    return run
