"""What a field of labels says: one label, several, or a number on a scale."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from thinc.api import Config

from ..annotate.records import replace_surrogates

# A scale of more whole numbers gets so many labels, evenly apart.
MOST_STEPS = 11
COARSE_STEPS = 5

SENTIMENT = {
    "positive": 1.0,
    "pos": 1.0,
    "negative": -1.0,
    "neg": -1.0,
    "neutral": 0.0,
    "neu": 0.0,
    "mixed": 0.0,
}
"""Names of labels, in lower case, that have a polarity unless told otherwise."""


class LabelError(ValueError):
    """A field does not hold what it should; the message says what to do."""


@dataclass(frozen=True)
class Scale:
    """Numbers from `low` to `high`, as stars are.

    Each whole number is a label, "1" to "5", say; of more than MOST_STEPS there are COARSE_STEPS
    labels, evenly apart. A number between two labels is divided between them, so that the mean of
    the labels, weighted, is the number.
    """

    low: float
    high: float

    @classmethod
    def parse(cls, text: str) -> Scale:
        """From "LOW:HIGH". Raises LabelError for anything else."""
        try:
            low, high = map(float, text.split(":"))
        except ValueError:
            low = high = math.nan
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise LabelError(f"--scale is LOW:HIGH, 1:5 for example, not {text}")
        return cls(low, high)

    @property
    def steps(self) -> list[float]:
        """The numbers that are labels, in ascending order."""
        distance = self.high - self.low
        is_whole = self.low.is_integer() and distance.is_integer() and distance < MOST_STEPS
        count = int(distance) + 1 if is_whole else COARSE_STEPS
        return [self.low + distance * step / (count - 1) for step in range(count)]

    @property
    def labels(self) -> list[str]:
        """The labels, in ascending order."""
        return [_number_name(step) for step in self.steps]

    @property
    def polarities(self) -> dict[str, float]:
        """Each label's place between -1 and 1."""
        distance = self.high - self.low
        places = (2 * (step - self.low) / distance - 1 for step in self.steps)
        return dict(zip(self.labels, places, strict=True))

    def read(self, value: Any) -> dict[str, float]:
        """The labels that a number stands for, and their shares.

        Raises LabelError for what is not a number of the scale.
        """
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not self.low <= number <= self.high:
            raise LabelError(
                f"{value!r} is not a number from {self.low:g} to {self.high:g}, as --scale says"
            )
        position = (number - self.low) / (self.high - self.low) * (len(self.steps) - 1)
        below = min(int(position), len(self.steps) - 2)
        share = position - below
        both = {self.labels[below]: 1 - share, self.labels[below + 1]: share}
        return {label: part for label, part in both.items() if part}


@dataclass(frozen=True)
class LabelReader:
    """From the value of a field to labels and their shares.

    scale: the values are numbers on it; delimiter: a value is several labels, with this between.
    """

    scale: Scale | None = None
    delimiter: str | None = None

    def __post_init__(self) -> None:
        if self.scale and self.delimiter:
            raise LabelError("--scale has one number a text, --label-delimiter several labels")
        if self.delimiter == "":
            raise LabelError("--label-delimiter is what stands between two labels, not nothing")

    def is_several(self, value: Any) -> bool:
        """Whether this value says that a text may have several labels."""
        return self.delimiter is not None or isinstance(value, (list, tuple, set, dict))

    def read(self, value: Any) -> dict[str, float] | None:
        """The labels of a value, or None where it is empty. Raises LabelError."""
        if self.is_several(value):
            return dict.fromkeys(self._several(value), 1.0)
        if _is_empty(value):
            return None
        return self.scale.read(value) if self.scale else {_name(value): 1.0}

    def _several(self, value: Any) -> Iterable[str]:
        if _is_empty(value):
            return []
        if isinstance(value, dict):  # As the cats of a DocBin.
            return [_name(label) for label, score in value.items() if _is_true(label, score)]
        parts = value.split(self.delimiter) if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple, set)):
            parts = [parts]
        return [_name(part) for part in parts if not _is_empty(part)]


def polarities_of(labels: Iterable[str], given: dict[str, float]) -> dict[str, float]:
    """The polarities of labels that are sentiments by name, and those given.

    Raises LabelError for one of a label that there is not, or that a config cannot name.
    """
    labels = list(labels)
    for label in given:
        if label not in labels:
            raise LabelError(f"--polarity {label}: there is no such label ({', '.join(labels)})")
        if not _has_place_in_config(label):
            raise LabelError(
                f"--polarity {label}: a label with signs such as = : # [ has no name in a config; "
                "call it otherwise in the file"
            )
    known = {name: SENTIMENT[name.lower()] for name in labels if name.lower() in SENTIMENT}
    return {**known, **given}


def parse_polarity(text: str) -> tuple[str, float]:
    """From "LABEL=NUMBER". Raises LabelError."""
    label, equals, number = text.rpartition("=")
    try:
        polarity = float(number)
    except ValueError:
        polarity = math.nan
    if not equals or not label or not -1 <= polarity <= 1:
        raise LabelError(f"--polarity is LABEL=NUMBER, the number from -1 to 1, not {text}")
    return label, polarity


def _has_place_in_config(label: str) -> bool:
    try:
        written = Config({"polarities": {label: 1.0}}).to_str()
        return Config().from_str(written) == {"polarities": {label: 1.0}}
    except ValueError:
        return False


def _is_empty(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def _is_true(label: Any, score: Any) -> bool:
    if not isinstance(score, (int, float)):
        raise LabelError(f"label {label!r} has the score {score!r}, which is not a number")
    return score >= 0.5


def _name(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return _number_name(value)
    if isinstance(value, str):
        return replace_surrogates(value.strip())
    raise LabelError(f"a label must be a string or a number, not {type(value).__name__}")


def _number_name(value: float) -> str:
    """Numbers that are the same have the same name, whether they are written 2 or 2.0."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return f"{value:.12g}"
