"""Texts with a sentiment toward a part of them: sets of JSONL files, cut into train and dev."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import CorpusError
from .labelled_texts import LABELS, is_dev_text

PREFIX = "aspect_"


@dataclass(frozen=True, slots=True)
class TargetedText:
    """One target of a text; its sentiment is toward text[start:end]."""

    text: str
    start: int
    end: int
    label: str
    """One of LABELS."""


@dataclass(frozen=True)
class TargetedSet:
    """The targets of one set."""

    name: str
    train: list[TargetedText]
    dev: list[TargetedText]

    @property
    def has_neutral(self) -> bool:
        """Whether neutral is one of its labels; where not, its texts say nothing of neutral."""
        return any(text.label == "NEUTRAL" for text in self.train)


def read_targeted_sets(folder: Path) -> list[TargetedSet]:
    """The sets in a folder: aspect_NAME.train.jsonl.gz and, where there is one, .dev.jsonl.gz.

    A line holds an object with `text`, `start`, `end` (characters of the target) and `label`.
    Where a set has no dev file, its dev is the tenth of its texts that `is_dev_text` picks.

    Raises CorpusError for a folder without sets, or a line that is no such object.
    """
    files = sorted(folder.glob(f"{PREFIX}*.train.jsonl.gz"))
    if not files:
        raise CorpusError(f"{folder}: holds no sets (files like {PREFIX}NAME.train.jsonl.gz)")
    return [_read_set(path) for path in files]


def _read_set(path: Path) -> TargetedSet:
    name = path.name.split(".")[0][len(PREFIX) :]
    dev_path = path.with_name(path.name.replace(".train.", ".dev."))
    texts = list(_read(path))
    if dev_path.exists():
        return TargetedSet(name, texts, list(_read(dev_path)))
    train = [text for text in texts if not is_dev_text(text.text)]
    return TargetedSet(name, train, [text for text in texts if is_dev_text(text.text)])


def _read(path: Path) -> Iterator[TargetedText]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                one = TargetedText(row["text"], row["start"], row["end"], row["label"])
                valid = 0 <= one.start < one.end <= len(one.text) and one.label in LABELS
            except (ValueError, TypeError, KeyError):
                valid = False
            if not valid:
                raise CorpusError(
                    f"{path}, line {number}: no object with text, start and end of a part of it, "
                    f"and a label of {', '.join(LABELS)}"
                )
            yield one
