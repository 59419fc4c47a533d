"""What a run counts: all that its summary and its report show, in constant memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from spacy_brnn.annotate.records import Record, Rejected

BINS = 41
"""Odd, so that the bin in the middle is around zero."""
EXTREMES = 10
REJECTS_SHOWN = 50
EXCERPT_CHARACTERS = 280


@dataclass(slots=True)
class Extreme:
    """A document at one end of the scale."""

    polarity: float
    place: str
    excerpt: str


@dataclass(slots=True)
class Tally:
    """Counts over the documents of a run, those before an interruption included.

    positive, negative, neutral: by the polarity's sign; histogram: documents per bin of polarity,
    BINS equal bins from -1 to 1; seconds: time spent.
    """

    read: int = 0
    written: int = 0
    rejected: int = 0
    positive: int = 0
    negative: int = 0
    neutral: int = 0
    entities: int = 0
    seconds: float = 0.0
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)
    most_positive: list[Extreme] = field(default_factory=list)
    most_negative: list[Extreme] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)

    def add(self, record: Record, fields: dict[str, Any]) -> None:
        """Count a record that was annotated with `fields`."""
        self.read += 1
        self.written += 1
        self.entities += len(fields.get("entities", ()))
        if "sentiment_label" not in fields:
            return
        polarity = fields["sentiment_polarity"]
        self.positive += polarity > 0
        self.negative += polarity < 0
        self.neutral += polarity == 0
        self.histogram[min(BINS - 1, int((polarity + 1) / 2 * BINS))] += 1
        _keep(self.most_positive, polarity, record, 1)
        _keep(self.most_negative, polarity, record, -1)

    def add_rejected(self, item: Rejected) -> None:
        """Count a record that was set aside."""
        self.read += 1
        self.rejected += 1
        if len(self.rejects) < REJECTS_SHOWN:
            self.rejects.append({"place": item.place(), "reason": item.reason})

    def merge(self, other: Tally) -> None:
        """Add what another tally counted, of records that come after this one's."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.histogram = [a + b for a, b in zip(self.histogram, other.histogram, strict=True)]
        for extreme in other.most_positive:
            _insert(self.most_positive, extreme, 1)
        for extreme in other.most_negative:
            _insert(self.most_negative, extreme, -1)
        self.rejects = (self.rejects + other.rejects)[:REJECTS_SHOWN]

    @property
    def documents_per_second(self) -> float:
        """Documents written per second of the whole run."""
        return self.written / self.seconds if self.seconds else 0.0

    @property
    def share_positive(self) -> float | None:
        """The share of positive documents, 0 to 1; None without any."""
        total = self.positive + self.negative + self.neutral
        return self.positive / total if total else None

    def to_dict(self) -> dict[str, Any]:
        """JSON values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Tally:
        """The reverse of to_dict."""
        tally = cls(**values)
        tally.most_positive = [Extreme(**extreme) for extreme in values["most_positive"]]
        tally.most_negative = [Extreme(**extreme) for extreme in values["most_negative"]]
        return tally


_COUNTS = ("read", "written", "rejected", "positive", "negative", "neutral", "entities")


def _keep(extremes: list[Extreme], polarity: float, record: Record, sign: int) -> None:
    if len(extremes) < EXTREMES or sign * polarity > sign * extremes[-1].polarity:
        _insert(extremes, Extreme(polarity, record.place(), _excerpt(record.text)), sign)


def _insert(extremes: list[Extreme], extreme: Extreme, sign: int) -> None:
    extremes.append(extreme)
    extremes.sort(key=lambda one: -sign * one.polarity)
    del extremes[EXTREMES:]


def _excerpt(text: str) -> str:
    head = text[:EXCERPT_CHARACTERS]
    return head if len(text) == len(head) else f"{head}…"
