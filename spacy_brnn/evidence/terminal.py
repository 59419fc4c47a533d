"""Evidence in a terminal."""

from __future__ import annotations

import click
from spacy.tokens import Doc

from .evidence import Evidence
from .render import FAINTEST, STRONG

# Of the 256 colours that terminals have: pale and full blue, pale and full orange.
BLUES, ORANGES = (153, 39), (223, 208)


def terminal_text(doc: Doc) -> str:
    """A document with its score, its tokens coloured, and the clauses that say most.

    Blue speaks for the label above 0, orange for the one below; strong tokens are bold, and
    underlined where they speak for the latter. Without the colours the clauses and their numbers
    still tell.
    """
    sentiment = doc._.sentiment
    evidence = sentiment.evidence()
    clauses = [f"  {value:+6.2f}  {_line(span.text)}" for span, value in evidence.strongest()]
    return "\n".join(
        [
            f"{sentiment}, polarity {sentiment.polarity:+.3f}",
            "",
            _coloured(evidence),
            "",
            f"{evidence.toward} (+) against {evidence.against} (-): {evidence.logit:+.2f}",
            *clauses,
        ]
    )


def _coloured(evidence: Evidence) -> str:
    strongest = max((abs(value) for value in evidence.contributions), default=0.0)
    return "".join(
        _token(span[0].text, value / strongest if strongest else 0.0) + span[0].whitespace_
        for span, value in evidence
    )


def _token(text: str, share: float) -> str:
    if abs(share) < FAINTEST:
        return text
    is_strong = abs(share) >= STRONG
    colours = BLUES if share > 0 else ORANGES
    return click.style(text, fg=colours[is_strong], bold=is_strong, underline=share < 0)


def _line(text: str) -> str:
    return " ".join(text.split())
