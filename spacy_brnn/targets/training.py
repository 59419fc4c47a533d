"""Training a head for targets on a frozen encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from spacy.language import Language
from torch import Tensor
from torch.nn import functional

from ..architectures.cut_model import CutModel
from ..corpora.targeted_texts import TargetedSet, TargetedText
from ..nn.target_head import TargetHead
from .features import Encoded, Window, encode, to_batch, window
from .value import LABELS

NEUTRAL = LABELS.index("NEUTRAL")
DOCS_AT_ONCE = 256


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    epochs: passes over the targets. learn_rate: its peak; it rises for a tenth of the steps and
    falls by a cosine. tokens: in a batch, about. seed: of weights, order and dropout.
    """

    epochs: int = 6
    learn_rate: float = 1.5e-3
    tokens: int = 4000
    weight_decay: float = 0.01
    seed: int = 0


@dataclass(frozen=True)
class Target:
    """One target to learn from: a window, a place in LABELS, whether neutral was a choice."""

    window: Window
    label: int
    has_neutral: bool


def encode_texts(
    nlp: Language, cut: CutModel, texts: Sequence[TargetedText], has_neutral: bool
) -> list[Target]:
    """The targets of some texts, each text encoded once; in half precision, as there are many.

    A target without a word is left out.
    """
    encoded: dict[str, Encoded] = {}
    component: Any = nlp.get_pipe("brnn_sentiment")
    distinct = list({one.text: None for one in texts})
    for start in range(0, len(distinct), DOCS_AT_ONCE):
        some = distinct[start : start + DOCS_AT_ONCE]
        docs = [nlp.make_doc(text) for text in some]
        for text, one in zip(some, encode(cut, docs, component.read_text), strict=True):
            encoded[text] = Encoded(one.tokens.astype("float16"), one.scores, one.offsets)
    found = [(window(encoded[one.text], one.start, one.end), one.label) for one in texts]
    return [Target(w, LABELS.index(label), has_neutral) for w, label in found if w is not None]


def train_head(
    head: TargetHead,
    targets: Sequence[Target],
    schedule: Schedule,
    checkpoint: Path,
    report: Callable[[str], None],
) -> None:
    """Train a head in place; goes on after the last whole epoch where the checkpoint has one."""
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=schedule.learn_rate, weight_decay=schedule.weight_decay
    )
    first = _resume(head, optimizer, checkpoint)
    for epoch in range(first, schedule.epochs):
        torch.manual_seed(schedule.seed + epoch)
        batches = list(_batches(targets, schedule, epoch))
        losses = []
        head.train()
        for place, batch in enumerate(batches):
            done = (epoch + place / len(batches)) / schedule.epochs
            for group in optimizer.param_groups:
                group["lr"] = schedule.learn_rate * _rate(done)
            loss = _loss(head, batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        report(f"epoch {epoch + 1}/{schedule.epochs}: loss {numpy.mean(losses):.4f}")
        new = checkpoint.with_name(checkpoint.name + ".new")
        torch.save(
            {"head": head.state_dict(), "by": optimizer.state_dict(), "done": epoch + 1}, new
        )
        new.replace(checkpoint)
    head.eval()


def evaluate_head(head: TargetHead, targets: Sequence[Target]) -> tuple[float, float]:
    """Accuracy and macro F1 over the labels that the targets have, both 0..1."""
    head.eval()
    truths = numpy.array([target.label for target in targets])
    guesses = numpy.zeros_like(truths)
    with torch.no_grad():
        for start in range(0, len(targets), DOCS_AT_ONCE):
            logits = _logits(head, targets[start : start + DOCS_AT_ONCE])
            guesses[start : start + DOCS_AT_ONCE] = logits.argmax(dim=1).numpy()
    scores = []
    for label in sorted(set(truths.tolist())):
        right = int(((guesses == label) & (truths == label)).sum())
        scores.append(2 * right / int((guesses == label).sum() + (truths == label).sum()))
    return float((guesses == truths).mean()), float(numpy.mean(scores))


def encode_sets(
    nlp: Language, cut: CutModel, sets: Sequence[TargetedSet], part: str
) -> dict[str, list[Target]]:
    """The targets of each set's `train` or `dev`."""
    return {s.name: encode_texts(nlp, cut, getattr(s, part), s.has_neutral) for s in sets}


def _loss(head: TargetHead, batch: Sequence[Target]) -> Tensor:
    return functional.cross_entropy(_logits(head, batch), torch.tensor([t.label for t in batch]))


def _logits(head: TargetHead, batch: Sequence[Target]) -> Tensor:
    """(B, labels), neutral impossible where it was no choice."""
    logits = head(*to_batch([target.window for target in batch]))
    without = torch.tensor([not target.has_neutral for target in batch])
    mask = torch.zeros_like(logits, dtype=torch.bool)
    mask[:, NEUTRAL] = without
    return logits.masked_fill(mask, -1e4)


def _batches(
    targets: Sequence[Target], schedule: Schedule, epoch: int
) -> Iterator[Sequence[Target]]:
    """All targets, those of like length together, in an order drawn anew each epoch."""
    generator = numpy.random.default_rng([schedule.seed, epoch])
    lengths = numpy.array([len(target.window.tokens) for target in targets])
    order = numpy.argsort(lengths + generator.uniform(0, 6, size=len(lengths)))
    parts = numpy.cumsum(lengths[order]) // schedule.tokens
    batches = numpy.split(order, numpy.flatnonzero(numpy.diff(parts)) + 1)
    for place in generator.permutation(len(batches)):
        yield [targets[i] for i in batches[place]]


def _rate(done: float) -> float:
    """The share of the peak learning rate, when this share of all steps is done."""
    if done < 0.1:
        return 0.1 + 0.9 * done / 0.1
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (done - 0.1) / 0.9)) / 2


def _resume(head: TargetHead, optimizer: torch.optim.Optimizer, checkpoint: Path) -> int:
    """Load the checkpoint, where there is one; RETURNS: the epochs that are done."""
    if not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    head.load_state_dict(state["head"])
    optimizer.load_state_dict(state["by"])
    return state["done"]
