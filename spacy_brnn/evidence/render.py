"""Evidence as HTML, in displacy's manner."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from spacy.tokens import Doc, Span
from spacy.util import is_in_jupyter

from .evidence import Evidence

# Tokens whose contribution is below this share of the text's strongest are not marked.
FAINTEST = 0.1
# From this share on a token is set in bold.
STRONG = 0.5


def render(
    docs: Doc | Span | Iterable[Doc | Span],
    *,
    page: bool = False,
    jupyter: bool | None = None,
    extension: str = "sentiment",
) -> str | None:
    """Show why documents got their sentiment: their tokens, shaded by sign and strength.

    What speaks for POSITIVE is blue and underlined by a line, what speaks for NEGATIVE orange and
    underlined by dashes, the stronger the darker and, in the strongest, bold: so it is told
    without colours too. A token's contribution shows when the pointer rests on it.

    docs: a document, a span (read by itself), or several.
    page: make a whole HTML page.
    jupyter: display it in a notebook and return None; by default where there is one.
    extension: the component's setting of that name.
    RETURNS: HTML.
    Raises ValueError for a document without sentiment, TypeError for what is no document.
    """
    texts = [docs] if isinstance(docs, Doc | Span) else list(docs)
    for text in texts:
        if not isinstance(text, Doc | Span):
            raise TypeError(f"render takes documents and spans, not {type(text).__name__}")
    figures = "".join(_figure(text, extension) for text in texts)
    html = f'<div class="sentiment-evidence">{figures}</div>'
    html = _PAGE.format(style=_PAGE_STYLE, body=html) if page else html
    if jupyter or (jupyter is None and is_in_jupyter()):
        from IPython.display import HTML, display

        # Keep MathJax from reading dollar signs as formulas.
        display(HTML(f'<span class="tex2jax_ignore">{html}</span>'))
        return None
    return html


def marked_text(evidence: Evidence) -> str:
    """The text as HTML, its tokens marked by what they add."""
    strongest = max((abs(value) for value in evidence.contributions), default=0.0)
    return "".join(
        _token(span, value, value / strongest if strongest else 0.0) for span, value in evidence
    )


def _figure(text: Doc | Span, extension: str) -> str:
    sentiment = text._.get(extension) if text._.has(extension) else None
    if sentiment is None:
        raise ValueError(
            f"the document that begins {text.text[:40]!r} has no sentiment: let a pipeline with "
            "brnn_sentiment read it first"
        )
    evidence = sentiment.evidence()
    head = f"<b>{escape(str(sentiment))}</b> polarity {sentiment.polarity:+.3f}"
    legend = " ".join(
        f'<mark style="{_style(share)}">toward {escape(name)}</mark>'
        for name, share in ((evidence.toward, 0.45), (evidence.against, -0.45))
    )
    return (
        f'<figure style="{_FIGURE}"><figcaption style="{_CAPTION}">'
        f"<span>{head}</span> <span>{legend}</span></figcaption>"
        f'<div dir="auto" style="{_TEXT}">{marked_text(evidence)}</div></figure>'
    )


def _token(span: Span, value: float, share: float) -> str:
    (token,) = span
    text, space = escape(token.text), escape(token.whitespace_)
    if abs(share) < FAINTEST:
        return text + space
    return f'<mark style="{_style(share)}" title="{value:+.3f}">{text}</mark>{space}'


def _style(share: float) -> str:
    """share: -1..1, the contribution by that of the text's strongest token."""
    red, green, blue = (31, 119, 180) if share > 0 else (230, 119, 0)
    line = "solid" if share > 0 else "dashed"
    weight = "bold" if abs(share) >= STRONG else "inherit"
    return (
        f"background:rgba({red},{green},{blue},{0.1 + 0.5 * abs(share):.2f});color:inherit;"
        f"border-bottom:{1 + round(2 * abs(share))}px {line} rgb({red},{green},{blue});"
        f"font-weight:{weight};padding:0 1px;border-radius:2px"
    )


_FIGURE = (
    "margin:1em 0;padding:.75em 1em;border:1px solid #d8dde3;border-radius:8px;"
    "background:#fff;color:#1b1f24;font:15px/1.9 system-ui,sans-serif"
)
_CAPTION = (
    "display:flex;flex-wrap:wrap;justify-content:space-between;gap:.25em 1em;"
    "margin-bottom:.5em;color:#3d464f"
)
_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere"
_PAGE_STYLE = "body { max-width: 900px; margin: 0 auto; padding: 16px; background: #f6f7f9; }"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evidence</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
