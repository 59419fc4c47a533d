"""Accuracy by domain, beside word lists: python -m benchmarks.domains SETS [-o REPORT.md].

SETS is a folder of NAME.train.jsonl and NAME.dev.jsonl files (see
spacy_brnn.corpora.labelled_texts). Scored on each set's dev: positive against negative as
balanced accuracy (the mean of the recalls of both; an answer that is neither counts as wrong),
and, where the set has neutral, the mean of the three recalls.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy
from spacy.vocab import Vocab

from spacy_brnn.corpora.docbin import read_docbin
from spacy_brnn.corpora.labelled_texts import LABELS, LabelledText, read_sets, review_set

from .judges import Judge, choose
from .mistakes import told_in_a_line

# A recall of fewer texts than this says nothing.
MIN_TEXTS = 5


@click.command()
@click.argument("sets", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--pipeline", help="A trained pipeline, in the place of the weights that ship.")
@click.option(
    "--reviews", type=click.Path(exists=True, path_type=Path), help="A DocBin, scored too."
)
@click.option("--most", default=0, help="Texts of a set, at most; 0 for all.")
@click.option("--only-brnn", is_flag=True, help="Leave the word lists out.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def main(
    sets: Path,
    pipeline: str | None,
    reviews: Path | None,
    most: int,
    only_brnn: bool,
    output: Path | None,
) -> None:
    """Print a table of all sets and systems."""
    with told_in_a_line():
        devs = {one.name: one.dev for one in read_sets(sets)}
        if reviews:
            devs["imdb"] = review_set(reviews, read_docbin(reviews, Vocab())).train
    judges = choose(pipeline, only_brnn)
    two: dict[str, dict[str, float]] = {}
    three: dict[str, dict[str, float]] = {}
    for name, texts in devs.items():
        texts = texts[:most] if most else texts
        _score(name, texts, judges, two, three)
        click.echo(f"{name}: {len(texts)} texts", err=True)
    if not two:
        raise click.ClickException(
            f"no set has a dev part with {MIN_TEXTS} positive and {MIN_TEXTS} negative texts"
        )
    lines = [
        *_table("Positive against negative, balanced accuracy", two, list(judges)),
        *(["", *_table("Three labels, macro recall", three, list(judges))] if three else []),
    ]
    report = "\n".join(lines) + "\n"
    click.echo(report)
    if output:
        output.write_text(report, encoding="utf-8")


def _score(
    name: str,
    texts: list[LabelledText],
    judges: dict[str, Judge],
    two: dict[str, dict[str, float]],
    three: dict[str, dict[str, float]],
) -> None:
    gold = numpy.asarray([text.label for text in texts])
    present = [label for label in LABELS if (gold == label).sum() >= MIN_TEXTS]
    if not {"POSITIVE", "NEGATIVE"} <= set(present):
        return
    for system, judge in judges.items():
        answers = judge([text.text for text in texts])
        signs, labels = numpy.asarray(answers).T
        two.setdefault(name, {})[system] = _recall(gold, signs, ["POSITIVE", "NEGATIVE"])
        if len(present) == len(LABELS):
            three.setdefault(name, {})[system] = _recall(gold, labels, present)


def _recall(gold: numpy.ndarray, answers: numpy.ndarray, labels: list[str]) -> float:
    """The mean of the labels' recalls."""
    return float(numpy.mean([(answers[gold == label] == label).mean() for label in labels]))


def _table(title: str, rows: dict[str, dict[str, float]], systems: list[str]) -> list[str]:
    lines = [
        f"**{title}**",
        "",
        f"| set | {' | '.join(systems)} |",
        "|---" * (len(systems) + 1) + "|",
    ]
    for name, scores in rows.items():
        best = max(scores.values())
        cells = [f"**{s:.3f}**" if s == best else f"{s:.3f}" for s in (scores[k] for k in systems)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    means = [numpy.mean([scores[system] for scores in rows.values()]) for system in systems]
    ahead = [sum(s[system] == max(s.values()) for s in rows.values()) for system in systems]
    lines.append(f"| mean of {len(rows)} | {' | '.join(f'{mean:.3f}' for mean in means)} |")
    lines.append(f"| ahead on | {' | '.join(map(str, ahead))} |")
    return lines


if __name__ == "__main__":
    main()
