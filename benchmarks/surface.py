"""Whose labels change when a text is written another way: python -m benchmarks.surface SETS.

The share of a set's dev texts for which a system says another of POSITIVE, NEGATIVE and none (a
polarity of 0) than for the text as it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import click

from spacy_brnn.corpora.labelled_texts import read_sets
from spacy_brnn.corpora.surface_augmenter import surface_writers

from .judges import Judge, choose
from .mistakes import told_in_a_line

WRITERS: dict[str, Callable[[str], str]] = {
    **surface_writers(),
    "<p>...</p>": lambda text: f"<p>{text}</p>",
    "<br /> behind": lambda text: f"{text}<br />",
    "<br> before": lambda text: f"<br>{text}",
    "line break behind": lambda text: f"{text}\n",
    "no-break space before": lambda text: f"\u00a0{text}",
    "spaces doubled": lambda text: text.replace(" ", "  "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
}


@click.command()
@click.argument("sets", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", default="sst_sentences", show_default=True, help="The set of texts.")
@click.option("--seed", default=0, show_default=True, help="Of the typing errors.")
@click.option("--pipeline", help="A trained pipeline, in the place of the weights that ship.")
@click.option("--only-brnn", is_flag=True, help="Leave the word lists out.")
def main(sets: Path, name: str, seed: int, pipeline: str | None, only_brnn: bool) -> None:
    """Print a table of writings and systems."""
    with told_in_a_line():
        devs = {one.name: one.dev for one in read_sets(sets)}
    if not devs.get(name):
        known = ", ".join(one for one, dev in devs.items() if dev)
        raise click.BadParameter(f"{name} has no dev texts here ({known})", param_hint="--name")
    texts = [text.text for text in devs[name]]
    judges = choose(pipeline, only_brnn)
    before = {system: _signs(judge, texts) for system, judge in judges.items()}
    click.echo(f"| {name}, {len(texts)} texts | {' | '.join(judges)} |")
    click.echo("|---" * (len(judges) + 1) + "|")
    random.seed(seed)
    for writing, write in WRITERS.items():
        written = [write(text) for text in texts]
        changed = [
            sum(map(str.__ne__, before[system], _signs(judge, written))) / len(texts)
            for system, judge in judges.items()
        ]
        click.echo(f"| {writing} | {' | '.join(f'{share:.1%}' for share in changed)} |")


def _signs(judge: Judge, texts: list[str]) -> list[str]:
    return [sign for sign, _ in judge(texts)]


if __name__ == "__main__":
    main()
