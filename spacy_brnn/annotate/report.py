"""The report of a run: one HTML page that needs nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import spacy_brnn
from spacy_brnn.annotate.histogram import histogram_figure
from spacy_brnn.annotate.options import STDOUT, AnnotateOptions
from spacy_brnn.annotate.progress import rate
from spacy_brnn.annotate.tally import Extreme, Tally
from spacy_brnn.annotate.values import encodable


def write_report(options: AnnotateOptions, tally: Tally) -> None:
    """Write the page beside its final name and rename it; do nothing if none is wanted."""
    if options.report is None:
        return
    path = Path(options.report)
    page = encodable(render_report(tally, _settings(options)))
    new = path.with_name(path.name + ".partial")
    new.write_text(page, encoding="utf-8")
    os.replace(new, path)


def render_report(tally: Tally, settings: Mapping[str, str]) -> str:
    """The page as HTML.

    settings: what the run was made with, by the name that the page gives it.
    """
    sections = [_tiles(tally), *_sentiment(tally), *_rejects(tally), _run(settings)]
    return _PAGE.format(style=_STYLE, body="\n".join(sections))


def _settings(options: AnnotateOptions) -> dict[str, str]:
    return {
        "inputs": " ".join(options.inputs),
        "output": "standard output" if options.output == STDOUT else options.output,
        "pipeline": options.model or "the English model that ships",
        "spacy-brnn": spacy_brnn.__version__,
        "finished": time.strftime("%Y-%m-%d %H:%M"),
    }


def _tiles(tally: Tally) -> str:
    share = tally.share_positive
    tiles = [
        ("read", f"{tally.read:,}"),
        ("written", f"{tally.written:,}"),
        ("rejected", f"{tally.rejected:,}"),
        ("documents/s", rate(tally.documents_per_second)),
    ]
    if share is not None:
        tiles.append(("positive", f"{share:.1%}"))
    if tally.entities:
        tiles.append(("entities", f"{tally.entities:,}"))
    return '<dl class="tiles">{}</dl>'.format(
        "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles)
    )


def _sentiment(tally: Tally) -> list[str]:
    if tally.share_positive is None:
        return []
    counts = (
        f"{tally.negative:,} negative, {tally.neutral:,} neutral, {tally.positive:,} positive. "
        "Polarity is the probability of positive minus that of negative."
    )
    return [
        f"<section><h2>Polarity</h2><p>{counts}</p>{histogram_figure(tally.histogram)}</section>",
        '<div class="sides">'
        + _extremes("Most positive", tally.most_positive)
        + _extremes("Most negative", tally.most_negative)
        + "</div>",
    ]


def _extremes(title: str, extremes: Sequence[Extreme]) -> str:
    items = "".join(
        f'<li><p class="where"><b>{extreme.polarity:+.3f}</b> {escape(extreme.place)}</p>'
        f"<p>{escape(extreme.excerpt) or '<i>empty</i>'}</p></li>"
        for extreme in extremes
    )
    return f"<section><h2>{title}</h2><ol>{items}</ol></section>"


def _rejects(tally: Tally) -> list[str]:
    if not tally.rejected:
        return []
    rows = _rows((reject["place"], reject["reason"]) for reject in tally.rejects)
    more = tally.rejected - len(tally.rejects)
    note = f"<p>And {more:,} more, in the rejects file.</p>" if more else ""
    return [
        "<section><h2>Rejected records</h2><table><tr><th>record</th><th>reason</th></tr>"
        f"{rows}</table>{note}</section>"
    ]


def _run(settings: Mapping[str, str]) -> str:
    return f"<section><h2>Run</h2><table>{_rows(settings.items())}</table></section>"


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<tr><td>{escape(one)}</td><td>{escape(two)}</td></tr>" for one, two in rows)


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sentiment report</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Sentiment report</h1>
{body}
</main>
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d8dde3;
  --page: #f6f7f9; --card: #fff; --positive: #1f77b4; --negative: #d1601c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #333b44;
  --page: #14181c; --card: #1d2329; --positive: #5aa9e0; --negative: #ec8b4f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; margin: 0 0 16px; }
h2 { font-size: 17px; margin: 0 0 8px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 16px; margin: 0 0 16px; min-width: 0; }
p { margin: 0 0 8px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 12px;
  margin: 0 0 16px; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 12px 16px; }
dt { color: var(--soft); }
dd { margin: 0; font-size: 22px; font-variant-numeric: tabular-nums; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr));
  gap: 0 16px; align-items: start; }
ol { margin: 0; padding: 0; list-style: none; }
li { border-top: 1px solid var(--line); padding: 8px 0 0; }
.where { color: var(--soft); }
.where b { color: var(--ink); font-variant-numeric: tabular-nums; }
figure { margin: 0; color: var(--soft); font-size: 13px; }
svg { display: block; width: 100%; height: 180px; border: solid var(--line);
  border-width: 1px 0; }
.ticks { display: flex; justify-content: space-between; }
.positive { fill: var(--positive); }
.neutral { fill: var(--soft); }
.negative { fill: var(--negative); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--soft); font-weight: normal; }
td, th { border-top: 1px solid var(--line); padding: 6px 12px 6px 0; vertical-align: top;
  overflow-wrap: anywhere; }
td:first-child { width: 30%; }
"""
