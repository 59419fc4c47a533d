"""Probabilities of entities, against the sum over every sequence of tags there is."""

import math

import pytest
import torch
from test_crf import LENGTHS, N_LABELS, N_TAGS, all_paths, make_batch, make_crf, some_allowed

from spacy_brnn.nn.biluo import OUTSIDE
from spacy_brnn.nn.marginals import Marginals, Spans


def entities(tags):
    """Start, end and label of each entity, read off a valid sequence."""
    found, start = set(), 0
    for i, tag in enumerate(tags):
        label, place = divmod(tag - 1, 4)
        if tag != OUTSIDE and place in (0, 3):
            start = i
        if tag != OUTSIDE and place in (2, 3):
            found.add((start, i + 1, label))
    return found


def by_brute_force(crf, scores, allowed):
    """The probability of every span with a label, and of every token's tags."""
    paths = {path: math.exp(score) for path, score in all_paths(crf, scores, allowed).items()}
    total = sum(paths.values())
    spans, tags = {}, torch.zeros(len(scores), N_TAGS, dtype=torch.float64)
    for path, weight in paths.items():
        for entity in entities(path):
            spans[entity] = spans.get(entity, 0.0) + weight / total
        for i, tag in enumerate(path):
            tags[i, tag] += weight / total
    return spans, tags


def every_span(length):
    return [
        (start, end, label)
        for start in range(length)
        for end in range(start + 1, length + 1)
        for label in range(N_LABELS)
    ]


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("scale", [1.0, 4.0])
@torch.no_grad()
def test_probabilities_are_those_of_brute_force(partial, scale):
    crf = make_crf()
    emissions, lengths, allowed = make_batch(LENGTHS, scale=scale)
    if partial:
        allowed = some_allowed(len(emissions))
    marginals = crf.marginals(emissions, lengths, allowed)
    offset = 0
    for length, scores, admitted in zip(
        LENGTHS, emissions.split(LENGTHS), allowed.split(LENGTHS), strict=True
    ):
        if length:
            expected, tags = by_brute_force(crf, scores, admitted)
            torch.testing.assert_close(
                marginals.tags()[offset : offset + length], tags, atol=1e-6, rtol=1e-4
            )
            spans = every_span(length)
            columns = torch.tensor([(s + offset, e + offset, k) for s, e, k in spans]).unbind(1)
            for span, found in zip(spans, marginals.spans(Spans(*columns)).tolist(), strict=True):
                assert found == pytest.approx(expected.get(span, 0.0), abs=1e-6), span
        offset += length


@pytest.mark.parametrize("threshold", [0.3, 0.01, 1e-6])
@torch.no_grad()
def test_likely_spans_are_all_of_those_above_the_threshold(threshold):
    crf = make_crf()
    emissions, lengths, allowed = make_batch([4, 3])
    found = crf.marginals(emissions, lengths, allowed).likely(threshold)
    rows = set(zip(*(x.tolist() for x in (found.starts, found.ends, found.labels)), strict=True))
    expected = set()
    for offset, length in ((0, 4), (4, 3)):
        part = slice(offset, offset + length)
        spans, _ = by_brute_force(crf, emissions[part], allowed[part])
        expected |= {
            (s + offset, e + offset, k) for (s, e, k), p in spans.items() if p >= threshold
        }
    assert rows == expected and len(found.starts) == len(expected)
    assert found.starts.tolist() == sorted(found.starts.tolist())


@torch.no_grad()
def test_long_sequences_and_sure_scores_stay_finite():
    crf = make_crf()
    emissions, lengths, allowed = make_batch([3000, 2], scale=50.0)
    marginals = crf.marginals(emissions, lengths, allowed)
    assert torch.isfinite(marginals.tags()).all()
    torch.testing.assert_close(marginals.tags().sum(dim=1), torch.ones(3002, dtype=torch.float64))
    spans = marginals.likely(0.5)
    assert len(spans.starts) > 100 and torch.isfinite(marginals.spans(spans)).all()


@torch.no_grad()
def test_a_probability_does_not_depend_on_neighbours():
    crf = make_crf()
    lengths = [40, 3, 0, 25, 1]
    emissions, lengths_, allowed = make_batch(lengths)
    together = crf.marginals(emissions, lengths_, allowed).tags().split(lengths)
    for length, scores, found in zip(lengths, emissions.split(lengths), together, strict=True):
        alone = crf.marginals(scores, torch.tensor([length]), torch.ones_like(scores).bool())
        torch.testing.assert_close(alone.tags(), found)


def test_spans_in_the_cpus_memory_are_looked_up_where_the_sums_are():
    """As on a GPU: "meta" is a device whose tensors hold nothing, but mix with no other's."""

    def elsewhere(*shape):
        return torch.empty(shape, dtype=torch.float64, device="meta")

    sums = [elsewhere(9, N_TAGS) for _ in range(3)]
    marginals = Marginals(*sums, elsewhere(N_TAGS, N_TAGS))
    spans = Spans(torch.tensor([0, 2, 3]), torch.tensor([1, 4, 9]), torch.tensor([0, 1, 0]))
    found = marginals.spans(spans)
    assert found.device.type == "meta" and found.shape == (3,)
