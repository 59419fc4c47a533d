"""What the head for targets reads: the frozen encoder's vectors, states and scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy
import torch
from spacy.tokens import Doc, Span
from torch import Tensor

from ..architectures.cut_model import CutModel

# What the model reads of a document, and where each of its tokens stands in the document's text.
ReadText = tuple[Doc, list[tuple[int, int]]]
Read = Callable[[Doc], ReadText]
# Tokens on each side of a target that the head reads; the states have read the whole document.
WINDOW = 64


@dataclass(frozen=True)
class Encoded:
    """A document as the encoder read it.

    tokens: (tokens read, features) vectors beside states. scores: (labels,) the logits of the
    document. offsets: of each token read, in the document's text.
    """

    tokens: numpy.ndarray
    scores: numpy.ndarray
    offsets: list[tuple[int, int]]


@dataclass(frozen=True)
class Window:
    """A target and the tokens around it.

    tokens: (tokens, features). scores: (labels,). start, end: of the target in the tokens.
    """

    tokens: numpy.ndarray
    scores: numpy.ndarray
    start: int
    end: int


def encode(cut: CutModel, docs: Sequence[Doc], read: Read) -> list[Encoded]:
    """One pass of embedding and encoder over the documents."""
    pairs = [read(doc) for doc in docs]
    vectors = cut.embed.predict([words for words, _ in pairs])
    states = cut.encode.predict(vectors)
    scores = cut.pool.predict(states) @ cut.weights.T + cut.bias
    ops = cut.pool.ops
    # The head reads on the CPU, wherever the encoder is.
    return [
        Encoded(
            ops.to_numpy(ops.xp.concatenate([vector, state], axis=1)), ops.to_numpy(row), offsets
        )
        for vector, state, row, (_, offsets) in zip(vectors, states, scores, pairs, strict=True)
    ]


def window(encoded: Encoded, start_char: int, end_char: int) -> Window | None:
    """The target that lies between these characters, with its surroundings; None where no word
    is in it."""
    places = [
        i for i, (start, end) in enumerate(encoded.offsets) if start < end_char and end > start_char
    ]
    if not places:
        return None
    start, end = places[0], places[-1] + 1
    first, last = max(0, start - WINDOW), end + WINDOW
    return Window(encoded.tokens[first:last], encoded.scores, start - first, end - first)


def windows(cut: CutModel, spans: Sequence[Span], read: Read) -> list[Window]:
    """A window for each span; every document is encoded once.

    Raises ValueError for a span without words.
    """
    docs = list({id(span.doc): span.doc for span in spans}.values())
    encoded = dict(zip(map(id, docs), encode(cut, docs, read), strict=True))
    found = []
    for span in spans:
        one = window(encoded[id(span.doc)], span.start_char, span.end_char)
        if one is None:
            raise ValueError(
                f"there is no word in the span {span.start}..{span.end} ({span.text!r}) to be "
                "the target of a sentiment"
            )
        found.append(one)
    return found


def to_batch(windows: Sequence[Window]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The arguments of TargetHead.forward."""
    tokens = numpy.concatenate([one.tokens for one in windows]).astype("float32")
    scores = numpy.stack([one.scores for one in windows]).astype("float32")
    places = [(len(one.tokens), one.start, one.end) for one in windows]
    lengths, starts, ends = torch.tensor(places, dtype=torch.int64).unbind(1)
    return torch.from_numpy(tokens), lengths, starts, ends, torch.from_numpy(scores)
