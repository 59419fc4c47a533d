"""Train and score heads for targets: python -m spacy_brnn.targets silver|train|evaluate."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import click
import torch
from spacy.language import Language

from ..architectures.cut_model import CutModel, cut_model
from ..corpora.errors import CorpusError
from ..corpora.targeted_texts import TargetedSet, read_targeted_sets
from ..loading import find_component, load_named_pipeline
from ..nn.target_head import TargetHead
from .head_file import load_head, save_head
from .silver import (
    HeldBack,
    SilverTarget,
    draw_targets,
    find_sentences,
    read_scored,
    read_silver,
    terms,
    write_silver,
)
from .training import (
    EncodedSilver,
    Schedule,
    Target,
    calibrate_head,
    encode_sets,
    evaluate_head,
    train_head,
)

_MODEL = click.option(
    "--model", metavar="PIPELINE", help="Whose encoder it is. Default: the one that ships."
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group()
def main() -> None:
    """Heads for the sentiment toward a span.

    FOLDER holds the sets: aspect_NAME.train.jsonl.gz, and .dev.jsonl.gz where there is one.
    """


@main.command()
@_FOLDER
@click.argument("scored", nargs=-1, required=True, type=_FILE)
@_OUTPUT
@click.option(
    "--number", type=click.IntRange(min=1), default=200_000, show_default=True, help="Targets."
)
@click.option(
    "--joined",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="The share of texts that are joined of two or three sentences.",
)
@click.option("--seed", type=int, default=0, show_default=True)
def silver(
    folder: Path, scored: tuple[Path, ...], output: Path, number: int, joined: float, seed: int
) -> None:
    """Make targets for `train --silver` of texts that a teacher scored, and write them to OUTPUT.

    SCORED are files of `python -m spacy_brnn.distillation transformer`. What is a target in the
    train parts of FOLDER's sets is one in a sentence that the teacher is sure about, with the
    sentence's probabilities; sentences of other labels are joined to it. What shares its words
    with a text of a dev part is left out.
    """
    try:
        sets = read_targeted_sets(folder)
        held_back = HeldBack(text for one in sets for text in one.dev)
        rows = chain.from_iterable(map(read_scored, scored))
        sentences = list(find_sentences(rows, terms(sets), held_back))
        click.echo(f"{len(sentences):,} sentences")
        targets = draw_targets(sentences, number, joined, seed)
    except (CorpusError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    write_silver(targets, output)
    click.echo(f"{output}: {len(targets):,} targets")


@main.command()
@_FOLDER
@_OUTPUT
@_MODEL
@click.option(
    "--silver",
    "silver_file",
    type=_FILE,
    help="Targets of `silver`, to learn from before FOLDER's.",
)
@click.option("--silver-epochs", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--epochs", type=click.IntRange(min=1), default=6, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def train(
    folder: Path,
    output: Path,
    model: str | None,
    silver_file: Path | None,
    silver_epochs: int,
    epochs: int,
    seed: int,
) -> None:
    """Train a head on FOLDER's sets, calibrate and score it on their dev parts, write it to OUTPUT.

    Stopped, the same command goes on after the last whole epoch, which OUTPUT.checkpoint and
    OUTPUT.silver.checkpoint hold. Beside weights in spacy_brnn/pretrained, as toward.msgpack, it
    ships with them.
    """
    sets, nlp, cut = _load(folder, model)
    silver_targets = _read_silver(silver_file)
    training = [t for s in encode_sets(nlp, cut, sets, "train").values() for t in s]
    width = training[0].window.tokens.shape[1]
    sizes = {"input_width": width, "score_width": len(cut.bias)}
    torch.manual_seed(seed)
    head = TargetHead(**sizes)
    output.parent.mkdir(parents=True, exist_ok=True)
    before = output.with_name(output.name + ".silver.checkpoint")
    checkpoint = output.with_name(output.name + ".checkpoint")
    if silver_targets:
        parts = EncodedSilver(nlp, cut, silver_targets)
        # They are many: less is learnt by heart.
        light = Schedule(epochs=silver_epochs, dropout=0.25, seed=seed)
        train_head(head, parts, light, before, click.echo)
    train_head(head, [training], Schedule(epochs=epochs, seed=seed), checkpoint, click.echo)
    del training
    dev = encode_sets(nlp, cut, sets, "dev")
    temperature = calibrate_head(head, [target for targets in dev.values() for target in targets])
    click.echo(f"temperature {temperature:.2f}")
    save_head(head, sizes, cut, output)
    before.unlink(missing_ok=True)
    checkpoint.unlink()
    _evaluate(head, dev)


@main.command()
@_FOLDER
@click.argument("head", type=_FILE)
@_MODEL
def evaluate(folder: Path, head: Path, model: str | None) -> None:
    """Print accuracy and macro F1 of HEAD on the dev part of each of FOLDER's sets."""
    sets, nlp, cut = _load(folder, model)
    try:
        _evaluate(load_head(head, cut), encode_sets(nlp, cut, sets, "dev"))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _load(folder: Path, model: str | None) -> tuple[list[TargetedSet], Language, CutModel]:
    try:
        sets, nlp = read_targeted_sets(folder), load_named_pipeline(model)
        component = find_component(nlp, "brnn_sentiment", model)
        return sets, nlp, cut_model(component.model)
    except (CorpusError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def _read_silver(path: Path | None) -> list[SilverTarget]:
    try:
        return read_silver(path) if path else []
    except CorpusError as error:
        raise click.ClickException(str(error)) from None


def _evaluate(head: TargetHead, dev: dict[str, list[Target]]) -> None:
    for name, targets in dev.items():
        if targets:
            accuracy, macro_f = evaluate_head(head, targets)
            click.echo(f"{name:<24}{len(targets):>6}  {accuracy:.1%}  macro F1 {macro_f:.1%}")


if __name__ == "__main__":
    main()
