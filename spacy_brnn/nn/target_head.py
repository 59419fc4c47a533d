"""The sentiment toward a part of a sequence, read off an encoder's states."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .brnn import BRNN
from .dropout import check_rate

# Tokens from the target beyond which a distance is the same.
FARTHEST = 16
ATTENTION_WIDTH = 64
MLP_WIDTH = 128


class TargetHead(nn.Module):
    """Reads tokens that know where the target is, and classifies what they say toward it.

    Each token's features are projected, an embedding of its distance to the target is added, and a
    small BRNN reads them; its states at the target, in their mean and maximum, and those that
    attention from the target picks, near ones first, are classified together with the scores of
    the whole sequence.
    Sources: Tang et al. (2016), "Effective LSTMs for Target-Dependent Sentiment Classification";
    Chen et al. (2017), "Recurrent Attention Network on Memory for Aspect Sentiment Analysis",
    for the distances.

    input_width: features of a token. score_width: scores of the whole sequence.
    projected_width: features that the BRNN reads of a token. hidden_width: features of its state
    in each direction, in both of its layers. n_labels: classes.
    dropout: in the classifier. layer_dropout: locked, between the BRNN's layers. input_dropout: the
    share of a token's features that a batch does without.
    Raises ValueError for a rate outside of 0 <= rate < 1.
    """

    def __init__(
        self,
        input_width: int,
        score_width: int,
        *,
        projected_width: int = 96,
        hidden_width: int = 64,
        n_labels: int = 3,
        dropout: float = 0.25,
        layer_dropout: float = 0.2,
        input_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        width = 2 * hidden_width
        self.input_dropout = check_rate("input_dropout", input_dropout)
        self.project = nn.Linear(input_width, projected_width)
        self.markers = nn.Embedding(2 * FARTHEST + 1, projected_width)
        nn.init.normal_(self.markers.weight, std=0.3)
        self.brnn = BRNN(
            projected_width, hidden_width, cell="mingru", depth=2, dropout=layer_dropout
        )
        self.query = nn.Linear(width, ATTENTION_WIDTH)
        self.key = nn.Linear(width, ATTENTION_WIDTH)
        self.nearness = nn.Embedding(2 * FARTHEST + 1, 1)
        nn.init.zeros_(self.nearness.weight)
        self.classify = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(3 * width + score_width, MLP_WIDTH),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(MLP_WIDTH, n_labels),
        )

    def forward(
        self, tokens: Tensor, lengths: Tensor, starts: Tensor, ends: Tensor, scores: Tensor
    ) -> Tensor:
        """Classify one target of each sequence.

        tokens: (N, input_width) features of all tokens, one sequence after the other.
        lengths: (B,) tokens of each sequence, int64, at least 1; N in all.
        starts, ends: (B,) the target's first token and the one after its last, in its sequence.
        scores: (B, score_width) of the whole sequences.
        RETURNS: (B, n_labels) logits
        """
        distances, within = _distances(lengths, starts, ends)
        inputs = functional.gelu(self._project(tokens) + self.markers(distances))
        states = self.brnn(inputs, lengths)
        sizes = ends - starts
        target = torch.segment_reduce(states[within], "mean", lengths=sizes, axis=0)
        highest = torch.segment_reduce(states[within], "max", lengths=sizes, axis=0)
        attended = self._attend(states, target, distances, lengths)
        return self.classify(torch.cat([target, highest, attended, scores], dim=1))

    def set_dropout(self, rate: float) -> None:
        """Change the classifier's dropout. Raises ValueError for a rate out of range."""
        check_rate("dropout", rate)
        for layer in self.classify:
            if isinstance(layer, nn.Dropout):
                layer.p = rate

    def divide_logits(self, temperature: float) -> None:
        """Make all logits smaller, or larger, from now on."""
        with torch.no_grad():
            for parameter in self.classify[-1].parameters():
                parameter.div_(temperature)

    def _project(self, tokens: Tensor) -> Tensor:
        """(N, projected_width); a feature is left out of the weights, once for all tokens."""
        weight = self.project.weight
        if self.training:
            weight = weight * functional.dropout(
                weight.new_ones(weight.shape[1]), self.input_dropout
            )
        return functional.linear(tokens, weight, self.project.bias)

    def _attend(self, states: Tensor, target: Tensor, distances: Tensor, lengths: Tensor) -> Tensor:
        """(B, width) the mean of the states, weighted by their fit to the target."""
        queries = self.query(target).repeat_interleave(lengths, dim=0)
        fits = (self.key(states) * queries).sum(dim=1, keepdim=True) / ATTENTION_WIDTH**0.5
        fits = fits + self.nearness(distances)
        highest = torch.segment_reduce(fits.detach(), "max", lengths=lengths, axis=0)
        weights = torch.exp(fits - highest.repeat_interleave(lengths, dim=0))
        total = torch.segment_reduce(weights, "sum", lengths=lengths, axis=0)
        return torch.segment_reduce(weights * states, "sum", lengths=lengths, axis=0) / total


def _distances(lengths: Tensor, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) each token's signed distance to its target, from 0 on, and whether it is within it."""
    offsets = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    places = torch.arange(int(lengths.sum()), device=lengths.device) - offsets
    before = places - starts.repeat_interleave(lengths)
    after = places - ends.repeat_interleave(lengths) + 1
    distances = before.clamp(max=0) + after.clamp(min=0)
    return distances.clamp(-FARTHEST, FARTHEST) + FARTHEST, (before >= 0) & (after <= 0)
