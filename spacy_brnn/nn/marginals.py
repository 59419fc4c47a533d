"""How likely an entity is under a conditional random field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .biluo import BEGIN, INSIDE, LAST, TAGS_PER_LABEL, UNIT
from .buckets import Bucket, bucket_by_length

TINY = 1e-300


@dataclass(frozen=True)
class Spans:
    """S spans with labels, in the CPU's memory or where the sums are that they are looked up in.

    starts: (S,) the first token of each, as place among the N tokens of all sequences.
    ends: (S,) the token after the last.
    labels: (S,) the number of the label.
    """

    starts: Tensor
    ends: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Marginals:
    """The sums over all sequences of tags through each token, as logarithms in double precision.

    Source: the forward-backward algorithm; Rabiner (1989), "A Tutorial on Hidden Markov Models".

    scores: (N, T) of each token's tags.
    forward: (N, T) over what comes before the token and itself, by the token's tag.
    backward: (N, T) over what comes after it.
    transitions: (T, T) scores of the tag of the column after the tag of the row.
    """

    scores: Tensor
    forward: Tensor
    backward: Tensor
    transitions: Tensor

    def __getitem__(self, tokens: slice) -> Marginals:
        """Those of some tokens, in which no sequence is cut."""
        return Marginals(
            self.scores[tokens], self.forward[tokens], self.backward[tokens], self.transitions
        )

    def tags(self) -> Tensor:
        """The probability of each tag at each token, (N, T)."""
        return torch.softmax(self.forward + self.backward, dim=1)

    def spans(self, spans: Spans) -> Tensor:
        """The probability that each span is an entity of its label, (S,), exactly.

        Of a chain, that is the sum over all sequences that have the span's tags in its place.
        """
        inside_sums = self._inside_sums(spans)
        starts, ends, labels = (
            x.to(self.forward.device) for x in (spans.starts, spans.ends, spans.labels)
        )
        begin, inside, last, unit = (
            1 + TAGS_PER_LABEL * labels + place - 1 for place in (BEGIN, INSIDE, LAST, UNIT)
        )
        final = ends - 1
        is_unit = final == starts
        first_tag, last_tag = torch.where(is_unit, unit, begin), torch.where(is_unit, unit, last)
        log_sums = self.forward[starts, first_tag] + self.backward[final, last_tag]
        # Between the first tag and the last one: nothing, or L after B, or L after some I.
        n_inside = (final - starts - 1).clamp_min(0)
        within = self.scores[final, last_tag]
        within = within + torch.where(
            n_inside == 0,
            self.transitions[begin, last],
            self.transitions[begin, inside]
            + self.transitions[inside, last]
            + self.transitions[inside, inside] * (n_inside - 1)
            + inside_sums,
        )
        log_sums = log_sums + torch.where(is_unit, 0.0, within)
        total = torch.logsumexp(self.forward[starts] + self.backward[starts], dim=1)
        return torch.exp(log_sums - total).clamp_max(1.0)

    def likely(self, threshold: float) -> Spans:
        """All spans whose probability is at least the threshold, above 0."""
        tags = self.tags()
        n_labels = (tags.shape[1] - 1) // TAGS_PER_LABEL
        of_labels = tags[:, 1:].view(len(tags), n_labels, TAGS_PER_LABEL) >= threshold
        starts, labels = of_labels[:, :, UNIT - 1].nonzero(as_tuple=True)
        found = [torch.stack([starts, starts + 1, labels], dim=1)]
        found += [self._pairs(of_labels[:, label], label) for label in range(n_labels)]
        candidates = torch.cat(found)
        spans = Spans(*candidates.unbind(dim=1))
        kept = candidates[self.spans(spans) >= threshold]
        return Spans(*kept[torch.argsort(kept[:, 0], stable=True)].unbind(dim=1))

    def _pairs(self, possible: Tensor, label: int) -> Tensor:
        """(S, 3) start, end and label of all B and L with nothing but I between them.

        possible: (N, 4) bool, whether B, I, L, U are likely enough.
        """
        begins, insides, lasts = possible[:, :3].unbind(dim=1)
        # No span crosses a token that is unlikely to be inside.
        walls = torch.cumsum(~insides, dim=0)
        pairs: list[Tensor] = []
        starts = begins.nonzero().squeeze(1)
        length = 2
        while len(starts):
            starts = starts[starts + length <= len(possible)]
            final = starts + length - 1
            starts = starts[walls[final - 1] == walls[starts]]
            final = starts + length - 1
            hits = starts[lasts[final]]
            columns = [hits, hits + length, torch.full_like(hits, label)]
            pairs.append(torch.stack(columns, dim=1))
            length += 1
        return torch.cat(pairs) if pairs else starts.new_zeros(0, 3)

    def _inside_sums(self, spans: Spans) -> Tensor:
        """The scores of I on the tokens between the first and the last one, (S,)."""
        sums = []
        for start, end, label in zip(
            spans.starts.tolist(), spans.ends.tolist(), spans.labels.tolist(), strict=True
        ):
            inside = TAGS_PER_LABEL * label + INSIDE
            sums.append(self.scores[start + 1 : max(end - 1, start + 1), inside].sum())
        return torch.stack(sums) if sums else self.scores.new_zeros(0)


def forward_backward(
    scores: Tensor, lengths: Tensor, transitions: Tensor, starts: Tensor, ends: Tensor
) -> Marginals:
    """Sum over all sequences of tags, from both ends.

    scores: (N, T) scores of each token's tags, one sequence after the other, double precision.
    lengths: (B,) tokens of each sequence, int64; N in all; zeros are allowed.
    transitions, starts, ends: (T, T), (T,) and (T,) scores; what is forbidden is very low.
    """
    forward, backward = torch.zeros_like(scores), torch.zeros_like(scores)
    peaks = scores.amax(dim=1, keepdim=True)
    factors = torch.exp(scores - peaks)
    step, begin, end = torch.exp(transitions), torch.exp(starts), torch.exp(ends)
    for bucket in bucket_by_length(lengths):
        places = bucket.forward_index
        sums = _sums(factors, peaks, begin, step, bucket, places)
        forward[places[bucket.mask]] = sums[bucket.mask]
        places = bucket.backward_index
        sums = _sums(factors, peaks, end, step.T, bucket, places)
        # Without the token itself, which the forward sums have.
        backward[places[bucket.mask]] = sums[bucket.mask] - scores[places[bucket.mask]]
    return Marginals(scores, forward, backward, transitions)


def _sums(
    factors: Tensor,
    peaks: Tensor,
    first: Tensor,
    step: Tensor,
    bucket: Bucket,
    places: Tensor,
) -> Tensor:
    """The logs of the sums up to each step of a reading direction, (T, B, tags)."""
    state = first * factors[places[0]]
    log_scale = peaks[places[0]]
    sums = [torch.log(state) + log_scale]
    for place in places[1:]:
        scale = state.sum(dim=1, keepdim=True).clamp_min(TINY)
        state = (state / scale) @ step * factors[place]
        log_scale = log_scale + torch.log(scale) + peaks[place]
        sums.append(torch.log(state) + log_scale)
    return torch.stack(sums)
