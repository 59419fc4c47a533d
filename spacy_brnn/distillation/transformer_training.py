"""Fine-tuning of a transformer teacher on many sets of labelled texts at once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..architectures.precision import has_bfloat16
from ..checkpoint import NAME, SECONDS, Checkpoint, make_plan
from ..corpora.errors import CorpusError
from ..corpora.labelled_texts import LABELS, TextSet
from .sampling import draw
from .transformer import TransformerTeacher, batches_of_like_length


@dataclass(frozen=True)
class Schedule:
    """How a teacher is trained.

    texts: texts drawn in all, from each set in the proportion of a power of its size.
    power: 1 draws as many of each set as it is large, 0 as many of each.
    batch_pieces: word pieces of a step.
    learn_rate, head_rate: of the encoder and of a new head; both rise for `warmup` steps, then
        fall to 0.
    frozen_layers: lower layers that stay as they are, the embeddings with them.
    checkpoint_seconds: time between checkpoints, from which the same call goes on.
    """

    texts: int
    power: float = 0.5
    batch_pieces: int = 2400
    learn_rate: float = 1e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 100
    frozen_layers: int = 0
    checkpoint_seconds: float = SECONDS
    seed: int = 0


def train(
    teacher: TransformerTeacher,
    sets: list[TextSet],
    schedule: Schedule,
    folder: Path,
    report: Callable[[str], None],
) -> None:
    """Train the teacher and save it to `folder`; goes on from a checkpoint of this very training.

    A text of a set without neutral only tells positive from negative: its neutral logit is
    left out of the loss. Dropout is off, as is the gradient of the embeddings. Computed in
    bfloat16 where the processor does, the optimizer's copy in float32.
    Raises CorpusError for sets without texts, and for a checkpoint of another training.
    """
    teacher.freeze(schedule.frozen_layers)
    teacher.eval()
    drawn = draw(sets, schedule.texts, schedule.seed, schedule.power)
    if not drawn:
        raise CorpusError("the sets hold no texts to train on")
    pieces = teacher.pieces([text for text, _, _ in drawn])
    batches = list(_shuffled_batches(pieces, schedule))
    optimizer = make_optimizer(
        teacher, schedule.learn_rate, schedule.head_rate, schedule.weight_decay
    )
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, rise_and_fall(len(batches), schedule.warmup)
    )
    checkpoint = Checkpoint(
        folder / NAME,
        _plan(schedule, teacher, drawn, pieces),
        {"teacher": teacher, "optimizer": optimizer, "rates": rates},
        schedule.checkpoint_seconds,
    )
    step = checkpoint.resume()
    device = next(teacher.parameters()).device
    on_cuda = device.type == "cuda"
    start = time.monotonic()
    losses: list[Tensor] = []
    first = step
    while step < len(batches):
        places = batches[step]
        targets = torch.tensor([LABELS.index(drawn[i][1]) for i in places], device=device)
        masks = torch.tensor([drawn[i][2] for i in places], device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=on_cuda or has_bfloat16()):
            logits = teacher([pieces[i] for i in places]).float()
        loss = functional.cross_entropy(without_neutral(logits, ~masks), targets)
        descend(loss, teacher, optimizer, rates)
        step += 1
        losses.append(loss.detach())  # Not its number: a GPU would be waited for.
        if step % 50 == 0:
            left = (time.monotonic() - start) / (step - first) * (len(batches) - step) / 60
            losses = losses[-200:]
            loss_now = float(torch.stack(losses).mean())
            report(f"step {step}/{len(batches)} loss {loss_now:.4f} {left:.0f} min left")
        checkpoint.save_if_due(step)
    teacher.save(folder)
    checkpoint.remove()


def make_optimizer(
    teacher: TransformerTeacher, learn_rate: float, head_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW, with a rate of its own for a new head."""
    encoder = [p for p in teacher.encoder.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": encoder, "lr": learn_rate}]
    if teacher.head is not None:
        groups.append({"params": list(teacher.head.parameters()), "lr": head_rate})
    return torch.optim.AdamW(groups, weight_decay=weight_decay)


def rise_and_fall(steps: int, warmup: float) -> Callable[[int], float]:
    """The share of a rate at each step: it rises for `warmup` steps, then falls to 0."""
    return lambda step: min(
        (step + 1) / max(warmup, 1), max(steps - step, 0) / max(steps - warmup, 1)
    )


def without_neutral(logits: Tensor, rows: Tensor) -> Tensor:
    """The logits, (B, LABELS), that of NEUTRAL impossible in these rows, (B,) bool."""
    mask = torch.zeros_like(logits, dtype=torch.bool)
    mask[:, LABELS.index("NEUTRAL")] = rows
    return logits.masked_fill(mask, float("-inf"))


def descend(loss: Tensor, model: nn.Module, optimizer: Optimizer, rates: LRScheduler) -> None:
    """One step along the gradient, whose norm is clipped at 1."""
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    rates.step()


def _shuffled_batches(pieces: list[list[int]], schedule: Schedule) -> Iterator[list[int]]:
    """Batches of like length, in an order that mixes lengths."""
    lengths = [len(p) for p in pieces]
    batches = list(batches_of_like_length(lengths, schedule.batch_pieces))
    order = numpy.random.default_rng(schedule.seed + 1).permutation(len(batches))
    return (batches[place] for place in order.tolist())


def _plan(
    schedule: Schedule,
    teacher: TransformerTeacher,
    drawn: list[tuple[str, str, bool]],
    pieces: list[list[int]],
) -> dict[str, Any]:
    """What makes one training another one, in values that a checkpoint can hold."""
    known = [(label, has_neutral) for _, label, has_neutral in drawn]
    digest = hashlib.sha256(json.dumps([known, pieces]).encode()).hexdigest()
    return make_plan(asdict(schedule), teacher, digest)
