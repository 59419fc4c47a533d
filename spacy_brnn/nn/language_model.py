"""The loss of a language model that reads in both directions."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class NeighbourLoss(nn.Module):
    """Predict the next word from each forward state, the previous one from each backward state.

    The score of a word is the product of its vector and the projected state, so that the
    vectors of the input serve for the output too (Press and Wolf, 2017, "Using the Output
    Embedding to Improve Language Models").

    width: features of the states, both directions together.
    vector_width: features of the words' vectors.
    """

    def __init__(self, width: int, vector_width: int) -> None:
        super().__init__()
        self.next = nn.Linear(width // 2, vector_width)
        self.previous = nn.Linear(width // 2, vector_width)

    def forward(
        self, states: Tensor, vectors: Tensor, next_words: Tensor, previous_words: Tensor
    ) -> Tensor:
        """The mean cross-entropy of the predictions.

        states: (N, width) forward states beside backward ones.
        vectors: (C, vector_width) of the candidate words.
        next_words: (P, 2) places in the states, and the candidate that comes after each.
        previous_words: (Q, 2) the same for the candidate that comes before.
        RETURNS: (1,) nats per prediction.
        """
        forward, backward = states.chunk(2, dim=1)
        total = _cross_entropy(self.next, forward, vectors, next_words)
        total = total + _cross_entropy(self.previous, backward, vectors, previous_words)
        return (total / max(1, len(next_words) + len(previous_words))).reshape(1)


def _cross_entropy(project: nn.Linear, states: Tensor, vectors: Tensor, words: Tensor) -> Tensor:
    places, targets = words.unbind(1)
    scores = project(states[places]) @ vectors.T
    return functional.cross_entropy(scores.float(), targets, reduction="sum")
