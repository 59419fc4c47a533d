"""Scores what documents say toward spans, by a head on the sentiment model's encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from spacy.tokens import Doc, Span
from thinc.api import Model
from thinc.types import Floats2d

from ..architectures.cut_model import CutModel, cut_model
from ..architectures.one_thread import one_thread
from ..nn.target_head import TargetHead
from .features import Read, Window, to_batch, windows
from .head_file import load_head
from .value import TargetSentiment

# Targets that the head reads at a time: at most that many times 2 * WINDOW tokens and more.
BATCH_SIZE = 64


class TargetScorer:
    """Scores spans.

    model: a trained spacy-brnn.TextCatBRNN.v1. path: the file of a head for it. read: what the
    model reads of a document.
    Raises ValueError for another architecture, or a head that is not this model's.
    """

    def __init__(self, model: Model[list[Doc], Floats2d], path: Path, read: Read) -> None:
        self.model = model
        self.cut: CutModel = cut_model(model)
        self.read = read
        self.head = load_head(path, self.cut)

    def score(self, spans: Sequence[Span]) -> list[TargetSentiment]:
        """What its document says toward each span; raises ValueError for one without words."""
        if not spans:
            return []
        found = windows(self.cut, spans, self.read)
        rows: list[list[float]] = []
        for start in range(0, len(found), BATCH_SIZE):
            rows += probabilities(self.head, found[start : start + BATCH_SIZE])
        return [TargetSentiment.from_probabilities(row) for row in rows]


def probabilities(head: TargetHead, windows: Sequence[Window]) -> list[list[float]]:
    """Of POSITIVE, NEGATIVE and NEUTRAL, for each target."""
    with torch.no_grad(), one_thread():
        return head(*to_batch(windows)).softmax(dim=1).tolist()
