"""Train and score heads for targets, and their teachers: python -m spacy_brnn.targets COMMAND."""

from __future__ import annotations

import copy
from itertools import chain
from pathlib import Path
from typing import Any

import click
import numpy
import torch
from spacy.language import Language

from ..architectures.cut_model import CutModel, cut_model
from ..corpora.errors import CorpusError
from ..corpora.targeted_texts import TargetedSet, read_targeted_sets
from ..distillation.loading import load_folder, load_taught, needing, use_device
from ..loading import find_component, load_named_pipeline
from ..nn.target_head import TargetHead
from .candidates import (
    draw_candidates,
    gold_candidates,
    homes,
    read_candidates,
    write_candidates,
)
from .head_file import fingerprint, load_head, save_head
from .measures import accuracy_and_macro_f
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
    Parts,
    Schedule,
    Target,
    WithGold,
    average_weights,
    calibrate_head,
    digest_targets,
    encode_sets,
    predict_labels,
    train_head,
)

_MODEL = click.option(
    "--model", metavar="PIPELINE", help="Whose encoder it is. Default: the one that ships."
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))

_SCORED = click.argument("scored", nargs=-1, required=True, type=_FILE)
_GPU = click.option("--gpu-id", default=-1, show_default=True, help="A CUDA device; -1 is the CPU.")
_MAX_PIECES = click.option(
    "--max-pieces",
    type=click.IntRange(min=8),
    default=160,
    show_default=True,
    help="Word pieces read of a text and its target.",
)
_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)


@click.group()
def main() -> None:
    """Heads for the sentiment toward a span.

    FOLDER holds the sets: aspect_NAME.train.jsonl.gz, and .dev.jsonl.gz where there is one.
    """


@main.command()
@_FOLDER
@_SCORED
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
@_SCORED
@_OUTPUT
@click.option(
    "--number",
    type=click.IntRange(min=1),
    default=300_000,
    show_default=True,
    help="Targets, about.",
)
@click.option(
    "--most-words",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="Of a text of SCORED.",
)
@click.option("--seed", type=int, default=0, show_default=True)
def candidates(
    folder: Path, scored: tuple[Path, ...], output: Path, number: int, most_words: int, seed: int
) -> None:
    """Write targets for a teacher to `score` to OUTPUT: what texts name, whatever they say of it.

    They are the targets of the train parts of FOLDER's sets, what else their texts name, and,
    for as many as are wanted, what the texts of SCORED name; of the terms of each set as many, and
    of texts that take a turn as of others. What shares its words with a text of a dev part is left
    out. SCORED are files of `python -m spacy_brnn.distillation transformer`.
    """
    try:
        sets = read_targeted_sets(folder)
        held_back, home_of = HeldBack(text for one in sets for text in one.dev), homes(sets)
        gold = gold_candidates(sets, set(home_of), held_back)
        texts = (text for path in scored for text, _ in read_scored(path))
        rest = number - len(gold)
        drawn = draw_candidates(texts, home_of, held_back, rest, most_words, seed)
    except CorpusError as error:
        raise click.ClickException(str(error)) from None
    write_candidates([*gold, *drawn], output)
    number = len(gold) + len(drawn)
    click.echo(f"{output}: {number:,} targets, {len(gold):,} in texts of the train parts")


@main.command()
@click.argument("start", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_FOLDER
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder.",
)
@click.option("--epochs", type=click.IntRange(min=1), default=4, show_default=True)
@click.option(
    "--batch-pieces",
    type=click.IntRange(min=1),
    default=8192,
    show_default=True,
    help="Word pieces of a step.",
)
@click.option("--learn-rate", type=_ABOVE_ZERO, default=5e-5, show_default=True)
@_MAX_PIECES
@click.option("--seed", type=int, default=0, show_default=True)
@_GPU
def teach(
    start: Path,
    folder: Path,
    output: Path,
    max_pieces: int,
    seed: int,
    gpu_id: int,
    **schedule: Any,
) -> None:
    """Fine-tune the transformer in START on FOLDER's sets and score it on their dev parts.

    START is a folder of Hugging Face with an encoder, or a teacher that was trained before, such
    as one of `python -m spacy_brnn.distillation teach-transformer`. It reads text and target as a
    pair. One minute on a GPU of 2022, many hours on a CPU; the same command goes on after an
    interruption.
    """
    with needing("teacher"):
        from . import teaching
        from .target_teacher import TargetTeacher
    use_device(gpu_id)
    torch.manual_seed(seed)
    teacher = load_folder(TargetTeacher, start, max_pieces)
    try:
        sets = read_targeted_sets(folder)
        plan = teaching.TeacherSchedule(seed=seed, **schedule)
        teaching.teach(teacher, sets, plan, output, _say)
    except CorpusError as error:
        raise click.ClickException(str(error)) from None
    for one in sets:
        if one.dev:
            _print_scores(one.name, *teaching.predict_dev(teacher, one))


@main.command()
@click.argument(
    "teachers",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.argument("targets", type=_FILE)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File."
)
@_MAX_PIECES
@_GPU
def score(
    teachers: tuple[Path, ...], targets: Path, output: Path, max_pieces: int, gpu_id: int
) -> None:
    """Write TARGETS with the probabilities that TEACHERS of `teach` give, for `train --silver`.

    TARGETS is a file of `candidates`, or of other objects with text, start and end. Of several
    teachers the mean is written.
    """
    with needing("teacher"):
        from . import teaching
        from .target_teacher import TargetTeacher
    use_device(gpu_id)
    models = [
        load_taught(TargetTeacher, folder, max_pieces, command="teach") for folder in teachers
    ]
    try:
        known = read_candidates(targets)
    except CorpusError as error:
        raise click.ClickException(str(error)) from None
    mean = numpy.mean([teaching.score(model, known, _say) for model in models], axis=0)
    shares = mean.round(4).astype("float64").round(4).tolist()
    rows = zip(known, shares, strict=True)
    write_silver((SilverTarget(t.text, t.start, t.end, tuple(p)) for t, p in rows), output)
    click.echo(f"{output}: {len(known):,} targets")


@main.command()
@_FOLDER
@_OUTPUT
@_MODEL
@click.option(
    "--silver",
    "silver_file",
    type=_FILE,
    help="Targets of `silver` or `score`, to learn from before FOLDER's.",
)
@click.option(
    "--scored",
    type=_FILE,
    help="Targets of `score`: of those that are FOLDER's, the mean of the label and the "
    "teacher's probabilities is learnt.",
)
@click.option("--silver-epochs", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--gold-times",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How often each of FOLDER's targets is read in a silver epoch, among the silver ones.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=0),
    default=6,
    show_default=True,
    help="Over FOLDER's targets alone, at the end.",
)
@click.option(
    "--average",
    is_flag=True,
    help="Take the mean of the weights before and after those epochs.",
)
@click.option("--projected-width", type=click.IntRange(min=1), default=128, show_default=True)
@click.option("--hidden-width", type=click.IntRange(min=1), default=80, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def train(
    folder: Path,
    output: Path,
    model: str | None,
    silver_file: Path | None,
    scored: Path | None,
    silver_epochs: int,
    gold_times: int,
    epochs: int,
    average: bool,
    projected_width: int,
    hidden_width: int,
    seed: int,
) -> None:
    """Train a head on FOLDER's sets, calibrate and score it on their dev parts, write it to OUTPUT.

    Stopped, the same command goes on after the last whole epoch, which OUTPUT.checkpoint and
    OUTPUT.silver.checkpoint hold. Beside weights in spacy_brnn/pretrained, as toward.msgpack, it
    ships with them.
    """
    if not silver_file and (gold_times or average or not epochs):
        raise click.UsageError(
            "without --silver there is no --gold-times and no --average, and --epochs is at least 1"
        )
    sets, nlp, cut = _load(folder, model)
    silver_targets = _read_silver(silver_file)
    known = {(one.text, one.start, one.end): one.shares for one in _read_silver(scored)}
    gold = [t for s in encode_sets(nlp, cut, sets, "train", known).values() for t in s]
    sizes = {
        "input_width": gold[0].window.tokens.shape[1],
        "score_width": len(cut.bias),
        "projected_width": projected_width,
        "hidden_width": hidden_width,
    }
    torch.manual_seed(seed)
    head = TargetHead(**sizes)
    output.parent.mkdir(parents=True, exist_ok=True)
    known_by = {"texts": digest_targets(gold, silver_targets), "encoder": fingerprint(cut)}
    before = output.with_name(output.name + ".silver.checkpoint")
    checkpoint = output.with_name(output.name + ".checkpoint")
    if silver_targets:
        parts: Parts = EncodedSilver(nlp, cut, silver_targets, seed)
        if gold_times:
            parts = WithGold(parts, gold, gold_times, seed)
        # They are many: less is learnt by heart.
        light = Schedule(epochs=silver_epochs, dropout=0.2, seed=seed)
        _train_head(head, parts, light, before, gold_times=gold_times, **known_by)
    if epochs:
        earlier = copy.deepcopy(head)
        _train_head(head, [gold], Schedule(epochs=epochs, seed=seed), checkpoint, **known_by)
        if average:
            average_weights(head, earlier)
    del gold
    dev = encode_sets(nlp, cut, sets, "dev")
    temperature = calibrate_head(head, [target for targets in dev.values() for target in targets])
    click.echo(f"temperature {temperature:.2f}")
    save_head(head, sizes, cut, output)
    before.unlink(missing_ok=True)
    checkpoint.unlink(missing_ok=True)
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


def _train_head(
    head: TargetHead, parts: Parts, schedule: Schedule, checkpoint: Path, **settings: Any
) -> None:
    try:
        train_head(head, parts, schedule, checkpoint, click.echo, **settings)
    except CorpusError as error:
        raise click.ClickException(str(error)) from None


def _read_silver(path: Path | None) -> list[SilverTarget]:
    try:
        return read_silver(path) if path else []
    except CorpusError as error:
        raise click.ClickException(str(error)) from None


def _evaluate(head: TargetHead, dev: dict[str, list[Target]]) -> None:
    for name, targets in dev.items():
        if targets:
            _print_scores(name, *predict_labels(head, targets))


def _print_scores(name: str, truths: numpy.ndarray, guesses: numpy.ndarray) -> None:
    accuracy, macro_f = accuracy_and_macro_f(truths, guesses)
    click.echo(f"{name:<24}{len(truths):>6}  {accuracy:.1%}  macro F1 {macro_f:.1%}")


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
