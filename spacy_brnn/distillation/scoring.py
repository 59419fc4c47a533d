"""Texts scored by a transformer teacher, appended to a file as they come."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy
from thinc.api import NumpyOps

from ..corpora.errors import CorpusError
from ..corpora.labelled_texts import LABELS

# Texts scored between two writes; sorted by length within.
CHUNK = 8192


def score_texts(
    score: Callable[[Sequence[str]], numpy.ndarray],
    texts: Sequence[str],
    output: Path,
    report: Callable[[str], None],
) -> None:
    """Append a line for each text, an object with `text` and `cats`; goes on where it was.

    score: texts to (texts, LABELS) logits.
    Raises CorpusError for an output that holds other texts.
    """
    done, ops = _count_done(output, texts), NumpyOps()
    with output.open("a", encoding="utf-8") as lines:
        for start in range(done, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            for text, row in zip(chunk, ops.softmax(score(chunk)).tolist(), strict=True):
                cats = {label: round(p, 4) for label, p in zip(LABELS, row, strict=True)}
                print(json.dumps({"text": text, "cats": cats}, ensure_ascii=False), file=lines)
            lines.flush()
            report(f"{start + len(chunk):,} of {len(texts):,} texts")


def _count_done(output: Path, texts: Sequence[str]) -> int:
    if not output.exists():
        return 0
    # JSON's lines end in "\n" alone; str.splitlines knows many other ends.
    *lines, last = output.read_bytes().split(b"\n")
    expected = [json.dumps({"text": text}, ensure_ascii=False)[:-1].encode() for text in texts]
    begun = [*expected, b""][len(lines)] if len(lines) <= len(texts) else b""
    known = len(lines) <= len(texts) and all(map(bytes.startswith, lines, expected))
    if not known or last[: len(begun)] != begun[: len(last)] or (last and not begun):
        raise CorpusError(f"{output} holds other texts: remove it, or name another file")
    if last:  # It was cut short.
        os.truncate(output, output.stat().st_size - len(last))
    return len(lines)
