"""Texts with a sentiment toward a part of them: sets of JSONL files, cut into train and dev."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from .jsonl import read_objects, read_text
from .labelled_texts import LABELS, is_dev_text
from .set_files import SetFiles, find_sets


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
        return any(text.label == "NEUTRAL" for text in chain(self.train, self.dev))


def read_targeted_sets(folder: Path) -> list[TargetedSet]:
    """The sets in a folder: aspect_NAME.train.jsonl and, where there is one, aspect_NAME.dev.jsonl.

    Either may be gzipped. A line holds an object with `text`, `start`, `end` (characters of the
    target) and `label`. Where a set has no dev file, its dev is the tenth of its texts that
    `is_dev_text` picks.

    Raises CorpusError for a folder without sets, a file that is there twice, or a line that is no
    such object.
    """
    return [_read_set(files) for files in find_sets(folder, targeted=True)]


def _read_set(files: SetFiles) -> TargetedSet:
    texts = list(_read(files.train))
    if files.dev:
        return TargetedSet(files.name, texts, list(_read(files.dev)))
    train = [text for text in texts if not is_dev_text(text.text)]
    return TargetedSet(files.name, train, [text for text in texts if is_dev_text(text.text)])


def _read(path: Path) -> Iterator[TargetedText]:
    wanted = f"text, start and end of a part of it, and a label of {', '.join(LABELS)}"
    return read_objects(path, _parse, wanted)


def _parse(row: dict[str, Any]) -> TargetedText:
    one = TargetedText(read_text(row), row["start"], row["end"], row["label"])
    if type(one.start) is not int or type(one.end) is not int:
        raise TypeError("start and end are whole numbers")
    if not (0 <= one.start < one.end <= len(one.text) and one.label in LABELS):
        raise ValueError("it points outside of the text, or has another label")
    return one
