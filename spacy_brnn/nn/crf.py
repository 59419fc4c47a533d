"""The linear-chain conditional random field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .biluo import biluo_rules, count_tags
from .buckets import Bucket, bucket_by_length
from .marginals import Marginals, forward_backward

# The score of what the rules forbid: lower than any difference that a model's scores make up,
# finite so that contradictory constraints give the least bad answer rather than none.
FORBIDDEN = -1e4
# The forward algorithm brings its probabilities back to a sum of 1 after so many steps: rarely
# enough to cost little, often enough for double precision.
RESCALE_EVERY = 8
TINY = 1e-300


class CRF(nn.Module):
    """Scores whole sequences of BILUO tags, of which only valid ones exist.

    Source: Lafferty, McCallum and Pereira (2001), "Conditional Random Fields"; learning from
    partial annotation, where a token has a set of allowed tags, as in Tsuboi et al. (2008),
    "Training Conditional Random Fields Using Incomplete Annotations".

    All sums run in double precision, as they get long.

    n_labels: labels of entities; there are 1 + 4 * n_labels tags, numbered as in `biluo`.
    """

    transitions_penalty: Tensor
    starts_penalty: Tensor
    ends_penalty: Tensor

    def __init__(self, n_labels: int = 0) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.empty(0, 0))
        self.starts = nn.Parameter(torch.empty(0))
        self.ends = nn.Parameter(torch.empty(0))
        self.set_labels(n_labels)

    @property
    def n_tags(self) -> int:
        """The number of tags."""
        return len(self.starts)

    def set_labels(self, n_labels: int) -> None:
        """Start anew, from transitions that prefer nothing, for that many labels."""
        device = self.starts.device
        n_tags = count_tags(n_labels)
        rules = biluo_rules(n_labels)
        self.transitions = nn.Parameter(torch.zeros(n_tags, n_tags, device=device))
        self.starts = nn.Parameter(torch.zeros(n_tags, device=device))
        self.ends = nn.Parameter(torch.zeros(n_tags, device=device))
        for name in ("transitions", "starts", "ends"):
            penalty = torch.where(getattr(rules, name), 0.0, FORBIDDEN).to(device)
            self.register_buffer(f"{name}_penalty", penalty, persistent=False)

    def add_labels(self, n_labels: int) -> None:
        """Make room for that many labels in all; what is known of those there is kept."""
        known = {name: parameter.detach() for name, parameter in self.named_parameters()}
        self.set_labels(n_labels)
        with torch.no_grad():
            for name, values in known.items():
                place = tuple(slice(size) for size in values.shape)
                self.get_parameter(name)[place] = values

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load weights, for as many labels as these have."""
        self.set_labels((len(state_dict["starts"]) - 1) // 4)
        return super().load_state_dict(state_dict, *args, **kwargs)

    def forward(self, emissions: Tensor, lengths: Tensor, allowed: Tensor) -> Tensor:
        """In training the loss of each sequence (`loss`), else the best tags (`decode`)."""
        if self.training:
            return self.loss(emissions, lengths, allowed)
        return self.decode(emissions, lengths, allowed)

    def loss(self, emissions: Tensor, lengths: Tensor, allowed: Tensor) -> Tensor:
        """The negative log-probability that a sequence's tags are among the allowed ones.

        emissions: (N, n_tags) scores of each token's tags, one sequence after the other.
        lengths: (B,) tokens of each sequence, int64; N in all; zeros are allowed.
        allowed: (N, n_tags) bool; one true tag per token is full annotation, all true none.
        RETURNS: (B,) losses, in nats; 0 for an empty sequence.
        """
        free = emissions.double()
        bound = free + _penalty(allowed)
        losses = free.new_zeros(len(lengths))
        for bucket in bucket_by_length(lengths):
            log_free, log_bound = self._log_sums(torch.stack([free, bound], dim=1), bucket)
            losses = losses.index_copy(0, bucket.members, log_free - log_bound)
        return losses.to(emissions.dtype)

    def decode(self, emissions: Tensor, lengths: Tensor, allowed: Tensor) -> Tensor:
        """The best valid sequence of allowed tags (Viterbi).

        The arguments are those of loss.
        RETURNS: (N,) tags, int64.
        """
        scores = emissions.double() + _penalty(allowed)
        tags = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
        for bucket in bucket_by_length(lengths, min_fill=0.0):
            tags[bucket.forward_index[bucket.mask]] = self._best_path(scores, bucket)[bucket.mask]
        return tags

    def marginals(
        self, emissions: Tensor, lengths: Tensor, allowed: Tensor, temperature: float = 1.0
    ) -> Marginals:
        """What tags and entities are how likely, among the valid sequences of allowed tags.

        The arguments are those of loss, and what all scores are divided by.
        """
        return forward_backward(
            emissions.double() / temperature + _penalty(allowed),
            lengths,
            self.transitions.double() / temperature + self.transitions_penalty,
            self.starts.double() / temperature + self.starts_penalty,
            self.ends.double() / temperature + self.ends_penalty,
        )

    def _log_sums(self, scores: Tensor, bucket: Bucket) -> Tensor:
        """The log of the sum over all sequences of tags of their exponentiated scores.

        The forward algorithm on probabilities, scaled so that none gets too small: a step is
        one matrix product.

        scores: (N, P, n_tags) scores of P problems over the same sequences.
        RETURNS: (P, B)
        """
        scores = scores[bucket.forward_index]
        n_steps, n_sequences, n_problems, n_tags = scores.shape
        scores = scores.reshape(n_steps, n_sequences * n_problems, n_tags)
        peaks = scores.amax(dim=2, keepdim=True).detach()
        factors = torch.exp(scores - peaks).unbind()
        transitions = torch.exp(self.transitions.double() + self.transitions_penalty)
        state = factors[0] * torch.exp(self.starts.double() + self.starts_penalty)
        states, scales = [state], [torch.ones_like(state[:, :1])]
        for step in range(1, n_steps):
            scale = scales[0]
            if step % RESCALE_EVERY == 0:
                scale = state.sum(dim=1, keepdim=True).clamp_min(TINY)
                state = state / scale
            state = state @ transitions * factors[step]
            states.append(state)
            scales.append(scale)
        mask = bucket.mask.repeat_interleave(n_problems, dim=1)
        columns = torch.arange(mask.shape[1], device=mask.device)
        last = torch.stack(states)[mask.sum(dim=0) - 1, columns]
        total = last @ torch.exp(self.ends.double() + self.ends_penalty)
        logs = (peaks + torch.log(torch.stack(scales))).squeeze(2) * mask
        log_sums = torch.log(total.clamp_min(TINY)) + logs.sum(dim=0)
        return log_sums.view(n_sequences, n_problems).T

    def _best_path(self, scores: Tensor, bucket: Bucket) -> Tensor:
        """The best tags of each sequence, (T, B); those of padding mean nothing.

        At each step only sequences that have not ended are read: longest first, as in a bucket.

        scores: (N, n_tags)
        """
        scores = scores[bucket.forward_index]
        transitions = (self.transitions.double() + self.transitions_penalty).T.contiguous()
        running = bucket.mask.sum(dim=1).tolist()
        best = self.starts.double() + self.starts_penalty + scores[0]
        last = torch.empty_like(best)
        pointers = []
        for step, now in zip(scores[1:], running[1:], strict=True):
            last[now : len(best)] = best[now:]
            score, pointer = torch.max(best[:now, None] + transitions, dim=2)
            best = score + step[:now]
            pointers.append(pointer)
        last[: len(best)] = best
        tag = (last + self.ends + self.ends_penalty).argmax(dim=1)
        path = tag.repeat(len(scores), 1)
        for step in range(len(pointers) - 1, -1, -1):
            now = running[step + 1]
            tag[:now] = pointers[step].gather(1, tag[:now, None])[:, 0]
            path[step] = tag
        return path


def _penalty(allowed: Tensor) -> Tensor:
    return torch.where(allowed, 0.0, FORBIDDEN).double()
