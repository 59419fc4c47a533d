"""The report of a run: one HTML page that needs nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader

import spacy_brnn
from spacy_brnn.annotate.plan import STDOUT, AnnotateOptions
from spacy_brnn.annotate.records import replace_surrogates
from spacy_brnn.annotate.tally import Tally, rate, shown_label


def write_report(options: AnnotateOptions, tally: Tally) -> None:
    """Write the page beside its final name and rename it; do nothing if none is wanted."""
    if options.report is None:
        return
    settings = {
        "inputs": " ".join(options.inputs),
        "output": "standard output" if options.output == STDOUT else options.output,
        "pipeline": options.pipeline.model or "the English model that ships",
        "spacy-brnn": spacy_brnn.__version__,
        "finished": time.strftime("%Y-%m-%d %H:%M"),
    }
    path = Path(options.report)
    new = path.with_name(path.name + ".partial")
    new.write_text(replace_surrogates(render_report(tally, settings)), encoding="utf-8")
    os.replace(new, path)


def render_report(tally: Tally, settings: Mapping[str, str]) -> str:
    """The page as HTML.

    settings: what the run was made with, by the name that the page gives it.
    """
    environment = Environment(
        loader=PackageLoader("spacy_brnn.annotate", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["rate"] = rate
    environment.filters["label"] = shown_label
    page = environment.get_template("report.html.jinja")
    return page.render(tally=tally, settings=settings, bins=_bins(tally.histogram))


def _bins(counts: list[int]) -> list[dict[str, float]]:
    """Each bin's ends, count, and height between 0 and 1."""
    most = max(counts) or 1
    step = 2 / len(counts)
    return [
        {
            "low": -1 + step * i,
            "high": -1 + step * (i + 1),
            "count": count,
            "height": count / most,
        }
        for i, count in enumerate(counts)
    ]
