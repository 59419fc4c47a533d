"""Training of a student on texts in memory: for a GPU, which would wait for spacy train's docs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.nn import functional

from ..checkpoint import NAME, SECONDS, Checkpoint, RandomState, make_plan
from .student_network import StudentNetwork, flat_places
from .student_texts import StudentTexts

# Lengths are rounded up to a multiple of it, so that batches hold texts of like length.
LENGTHS = 16
REPORTED_STEPS = 100


@dataclass(frozen=True)
class StudentSchedule:
    """How a student is trained.

    passes: over all texts.
    batch_tokens: tokens of a step, padding included.
    learn_rate: rises for `warmup` steps, then falls to 0.
    long_power: what a text counts goes with this power of how few others are in its batch, 0..1:
        0 counts all batches alike, 1 all texts. In between a long text counts more, though
        not as its length.
    checkpoint_seconds: time between checkpoints, from which the same call goes on.
    """

    passes: float = 5.3
    batch_tokens: int = 49_152
    learn_rate: float = 3e-3
    beta1: float = 0.8
    warmup: int = 150
    long_power: float = 0.5
    max_gradient_norm: float = 5.0
    seed: int = 0
    checkpoint_seconds: float = SECONDS


def train(
    network: StudentNetwork,
    texts: StudentTexts,
    schedule: StudentSchedule,
    folder: Path,
    report: Callable[[str], None],
    config: str = "",
) -> Checkpoint:
    """Train the network, on the device where it is, by cross-entropy with the texts' targets.

    Of a text that leaves labels open (NaN), the proportions of the others count. Goes on from a
    checkpoint of this very training in the folder.
    config: what else makes it this one.
    RETURNS: the checkpoint, to be removed when the network is safe.
    Raises CorpusError for a checkpoint of another training.
    """
    random = numpy.random.default_rng(schedule.seed)
    torch.manual_seed(schedule.seed)
    device = network.table.device
    tokens = torch.from_numpy(texts.tokens).to(device)
    lengths = torch.from_numpy(texts.lengths).to(device)
    starts = lengths.cumsum(0) - lengths
    targets = torch.from_numpy(texts.targets).to(device)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=schedule.learn_rate, betas=(schedule.beta1, 0.98)
    )
    batches = _passes(texts.lengths, schedule, random)
    steps = len(batches)
    mean_texts = len(texts.lengths) * schedule.passes / steps
    checkpoint = Checkpoint(
        folder / NAME,
        _plan(schedule, network, texts, config),
        {"network": network, "optimizer": optimizer, "random": RandomState(device)},
        schedule.checkpoint_seconds,
    )
    network.train()
    losses: list[Tensor] = []
    for step in range(checkpoint.resume(), steps):
        batch = batches[step]
        for group in optimizer.param_groups:
            group["lr"] = schedule.learn_rate * _rate(step, steps, schedule.warmup)
        places = torch.from_numpy(batch).to(device)
        read = tokens[flat_places(starts[places], lengths[places])].long()
        each = _losses(network(read, lengths[places]), targets[places])
        (each.sum() / _divisor(len(batch), mean_texts, schedule.long_power)).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), schedule.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(each.detach().mean())
        if (step + 1) % REPORTED_STEPS == 0 or step + 1 == steps:
            report(f"step {step + 1}/{steps} loss {float(torch.stack(losses).mean()):.4f}")
            losses.clear()
        checkpoint.save_if_due(step + 1)
    network.eval()
    return checkpoint


def _plan(
    schedule: StudentSchedule, network: StudentNetwork, texts: StudentTexts, config: str
) -> dict[str, Any]:
    """What makes one training another one, in values that a checkpoint can hold."""
    digest = hashlib.sha256("\n".join(texts.words).encode())
    for values in (texts.tokens, texts.lengths, texts.targets):
        digest.update(numpy.ascontiguousarray(values).data)
    return make_plan(asdict(schedule), network, digest.hexdigest(), config=config)


def _passes(
    lengths: numpy.ndarray, schedule: StudentSchedule, random: numpy.random.Generator
) -> list[numpy.ndarray]:
    """The texts of each step; in each pass every text once, in other company."""
    whole = [_batches(lengths, schedule.batch_tokens, random) for _ in range(int(schedule.passes))]
    batches = [batch for one in whole for batch in one]
    part = schedule.passes - int(schedule.passes)
    if part:
        last = _batches(lengths, schedule.batch_tokens, random)
        batches += last[: max(1, round(part * len(last)))]
    return batches


def _batches(
    lengths: numpy.ndarray, size: int, random: numpy.random.Generator
) -> list[numpy.ndarray]:
    padded = -(-lengths // LENGTHS) * LENGTHS
    order = numpy.argsort(padded + random.random(len(padded)), kind="stable")
    ascending = padded[order]
    batches, start = [], 0
    while start < len(order):
        some = ascending[start : start + max(1, size // int(ascending[start]))]
        filled = some * numpy.arange(1, len(some) + 1)
        end = start + max(1, int(numpy.searchsorted(filled, size, side="right")))
        batches.append(order[start:end])
        start = end
    return [batches[place] for place in random.permutation(len(batches)).tolist()]


def _divisor(texts: int, mean_texts: float, power: float) -> float:
    """What the sum of a batch's losses is divided by; mean_texts: those of a batch in the mean."""
    return mean_texts**power * texts ** (1.0 - power)


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """(B,) the cross-entropy of each text over the labels that it does not leave open."""
    is_open = targets.isnan()
    wanted = targets.masked_fill(is_open, 0.0)
    wanted = wanted / wanted.sum(dim=1, keepdim=True).clamp(min=1e-6)
    logs = functional.log_softmax(logits.masked_fill(is_open, float("-inf")), dim=1)
    return -(wanted * logs.masked_fill(is_open, 0.0)).sum(dim=1)


def _rate(step: int, steps: int, warmup: int) -> float:
    return min((step + 1) / max(warmup, 1), 1.0 - step / steps)
