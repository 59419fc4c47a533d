"""Few labelled texts: `spacy-brnn train` beside others. python -m benchmarks.learning_curve FOLDER.

FOLDER holds sets as NAME.train.jsonl.gz, an object with `text` and `label` a line. A set's dev is
held out; the first 100, 500 and 2,000 of its other texts, in the order of a hash, are what each
system gets. Systems that stop early keep a fifth of those for it.
"""

from __future__ import annotations

import json
import time
from importlib.util import find_spec
from pathlib import Path

import click

from ..machine import describe
from ..mistakes import told_in_a_line
from .results import NAME, Results, Row, as_markdown, draw, point
from .sets import read_set
from .systems import SYSTEMS, measure

# Three that the weights that ship have read others of, and one whose label they have not.
SETS = ("brand_tweets", "cebab_restaurants", "senti4sd_stackoverflow", "fdu_mtl:domain")
SIZES = (100, 500, 2000)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", type=FOLDER, default=Path("benchmarks", "report"), show_default=True)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("docs", "learning-curve.png"),
    show_default=True,
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    default=SETS,
    show_default=True,
    help="NAME, or NAME:FIELD of the label.",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(min=10),
    default=SIZES,
    show_default=True,
)
@click.option("--system", "systems", multiple=True, type=click.Choice(list(SYSTEMS)))
@click.option("--seed", default=0, show_default=True)
def main(
    folder: Path,
    output: Path,
    plot: Path,
    sets: tuple[str, ...],
    sizes: tuple[int, ...],
    systems: tuple[str, ...],
    seed: int,
) -> None:
    """Measure what is not measured yet, the smallest first.

    Writes learning_curve.jsonl and .md to OUTPUT, and the plot, after each point: stopped, the
    same command goes on.
    """
    with told_in_a_line():
        texts = {name: read_set(folder, name, max(sizes)) for name in sets}
    if find_spec("matplotlib") is None:
        raise click.ClickException("matplotlib is not installed: pip install -e '.[benchmarks]'")
    with told_in_a_line():
        results = Results(output)
    points = [
        point(name, size, system, seed)
        for size in sorted(sizes)
        for name in sets
        for system in systems or SYSTEMS
    ]
    missing = [what for what in points if not results.holds(what)]
    start = time.monotonic()
    for number, what in enumerate(missing, 1):
        known, held_out = texts[what["set"]]
        found = measure(known[: what["size"]], held_out, what["system"], seed)
        results.add({**what, **found, "machine": describe()})
        _write(results.current(seed), output, plot)
        click.echo(json.dumps({**what, **found}))
        minutes = (time.monotonic() - start) / 60
        click.echo(f"{number} of {len(missing)} points, {minutes:.0f} minutes", err=True)
    _write(results.current(seed), output, plot)


def _write(rows: list[Row], output: Path, plot: Path) -> None:
    (output / f"{NAME}.md").write_text(as_markdown(rows), encoding="utf-8")
    draw(rows, plot)


if __name__ == "__main__":
    main()
