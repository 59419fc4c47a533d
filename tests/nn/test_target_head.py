"""The head for targets, against the same written out for one target at a time."""

import math

import pytest
import torch

from spacy_brnn.nn.target_head import ATTENTION_WIDTH, FARTHEST, TargetHead

INPUT_WIDTH, SCORE_WIDTH, HIDDEN_WIDTH = 5, 2, 3
# Lengths, and where their targets begin and end: at an edge, alone, far from both ends.
TARGETS = [(4, 0, 1), (1, 0, 1), (6, 2, 6), (2 * FARTHEST + 9, FARTHEST + 3, FARTHEST + 5)]


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = TargetHead(INPUT_WIDTH, SCORE_WIDTH, hidden_width=HIDDEN_WIDTH)
    torch.nn.init.normal_(head.nearness.weight)
    return head.eval()


def one_by_one(head, tokens, start, end, scores):
    """tokens: (T, input_width) of one sequence. RETURNS: (labels,) logits."""
    seen = {}
    hooks = [
        head.markers.register_forward_hook(lambda _, read, out: seen.update(places=read[0])),
        head.brnn.register_forward_hook(lambda _, read, out: seen.update(states=out)),
    ]
    head(tokens, *torch.tensor([[len(tokens)], [start], [end]]), scores[None])
    for hook in hooks:
        hook.remove()
    states, places = seen["states"], seen["places"]
    distances = [min(i - start, 0) + max(i - end + 1, 0) for i in range(len(tokens))]
    assert places.tolist() == [max(-FARTHEST, min(FARTHEST, d)) + FARTHEST for d in distances]
    target = states[start:end].mean(dim=0)
    fits = head.key(states) @ head.query(target) / math.sqrt(ATTENTION_WIDTH)
    weights = torch.softmax(fits + head.nearness(places)[:, 0], dim=0)
    parts = [target, states[start:end].amax(dim=0), weights @ states, scores]
    return head.classify(torch.cat(parts))


@torch.no_grad()
def test_logits_are_those_of_each_target_by_itself(head):
    torch.manual_seed(1)
    lengths, starts, ends = torch.tensor(TARGETS).unbind(1)
    tokens = 3.0 * torch.randn(int(lengths.sum()), INPUT_WIDTH)
    scores = torch.randn(len(TARGETS), SCORE_WIDTH)
    found = head(tokens, lengths, starts, ends, scores)
    assert found.shape == (len(TARGETS), 3)
    parts = tokens.split(lengths.tolist())
    for row, part, (_, start, end), score in zip(found, parts, TARGETS, scores, strict=True):
        torch.testing.assert_close(row, one_by_one(head, part, start, end, score))


def test_fits_of_any_size_stay_finite(head):
    lengths, starts, ends = torch.tensor(TARGETS).unbind(1)
    tokens = torch.randn(int(lengths.sum()), INPUT_WIDTH)
    torch.nn.init.constant_(head.key.weight, 1e4)
    logits = head(tokens, lengths, starts, ends, torch.randn(len(TARGETS), SCORE_WIDTH))
    logits.square().sum().backward()
    assert torch.isfinite(logits).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in head.parameters())


def test_dropout_is_for_training_alone(head):
    lengths, starts, ends = torch.tensor(TARGETS).unbind(1)
    tokens = torch.randn(int(lengths.sum()), INPUT_WIDTH)
    scores = torch.randn(len(TARGETS), SCORE_WIDTH)
    arguments = (tokens, lengths, starts, ends, scores)
    torch.testing.assert_close(head(*arguments), head(*arguments), rtol=0, atol=0)
    head.train()
    assert not torch.equal(head(*arguments), head(*arguments))
