"""Fine-tuning of a transformer teacher on targets with labels, and what it says of others."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy
import torch
from torch.nn import functional

from ..architectures.precision import has_bfloat16
from ..checkpoint import NAME, SECONDS, Checkpoint, RandomState, make_plan
from ..corpora.errors import CorpusError
from ..corpora.targeted_texts import TargetedSet
from ..distillation.transformer import batches_of_like_length
from ..distillation.transformer_training import (
    descend,
    make_optimizer,
    rise_and_fall,
    without_neutral,
)
from .target_teacher import Targeted, TargetTeacher
from .value import LABELS

NEUTRAL = LABELS.index("NEUTRAL")
WEIGHT_DECAY = 0.01
# Of all steps, those in which the rates rise.
WARMUP = 0.06
# Steps between reports.
REPORT = 100
# Targets scored between two reports; sorted by length within.
CHUNK = 65_536


@dataclass(frozen=True)
class TeacherSchedule:
    """How a teacher is trained.

    epochs: passes over the targets. batch_pieces: word pieces of a step. learn_rate, head_rate: of
    the encoder and of a new head, at their peak. seed: of the order and the dropout.
    checkpoint_seconds: time between checkpoints, from which the same call goes on.
    """

    epochs: int = 4
    batch_pieces: int = 8192
    learn_rate: float = 5e-5
    head_rate: float = 1e-3
    seed: int = 0
    checkpoint_seconds: float = SECONDS


def teach(
    teacher: TargetTeacher,
    sets: Sequence[TargetedSet],
    schedule: TeacherSchedule,
    folder: Path,
    report: Callable[[str], None],
) -> None:
    """Train the teacher on the sets' train parts and save it to `folder`.

    A set without neutral only tells positive from negative: its neutral logit is left out of the
    loss. The embeddings stay as they are. Computed in bfloat16 where the processor does, the
    optimizer's copy in float32. Goes on from a checkpoint of this very training.
    Raises CorpusError for sets without targets, and for a checkpoint of another training.
    """
    targets = list(chain.from_iterable(one.train for one in sets))
    if not targets:
        raise CorpusError("the sets hold no targets to train on")
    torch.manual_seed(schedule.seed)
    generator = numpy.random.default_rng(schedule.seed)
    pieces = teacher.pair_pieces(targets)
    lengths = numpy.array([len(row) for row in pieces])
    steps = [
        batch
        for _ in range(schedule.epochs)
        for batch in _batches(lengths, schedule.batch_pieces, generator)
    ]
    device = next(teacher.parameters()).device
    labels = torch.tensor([LABELS.index(one.label) for one in targets], device=device)
    no_neutral = torch.tensor([not s.has_neutral for s in sets for _ in s.train], device=device)
    teacher.freeze(0)
    optimizer = make_optimizer(teacher, schedule.learn_rate, schedule.head_rate, WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, rise_and_fall(len(steps), round(WARMUP * len(steps)))
    )
    bfloat16 = device.type == "cuda" or has_bfloat16()
    known = [labels.tolist(), no_neutral.tolist(), pieces]
    digest = hashlib.sha256(json.dumps(known).encode()).hexdigest()
    checkpoint = Checkpoint(
        folder / NAME,
        make_plan(asdict(schedule), teacher, digest),
        {"teacher": teacher, "optimizer": optimizer, "rates": rates, "random": RandomState(device)},
        schedule.checkpoint_seconds,
    )
    teacher.train()
    first = checkpoint.resume()
    start, done, losses = time.monotonic(), 0, []
    for number, batch in enumerate(steps[first:], first + 1):
        places = torch.from_numpy(batch).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits = teacher([pieces[place] for place in batch]).float()
        loss = functional.cross_entropy(without_neutral(logits, no_neutral[places]), labels[places])
        descend(loss, teacher, optimizer, rates)
        losses.append(loss.detach())
        done += int(lengths[batch].sum())
        if number % REPORT == 0 or number == len(steps):
            recent = torch.stack(losses[-REPORT:]).mean().item()
            speed = done / (time.monotonic() - start)
            report(f"step {number}/{len(steps)} loss {recent:.4f} {speed:,.0f} pieces/s")
        checkpoint.save_if_due(number)
    teacher.eval()
    teacher.save(folder)
    checkpoint.remove()


def score(
    teacher: TargetTeacher, targets: Sequence[Targeted], report: Callable[[str], None]
) -> numpy.ndarray:
    """(targets, LABELS) the teacher's probabilities toward each target, float32."""
    parts, start = [numpy.zeros((0, len(LABELS)), "float32")], time.monotonic()
    for first in range(0, len(targets), CHUNK):
        some = targets[first : first + CHUNK]
        logits = torch.from_numpy(teacher.score_pieces(teacher.pair_pieces(some)))
        parts.append(logits.softmax(1).numpy())
        done = first + len(some)
        speed = done / (time.monotonic() - start)
        report(f"{done:,} of {len(targets):,} targets, {speed:,.0f} a second")
    return numpy.concatenate(parts)


def predict_dev(teacher: TargetTeacher, one: TargetedSet) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The labels of a set's dev part and the teacher's, as places in LABELS; neutral is none
    where it was no choice."""
    logits = teacher.score_pieces(teacher.pair_pieces(one.dev))
    if not one.has_neutral:
        logits[:, NEUTRAL] = -numpy.inf
    truths = numpy.array([LABELS.index(target.label) for target in one.dev])
    return truths, logits.argmax(1)


def _batches(
    lengths: numpy.ndarray, size: int, generator: numpy.random.Generator
) -> Iterator[numpy.ndarray]:
    """All places, those of like length together, drawn anew."""
    order = generator.permutation(len(lengths))
    batches = list(batches_of_like_length(lengths[order].tolist(), size))
    for number in generator.permutation(len(batches)):
        yield order[batches[number]]
