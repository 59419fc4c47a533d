"""Fine-tuning of a teacher of named entities on many corpora at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from ..architectures.precision import has_bfloat16
from ..checkpoint import NAME, SECONDS, Checkpoint, RandomState, make_plan
from ..corpora.errors import CorpusError
from ..pipeline.ner_scorer import score_entities
from ..pipeline.ner_tags import TagSet
from .entity_silver import tag
from .entity_teacher import NO_STYLE, EntityTeacher, sentences
from .transformer import batches_of_like_length
from .transformer_training import descend, rise_and_fall

# Word pieces of a sequence, drawn for each document: single sentences, a paragraph, a short text.
LIMITS = (0, 0, 100, 200, 200)
# The other sequences are shown no style, which tags text that is like no corpus.
STYLED = 0.7
LOWER, UPPER = 0.10, 0.03


@dataclass(frozen=True)
class Schedule:
    """How a teacher is trained.

    passes: times that each document is read.
    batch_pieces: word pieces of a step.
    learn_rate, head_rate: of the encoder, and of what is new beside it; both rise for the share
        `warmup` of all steps, then fall to 0.
    checkpoint_seconds: time between checkpoints, from which the same call goes on.
    """

    passes: int = 4
    batch_pieces: int = 5000
    learn_rate: float = 5e-5
    head_rate: float = 1e-3
    warmup: float = 0.06
    seed: int = 0
    checkpoint_seconds: float = SECONDS


@dataclass(frozen=True)
class Reading:
    """What the teacher reads at once."""

    words: list[str]
    style: int
    allowed: numpy.ndarray
    """(words, tags) bool, the tags that the annotation admits."""


def train(
    teacher: EntityTeacher,
    corpora: Sequence[tuple[str, list[Doc]]],
    schedule: Schedule,
    folder: Path,
    report: Callable[[str], None],
) -> None:
    """Train the teacher on documents, each with the style of its corpus, and save it to `folder`.

    corpora: style and documents; one that is named twice is read twice as often.

    Where an annotation is missing, or a document has some labels only, the loss is that of all
    the tags it leaves possible. Some documents are read in lower case or in capitals.
    Computed in bfloat16 where the processor does. Goes on from a checkpoint of this very training.
    Raises CorpusError where there is no word, and for a checkpoint of another training.
    """
    torch.manual_seed(schedule.seed)
    random = numpy.random.default_rng(schedule.seed)
    steps = [x for _ in range(schedule.passes) for x in _draw(teacher, corpora, schedule, random)]
    if not steps:
        raise CorpusError("the corpora hold no words to train on")
    optimizer = _optimizer(teacher, schedule)
    warmup = schedule.warmup * len(steps)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, rise_and_fall(len(steps), warmup))
    device = teacher.head.weight.device
    bfloat16 = device.type == "cuda" or has_bfloat16()
    checkpoint = Checkpoint(
        folder / NAME,
        _plan(schedule, teacher, steps),
        {"teacher": teacher, "optimizer": optimizer, "rates": rates, "random": RandomState(device)},
        schedule.checkpoint_seconds,
    )
    teacher.train()
    losses = []
    first = checkpoint.resume()
    for number, step in enumerate(steps[first:], first + 1):
        allowed = torch.from_numpy(numpy.concatenate([x.allowed for x in step])).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            logits = teacher([x.words for x in step], [x.style for x in step])
        loss = partial_loss(logits, allowed)
        descend(loss, teacher, optimizer, rates)
        losses.append(loss.detach())
        if number % 50 == 0 or number == len(steps):
            recent = torch.stack(losses[-50:]).mean().item()
            report(f"step {number}/{len(steps)} loss {recent:.4f}")
        checkpoint.save_if_due(number)
    teacher.save(folder)
    checkpoint.remove()


def score(teacher: EntityTeacher, style: str, docs: Sequence[Doc]) -> float:
    """F1 of the teacher's entities, tagged in a style if it has it; unknown labels do not count."""
    known = style if style in teacher.styles else None
    tagged = tag(teacher, [doc.copy() for doc in docs], known, doubt=0.0)
    examples = [Example(copy, doc) for copy, doc in zip(tagged, docs, strict=True)]
    return score_entities(examples)["ents_f"] or 0.0


def partial_loss(logits: Tensor, allowed: Tensor) -> Tensor:
    """Minus the log-probability of the allowed tags, the mean of the words that exclude one.

    logits: (words, tags). allowed: (words, tags) bool, one true tag at least per word.
    """
    inside = logits.masked_fill(~allowed, float("-inf"))
    losses = logits.logsumexp(-1) - inside.logsumexp(-1)
    says = (~allowed).any(-1)
    return (losses * says).sum() / says.sum().clamp(min=1)


def _draw(
    teacher: EntityTeacher,
    corpora: Sequence[tuple[str, list[Doc]]],
    schedule: Schedule,
    random: numpy.random.Generator,
) -> Iterator[list[Reading]]:
    """A pass over all documents: batches of like length, in an order that mixes lengths."""
    readings = [
        reading
        for name, docs in corpora
        for doc in docs
        for reading in _read(teacher, name, doc, random)
    ]
    sizes = [sum(map(len, teacher.pieces(x.words))) for x in readings]
    batches = list(batches_of_like_length(sizes, schedule.batch_pieces))
    for number in random.permutation(len(batches)).tolist():
        yield [readings[place] for place in batches[number]]


def _read(
    teacher: EntityTeacher, style: str, doc: Doc, random: numpy.random.Generator
) -> Iterator[Reading]:
    draw = random.random()
    case = str.lower if draw < LOWER else str.upper if draw < LOWER + UPPER else str
    words = [case(token.text) for token in doc]
    allowed = TagSet(teacher.labels).allow_gold(Example(doc, doc))
    for places in teacher.runs(words, sentences(doc), int(random.choice(LIMITS))):
        number = teacher.style_number(style) if random.random() < STYLED else NO_STYLE
        yield Reading([words[place] for place in places], number, allowed[places])


def _plan(
    schedule: Schedule, teacher: EntityTeacher, steps: Sequence[Sequence[Reading]]
) -> dict[str, Any]:
    """What makes one training another one, in values that a checkpoint can hold."""
    digest = hashlib.sha256()
    for reading in chain.from_iterable(steps):
        digest.update(f"{reading.style} {reading.words}".encode())
        digest.update(numpy.packbits(reading.allowed).data)
    return make_plan(
        asdict(schedule),
        teacher,
        digest.hexdigest(),
        labels=teacher.labels,
        styles=teacher.styles,
    )


def _optimizer(teacher: EntityTeacher, schedule: Schedule) -> torch.optim.Optimizer:
    encoder = list(teacher.encoder.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in encoder if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in encoder if p.ndim < 2]},
        {"params": [p for _, p in teacher.added()], "lr": schedule.head_rate},
    ]
    return torch.optim.AdamW(
        groups, lr=schedule.learn_rate, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.0
    )
