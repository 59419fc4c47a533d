"""Training a head for targets on a frozen encoder: on silver targets first, then on gold ones."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy
import torch
from spacy.language import Language
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..architectures.cut_model import CutModel
from ..architectures.one_thread import one_thread
from ..checkpoint import Checkpoint, make_plan
from ..corpora.targeted_texts import TargetedSet, TargetedText
from ..loading import find_component
from ..nn.target_head import TargetHead
from ..temperature import fit_temperature
from .features import Encoded, Window, encode, to_batch, window
from .silver import SilverTarget
from .value import LABELS

NEUTRAL = LABELS.index("NEUTRAL")
DOCS_AT_ONCE = 256
# A teacher's probabilities of LABELS toward text[start:end].
Scored = Mapping[tuple[str, int, int], Sequence[float]]
# Silver targets whose windows are held at a time.
SILVER_AT_ONCE = 8192


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    epochs: passes over the targets. learn_rate: its peak; it rises for a tenth of the steps and
    falls by a cosine. tokens: in a batch, about. dropout: the head's. seed: of weights, order and
    dropout. average: how much of the mean of the weights each step keeps; that mean is the result.
    """

    epochs: int = 6
    learn_rate: float = 3e-3
    tokens: int = 3000
    weight_decay: float = 0.01
    dropout: float = 0.4
    seed: int = 0
    average: float = 0.99


@dataclass(frozen=True)
class Target:
    """One target to learn from: a window, the shares of LABELS, whether neutral was a choice."""

    window: Window
    shares: tuple[float, ...]
    has_neutral: bool

    @property
    def label(self) -> int:
        """The place in LABELS of the most probable one."""
        return self.shares.index(max(self.shares))


class Parts(Protocol):
    """Targets in several parts, each made when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Sequence[Target]: ...


class EncodedSilver:
    """Silver targets, SILVER_AT_ONCE together, encoded whenever they are asked for.

    Their texts are taken in an order drawn by the seed, those of one text together.
    """

    def __init__(
        self, nlp: Language, cut: CutModel, targets: Sequence[SilverTarget], seed: int = 0
    ) -> None:
        self.nlp, self.cut, self.targets = nlp, cut, in_drawn_order(targets, seed)

    def __len__(self) -> int:
        return math.ceil(len(self.targets) / SILVER_AT_ONCE)

    def __getitem__(self, place: int) -> list[Target]:
        """The targets of one place."""
        some = self.targets[place * SILVER_AT_ONCE : (place + 1) * SILVER_AT_ONCE]
        pairs = zip(some, _windows(self.nlp, self.cut, some), strict=True)
        return [Target(w, one.shares, True) for one, w in pairs if w is not None]


class WithGold:
    """Parts of silver targets, each with as many of the gold ones, which are read several times.

    times: that each gold target is read in one pass over the parts.
    """

    def __init__(self, silver: Parts, gold: Sequence[Target], times: int, seed: int = 0) -> None:
        self.silver, self.gold = silver, gold
        generator = numpy.random.default_rng(seed)
        self.places = numpy.concatenate([generator.permutation(len(gold)) for _ in range(times)])

    def __len__(self) -> int:
        return len(self.silver)

    def __getitem__(self, place: int) -> list[Target]:
        """The silver targets of one place, and gold ones."""
        some = numpy.array_split(self.places, len(self))[place]
        return [*self.silver[place], *(self.gold[i] for i in some)]


def in_drawn_order(targets: Sequence[SilverTarget], seed: int) -> list[SilverTarget]:
    """The same targets, their texts in an order drawn by the seed."""
    of_text: dict[str, list[SilverTarget]] = {}
    for target in targets:
        of_text.setdefault(target.text, []).append(target)
    texts = list(of_text)
    random.Random(seed).shuffle(texts)
    return [target for text in texts for target in of_text[text]]


def encode_texts(
    nlp: Language,
    cut: CutModel,
    texts: Sequence[TargetedText],
    has_neutral: bool,
    scored: Scored | None = None,
) -> list[Target]:
    """The targets of some texts; one without a word is left out.

    scored: a teacher's probabilities; where it knows a target, the mean of them and of the label
        is learnt.
    """
    pairs = zip(texts, _windows(nlp, cut, texts), strict=True)
    return [
        Target(w, _shares(one, has_neutral, scored or {}), has_neutral)
        for one, w in pairs
        if w is not None
    ]


@one_thread()
def train_head(
    head: TargetHead,
    parts: Parts,
    schedule: Schedule,
    path: Path,
    report: Callable[[str], None],
    texts: str,
    **settings: Any,
) -> None:
    """Train a head in place; goes on after the last whole epoch where a checkpoint has one.

    parts: read one after the other in each epoch, the targets of each in an order of its own.
    path: of the checkpoint. texts: a digest of what is read. settings: what else makes it this
    training.
    Raises CorpusError for a checkpoint of another training.
    """
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=schedule.learn_rate, weight_decay=schedule.weight_decay
    )
    mean = AveragedModel(head, multi_avg_fn=get_ema_multi_avg_fn(schedule.average))
    head.set_dropout(schedule.dropout)
    checkpoint = Checkpoint(
        path,
        make_plan(asdict(schedule), head, texts, **settings),
        {"head": head, "mean": mean, "optimizer": optimizer},
    )
    for epoch in range(checkpoint.resume(), schedule.epochs):
        torch.manual_seed(schedule.seed + epoch)
        losses = []
        head.train()
        for share, batch in _shares_done(parts, schedule, epoch):
            for group in optimizer.param_groups:
                group["lr"] = schedule.learn_rate * _rate((epoch + share) / schedule.epochs)
            loss = _loss(head, batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            mean.update_parameters(head)
            losses.append(loss.item())
        report(f"epoch {epoch + 1}/{schedule.epochs}: loss {numpy.mean(losses):.4f}")
        checkpoint.save(epoch + 1)
    head.load_state_dict(mean.module.state_dict())
    head.eval()


def average_weights(head: TargetHead, other: TargetHead) -> None:
    """Give a head the mean of its weights and another's, from which it was trained on.

    Source: Wortsman et al. (2022), "Robust fine-tuning of zero-shot models".
    """
    theirs = dict(other.named_parameters())
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            parameter.lerp_(theirs[name], 0.5)


@one_thread()
def calibrate_head(head: TargetHead, targets: Sequence[Target]) -> float:
    """Divide its logits by the temperature under which the targets' labels are most likely.

    RETURNS: the temperature, 0.25..4; 1 for no targets.
    """
    if not targets:
        return 1.0
    logits = _predict(head, targets)
    labels = torch.tensor([target.label for target in targets])
    temperature = fit_temperature(
        lambda value: functional.cross_entropy(logits / value, labels).item(), 4.0, 0.01
    )
    head.divide_logits(temperature)
    return temperature


def predict_labels(
    head: TargetHead, targets: Sequence[Target]
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The targets' labels and the head's, as places in LABELS."""
    truths = numpy.array([target.label for target in targets])
    return truths, _predict(head, targets).argmax(dim=1).numpy()


def digest_targets(gold: Sequence[Target], silver: Sequence[SilverTarget]) -> str:
    """What tells these targets from others, but for the encoder that read them."""
    digest = hashlib.sha256()
    for target in gold:
        place = len(target.window.tokens), target.window.start, target.window.end
        digest.update(f"{place} {target.shares}".encode())
    for one in silver:
        digest.update(repr(one).encode())
    return digest.hexdigest()


def encode_sets(
    nlp: Language,
    cut: CutModel,
    sets: Sequence[TargetedSet],
    part: str,
    scored: Scored | None = None,
) -> dict[str, list[Target]]:
    """The targets of each set's `train` or `dev`, as encode_texts."""
    return {s.name: encode_texts(nlp, cut, getattr(s, part), s.has_neutral, scored) for s in sets}


def _shares(one: TargetedText, has_neutral: bool, scored: Scored) -> tuple[float, ...]:
    """What is to be learnt of a target: its label, or the mean of that and the teacher's word."""
    label = numpy.array([float(label == one.label) for label in LABELS])
    known = scored.get((one.text, one.start, one.end))
    if known is None:
        return tuple(label.tolist())
    teacher = numpy.array(known)
    if not has_neutral:
        teacher[NEUTRAL] = 0.0
    teacher /= max(teacher.sum(), 1e-9)
    mean = label + teacher
    return tuple((mean / mean.sum()).tolist())


def _windows(
    nlp: Language, cut: CutModel, texts: Sequence[TargetedText] | Sequence[SilverTarget]
) -> list[Window | None]:
    """Of each target, its text encoded once; in half precision, as there are many."""
    encoded: dict[str, Encoded] = {}
    component = find_component(nlp, "brnn_sentiment")
    distinct = list({one.text: None for one in texts})
    for start in range(0, len(distinct), DOCS_AT_ONCE):
        some = distinct[start : start + DOCS_AT_ONCE]
        docs = [nlp.make_doc(text) for text in some]
        for text, one in zip(some, encode(cut, docs, component.read_text), strict=True):
            encoded[text] = Encoded(one.tokens.astype("float16"), one.scores, one.offsets)
    return [window(encoded[one.text], one.start, one.end) for one in texts]


def _loss(head: TargetHead, batch: Sequence[Target]) -> Tensor:
    shares = torch.tensor([target.shares for target in batch])
    return functional.cross_entropy(_logits(head, batch), shares)


def _predict(head: TargetHead, targets: Sequence[Target]) -> Tensor:
    """As _logits, of any number of targets, in evaluation."""
    head.eval()
    with torch.no_grad(), one_thread():
        starts = range(0, len(targets), DOCS_AT_ONCE)
        return torch.cat([_logits(head, targets[start : start + DOCS_AT_ONCE]) for start in starts])


def _logits(head: TargetHead, batch: Sequence[Target]) -> Tensor:
    """(B, labels), neutral impossible where it was no choice."""
    logits = head(*to_batch([target.window for target in batch]))
    without = torch.tensor([not target.has_neutral for target in batch])
    mask = torch.zeros_like(logits, dtype=torch.bool)
    mask[:, NEUTRAL] = without
    return logits.masked_fill(mask, -1e4)


def _shares_done(
    parts: Parts, schedule: Schedule, epoch: int
) -> Iterator[tuple[float, Sequence[Target]]]:
    """All batches of an epoch, and the share of it that is done before each."""
    generator = numpy.random.default_rng([schedule.seed, epoch])
    for place in range(len(parts)):
        batches = list(_batches(parts[place], schedule.tokens, generator))
        for number, batch in enumerate(batches):
            yield (place + number / len(batches)) / len(parts), batch


def _batches(
    targets: Sequence[Target], tokens: int, generator: numpy.random.Generator
) -> Iterator[Sequence[Target]]:
    """All targets, those of like length together, in an order drawn anew."""
    lengths = numpy.array([len(target.window.tokens) for target in targets])
    order = numpy.argsort(lengths + generator.uniform(0, 6, size=len(lengths)))
    places = numpy.cumsum(lengths[order]) // tokens
    batches = numpy.split(order, numpy.flatnonzero(numpy.diff(places)) + 1)
    for place in generator.permutation(len(batches)):
        yield [targets[i] for i in batches[place]]


def _rate(done: float) -> float:
    """The share of the peak learning rate, when this share of all steps is done."""
    if done < 0.1:
        return 0.1 + 0.9 * done / 0.1
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (done - 0.1) / 0.9)) / 2
