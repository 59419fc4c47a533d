"""Train and score heads for targets: python -m spacy_brnn.targets train|evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch
from spacy.language import Language

from ..architectures.cut_model import CutModel, cut_model
from ..corpora.errors import CorpusError
from ..corpora.targeted_texts import TargetedSet, read_targeted_sets
from ..evidence.command import ExplainError, load_pipeline
from ..nn.target_head import TargetHead
from .head_file import load_head, save_head
from .training import Schedule, encode_sets, evaluate_head, train_head

_MODEL = click.option(
    "--model", metavar="PIPELINE", help="Whose encoder it is. Default: the one that ships."
)
_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group()
def main() -> None:
    """Heads for the sentiment toward a span.

    FOLDER holds the sets: aspect_NAME.train.jsonl.gz, and .dev.jsonl.gz where there is one.
    """


@main.command()
@_FOLDER
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@_MODEL
@click.option("--epochs", type=click.IntRange(min=1), default=6, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def train(folder: Path, output: Path, model: str | None, epochs: int, seed: int) -> None:
    """Train a head on FOLDER's sets, score it on their dev parts, and write it to OUTPUT.

    Stopped, the same command goes on after the last whole epoch, which OUTPUT.checkpoint holds.
    Beside weights in spacy_brnn/pretrained, as toward.msgpack, it ships with them.
    """
    sets, nlp, cut = _load(folder, model)
    training = [t for s in encode_sets(nlp, cut, sets, "train").values() for t in s]
    width = training[0].window.tokens.shape[1]
    sizes = {"input_width": width, "score_width": len(cut.bias), "hidden_width": 64}
    torch.manual_seed(seed)
    head = TargetHead(**sizes)
    output.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = output.with_name(output.name + ".checkpoint")
    train_head(head, training, Schedule(epochs=epochs, seed=seed), checkpoint, click.echo)
    save_head(head, sizes, cut, output)
    checkpoint.unlink()
    del training
    _evaluate(head, nlp, cut, sets)


@main.command()
@_FOLDER
@click.argument("head", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_MODEL
def evaluate(folder: Path, head: Path, model: str | None) -> None:
    """Print accuracy and macro F1 of HEAD on the dev part of each of FOLDER's sets."""
    sets, nlp, cut = _load(folder, model)
    try:
        _evaluate(load_head(head, cut), nlp, cut, sets)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _load(folder: Path, model: str | None) -> tuple[list[TargetedSet], Language, CutModel]:
    try:
        sets, nlp = read_targeted_sets(folder), load_pipeline(model)
        component: Any = nlp.get_pipe("brnn_sentiment")
        return sets, nlp, cut_model(component.model)
    except (CorpusError, ExplainError, ValueError, KeyError) as error:
        raise click.ClickException(str(error)) from None


def _evaluate(head: TargetHead, nlp: Language, cut: CutModel, sets: list[TargetedSet]) -> None:
    for name, targets in encode_sets(nlp, cut, sets, "dev").items():
        if targets:
            accuracy, macro_f = evaluate_head(head, targets)
            click.echo(f"{name:<24}{len(targets):>6}  {accuracy:.1%}  macro F1 {macro_f:.1%}")


if __name__ == "__main__":
    main()
