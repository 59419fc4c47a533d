"""What a run counts: all that its summary and its report show, in constant memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from spacy_brnn.annotate.records import LABEL_FIELDS, Record
from spacy_brnn.evidence.fields import EVIDENCE_FIELD

BINS = 41
"""Odd, so that the bin in the middle is around zero."""
EXTREMES = 10
REJECTS_SHOWN = 50
EXCERPT_CHARACTERS = 280
BEFORE = 40
"""Characters shown before evidence that an excerpt from the start would not reach."""
NEUTRAL = "NEUTRAL"

UNDECIDED = "undecided"
"""In place of a label that the component does not give: its setting `abstain_below`."""

USUAL_LABELS = ("POSITIVE", "NEGATIVE", NEUTRAL)
_COUNTS = ("read", "written", "rejected", "entities")


@dataclass(slots=True)
class Extreme:
    """A document at one end of the scale; pieces: see excerpt."""

    polarity: float
    place: str
    pieces: list[tuple[str, float]]


@dataclass(slots=True)
class Tally:
    """Counts over the documents of a run, those before an interruption included.

    labels: documents by label, or UNDECIDED, a tie of POSITIVE and NEGATIVE among the NEUTRAL;
    held: documents for which each label holds, where several may; histogram: documents per bin of
    polarity, BINS equal bins from -1 to 1; seconds: time spent; unread: the first places from which
    on a file could not be read, and why.
    """

    read: int = 0
    written: int = 0
    rejected: int = 0
    entities: int = 0
    seconds: float = 0.0
    labels: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)
    most_positive: list[Extreme] = field(default_factory=list)
    most_negative: list[Extreme] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)
    unread: list[dict[str, str]] = field(default_factory=list)

    def add(self, record: Record, fields: dict[str, Any]) -> None:
        """Count a record that was annotated with `fields`."""
        self.read += 1
        self.written += 1
        self.entities += len(fields.get("entities", ()))
        held, scores = (fields.get(name, ()) for name in LABEL_FIELDS)
        _add(self.held, {label: label in held for label in scores})
        if "sentiment_label" not in fields:
            return
        label, polarity = fields["sentiment_label"], fields["sentiment_polarity"]
        tie = polarity == 0 and label in ("POSITIVE", "NEGATIVE")
        label = NEUTRAL if tie else label or UNDECIDED
        _add(self.labels, {label: 1})
        self.histogram[min(BINS - 1, max(0, int((polarity + 1) / 2 * BINS)))] += 1
        for extremes, sign in ((self.most_positive, 1), (self.most_negative, -1)):
            if len(extremes) < EXTREMES or sign * polarity > sign * extremes[-1].polarity:
                pieces = excerpt(record.text, fields.get(EVIDENCE_FIELD, ()))
                _insert(extremes, Extreme(polarity, record.place, pieces), sign)

    def add_rejected(self, record: Record) -> None:
        """Count a record that was set aside."""
        self.read += 1
        self.rejected += 1
        shown = {"place": record.place, "reason": record.problem or ""}
        for places in (self.rejects, self.unread) if record.is_end else (self.rejects,):
            if len(places) < REJECTS_SHOWN:
                places.append(shown)

    def merge(self, other: Tally) -> None:
        """Add what another tally counted, of records that come after this one's."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _add(self.labels, other.labels)
        _add(self.held, other.held)
        self.histogram = [a + b for a, b in zip(self.histogram, other.histogram, strict=True)]
        for extreme in other.most_positive:
            _insert(self.most_positive, extreme, 1)
        for extreme in other.most_negative:
            _insert(self.most_negative, extreme, -1)
        self.rejects = (self.rejects + other.rejects)[:REJECTS_SHOWN]
        self.unread = (self.unread + other.unread)[:REJECTS_SHOWN]

    @property
    def has_evidence(self) -> bool:
        """Whether evidence is marked in a document at the ends of the scale."""
        shown = self.most_positive + self.most_negative
        return any(value for extreme in shown for _, value in extreme.pieces)

    @property
    def has_usual_labels(self) -> bool:
        """Whether none but POSITIVE, NEGATIVE and NEUTRAL was given."""
        return self.labels.keys() <= {*USUAL_LABELS, UNDECIDED}

    @property
    def has_polarity(self) -> bool:
        """Whether a document's polarity is not 0: labels of one's own may have no place on it."""
        return any(one.polarity for one in (*self.most_positive, *self.most_negative))

    @property
    def documents_per_second(self) -> float:
        """Documents written per second of the whole run."""
        return self.written / self.seconds if self.seconds else 0.0

    def shares(self) -> dict[str, tuple[int, float]]:
        """The count and the share, 0 to 1, of every label, the best known first."""
        total = sum(self.labels.values())
        known = [name for name in USUAL_LABELS if name in self.labels]
        names = [*known, *sorted(self.labels.keys() - set(known))]
        return {name: (self.labels[name], self.labels[name] / total) for name in names}

    def shares_held(self) -> dict[str, tuple[int, float]]:
        """The same of labels of which several may hold: shares of all documents, in their order."""
        return {name: (count, count / self.written) for name, count in self.held.items()}

    @property
    def share_positive(self) -> float | None:
        """The share of POSITIVE, 0 to 1; None where the model does not know it, or of nothing."""
        polar = self.labels.keys() & set(USUAL_LABELS)
        return self.labels.get("POSITIVE", 0) / sum(self.labels.values()) if polar else None

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


def excerpt(text: str, evidence: Sequence[Mapping[str, Any]] = ()) -> list[tuple[str, float]]:
    """The beginning of a text, or what surrounds the strongest evidence where that lies farther.

    evidence: as in the field "sentiment_evidence", the strongest first.
    RETURNS: pieces in order, each with what it adds to the score; 0 where it is no evidence.
    """
    reached = not evidence or evidence[0]["end"] <= EXCERPT_CHARACTERS
    start = 0 if reached else max(0, evidence[0]["start"] - BEFORE)
    end, at = start + EXCERPT_CHARACTERS, start
    pieces = [("…" if start else "", 0.0)]
    for one in sorted(evidence, key=lambda one: one["start"]):
        first, last = max(one["start"], at), min(one["end"], end)
        if first < last:
            pieces += [(text[at:first], 0.0), (text[first:last], one["contribution"])]
            at = last
    pieces += [(text[at:end], 0.0), ("…" if end < len(text) else "", 0.0)]
    return [piece for piece in pieces if piece[0]]


def rate(documents_per_second: float) -> str:
    """A rate as people read it: whole documents, unless there are only a few."""
    few = documents_per_second < 10
    return f"{documents_per_second:.2g}" if few else f"{documents_per_second:,.0f}"


def shown_label(label: str) -> str:
    """A label as the summary and the report show it: the usual three in small letters."""
    return label.lower() if label in USUAL_LABELS else label


def _add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for label, count in more.items():
        counts[label] = counts.get(label, 0) + count


def _insert(extremes: list[Extreme], extreme: Extreme, sign: int) -> None:
    extremes.append(extreme)
    extremes.sort(key=lambda one: -sign * one.polarity)
    del extremes[EXTREMES:]
