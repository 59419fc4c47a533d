"""Texts of good and bad sentences in known shares: python -m benchmarks.mixed SETS.

A text of many good sentences and few bad ones should come out better than one of as many of either:
for each share of good sentences, the mean polarity of texts drawn so, for each pipeline.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy

from spacy_brnn.corpora.labelled_texts import read_sets
from spacy_brnn.pretrained import weights

from .mistakes import load_sentiment, told_in_a_line

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
SENTENCES = 60
TEXTS = 40


@click.command()
@click.argument("sets", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", default="sst_sentences", show_default=True, help="The set of sentences.")
@click.option("--seed", default=0, show_default=True)
@click.option("--pipeline", "others", multiple=True, help="Measured beside the weights that ship.")
def main(sets: Path, name: str, seed: int, others: tuple[str, ...]) -> None:
    """Print a table of shares and pipelines, from the dev part of a set."""
    with told_in_a_line():
        devs = {one.name: one.dev for one in read_sets(sets)}
    if name not in devs:
        raise click.BadParameter(f"{name} is none of {', '.join(devs)}", param_hint="--name")
    good, bad = (
        [text.text for text in devs[name] if text.label == label]
        for label in ("POSITIVE", "NEGATIVE")
    )
    if not good or not bad:
        raise click.ClickException(f"dev of {name} has {len(good)} good and {len(bad)} bad texts")
    random = numpy.random.default_rng(seed)
    drawn = [
        _draw(good, bad, round(share * SENTENCES), random) for share in SHARES for _ in range(TEXTS)
    ]
    click.echo(f"| good sentences of {SENTENCES} | {' | '.join(f'{s:.0%}' for s in SHARES)} |")
    click.echo("|---" * (len(SHARES) + 1) + "|")
    for model in (None, *others):
        nlp, _ = load_sentiment(model)
        polarities = [doc._.sentiment.polarity for doc in nlp.pipe(drawn)]
        means = numpy.reshape(polarities, (len(SHARES), TEXTS)).mean(axis=1)
        click.echo(
            f"| {model or weights.DEFAULT} | {' | '.join(f'{mean:+.2f}' for mean in means)} |"
        )


def _draw(good: list[str], bad: list[str], number: int, random: numpy.random.Generator) -> str:
    chosen = [*random.choice(good, number), *random.choice(bad, SENTENCES - number)]
    random.shuffle(chosen)
    return " ".join(chosen)


if __name__ == "__main__":
    main()
