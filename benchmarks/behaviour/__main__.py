"""The pass rate of each group, beside word lists: python -m benchmarks.behaviour.

Model: Ribeiro, Wu, Guestrin and Singh (2020), "Beyond Accuracy: Behavioral Testing of NLP Models
with CheckList". The texts are our own, in texts.tsv: a group, a label, a text. Not for training.
A text passes where the label of three is right: positive and negative texts may not come out
neutral, neutral ones must.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import click

from ..judges import choose

TEXTS = Path(__file__).with_name("texts.tsv")


@click.command()
@click.option("--pipeline", help="A trained pipeline, in the place of the weights that ship.")
@click.option("--failures", is_flag=True, help="Print the texts that the project fails, too.")
@click.option("--only-brnn", is_flag=True, help="Leave the word lists out.")
def main(pipeline: str | None, failures: bool, only_brnn: bool) -> None:
    """Print a table of all groups and systems."""
    groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    with TEXTS.open(encoding="utf-8", newline="") as lines:
        for group, label, text in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            groups[group].append((label, text))
    judges = choose(pipeline, only_brnn)
    click.echo(f"| group | texts | {' | '.join(judges)} |")
    click.echo("|---" * (len(judges) + 2) + "|")
    totals = dict.fromkeys(judges, 0)
    for group, rows in groups.items():
        cells = []
        for system, judge in judges.items():
            answers = [label for _, label in judge([text for _, text in rows])]
            wrong = [(row, a) for row, a in zip(rows, answers, strict=True) if row[0] != a]
            totals[system] += len(rows) - len(wrong)
            cells.append(f"{1 - len(wrong) / len(rows):.0%}")
            if failures and system == "brnn_sentiment":
                for (label, text), answer in wrong:
                    click.echo(f"  {group}: {text!r} is {label}, not {answer}", err=True)
        click.echo(f"| {group} | {len(rows)} | {' | '.join(cells)} |")
    number = sum(map(len, groups.values()))
    shares = [f"{total / number:.0%}" for total in totals.values()]
    click.echo(f"| all | {number} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
